"""The production server: gunicorn with threads, the job worker beside it, and a watchdog over plugins' hooks."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from core import worker
from core.app import create_app
from core.facts import SystemClock
from core.registry.calls import Failure
from core.registry.found import folder, packages, shipped
from core.registry.slot import Slot, running
from core.services import plugins
from core.services.platform import Platform
from core.settings import Settings
from core.storage.database import Database

THREADS = 8
"""Requests one worker serves at a time: writers that wait for their turn must not keep readers out."""
LONGEST_STATEMENT = 30
"""Seconds PostgreSQL may take for one statement of a request."""
SWITCH = 0.001
"""Seconds a thread goes on while others wait for the interpreter: after each answer of the database a request waits its turn anew."""
GRACE = 20
"""Seconds a request may take to end when the server stops."""
_MALLOC = {-3: 128 * 1024, -1: 128 * 1024, -8: 2}
"""glibc's own first values of M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, which it raises by itself unless they are set; and M_ARENA_MAX."""

_log = logging.getLogger("backoffice.server")


def run_folder(settings: Settings) -> Path:
    """Where processes leave their pid and what they are calling."""
    return settings.data_dir / "run"


def serve(settings: Settings, host: str, port: int, workers: int) -> NoReturn:
    """Serve until SIGTERM or SIGINT. SIGHUP looks for plugins again, in fresh processes, without losing a request.

    All processes stay in the process group of this one.
    """
    _Overseer(_Application(settings, host, port, workers)).run()
    sys.exit(0)


class _Application(BaseApplication):  # type: ignore[misc]
    """What gunicorn asks for: the configuration, and the WSGI application of one worker."""

    def __init__(self, settings: Settings, host: str, port: int, workers: int) -> None:
        self.settings = settings
        self.bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.workers = workers
        super().__init__()

    def load_config(self) -> None:
        wanted: dict[str, Any] = {
            "bind": self.bind,
            "workers": self.workers,
            "threads": THREADS,
            "worker_class": "gthread",
            "graceful_timeout": GRACE,
            "timeout": 60,
            "keepalive": 30,
            "proc_name": "backoffice",
            "loglevel": self.settings.log_level,
            "accesslog": None,
            "worker_tmp_dir": _shared_memory(),
            # A proxy in front is believed only when the administrator says that there is one.
            "forwarded_allow_ips": "*" if self.settings.trusted_proxies else "",
            "limit_request_line": 8190,
            "limit_request_fields": 100,
            "control_socket_disable": True,
        }
        for name, value in wanted.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        _lean()
        platform = _started(self.settings)
        if platform.database.dialect == "postgresql":
            sys.setswitchinterval(SWITCH)
        platform.database.answer_within(LONGEST_STATEMENT)
        made = create_app(platform=platform)
        # What is here now stays: looking through it again would stop every request of this worker for a tenth of a second.
        gc.collect()
        gc.freeze()
        return made


def _lean() -> None:
    """Let glibc give memory back that is free again: what a start needs for a moment would else be kept by every worker."""
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such call, and need none
        mallopt = ctypes.CDLL(None).mallopt
        for what, value in _MALLOC.items():
            mallopt(what, value)


class _Overseer(Arbiter):  # type: ignore[misc]
    """Gunicorn's master, which also keeps the job worker alive and ends whoever hangs in a plugin's hook."""

    def __init__(self, app: _Application) -> None:
        super().__init__(app)
        self.settings = app.settings
        self._folder = run_folder(app.settings)
        self._worker_pid = 0
        self._worker_since = 0.0
        self._children: set[int] = set()
        self._seen = _plugin_files(app.settings) if app.settings.debug else None

    def start(self) -> None:
        super().start()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._folder.glob("*.slot"):
            if path.stem.isdigit() and not Path(f"/proc/{path.stem}").exists():
                path.unlink(missing_ok=True)
        # Whoever wants to tell the servers of this data directory something looks for these locks; they go with us.
        # It is locked before it has its name: whoever finds one without a lock takes it away.
        path = self._folder / f"server-{os.getpid()}.pid"
        self._pid_file = path.with_suffix(".new").open("w", encoding="ascii")
        fcntl.flock(self._pid_file, fcntl.LOCK_EX)
        path.with_suffix(".new").replace(path)

    def murder_workers(self) -> None:
        """Called once a second: gunicorn's own timeouts, then the job worker, then hanging hooks."""
        super().murder_workers()
        self._keep_worker()
        self._watch()
        if self._seen is not None:
            seen = _plugin_files(self.settings)
            if seen != self._seen:
                self._seen = seen
                self.log.info("A plugin's file changed: reloading")
                self.reload()

    def reload(self) -> None:
        super().reload()
        self._end_worker()

    def stop(self, graceful: bool = True) -> None:
        self._end_worker()
        super().stop(graceful)

    def _keep_worker(self) -> None:
        if self._worker_pid and _alive(self._worker_pid):
            return
        # A worker that ends at once is started again every few seconds, not in a busy circle.
        if time.monotonic() - self._worker_since < 3 and self._worker_pid:
            return
        self._worker_since = time.monotonic()
        self._worker_pid = self._fork(lambda: _work(self.settings))

    def _end_worker(self) -> None:
        if self._worker_pid and _alive(self._worker_pid):
            os.kill(self._worker_pid, signal.SIGTERM)
        self._worker_since = 0.0

    def _watch(self) -> None:
        for pid in [*self.WORKERS, self._worker_pid]:
            path = self._folder / f"{pid}.slot"
            overdue = [one for one in running(path) if time.monotonic() - one.since > self.settings.hook_limit]
            reason = f"it ran longer than {self.settings.hook_limit} seconds and was ended"
            if not overdue and _resident(pid) > self.settings.worker_memory * 1024 * 1024:
                overdue = running(path)
                reason = f"the process used more than {self.settings.worker_memory} MiB inside it and was ended"
            if overdue:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                path.unlink(missing_ok=True)
                # The innermost hook that is over the limit is the culprit; others in this process only shared its fate.
                failures = [Failure(one.plugin, one.hook, reason) for one in overdue]
                self._fork(partial(_record, self.settings, failures))

    def _fork(self, work: Callable[[], None]) -> int:
        """Do ``work`` in a child of this process and process group; gunicorn reaps it."""
        pid = os.fork()
        if pid:
            return pid
        code = 0
        try:
            for name in (
                "SIGHUP",
                "SIGQUIT",
                "SIGINT",
                "SIGTERM",
                "SIGTTIN",
                "SIGTTOU",
                "SIGUSR1",
                "SIGUSR2",
                "SIGCHLD",
                "SIGWINCH",
            ):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
            for listener in self.LISTENERS:
                # The child does not serve: the port must be free when the master is gone. (Closing, not unlinking.)
                with contextlib.suppress(OSError):
                    os.close(listener.fileno())
            work()
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _started(settings: Settings) -> Platform:
    """A platform of this process, with its hooks watched."""
    platform = Platform(settings)
    platform.ledger.slot = Slot(run_folder(settings) / f"{os.getpid()}.slot")
    platform.start()
    return platform


def _work(settings: Settings) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    parent = os.getppid()

    def watch_parent() -> None:
        # When the master is killed hard, nobody else tells this process to end.
        while not stop.wait(1.0):
            if os.getppid() != parent:
                stop.set()

    threading.Thread(target=watch_parent, daemon=True).start()
    platform = _started(settings)
    try:
        worker.run(platform, stop)
    finally:
        platform.close()


def _record(settings: Settings, failures: list[Failure]) -> None:
    database = Database(settings.database_url, settings.data_dir)
    try:
        for one in failures:
            plugins.record_failure(database, one, SystemClock().now())
    finally:
        database.dispose()


def _plugin_files(settings: Settings) -> dict[str, int]:
    seen = {}
    for source in [*shipped(), *packages(), *folder(settings.plugins_dir)]:
        for path in source.files():
            with contextlib.suppress(FileNotFoundError):
                seen[str(path)] = path.stat().st_mtime_ns
    return seen


def _alive(pid: int) -> bool:
    try:
        # A child that ended and was not reaped yet still answers to signal 0.
        done, _ = os.waitpid(pid, os.WNOHANG)
        return done == 0
    except ChildProcessError:
        return False


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _shared_memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's heartbeat file, not a secret
