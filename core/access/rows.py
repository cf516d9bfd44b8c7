"""Whether a row rule holds for one record, read in Python; storage.rules is the same in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.access.actor import Actor
from core.access.grant import pair_of
from core.facts import Value
from core.held import Held
from schemas import expressions
from schemas.model import Entity

Path = Callable[[str, str], Value]


def holds(
    source: str,
    record: Mapping[str, Value],
    entity: Entity,
    actor: Actor,
    path: Path | None = None,
    *,
    entities: Mapping[str, Entity],
    now: datetime,
    functions: Mapping[str, expressions.Function] | None = None,
) -> bool:
    """Whether the source (a row word, an expression, or a pair) holds at the given instant. Emptiness and broken rules deny.

    ``path(reference, name)`` reads a field of the record pointed at.
    """
    return all(_one(part, record, entity, actor, path, entities, now, functions or {}) for part in pair_of(source))


def owner_of(entity: Entity, record: Mapping[str, Value]) -> Value:
    """The person a record belongs to: its ``owner`` field, else who created it."""
    return record.get(entity.owner) if entity.owner else record.get("created_by")


def _one(
    source: str,
    record: Mapping[str, Value],
    entity: Entity,
    actor: Actor,
    path: Path | None,
    entities: Mapping[str, Entity],
    now: datetime,
    functions: Mapping[str, expressions.Function],
) -> bool:
    department = record.get("department_id")
    match source:
        case "own":
            return actor.person is not None and owner_of(entity, record) == actor.person
        case "team":
            owner = owner_of(entity, record)
            return owner is not None and actor.person is not None and (owner == actor.person or owner in actor.teammates)
        case "department":
            return department is not None and department == actor.department
        case "department_tree":
            return department is not None and department in actor.departments_below
        case "company":
            return _same_company(record, entity, actor)
    typed = _typed(source, entity, entities, functions)
    if typed is None or not typed.sql_able:
        # Lists and records answer alike: what the database cannot decide reaches nothing here either.
        return False
    env = expressions.Env(record, path or _nowhere, actor, now, _day(now, actor), functions=functions)
    return expressions.evaluate(typed, env) is True


def _nowhere(reference: str, name: str) -> Value:
    return None


def _day(moment: datetime, actor: Actor) -> date:
    return moment.astimezone(ZoneInfo(actor.zone or "UTC")).date()


_known: Held[expressions.Typed | None] = Held(5_000)


def _typed(
    source: str, entity: Entity, entities: Mapping[str, Entity], functions: Mapping[str, expressions.Function]
) -> expressions.Typed | None:
    def prove() -> expressions.Typed | None:
        try:
            return expressions.check(source, expressions.names_of(entity, entities, functions=functions), "boolean")
        except expressions.ExpressionError:
            return None  # the checker has said what is wrong with it; a broken rule reaches nothing

    return _known.get(entity, source, prove)


def _same_company(record: Mapping[str, Value], entity: Entity, actor: Actor) -> bool:
    if actor.company is None:
        return False
    if any(one.name == "company" and one.type == "reference" for one in entity.fields):
        return bool(record.get("company") == actor.company)
    department = record.get("department_id")
    return department is not None and department in actor.company_departments
