"""A new plugin from nothing: a declaration, one hook, and tests that pass at once."""

from __future__ import annotations

from pathlib import Path

from core.errors import Conflict, Invalid
from core.registry.discover import NAME, RESERVED

_DOCUMENT = """\
# {label}: what exists. docs/language.md tells every word.
plugin: {name}
label: {label}
version: 0.1.0
core: ">=1,<2"

roles:
  keeper: {{label: Keeper}}

entities:
  item:
    label: Item
    title: "{{number}} {{name}}"
    owner: holder
    fields:
      number:   {{type: sequence, number: "{prefix}-{{seq:5}}", in_list: true}}
      name:     {{type: text, required: true, max_length: 120, in_list: true, searchable: true}}
      kind:     {{type: choice, options: [small, large], default: small, in_list: true, quick_filter: true}}
      holder:   {{type: person, in_list: true}}
      due:      {{type: date, in_list: true}}
      note:     {{type: long_text}}
      kept_for: {{type: integer, label: Days kept, read_only: true}}
    workflow:
      states:
        available: {{label: Available, meaning: new}}
        lent: {{label: Lent, meaning: progress}}
        retired: {{label: Retired, meaning: done}}
      transitions:
        lend:   {{from: available, to: lent, role: keeper, form: [holder, due], requires: [holder]}}
        return: {{from: lent, to: available, role: keeper}}
        retire: {{from: available, to: retired, role: keeper}}
    views:
      all:   {{kind: list, sort: name, columns: [number, name, kind, holder, due], default: true}}
      board: {{kind: board, by: state, card: [number, name, holder, due]}}
    access:
      core.everyone: {{read: own}}
      keeper: {{read: all, create: all, write: all, delete: all, export: all, import: all}}
"""

_CODE = '''\
"""{label}: what happens. docs/hooks.md tells every hook."""

from core import Change, Record, Work, hookimpl, on


@hookimpl(specname="check_record")
@on("{name}.item")
def a_large_item_says_why(record: Record, change: Change) -> dict[str, str] | None:
    """Large things need a note."""
    if record.get("kind") == "large" and not record.get("note"):
        return {{"note": "Say in a note why a large one is needed."}}
    return None


@hookimpl(specname="before_save")
@on("{name}.item")
def count_the_days(record: Record, change: Change) -> None:
    """The days until it is due are counted when the date changes."""
    if change.touches("due"):
        record["kept_for"] = (record["due"] - change.at.date()).days if record.get("due") else None


@hookimpl
def demo(work: Work) -> None:
    """A few items to look at."""
    for number in range(1, 6):
        work.create("{name}.item", name=f"Item {{number}}", kind="small")
'''

_TESTS = '''\
"""The platform's whole expectation of a plugin, and one sentence for each promise of its own."""

import importlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import EntityRef  # noqa: F401 - shows where public names come from
from core.testing.contract import PluginContract


class Test{classname}(PluginContract):
    name = "{name}"


def test_days_are_counted_until_an_item_is_due(app: Any) -> None:
    today = app.clock.now().date()
    item = app.create("{name}.item", name="Ladder", due=today + timedelta(days=5))
    assert item["kept_for"] == 5


def test_a_large_item_needs_a_note(app: Any) -> None:
    with pytest.raises(Exception, match="marked fields"):
        app.create("{name}.item", name="Crane", kind="large")


def test_a_keeper_lends_an_item(app: Any, actor: Callable[..., Any]) -> None:
    keeper = actor("{name}.keeper")
    item = app.create("{name}.item", by=keeper, name="Ladder")
    lent = app.move("{name}.item", item, "lend", by=keeper, holder=keeper.person)
    assert lent["state"] == "lent"
'''


def make(folder: Path, name: str, label: str = "") -> list[Path]:
    """Write the plugin's files into ``folder/name`` and answer them. Raises Invalid for a bad name, Conflict when it is there."""
    if not NAME.match(name):
        raise Invalid(
            {
                "name": [
                    f'"{name}" is no name for a plugin: lower-case letters, digits and _, a letter first, at most 40.'
                ]
            }
        )
    if name in RESERVED:
        raise Invalid({"name": [f'The name "{name}" is reserved. Choose another one.']})
    place = folder / name
    if place.exists() or (folder / f"{name}.yaml").exists():
        raise Conflict(f"{place} is there already; nothing was written.")
    words = {
        "name": name,
        "label": label or name.replace("_", " ").capitalize(),
        "prefix": name[:3].upper(),
        "classname": "".join(part.capitalize() for part in name.split("_")),
    }
    files = {f"{name}.yaml": _DOCUMENT, "__init__.py": _CODE, f"test_{name}.py": _TESTS}
    place.mkdir(parents=True)
    made = []
    for file, text in files.items():
        path = place / file
        path.write_text(text.format(**words), encoding="utf-8")
        made.append(path)
    return made
