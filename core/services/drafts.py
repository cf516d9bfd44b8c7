"""A write under way: the record as it will be stored if nothing moves, with what is wrong with it so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.access.actor import Actor
from core.facts import Record, Value, same
from core.services.defaults import empty
from core.storage.formulas import Formulas
from core.storage.unit import Unit
from schemas.model import Entity


@dataclass(frozen=True)
class Change:
    """What hooks are told about a write (``core.hooks.Change``)."""

    at: datetime
    actor: Actor
    is_new: bool
    before: Record | None
    record: Record
    given: frozenset[str]
    transition: str = ""
    reason: str = ""

    def touches(self, name: str) -> bool:
        """Whether the field's value differs from the one before; of a new record, whether it has a value."""
        if self.before is None:
            return name in self.given or not empty(self.record.get(name))
        return not same(self.before.get(name), self.record.get(name))


@dataclass
class Draft:
    """A record as it will be stored if nothing moves. ``entity`` is the stored shape, ``shape`` what must hold."""

    unit: Unit
    formulas: Formulas
    actor: Actor
    entity: Entity
    shape: Entity
    before: Record | None
    record: Record
    given: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    """From the names the actor knows to the stored ones; departments may have added fields of one name."""
    errors: dict[str, list[str]] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    merged: tuple[str, ...] = ()
    transition: str = ""
    reason: str = ""
    opened: frozenset[str] = frozenset()
    """The fields that the transition under way lets be given."""
    may: bool = False
    """Another right than the one to create or write allows this (a move, a rule)."""
    stamped: tuple[int | None, Unit] | None = None
    """The department for which ``shape`` was found, and the unit in which."""

    @property
    def old(self) -> Mapping[str, Value]:
        """The values before; none of a new record."""
        return {} if self.before is None else self.before

    @property
    def change(self) -> Change:
        return Change(
            self.unit.now,
            self.actor,
            self.before is None,
            self.before,
            self.record,
            self.given,
            self.transition,
            self.reason,
        )

    def changed(self) -> frozenset[str]:
        """The fields whose values differ from the record before."""
        if self.before is None:
            return frozenset([name for name, value in self.record.items() if not (value is None or value == "" or value == ())])
        before = self.before
        return frozenset([name for name, value in self.record.items() if not same(value, before.get(name))])

    def refuse(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence)
