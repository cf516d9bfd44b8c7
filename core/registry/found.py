"""Where plugins stand: folders of the package, installed packages, and the folder an administrator names."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

GROUP = "backoffice.plugins"
OUTSIDE = "backoffice_plugins"
"""Modules of plugins in the administrator's folder are named below this one."""


@dataclass(frozen=True, slots=True)
class Source:
    """One place where a plugin was seen. ``kind``: shipped, package or folder.

    ``document`` is its YAML file; ``code`` the module to import (an importable name, or a path of an ``__init__.py``).
    """

    name: str
    kind: str
    document: Path | None = None
    module: str = ""
    code: Path | None = None

    @property
    def where(self) -> str:
        """Where it stands, for people."""
        return str(self.document or self.code or self.module)

    @property
    def has_code(self) -> bool:
        return bool(self.module)

    def digest(self) -> str:
        """A hash of its document and of every Python file beside it: a new version has a new one."""
        seen = hashlib.sha256(f"{self.name}\0{self.module}\0".encode())
        for path in self.files():
            seen.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return seen.hexdigest()[:32]

    def files(self) -> list[Path]:
        """Its document and code files."""
        files = [self.document] if self.document else []
        if self.code is not None:
            files += sorted(self.code.parent.rglob("*.py")) if self.code.name == "__init__.py" else [self.code]
        return [path for path in files if path.is_file()]


def shipped() -> Iterator[Source]:
    """Every folder of the package ``plugins``."""
    spec = importlib.util.find_spec("plugins")
    for root in sorted(set(spec.submodule_search_locations or ())) if spec else ():
        for folder in sorted(Path(root).iterdir()):
            document, code = folder / f"{folder.name}.yaml", folder / "__init__.py"
            if folder.is_dir() and folder.name.isidentifier() and (document.is_file() or code.is_file()):
                yield Source(
                    folder.name,
                    "shipped",
                    document if document.is_file() else None,
                    f"plugins.{folder.name}" if code.is_file() else "",
                    code if code.is_file() else None,
                )


def packages() -> Iterator[Source]:
    """Every entry point of installed distributions in the group ``backoffice.plugins``."""
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda one: one.name):
        document, code = None, None
        path = _file_of(point.module)
        if path is not None:
            code = path
            beside = path.parent / f"{point.name}.yaml"
            document = beside if beside.is_file() else None
        yield Source(point.name, "package", document, point.module, code)


def folder(path: Path | None) -> Iterator[Source]:
    """``NAME.yaml`` and ``NAME/NAME.yaml`` of the administrator's folder; every other file is ignored."""
    if path is None or not path.is_dir():
        return
    for one in sorted(path.iterdir()):
        if one.suffix == ".yaml" and one.is_file():
            yield Source(one.stem, "folder", one)
        elif one.is_dir() and (one / f"{one.name}.yaml").is_file():
            code = one / "__init__.py"
            yield Source(
                one.name,
                "folder",
                one / f"{one.name}.yaml",
                f"{OUTSIDE}.{one.name}" if code.is_file() else "",
                code if code.is_file() else None,
            )


def missing_folder(path: Path | None) -> str:
    """That the administrator's folder is not there, in a sentence; "" when it is, or none was named."""
    if path is None or path.is_dir():
        return ""
    return "BACKOFFICE_PLUGINS_DIR names a folder that does not exist: no plugin is read from it. Make the folder or correct the setting."


def load(module: str, code: Path | None) -> ModuleType:
    """Import a plugin's module. Those of the administrator's folder are loaded from their path, anew when they changed."""
    if not module.startswith(OUTSIDE + "."):
        return importlib.import_module(module)
    if code is None:
        raise ImportError(f"{module} has no file.")
    if OUTSIDE not in sys.modules:
        parent = ModuleType(OUTSIDE)
        parent.__path__ = []
        sys.modules[OUTSIDE] = parent
    for name in [name for name in sys.modules if name == module or name.startswith(module + ".")]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(module, code, submodule_search_locations=[str(code.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{code} cannot be imported.")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        sys.modules.pop(module, None)
        raise
    return loaded


def _file_of(module: str) -> Path | None:
    """The file of an installed module, found without importing it or its parents' code."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for root in spec.submodule_search_locations or ():
        base = Path(root).joinpath(*rest)
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
    return None
