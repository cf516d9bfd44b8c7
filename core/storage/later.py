"""What a batch of writes leaves for its end: entries of the log, words for the index, each sent in one statement for all.

A unit gathers only when somebody asks for it (:func:`gathering`), and whoever takes a savepoint back cuts what was gathered
since. Nothing within the unit reads the log or the index.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.facts import Record
from core.storage.unit import Unit

_PLACE = ("later", 0)


@dataclass
class Later:
    """Rows gathered in a unit, in their order. ``indexed`` holds (entity's index, record, row or None for removal)."""

    entries: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)
    indexed: list[tuple[Any, int, dict[str, Any] | None]] = field(default_factory=list)
    alive: set[tuple[str, int]] = field(default_factory=set)
    """Records that were found alive, and are held until the unit ends."""
    rows: dict[tuple[str, int], Record | None] = field(default_factory=dict)
    """Neighbouring records as they stand; one that is written leaves."""

    def mark(self) -> tuple[int, int]:
        """How much is gathered now."""
        return len(self.entries), len(self.indexed)

    def cut(self, mark: tuple[int, int]) -> None:
        """Forget what was gathered since ``mark``: its savepoint was taken back, and with it what it held."""
        del self.entries[mark[0]:]
        del self.indexed[mark[1]:]
        self.alive.clear()
        self.rows.clear()


def gather(unit: Unit) -> Later:
    """Let the unit gather from now on; :func:`taken` has to be called before it ends."""
    found = unit.memory[_PLACE] = Later()
    return found


def of(unit: Unit) -> Later | None:
    """What the unit gathers; None when it writes at once."""
    found = unit.memory.get(_PLACE)
    return found if isinstance(found, Later) else None


def taken(unit: Unit) -> Later | None:
    """What was gathered, to be written now; the unit writes at once from here on."""
    found = unit.memory.pop(_PLACE, None)
    return found if isinstance(found, Later) else None
