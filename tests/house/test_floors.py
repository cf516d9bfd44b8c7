"""The order of the rooms: who may import whom, read from the syntax tree of every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Rooms of one step may not import each other unless named in BESIDE; every room may import rooms of lower steps.
STEPS: list[set[str]] = [
    {"schemas"},
    {"core.errors", "core.settings", "core.facts", "core.hooks", "core.held"},
    {"core.fields"},
    {"core.access"},
    {"core.registry"},
    {"core.render", "core.storage"},
    {"core.workflow"},
    {"core.effects"},
    {"core.services"},
    {"core.web", "core.api", "core.cli", "core.worker"},
    {"core.app", "core.server", "core.testing"},
]
STEP = {room: number for number, rooms in enumerate(STEPS) for room in rooms}
BESIDE = {
    ("core.cli", "core.app"), ("core.cli", "core.server"), ("core.cli", "core.worker"),  # the command starts the others
    ("core.server", "core.app"), ("core.testing", "core.app"), ("core.settings", "core.errors"), ("core.hooks", "core.errors"),
    ("core.hooks", "core.facts"), ("core.facts", "core.errors"), ("core.testing", "core.server"), ("core.server", "core.worker"),
}
INSTEAD = {
    "core.web": "ask core.services for a verb", "core.api": "ask core.services for a verb",
    "core.cli": "ask core.services for a verb", "core.render": "let the service hand it in",
}
FORBIDDEN_IN_RENDER = {"flask.request", "core.storage", "core.services"}
PUBLIC_FOR_PLUGINS = {"core", "core.testing"}


def _files(top: str) -> list[Path]:
    return sorted(path for path in (ROOT / top).rglob("*.py") if "static" not in path.parts)


def _module(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def _room(module: str) -> str:
    parts = module.split(".")
    if parts[0] in ("schemas", "plugins", "templates"):
        return parts[0]
    return ".".join(parts[:2])


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    package = _module(path) if path.name == "__init__.py" else _module(path).rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join(parents[: len(parents) - node.level + 1] + ([base] if base else []))
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def _known(module: str) -> str | None:
    room = _room(module)
    return room if room in STEP else None


@pytest.mark.parametrize("path", _files("core") + _files("schemas"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_floors_below_it(path: Path) -> None:
    here = _room(_module(path))
    faults = []
    for name, line in _imports(path):
        if name.split(".")[0] == "plugins":
            faults.append(f"{path.name}:{line} core finds plugins by name, it never imports them ({name})")
        if here == "schemas" and name.split(".")[0] in ("core", "flask", "sqlalchemy"):
            faults.append(f"{path.name}:{line} schemas is a language without Flask or a database ({name})")
        there = _known(name)
        if here == "core" or there is None or there == here or here not in STEP:
            continue
        if STEP[there] > STEP[here] or (STEP[there] == STEP[here] and (here, there) not in BESIDE):
            if (here, there) in BESIDE:
                continue
            faults.append(f"{path.name}:{line} {here} imports {there}: {INSTEAD.get(here, 'turn the dependency round')}")
        if here == "core.render" and (there in FORBIDDEN_IN_RENDER or name == "flask.request"):
            faults.append(f"{path.name}:{line} {here} imports {name}: {INSTEAD['core.render']}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", _files("plugins"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_only_public_names(path: Path) -> None:
    faults = []
    for name, line in _imports(path):
        top = name.split(".")[0]
        if top in ("flask", "sqlalchemy", "flask_sqlalchemy"):
            faults.append(f"{path.name}:{line} a plugin does not import {name}: declare it, or ask the core for a verb")
        if top == "core" and _room(name) in STEP and _room(name) not in PUBLIC_FOR_PLUGINS:
            faults.append(f"{path.name}:{line} {name} is not public: import it from core")
    assert not faults, "\n".join(faults)


def test_every_module_opens_with_one_sentence() -> None:
    bare = [str(path.relative_to(ROOT)) for top in ("core", "schemas", "plugins") for path in _files(top)
            if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))]
    assert not bare, f"modules without a sentence that says what they are for: {bare}"


def test_no_function_word_stands_in_the_core() -> None:
    words = ("helpdesk", "facilities", "payroll", "vendors")
    hits = []
    for path in _files("core"):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings and what is said below names
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                hits += [f"{path.relative_to(ROOT)}:{node.lineno} {word}" for word in words
                         if word in node.value and "example" not in node.value.lower() and "Usage" not in node.value]
    assert not hits, f"a hook or a declaration is missing: {hits}"
