"""Publishing: another generation is prepared beside the one in force, then put in force in one short transaction."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Forbidden, NotFound
from core.registry.diff import Difference, diff
from core.registry.generation import Columns, Generation, amended, build
from core.services import columns, directory, documents, plugins
from core.services.documents import Entry, Stored
from core.services.flipping import Wanted, head, later, loaded, prepare
from core.services.flipping import publish as flip
from core.storage import edition, migrate, settled
from core.storage import head as heads
from schemas import dump_overlay, read_overlay
from schemas.model import Entity, Field, Overlay, Place, Problem
from schemas.refusals import refusals

if TYPE_CHECKING:
    from core.services.platform import Platform

TRIES = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What a publication would do: in words, as steps for the database, and why it is refused, if it is."""

    difference: Difference
    steps: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def refused(self) -> bool:
        return any(one.severity == "error" for one in self.problems)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A publication that was done: the number in force and what changed; ``changed`` False when all was so already."""

    number: int
    changed: bool
    difference: Difference
    problems: tuple[Problem, ...] = ()


class Refused(BackofficeError):
    """The amendments may not be published; ``problems`` says each reason with its place."""

    status, title = 422, "Not published"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = tuple(problems)


def number_in_force(p: Platform) -> int:
    """The same for a database that may not have been made yet."""
    with p.database.begin(writing=False) as connection:
        return heads.number(connection) if sa.inspect(connection).has_table("head") else 0


def ensure_current(p: Platform) -> Generation:
    """Bring the database to the declared shape and answer the generation in force; publishes when declarations changed.

    Only additive steps are taken. Whatever a crash left behind is adopted. Raises NewerData.
    """
    edition.refuse_newer(p.database)
    at_rest = settled.is_settled(p.database)
    if not at_rest:
        migrate.ensure_platform(p.database)
        edition.note(p.database)
    plugins.read_failures(p.database, p.ledger)
    discovery = p.discovery.without(plugins.switched_off(p.database))
    usable = discovery.usable
    hooks, said = discovery.hooks(p.ledger)
    texts = {one.name: one.document for one in usable}
    digests = {name: documents.digest(text) for name, text in texts.items()}
    problems = (*discovery.problems, *said)

    def wanted(stored: Stored | None, current: Generation | None) -> Wanted | None:
        if stored is not None and discovery.safe_mode:
            # Declarations that code computes are not known now: what is in force stays.
            return None
        if stored is not None and {name: one.digest for name, one in stored.plugins.items()} == digests:
            return None
        return Wanted(
            "plugins",
            [one.plugin for one in usable if one.plugin],
            texts,
            stored.overlays if stored else (),
            hooks=hooks,
            problems=problems,
        )

    number = head(p)
    current = None
    if number:
        current = replace(loaded(p, number, None, hooks), problems=problems)
        if not at_rest:
            _adopt(p, current)
    made = flip(p, current, wanted, author="system", because="Plugins changed." if number else "First start.")
    if not at_rest or made.number != number:
        if migrate.plan(p.database, made.entities.values()).is_empty:
            settled.note(p.database, made.number)
    return replace(made, problems=tuple(dict.fromkeys((*problems, *made.problems))))


def _adopt(p: Platform, current: Generation) -> None:
    """Make what the generation in force still lacks: a start may follow a crash, or another version of this program."""
    rest = prepare(p, current.entities.values())
    if rest.unsearched:
        with p.database.begin(writing=True) as connection:
            later(p, connection, current, [("reindex", one.full_name) for one in rest.unsearched])
    if rest.indexes:
        migrate.apply(p.database, rest)


def load(p: Platform, number: int, previous: Generation | None, *, seen: bool = False) -> Generation:
    """The generation of that number from its stored documents, sharing what is unchanged with ``previous``.

    ``seen``: the snapshot that the thread reads by has it in force.
    """
    return loaded(p, number, previous, previous.hooks if previous else None, seen=seen)


def plan(p: Platform, actor: Actor, overlays: Sequence[Overlay]) -> Plan:
    """What publishing these overlays would do. Nothing is changed, not even a column."""
    current = p.generation()
    with p.database.begin(writing=False) as connection:
        stored = documents.read(connection, current.number)
    problems = _refusals(current, overlays)
    if any(one.severity == "error" for one in problems):
        return Plan(Difference((), ()), (), tuple(problems))
    merged = _merged(stored.overlays, overlays)
    former = {one.identity: one for one in stored.overlays}
    names = {}
    for one in overlays:
        base, there = current.base(one.entity), current.columns.get(one.identity, {})
        was = columns.added(base, former[one.identity]) if one.identity in former else {}
        names[one.identity] = {**there} | {
            # A field of another type gets another column.
            name: there[name] if name in there and name in was and columns.kind_of(was[name]) == columns.kind_of(field) else f"x_new_{name}"
            for name, field in columns.added(base, one).items()
        }
    made = build(current.number + 1, current.plugins.values(), merged, {**current.columns, **names}, current)
    difference = diff(current, made)
    problems += _strangers(p, current, overlays)
    steps = migrate.plan(p.database, [made.entities[name] for name in difference.touched]).additive
    return Plan(
        difference,
        tuple(f"{step.words}: {' '.join(step.sql(p.database.engine.dialect).split())}" for step in steps),
        tuple(problems),
    )


def apply(p: Platform, actor: Actor, overlays: Sequence[Overlay], because: str = "") -> Outcome:
    """Publish overlays: each replaces the one of the same entity, department and name. Raises Refused, Forbidden, Conflict.

    What is unchanged makes no new generation.
    """
    _require_admin(actor)
    current = p.generation()
    warnings: list[Problem] = []

    def wanted(stored: Stored | None, now: Generation | None) -> Wanted | None:
        assert stored is not None and now is not None
        warnings[:] = problems = _refusals(now, overlays)
        if any(one.severity == "error" for one in problems):
            raise Refused(problems)
        merged = _merged(stored.overlays, overlays)
        return None if merged == stored.overlays else Wanted("overlay", list(now.plugins.values()), {}, merged)

    reason = because or "; ".join(dict.fromkeys(one.because for one in overlays if one.because))
    made = flip(p, current, wanted, author=actor.email, because=reason)
    p.adopt(made)
    warnings += _strangers(p, made, overlays)
    return Outcome(made.number, made.number != current.number, diff(current, made), tuple(warnings))


def revert(p: Platform, actor: Actor, to: int | None = None, because: str = "") -> Outcome:
    """Publish former overlays again: those of generation ``to``, else those before the last publication not yet reverted.

    Raises NotFound for an unknown number, Conflict when nothing is left to revert.
    """
    _require_admin(actor)
    current = p.generation()

    def wanted(stored: Stored | None, now: Generation | None) -> Wanted | None:
        assert stored is not None and now is not None
        with p.database.begin(writing=False) as connection:
            entries = documents.entries(connection)
            undoes = None
            target = to
            if target is None:
                undoes = standing(entries)
                if undoes is None:
                    raise Conflict("There is no publication left to revert.")
                target = undoes - 1
            if target not in {one.number for one in entries}:
                raise NotFound(f"There is no generation {target}. backoffice overlay list shows them.")
            former = documents.read(connection, target, p.memory)
        if (
            to is not None
            and former.overlays == stored.overlays
            and _of_overlays(former.columns) == _of_overlays(stored.columns)
        ):
            return None
        return Wanted(
            "revert",
            list(now.plugins.values()),
            {},
            former.overlays,
            restored=former.columns,
            reverts=target,
            undoes=undoes,
        )

    made = flip(p, current, wanted, author=actor.email, because=because)
    p.adopt(made)
    return Outcome(made.number, made.number != current.number, diff(current, made))


def standing(entries: Iterable[Entry]) -> int | None:
    """The newest publication that is still in force, which a revert without a number takes back.

    Reverts to a number are publications that can be taken back; a revert without a number only takes one away.
    """
    stack: list[int] = []
    for one in entries:
        if one.undoes is not None:
            stack = [number for number in stack if number != one.undoes]
        elif one.kind in ("overlay", "revert"):
            stack.append(one.number)
    return stack[-1] if stack else None


def listed(p: Platform) -> list[Entry]:
    """All generations, oldest first."""
    with p.database.begin(writing=False) as connection:
        return documents.entries(connection)


def exported(p: Platform) -> list[tuple[str, str]]:
    """The overlays in force as documents: a file name and the YAML of each."""
    with p.database.begin(writing=False) as connection:
        stored = documents.read(connection, heads.number(connection), p.memory)
    files: dict[str, str] = {}
    for one in stored.overlays:
        entity, department, name = one.identity
        words = dict.fromkeys(
            part for part in (entity, department, name) if part and part != "-".join(filter(None, (entity, department)))
        )
        stem = "-".join("".join(c if c.isalnum() or c in "._-" else "_" for c in word) for word in words)
        while f"{stem}.yaml" in files:
            stem += "_"
        files[f"{stem}.yaml"] = dump_overlay(one)
    return list(files.items())


def at(p: Platform, number: int) -> Generation:
    """A former generation, for comparing. Raises NotFound."""
    if not 0 < number <= head(p):
        raise NotFound(f"There is no generation {number}.")
    return loaded(p, number, p.current, p.current.hooks)


def _of_overlays(columns_: Columns) -> dict[tuple[str, str, str], dict[str, str]]:
    """The columns of overlays' fields alone, those of plugins' own left out."""
    return {identity: dict(names) for identity, names in columns_.items() if identity[1:] != ("", "") and names}


def _merged(there: tuple[Overlay, ...], new: Sequence[Overlay]) -> tuple[Overlay, ...]:
    """Each takes the place of the one it replaces, or comes last."""
    merged = {one.identity: one for one in there}
    for one in new:
        merged[one.identity] = one
    return tuple(merged.values())


def _refusals(current: Generation, overlays: Sequence[Overlay]) -> list[Problem]:
    """Why these overlays may not be published, judged one after the other as they would be applied."""
    problems: list[Problem] = []
    entities = dict(current.entities)
    standing = list(current.overlays)
    for one in overlays:
        if one.entity not in current.entities:
            problems.append(
                _problem(one, f'There is no entity "{one.entity}".', "backoffice plugin list shows the plugins.")
            )
            continue
        former = next((other for other in standing if other.identity == one.identity), None)
        standing = [other for other in standing if other.identity != one.identity]
        shape = amended(current, standing).shape(one.entity, one.department)
        shape = _with_former(shape, current.base(one.entity), former, one)
        problems += refusals(shape, one, entities, current.functions())
        standing.append(one)
    return problems


def _strangers(p: Platform, current: Generation, overlays: Sequence[Overlay]) -> list[Problem]:
    """Overlays for a department that the directory does not have: they wait for one of that code, and a slip is told early."""
    scoped = [one for one in overlays if one.department]
    if not scoped or current.provider("department") is None:
        return []
    with p.read(Actor.system("departments of overlays"), current) as unit:
        codes = {one.code for one in directory.read_structure(unit).departments.values()}
    found = []
    for one in scoped:
        if one.department not in codes:
            near = difflib.get_close_matches(one.department, sorted(codes), 1, 0.6)
            remedy = f'Did you mean "{near[0]}"?' if near else "It is in force as soon as there is one."
            message = f'There is no department with the code "{one.department}" now: nobody is shown this.'
            found.append(replace(_problem(one, message, remedy), severity="warning"))
    return found


def _with_former(shape: Entity, base: Entity, former: Overlay | None, new: Overlay) -> Entity:
    """A document may remove a field that the document it replaces had added."""
    if former is None:
        return shape
    removing = columns.removed_names(new)
    grafts: tuple[Field, ...] = tuple(
        field for name, field in columns.added(base, former).items() if name in removing and shape.field(name) is None
    )
    return replace(shape, fields=(*shape.fields, *grafts)) if grafts else shape


def _problem(overlay: Overlay, message: str, remedy: str = "") -> Problem:
    return Problem(overlay.place or Place(), message, remedy, plugin=overlay.entity.partition(".")[0])


def _require_admin(actor: Actor) -> None:
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("Overlays are published by administrators (core.admin). Ask one of them.")


__all__ = [
    "Outcome",
    "Plan",
    "Refused",
    "apply",
    "at",
    "ensure_current",
    "exported",
    "head",
    "listed",
    "load",
    "number_in_force",
    "plan",
    "read_overlay",
    "revert",
    "standing",
]
