"""A house with one small plugin beside the directory, on either engine, for tests of publishing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.access.actor import Actor
from core.facts import FixedClock, Record
from core.registry import discover
from core.registry.discover import Discovery
from core.services import looking, publish, records
from core.services.platform import Platform
from core.settings import Settings
from schemas import read_overlay, read_plugin
from schemas.model import Overlay, Plugin

OPEN: list[Platform] = []
"""Every house a test opened; closed when the test ends."""
ROOT = Path(__file__).resolve().parents[2]
SYSTEM = Actor.system("test")
THINGS = """
plugin: things
label: Things
version: 1.0.0
roles: {keeper: {label: Keeper}, auditor: {label: Auditor}}
segregation: [[keeper, auditor]]
entities:
  box:
    title: "{code}"
    fields:
      code: {type: text, required: true, unique: true}
      size: {type: choice, options: [small, large], default: small}
      note: {type: long_text}
    workflow:
      states: [open, closed]
      transitions:
        close: {from: open, to: closed, role: keeper}
    access:
      keeper: {read: all, create: all, write: all, delete: all}
      auditor: {read: all}
"""


def plugin(text: str) -> Plugin:
    read, problems = read_plugin(text, "things.yaml")
    assert read is not None, "\n".join(map(str, problems))
    return read


def directory() -> Plugin:
    return plugin((ROOT / "plugins" / "directory" / "directory.yaml").read_text())


def house(
    folder: Path, url: str = "", things: str = THINGS, more: Iterable[Plugin] = (), clock: FixedClock | None = None
) -> Platform:
    """A started platform that finds the directory and the plugin ``things``."""
    platform = Platform(
        Settings.for_tests(folder / "data", url),
        clock or FixedClock(datetime(2026, 6, 1, 9, tzinfo=UTC)),
        find=finder(things, more),
    )
    OPEN.append(platform)
    platform.start()
    return platform


def finder(things: str = THINGS, more: Iterable[Plugin] = ()) -> Any:
    def find(_settings: Settings) -> Discovery:
        return discover.of([directory(), *([plugin(things)] if things else []), *more])

    return find


def overlay(*verbs: str, department: str = "", name: str = "", entity: str = "things.box") -> Overlay:
    lines = (
        [f"overlay: {entity}"]
        + ([f"department: {department}"] if department else [])
        + ([f"name: {name}"] if name else [])
    )
    read, problems = read_overlay(
        "\n".join([*lines, "changes:", *(f"  - {verb}" for verb in verbs)]) + "\n", "overlay.yaml"
    )
    assert read, "\n".join(map(str, problems))
    return read[0]


def floor(kind: str = "integer", **more: Any) -> Overlay:
    return overlay(f"add_field: {{name: floor, type: {kind}}}", **more)


def apply(p: Platform, *overlays: Overlay) -> publish.Outcome:
    return publish.apply(p, SYSTEM, overlays)


def create(p: Platform, **values: Any) -> Record:
    return records.create(p, SYSTEM, "things.box", values)


def change(p: Platform, id: int, **values: Any) -> Record:
    return records.change(p, SYSTEM, "things.box", id, values)


def get(p: Platform, id: int) -> Record:
    return looking.get(p, SYSTEM, "things.box", id)
