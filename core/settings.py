"""Settings: read once from the environment and an optional file, checked, and never changed while the program runs."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.errors import BackofficeError

PREFIX = "BACKOFFICE_"
SHORTEST_KEY = 32
KNOWN_KEYS = frozenset(
    {"secret", "changeme", "change-me", "dev", "development", "password", "backoffice", "test", "key"}
)


class SettingsError(BackofficeError):
    """A setting that cannot be used; the sentence names it and says what it takes."""

    title = "Settings"


def _told(help_text: str) -> dict[str, str]:
    return {"help": help_text}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; each can be given as ``BACKOFFICE_<NAME>`` or as ``name = value`` in ``settings.toml``."""

    data_dir: Path = field(default=Path("data"), metadata=_told("Database file, files, backups and the generated key."))
    database_url: str = field(
        default="", metadata=_told("Where the records are; empty means SQLite in the data directory.")
    )
    secret_key: str = field(
        default="", metadata=_told("Signs cookies and seals; made in the data directory when empty.")
    )
    plugins_dir: Path | None = field(default=None, metadata=_told("A folder with more plugins."))
    base_url: str = field(default="", metadata=_told("The address people use; links in mail are built from it."))
    smtp_url: str = field(
        default="", metadata=_told("smtp://user:password@host:port or smtps://...; empty: mail is off.")
    )
    mail_from: str = field(
        default="", metadata=_told("Sender of outgoing mail; empty: backoffice@ the base URL's host.")
    )
    api_rate: int = field(default=0, metadata=_told("Requests a second per API token; 0 sets no limit."))
    session_idle: int = field(default=12 * 3600, metadata=_told("Seconds after which an unused session ends."))
    session_limit: int = field(default=14 * 86400, metadata=_told("Seconds after which every session ends."))
    max_upload: int = field(default=25 * 1024 * 1024, metadata=_told("Largest request, in bytes."))
    max_form: int = field(default=2 * 1024 * 1024, metadata=_told("Largest form without its files, in bytes."))
    hook_limit: int = field(default=10, metadata=_told("Seconds after which a plugin's hook is ended and counted."))
    worker_memory: int = field(
        default=1024, metadata=_told("MiB above which a worker inside a plugin's hook is ended.")
    )
    sweep_after: int = field(
        default=30, metadata=_told("Days after which the columns of removed fields may be dropped.")
    )
    safe_mode: bool = field(default=False, metadata=_told("Start without any plugin's code; declarations stay."))
    log_level: str = field(default="info", metadata=_told("debug, info, warning or error."))
    trusted_proxies: int = field(
        default=0, metadata=_told("How many proxies in front may set X-Forwarded-For and -Proto.")
    )
    debug: bool = field(default=False, metadata=_told("Reload plugins when their files change; never in production."))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment, then what ``settings.toml`` in the data directory adds; make a key when none is given.

        The environment wins over the file. ``BACKOFFICE_SETTINGS`` names another file. Raises SettingsError.
        """
        env = dict(os.environ if environ is None else environ)
        data_dir = Path(env.get(PREFIX + "DATA_DIR") or "data").expanduser().resolve()
        known = {one.name: one for one in fields(cls)}
        given: dict[str, Any] = {**_from_file(env, data_dir, known)}
        for name in known:
            text = env.get(PREFIX + name.upper())
            if text is not None and text.strip():
                given[name] = text.strip()
        given["data_dir"] = data_dir
        values = {name: _typed(name, str(known[name].type), raw) for name, raw in given.items()}
        return cls(**values).completed()

    @classmethod
    def for_tests(cls, data_dir: Path, database_url: str = "") -> Settings:
        """Settings of a house in ``data_dir`` with a fixed key; of the environment only the plugins' folder is read, so that
        the plugins there can be tested like those that are shipped."""
        key = "for-tests-only-0123456789-abcdefgh"
        more = os.environ.get(PREFIX + "PLUGINS_DIR")
        return cls(
            data_dir=data_dir, database_url=database_url, secret_key=key, plugins_dir=Path(more) if more else None
        ).completed()

    def completed(self) -> Settings:
        """The same settings with the data directory made, and database address and key filled in."""
        data_dir = self.data_dir.expanduser().resolve()
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"The data directory {data_dir} cannot be made: {error.strerror}. "
                "Set BACKOFFICE_DATA_DIR to a folder this user may write."
            ) from error
        url = self.database_url or f"sqlite:///{data_dir / 'backoffice.db'}"
        if urlsplit(url).scheme not in ("sqlite", "postgresql+psycopg"):
            raise SettingsError("BACKOFFICE_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.")
        key = self.secret_key or _generated_key(data_dir / "secret.key")
        return replace(self, data_dir=data_dir, database_url=url, secret_key=key, base_url=self.base_url.rstrip("/"))

    @property
    def secure(self) -> bool:
        """Whether people come by https: cookies are Secure and HSTS is sent exactly then."""
        return self.base_url.startswith("https://")

    def production(self, host: str = "127.0.0.1") -> bool:
        """Whether these settings face other people: the base URL is https or ``host`` is not loopback."""
        return self.secure or not is_loopback(host)

    def refusals(self, host: str = "127.0.0.1") -> list[str]:
        """Why production must not start like this, in sentences; empty when nothing speaks against it."""
        if not self.production(host):
            return []
        problems = []
        if (
            len(self.secret_key) < SHORTEST_KEY
            or self.secret_key.lower() in KNOWN_KEYS
            or len(set(self.secret_key)) < 8
        ):
            problems.append(
                f"BACKOFFICE_SECRET_KEY is short or known. Give at least {SHORTEST_KEY} random characters, "
                "or remove it and one is made in the data directory."
            )
        if self.debug:
            problems.append("Debug mode is not for production. Start without --debug.")
        return problems


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _from_file(env: Mapping[str, str], data_dir: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    named = env.get(PREFIX + "SETTINGS")
    path = Path(named).expanduser() if named else data_dir / "settings.toml"
    if not path.is_file():
        if named:
            raise SettingsError(f"The settings file {path} does not exist.")
        return {}
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error}.") from error
    unknown = sorted(set(read) - set(known))
    if unknown:
        raise SettingsError(f"{path}: there is no setting {', '.join(unknown)}. docs/settings.md lists them.")
    return read


def _typed(name: str, kind: str, raw: Any) -> Any:
    shown = PREFIX + name.upper()
    if kind.startswith("Path"):
        return Path(str(raw)).expanduser()
    if kind == "bool":
        text = str(raw).lower()
        if text not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
            raise SettingsError(f"{shown} is {raw!r}; it takes true or false.")
        return text in ("1", "true", "yes", "on")
    if kind == "int":
        if not str(raw).isascii() or not str(raw).isdigit():
            raise SettingsError(f"{shown} is {raw!r}; it takes a whole number.")
        return int(raw)
    return str(raw)


def _generated_key(path: Path) -> str:
    """The key kept beside the data, made once with mode 0600; of two processes that make one, the first wins."""
    if not path.exists():
        key = secrets.token_urlsafe(48)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as out:
                out.write(key)
                out.flush()
                os.fsync(out.fileno())
            with contextlib.suppress(FileExistsError):
                # A link is there whole or not at all, so nobody ever reads half a key.
                os.link(name, path)
        finally:
            os.unlink(name)
    key = path.read_text(encoding="ascii").strip()
    if not key:
        raise SettingsError(
            f"The key file {path} is empty. Remove it and a new one is made (sessions end), or put the former key back."
        )
    return key
