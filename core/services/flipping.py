"""The two halves of a publication: prepared outside any lock, then put in force in one short transaction."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa

from core import held
from core.access.actor import Actor
from core.errors import Busy, Conflict
from core.registry.calls import Hooks
from core.registry.generation import Columns, Generation, build
from core.services import carrying, columns, documents, insidelines, owncolumns
from core.services.documents import Pointer, Stored
from core.storage import head as heads
from core.storage import jobs, migrate, reading, snapshots
from core.storage.unit import HeadMoved, Unit, flipping
from schemas.model import Entity, Overlay, Plugin, Problem

if TYPE_CHECKING:
    from core.services.platform import Platform

TRIES = 10


@dataclass(frozen=True)
class Wanted:
    """What is to be in force next."""

    kind: str
    plugins: Sequence[Plugin]
    texts: Mapping[str, str]
    overlays: tuple[Overlay, ...]
    restored: Columns | None = None
    reverts: int | None = None
    undoes: int | None = None
    hooks: Hooks | None = None
    problems: tuple[Problem, ...] = ()


def head(p: Platform) -> int:
    """The number of the generation in force, read from the database; 0 before the first."""
    with p.database.begin(writing=False) as connection:
        return heads.number(connection)


def publish(
    p: Platform,
    current: Generation | None,
    wanted: Callable[[Stored | None, Generation | None], Wanted | None],
    *,
    author: str,
    because: str,
) -> Generation:
    """Prepare and flip until nobody came between; answers the generation in force afterwards."""
    for attempt in range(TRIES):
        number = head(p)
        if number and (current is None or current.number != number):
            current = loaded(p, number, current, current.hooks if current else None)
        stored = None
        if number:
            with p.database.begin(writing=False) as connection:
                stored = documents.read(connection, number, p.memory)
        want = wanted(stored, current)
        if want is None:
            assert current is not None
            return current
        try:
            # Writers queue behind a flip that waits: it begins with a second, and takes more only where that was not enough.
            return _flip(p, number, stored, current, want, author, because, patience=1 + attempt // 2)
        except (HeadMoved, Busy):
            if attempt == TRIES - 1:
                raise
            # Somebody else published, or writers did not let go: look again after a moment, not all at once.
            time.sleep(random.uniform(0.01, 0.1) * (attempt + 1))  # noqa: S311 - jitter, no secret
    raise Conflict("Others are publishing at this moment. Please try again.")


def _flip(
    p: Platform,
    number: int,
    stored: Stored | None,
    current: Generation | None,
    want: Wanted,
    author: str,
    because: str,
    patience: int,
) -> Generation:
    bases = {entity.full_name: entity for plugin in want.plugins for entity in plugin.entities}
    before: Columns = stored.columns if stored else {}
    at = p.clock.now()
    # Registered ahead of the flip: what a crash leaves behind is dormant and found again by name and type.
    generated: dict[tuple[str, str, str], dict[str, str]] = {
        identity: dict(names) for identity, names in before.items() if identity[1:] == ("", "")
    }
    if want.kind == "plugins" and current is not None:
        with p.database.begin(writing=True) as connection:
            generated = owncolumns.allot(connection, current.entities, build(0, want.plugins).entities, before)
    if want.overlays:
        with p.database.begin(writing=True) as connection:
            mine = columns.allot(connection, bases, want.overlays, before, want.restored)
            generated |= insidelines.allot(connection, bases, want.overlays, mine, before, want.restored, current)
    made = _built(number + 1, want, generated, current)
    touched = _touched(current, made)
    carried: list[carrying.Carry] = []
    if current is not None:
        apart = carrying.apart(current, made, touched, p.database.engine.dialect)
        if apart:
            with p.database.begin(writing=True) as connection:
                generated = carrying.housed(connection, apart, generated, number + 1, at)
            made = _built(number + 1, want, generated, current)
            touched = _touched(current, made)
        carried = carrying.carries(p.database, current, made, touched, before)
    rest = prepare(p, [made.entities[name] for name in touched], filled={one.table for one in carried})
    pointers = (
        dict(stored.plugins)
        if stored and not want.texts
        else {
            name: (
                stored.plugins[name]
                if stored and stored.plugins.get(name, Pointer("", 0)).digest == documents.digest(text)
                else Pointer(documents.digest(text), number + 1)
            )
            for name, text in want.texts.items()
        }
    )
    changed = {one.entity for one in (*want.overlays, *(stored.overlays if stored else ()))} & set(made.entities)
    changed = {name for name in changed if name in touched}
    with flipping(p.database, number, patience) as connection:
        documents.write(
            connection,
            number + 1,
            want.kind,
            pointers,
            want.texts,
            want.overlays,
            generated,
            author=author,
            because=because,
            # Writers are out by now: what the log has from before this moment was written under the generation before.
            at=p.clock.now(),
            reverts=want.reverts,
            undoes=want.undoes,
        )
        carrying.carry(connection, carried, number + 1, at)
        migrate.perform(connection, rest.later)
        if current is not None and want.kind == "plugins":
            owncolumns.mark(connection, current.entities, made.entities, number + 1, at)
        if current is not None and changed:
            columns.settle(connection, current, made, changed, at)
        rights = current is None or want.kind == "plugins" or any(made.entities[name].provides in heads.RIGHTS for name in touched)
        heads.move(connection, number + 1, rights=rights)
        # An entity that was there before has records, and their words are not in a new search index yet.
        unsearched = [
            one.full_name for one in rest.unsearched if current is not None and one.full_name in current.entities
        ]
        later(
            p,
            connection,
            made,
            [("recompute", name) for name in rest.recompute] + [("reindex", name) for name in unsearched],
        )
    # Indexes only make reading fast: they come when the new generation is in force already. The other steps are done:
    # looking at them again would let writers out for nothing, and might call a publication in force refused.
    if rest.indexes:
        migrate.apply(p.database, migrate.Plan(rest.indexes))
    return made


def _built(number: int, want: Wanted, generated: Columns, current: Generation | None) -> Generation:
    return build(
        number,
        want.plugins,
        want.overlays,
        generated,
        current,
        hooks=want.hooks,
        problems=want.problems or (current.problems if current else ()),
    )


def _touched(current: Generation | None, made: Generation) -> tuple[str, ...]:
    """The entities whose stored shape is another one than before."""
    return tuple(
        name for name, entity in made.entities.items() if current is None or current.entities.get(name) is not entity
    )


def later(p: Platform, connection: sa.Connection, made: Generation, verbs: Iterable[tuple[str, str]]) -> None:
    """Have the worker do what need not be done before the generation is in force: (verb, entity)."""
    unit = Unit(
        connection, p.database, made, Actor.system("publication"), p.clock.now(), uuid4().hex, "system", writing=True
    )
    for verb, name in verbs:
        jobs.put(unit, verb, {"entity": name}, key=f"{verb}:{name}:{made.number}")


def prepare(p: Platform, entities: Iterable[Entity], filled: Collection[str] = ()) -> migrate.Plan:
    """Additive steps but for indexes of old tables, outside any fence: nobody reads the new columns yet.

    Ledgers among the tables that are ``filled`` in the flip are locked up after that (``Plan.later``).
    """
    wanted = migrate.plan(p.database, entities)
    wanted.put_off(filled)
    if wanted.additive or wanted.unsearched:
        migrate.apply(p.database, wanted, indexes=False)
    return wanted


def loaded(p: Platform, number: int, previous: Generation | None, hooks: Hooks | None, *, seen: bool = False) -> Generation:
    """The generation of that number as the database has it. ``seen``: the snapshot that the thread reads by has it in force."""
    with snapshots.opened(p.database) if seen else p.database.begin(writing=False) as connection:
        stored = documents.read(connection, number, p.memory)
        known = {one.name: one for one in p.discovery.plugins if one.plugin is not None}
        declared: list[Plugin] = []
        problems: list[Problem] = list(stored.problems)
        for name, pointer in stored.plugins.items():
            found = known.get(name)
            if found is not None and found.plugin is not None and documents.digest(found.document) == pointer.digest:
                declared.append(found.plugin)
                continue
            before = previous.plugins.get(name) if previous is not None else None
            digest, read = p.memory.read.get(name, ("", None))
            if before is not None and read is before and digest == pointer.digest:
                declared.append(before)
                continue
            plugin, said = documents.plugin(connection, name, pointer)
            problems += [one for one in said if one.severity == "error"]
            if plugin is not None:
                declared.append(plugin)
    p.memory.read.update({one.name: (stored.plugins[one.name].digest, one) for one in declared})
    if previous is not None and previous.plugins.keys() != {one.name for one in declared}:
        # Another process switched a plugin on or off: its hooks come and go with its declaration.
        off = {one.name for one in p.discovery.plugins} - {one.name for one in declared}
        hooks, _ = p.discovery.without(off).hooks(p.ledger)
    return build(
        number,
        declared,
        stored.overlays,
        stored.columns,
        previous,
        hooks=hooks,
        problems=problems or (previous.problems if previous else ()),
    )


def swap(p: Platform, former: Generation | None, made: Generation) -> None:
    """Let go of what only former generations need; statements of replaced tables leave the engine's cache now and then."""
    left = former.left_by(made) if former is not None else []
    # Requests that were under way may have made something anew: what was left the last time goes once more.
    held.release([*p.memory.left, *left])
    p.memory.left = left
    reading.forget()
    p.memory.swaps += 1
    if p.memory.swaps % 32 == 0:
        # Seldom: everybody has to build every statement anew then.
        p.database.forget_compiled()
