"""What plugins are given to read and write with: the same verbs as everybody's, within the unit that called them.

A plugin's Python is code that IT chose to trust: it acts for the person who caused the call, whose name stands on
what it writes, and is not held back by that person's row and field rights. Everything else holds: required fields,
constraints, immutability, guards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache, wraps
from hashlib import sha256
from typing import Any, TypeVar

import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import BackofficeError, NotFound
from core.facts import Record, Value
from core.storage import formulas, later, outbox, remembered, rows
from core.storage.formulas import today
from core.storage.query import Condition, Group, Query, split
from core.storage.reading import Reader
from core.storage.unit import Unit
from schemas.model import Entity

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


TOLD_ONCE = 300
"""Seconds within which the same notification is told once."""
VERBS: dict[str, Callable[..., Any]] = {}
"""The writing verbs within an open unit; ``records``, ``trash`` and ``moves``, which stand above, enter theirs."""


@lru_cache(maxsize=1_024)
def acting(actor: Actor, plugin: str) -> Actor:
    """The actor as a plugin acts for it: the same person, every right."""
    return replace(
        actor,
        roles=actor.roles | {"core.everything"},
        is_system=True,
        scopes=None,
        reason=actor.reason or f"plugin {plugin}",
    )


def as_actor(unit: Unit, actor: Actor) -> Unit:
    """The same unit (connection, instant, operation), looked at as somebody else."""
    twin = copy(unit)
    twin.actor = actor
    return twin


def _passing(verb: _Verb) -> _Verb:
    """A refusal of the core ends the whole write; it is not the plugin's failure."""

    @wraps(verb)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return verb(*args, **kwargs)
        except (BackofficeError, sa.exc.SQLAlchemyError) as error:
            if not isinstance(error, NotFound):
                error.passes_through_hooks = True  # type: ignore[union-attr]
            raise

    return call  # type: ignore[return-value]


class Work:
    """A plugin's only way to data (``core.hooks.Work``). ``writing`` False leaves only the reading verbs.

    ``own``: with nothing but the actor's own rights, for what is shown to that person.
    """

    def __init__(self, unit: Unit, actor: Actor, plugin: str, *, writing: bool = True, own: bool = False) -> None:
        self._actor = actor if own else acting(actor, plugin)
        self._unit = unit
        self._writing = writing and unit.writing
        self._savepoint: sa.NestedTransaction | None = None
        self._mark: tuple[int, int] | None = None

    @property
    def now(self) -> datetime:
        """The instant of the write, aware, in UTC."""
        return self._unit.now

    @property
    def today(self) -> date:
        """The actor's calendar day."""
        return today(self._unit)

    @_passing
    def get(self, entity: str, id: int | None) -> Record | None:
        """The live record, or None; the empty reference names none."""
        if id is None:
            return None
        kept = self._unit.memory if self._actor.is_system and not self._unit.writing else None
        place = (f"work {entity}", id)  # what a person reads is not kept: it would be another one's answer
        if kept is not None and place in kept:  # a snapshot stays as it is: many rows of a batch ask for the same record
            found = kept[place]
            return found.copy() if isinstance(found, Record) else None
        try:
            record: Record | None = self._reader(entity).get(id)
        except NotFound:
            record = None
        if kept is not None:
            kept[place] = record.copy() if record is not None else None
        return record

    @_passing
    def find(self, entity: str, *, limit: int = 100, **conditions: Value) -> list[Record]:
        """Live records, newest first, whose fields equal ``conditions``. ``field__op=value`` takes another operator."""
        if not self._may_look(entity):
            return []
        query = Query(
            where=self._where(entity, conditions), sort=(("id", True),), limit=max(1, min(limit, 1000))
        )
        return self._reader(entity).page(query).items

    @_passing
    def first(self, entity: str, **conditions: Value) -> Record | None:
        """The newest record whose fields equal ``conditions``, or None."""
        found = self.find(entity, limit=1, **conditions)
        return found[0] if found else None

    @_passing
    def count(self, entity: str, **conditions: Value) -> int:
        """How many live records there are whose fields equal ``conditions``, counted up to 10,000."""
        if not self._may_look(entity):
            return 0
        return self._reader(entity).count(Query(where=self._where(entity, conditions), sort=(("id", True),)))[0]

    def _where(self, entity: str, conditions: Mapping[str, Value]) -> Group | None:
        shape = self._unit.generation.entity(entity)
        parts = tuple(_condition(*split(name, shape), value) for name, value in conditions.items())
        return Group(False, parts) if parts else None

    @_passing
    def lock(self, entity: str, *ids: int) -> None:
        """Let nobody else change these records until the write is done; what is read afterwards stays true."""
        if self._writing:
            rows.load_many(self._unit, entity, ids, lock="update")

    @_passing
    def create(self, entity: str, **values: Value) -> Record:
        """A new record, through the same rules as everybody's."""
        self._begin()
        made: Record = VERBS["create"](self._unit, self._actor, entity, values)
        return made

    @_passing
    def change(self, entity: str, id: int, **values: Value) -> Record:
        """Set fields of a record; read-only fields may be set too."""
        self._begin()
        made: Record = VERBS["change"](self._unit, self._actor, entity, id, values)
        return made

    @_passing
    def move(self, entity: str, id: int, transition: str, **values: Value) -> Record:
        """Make a transition of the record's workflow."""
        self._begin()
        made: Record = VERBS["move"](self._unit, self._actor, entity, id, transition, values)
        return made

    @_passing
    def forget(self, entity: str, id: int) -> Record:
        """Empty the record's personal fields, and erase what they held in its history."""
        self._begin()
        made: Record = VERBS["forget"](self._unit, self._actor, entity, id)
        return made

    @_passing
    def delete(self, entity: str, id: int) -> None:
        """Put a record into the trash."""
        self._begin()
        VERBS["delete"](self._unit, self._actor, entity, id)

    @_passing
    def effect(self, kind: str, payload: Mapping[str, Any], key: str | None = None) -> None:
        """Put something that happens after the commit (``perform_effect``); ``key`` makes it happen once."""
        self._begin()
        outbox.put(self._unit, kind, dict(payload), key)

    def tell(self, persons: int | Iterable[int | None] | None, text: str, about: Record) -> None:
        """Notify people inside the application after the commit, never somebody of their own deed.

        ``text`` is a sentence without its full stop and holds nothing that a reader might not see: the record is named
        behind it, by its title, to those who may read it. The same again within five minutes is told once (SH-R14).
        """
        given = [persons] if isinstance(persons, int) or persons is None else list(persons)
        slot = int(self.now.timestamp()) // TOLD_ONCE
        for person in dict.fromkeys(one for one in given if one is not None and one != self._actor.person):
            said = {"person": person, "text": text, "entity": about.entity, "record": about.id}
            self.effect("notification", said, f"tell:{about.entity}:{about.id}:{person}:{slot}:{sha256(text.encode()).hexdigest()[:16]}")

    def close(self, keep: bool) -> None:
        """End the plugin's turn: its writes are kept, or all taken back."""
        if self._savepoint is not None and self._savepoint.is_active:
            if keep:
                self._savepoint.commit()
            else:
                self._savepoint.rollback()
                gathered = later.of(self._unit)
                if gathered is not None and self._mark is not None:
                    gathered.cut(self._mark)
        self._savepoint = None

    def _begin(self) -> None:
        if not self._writing:
            raise RuntimeError("Here a plugin may only read; write in after_save or after_transition.")
        if self._savepoint is None:
            gathered = later.of(self._unit)
            self._mark = gathered.mark() if gathered is not None else None
            self._savepoint = self._unit.connection.begin_nested()

    def _may_look(self, entity: str) -> bool:
        """With nothing but the actor's own rights, what that person may not read at all is not there."""
        return self._actor.is_system or grant(self._unit.generation.entity(entity), self._actor).may("read")

    def _reader(self, entity: str) -> Reader:
        declared, actor = self._unit.generation.entity(entity), self._actor
        if actor.is_system and not _personal(self._unit, declared):
            # Whoever reads everything reads the same: one form of each statement does for all of them.
            actor = _everybody(actor.zone, actor.locale)
        return Reader(as_actor(self._unit, actor), entity, grant(declared, actor))


@lru_cache(maxsize=512)
def _everybody(zone: str, locale: str) -> Actor:
    """Who reads for plugins, whomever they act for."""
    return replace(Actor.system("plugins read"), zone=zone, locale=locale)


def _personal(unit: Unit, entity: Entity) -> bool:
    """Whether what a record shows may depend on who looks: a field that is computed when it is read."""

    def find() -> bool:
        return any(
            one.type == "lookup" or (one.type == "computed" and formulas.check(unit.generation, entity, one.formula).volatile)
            for one in entity.fields
        )

    return remembered.statement(entity, "personal", find)


def _condition(field: str, op: str, value: Value) -> Condition:
    if value is None and op == "eq":
        return Condition(field, "empty", (True,))
    if op in {"in", "not_in", "between"} and isinstance(value, list | tuple | set | frozenset):
        return Condition(field, op, tuple(value))
    return Condition(field, op, (value,))
