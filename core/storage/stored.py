"""Values that follow from others and are stored: computed fields, rollups, titles, and who depends on whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa

from core.facts import EntityRef, Money, Record, Value
from core.fields import kind
from core.registry.generation import Generation
from core.storage import formulas as expressions
from core.storage import remembered, rows
from core.storage.formulas import Formulas
from core.storage.tables import EntityTable, entity_table
from core.storage.unit import Unit
from schemas.expressions import ExpressionError, Typed
from schemas.model import Entity, Field

TITLE = "display_title"
LONGEST_TITLE = 300
_BRACES = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
REFERENCES = frozenset({"reference", "references", "person", "department", "any_reference"})


@dataclass(frozen=True, slots=True)
class Dependent:
    """A stored value of ``entity`` that reads other records: ``field`` is a computed field, a rollup, or the title.

    For a rollup ``via`` is the reading record's children's reference; else it is the entity's own reference, or
    ``lines.reference``. ``watch`` holds the source's fields that matter. Where a rollup's condition reads what its children
    point at, ``child`` and ``through`` are those children's entity and the reference that is read through.
    """

    entity: str
    field: str
    via: str
    watch: frozenset[str]
    rollup: bool = False
    child: str = ""
    through: str = ""


def derive(unit: Unit, formulas: Formulas, entity: Entity, record: Record, *, rollups: Iterable[str] | None = None) -> None:
    """Set the record's own stored computed fields, in the order they read each other, and the named rollups."""
    derived = remembered.statement(entity, ("derived", unit.database.dialect), lambda: _derived(unit, entity))
    for field in derived.rollups:
        if rollups is not None and field.name in rollups:
            record[field.name] = roll_up(unit, entity, field, record.id)
        elif "version" not in record:
            record[field.name] = _of_none(unit.generation, entity, field)
    for field in derived.lines:
        record[field.name] = tuple(_derived_line(unit, formulas, entity, field, line, record) for line in record.get(field.name) or ())
    for field, shown in derived.computed:
        record[field.name] = fit(shown, formulas.value(entity, field.formula, record))


@dataclass(frozen=True, slots=True)
class _Derived:
    """The stored values that an entity's records derive themselves: rollups, lines, and computed fields in their order."""

    rollups: tuple[Field, ...]
    lines: tuple[Field, ...]
    computed: tuple[tuple[Field, Field], ...]


def _derived(unit: Unit, entity: Entity) -> _Derived:
    columns = entity_table(entity, unit.database.dialect).columns
    return _Derived(
        tuple(one for one in entity.fields if one.type == "rollup" and one.name in columns),
        tuple(one for one in entity.fields if one.type == "lines"),
        tuple(
            (one, rows.shown_as(unit.generation, entity, one)) for one in _in_order(unit.generation, entity) if one.name in columns
        ),
    )


def _derived_line(
    unit: Unit, formulas: Formulas, entity: Entity, field: Field, line: Mapping[str, Value], parent: Record
) -> dict[str, Value]:
    made = dict(line)
    twin = expressions.line_entity(entity, field)
    for child in _in_order(unit.generation, twin, entity, field):
        shown = rows.shown_as(unit.generation, twin, child)
        made[child.name] = fit(shown, formulas.value(entity, child.formula, made, parent=parent, line=field))
    return made


def _in_order(generation: Generation, entity: Entity, owner: Entity | None = None, line: Field | None = None) -> tuple[Field, ...]:
    key = id(entity)
    found = _orders.get(key)
    if found is not None and found[0] is entity:
        return found[1]
    waiting = {}
    for field in entity.fields:
        if field.type == "computed":
            typed = _proven(generation, owner or entity, field.formula, line)
            if typed is not None and not typed.volatile:
                waiting[field.name] = (field, {name.split(".")[0] for name in typed.reads})
    ordered: list[Field] = []
    while waiting:
        ready = [name for name, (_, reads) in waiting.items() if not reads & (waiting.keys() - {name})]
        # A circle is the checker's to refuse; here it must only not hang.
        for name in ready or list(waiting):
            ordered.append(waiting.pop(name)[0])
    if len(_orders) > 5_000:
        _orders.clear()
    _orders[key] = (entity, tuple(ordered))
    return tuple(ordered)


_orders: dict[int, tuple[Entity, tuple[Field, ...]]] = {}


def _proven(generation: Generation, entity: Entity, formula: str, line: Field | None = None) -> Typed | None:
    """The formula typed. None where what it reads has left since, with another overlay or a plugin's version: its values
    stay as they are, and records are written all the same."""
    try:
        return expressions.check(generation, entity, formula, None, line)
    except ExpressionError:
        return None


def fit(field: Field, value: Value) -> Value:
    """The value as the field holds it: decimals rounded half away from zero to its places, empty text as None."""
    if value is None or value == "":
        return False if field.type == "boolean" and value is None else None
    if isinstance(value, Money):
        return Money(_rounded(value.amount, places(field)), value.currency)
    if field.type in {"decimal", "percent"} and isinstance(value, int | Decimal):
        return _rounded(Decimal(value), places(field))
    if field.type in {"integer", "rating", "duration"} and isinstance(value, Decimal):
        return int(value.quantize(Decimal(1), ROUND_HALF_UP))
    return value


def places(field: Field) -> int:
    """How many digits stand after the point on disk."""
    if field.places is not None:
        return field.places
    return 4 if field.type == "percent" else 2


def _rounded(number: Decimal, digits: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def roll_up(unit: Unit, entity: Entity, field: Field, number: int) -> Value:
    """The rollup's value over the live records that point at ``number``. None where nothing can be said."""
    child = unit.generation.entity(field.from_entity)
    if field.where and expressions.check(unit.generation, child, field.where, "boolean").volatile:
        statement = _rollup_statement(unit, child, field)
    else:
        table = entity_table(child, unit.database.dialect).table
        statement = remembered.statement(
            table, ("rollup", field.via, field.of, field.how, field.where), lambda: _rollup_statement(unit, child, field)
        )
    found = unit.connection.execute(statement, {"number": number}).all()
    if field.how == "count":
        return int(found[0][0])
    if len(found) > 1:
        return None  # several currencies have no common sum
    total, count, *currency = found[0] if found else (None, 0)
    of = child.field(field.of)
    if of is None:
        return rows.instant(total)
    source = rows.shown_as(unit.generation, child, of)
    if total is None:
        return _nothing(source) if field.how == "sum" else None
    dialect = unit.database.dialect
    read = kind(source).from_row(source, (_whole(total, dialect), *currency), dialect)
    if field.how != "average":
        return fit(source, read)
    digits = places(field) if field.places is not None or source.type not in {"decimal", "percent", "money"} else places(source)
    if isinstance(read, Money):
        return Money(_rounded(read.amount / count, digits), read.currency)
    return _rounded(Decimal(read) / count, digits)


def _rollup_statement(unit: Unit, child: Entity, field: Field) -> sa.Select[Any]:
    """Value and count over the live children of the record bound as ``number``; of money one row for each currency."""
    table = entity_table(child, unit.database.dialect)
    number: sa.BindParameter[int] = sa.bindparam("number")
    where: list[sa.ColumnElement[bool]] = [table.table.c.trashed_at.is_(None)]
    if field.via in table.links:
        link = table.links[field.via]
        where.append(table.table.c.id.in_(sa.select(link.c.owner_id).where(link.c.target_id == number)))
    else:
        where.append(table.columns[field.via][0] == number)
    if field.where:
        where.append(expressions.clause(unit, child, table, field.where))
    columns = table.columns.get(field.of) or ((table.table.c[field.of],) if field.of in table.table.c else ())
    if field.how == "count":
        if columns:
            where.append(columns[0].is_not(None))
        return sa.select(sa.func.count()).select_from(table.table).where(*where)
    value, *others = columns
    functions: dict[str, Callable[..., sa.ColumnElement[Any]]] = {
        "sum": sa.func.sum,
        "average": sa.func.sum,
        "min": sa.func.min,
        "max": sa.func.max,
    }
    return sa.select(functions[field.how](value), sa.func.count(value), *others).where(*where, value.is_not(None)).group_by(*others)


def _whole(total: Value, dialect: str) -> Value:
    # Scaled integers: a sum of them is one too, whatever type the driver gives back.
    return int(total) if dialect == "sqlite" and isinstance(total, float | Decimal) else total


def _of_none(generation: Generation, entity: Entity, field: Field) -> Value:
    """What a rollup shows of a record that nobody points at yet."""
    if field.how == "count":
        return 0
    return _nothing(rows.shown_as(generation, entity, field)) if field.how == "sum" else None


def _nothing(source: Field) -> Value:
    if source.type in {"decimal", "percent"}:
        return _rounded(Decimal(0), places(source))
    return 0 if source.type in {"integer", "rating", "duration"} else None


def title(unit: Unit, formulas: Formulas, entity: Entity, record: Mapping[str, Value]) -> str:
    """What people call the record, at most 300 characters."""
    pattern = entity.title or _default_title(entity)
    if pattern and "{" not in pattern:
        pattern = "{" + pattern + "}"
    text = _BRACES.sub(lambda found: _said(unit, formulas, entity, found.group(1).strip(), record), pattern)
    text = " ".join(text.split())[:LONGEST_TITLE]
    return text or f"{entity.label or entity.name} {record.get('id') or ''}".strip()


def _default_title(entity: Entity) -> str:
    if entity.key:
        return " / ".join("{" + name + "}" for name in entity.key)
    numbered = next((field.name for field in entity.fields if field.type == "sequence"), "")
    named = next((field.name for field in entity.fields if field.type == "text" and not field.sensitive and not field.scope), "")
    return " ".join("{" + name + "}" for name in (numbered, named) if name)


def _said(unit: Unit, formulas: Formulas, entity: Entity, source: str, record: Mapping[str, Value]) -> str:
    field = entity.field(source) if _NAME.fullmatch(source) else None
    if field is None:
        value = record.get(source) if source in record else formulas.value(entity, source, record)
        return "" if value is None else f"{value.amount} {value.currency}" if isinstance(value, Money) else str(value)
    value = record.get(source)
    if value is None:
        return ""
    if field.type in REFERENCES:
        return ", ".join(name for name in _titles(unit, formulas, field, value) if name)
    if field.type in {"choice", "choices"}:
        labels = {one.name: one.label or one.name for one in field.options}
        return ", ".join(labels.get(one, str(one)) for one in (value if isinstance(value, tuple) else (value,)))
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    shown = rows.shown_as(unit.generation, entity, field)
    return kind(shown).to_text(shown, value)


def _titles(unit: Unit, formulas: Formulas, field: Field, value: Value) -> list[str]:
    if isinstance(value, EntityRef):
        found = [formulas.row(value.entity, value.id)]
    else:
        to = next(iter(unit.generation.targets(field)), "")
        found = [formulas.row(to, one) for one in (value if isinstance(value, tuple) else (value,))] if to else []
    return [str(one.get(TITLE) or "") for one in found if one is not None]


def dependents(unit: Unit, source: str) -> tuple[Dependent, ...]:
    """The stored values that read records of ``source`` (``plugin.entity``)."""
    generation = unit.generation
    found = _dependents.get(id(generation))
    if found is None or found[0] is not generation:
        table: dict[str, list[Dependent]] = {}
        for entity in generation.entities.values():
            for name, one in _declared_dependents(unit, entity):
                table.setdefault(name, []).append(one)
        if len(_dependents) > 8:
            _dependents.clear()
        found = _dependents[id(generation)] = (generation, {name: tuple(ones) for name, ones in table.items()})
    return found[1].get(source, ())


_dependents: dict[int, tuple[Generation, dict[str, tuple[Dependent, ...]]]] = {}


def _declared_dependents(unit: Unit, entity: Entity) -> Iterable[tuple[str, Dependent]]:
    generation = unit.generation
    for field in entity.fields:
        if field.type == "rollup" and field.from_entity in generation.entities:
            child = generation.entities[field.from_entity]
            watch = {field.via, field.of} - {""}
            if field.where:
                reads = expressions.check(generation, child, field.where, "boolean").reads
                watch |= {name.split(".")[0] for name in reads}
                for target, one in _paths(unit, child, field.name, "", child.fields, reads):
                    past = Dependent(entity.full_name, field.name, field.via, one.watch, True, child.full_name, one.via)
                    yield target, past
            yield child.full_name, Dependent(entity.full_name, field.name, field.via, frozenset(watch), rollup=True)
        elif field.type == "computed":
            typed = _proven(generation, entity, field.formula)
            if typed is not None and not typed.volatile:
                yield from _paths(unit, entity, field.name, "", entity.fields, typed.reads)
        elif field.type == "lines":
            for child_field in field.fields:
                if child_field.type == "computed":
                    typed = _proven(generation, entity, child_field.formula, field)
                    if typed is not None:
                        yield from _paths(unit, entity, field.name, f"{field.name}.", field.fields, typed.reads)
    for inside in _BRACES.findall(entity.title if "{" in entity.title else "{" + entity.title + "}"):
        source = inside.strip()
        field_read = entity.field(source) if _NAME.fullmatch(source) else None
        if field_read is not None and field_read.type in REFERENCES:
            yield from _paths(unit, entity, TITLE, "", entity.fields, {f"{source}.{TITLE}"})
        elif source and field_read is None:
            yield from _paths(unit, entity, TITLE, "", entity.fields, expressions.check(generation, entity, source).reads)


def _paths(
    unit: Unit, entity: Entity, field: str, prefix: str, fields: Iterable[Field], reads: Iterable[str]
) -> Iterable[tuple[str, Dependent]]:
    by_name = {one.name: one for one in fields}
    for read in reads:
        reference, dot, name = read.partition(".")
        declared = by_name.get(reference)
        if dot and declared is not None and declared.type in REFERENCES:
            for target in unit.generation.targets(declared):
                yield target, Dependent(entity.full_name, field, prefix + reference, frozenset({name}))


def sources(unit: Unit, entity: Entity) -> tuple[tuple[str, bool], ...]:
    """The references whose targets stored values read: the entity's own, and rollups that count us by what we point at.

    Each with whether a rollup there counts us.
    """
    found: tuple[tuple[str, bool], ...] = remembered.statement(entity, "sources", lambda: tuple(_sources(unit, entity)))
    return found


def _sources(unit: Unit, entity: Entity) -> Iterable[tuple[str, bool]]:
    counted = {one.via for one in dependents(unit, entity.full_name) if one.rollup and not one.through}
    names = dict.fromkeys(one.via for _, one in _declared_dependents(unit, entity) if not one.rollup and "." not in one.via)
    for target in dict.fromkeys(one for field in entity.fields if field.type in REFERENCES for one in unit.generation.targets(field)):
        names |= dict.fromkeys(one.through for one in dependents(unit, target) if one.child == entity.full_name)
    for name in names:
        yield name, name in counted


def affected(
    unit: Unit, entity: Entity, before: Record | None, after: Record | None, changed: frozenset[str]
) -> dict[str, dict[int, set[str]]]:
    """Which stored values of which records may differ now: entity, id, names of fields.

    ``before`` None: the row appeared; ``after`` None: it left (to the trash). ``changed`` names the fields that differ.
    """
    found: dict[str, dict[int, set[str]]] = {}
    for one in dependents(unit, entity.full_name):
        appears = before is None or after is None
        if not appears and not one.watch & changed:
            continue
        if one.through:
            # Nobody pointed at a new record yet, and references to a trashed one stay as they are.
            numbers = set() if before is None or after is None else set(_counting(unit, one, after))
        elif one.rollup:
            numbers = {*_targets(before, one.via), *_targets(after, one.via)}
        elif before is None or after is None:
            continue  # nobody pointed at a new record yet, and references to a trashed one stay as they are
        else:
            numbers = set(_pointing(unit, one, after))
        for number in numbers:
            found.setdefault(one.entity, {}).setdefault(number, set()).add(one.field)
    return found


def _targets(record: Record | None, via: str) -> tuple[int, ...]:
    value = record.get(via) if record is not None else None
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (int(value),)


def _counting(unit: Unit, one: Dependent, target: Record) -> Iterable[int]:
    """Whose children point at the target, by a rollup's condition that reads through them."""
    table = entity_table(unit.generation.entity(one.child), unit.database.dialect)
    children = _referring(table, one.through, target)
    if one.via in table.links:
        link = table.links[one.via]
        statement = sa.select(link.c.target_id).where(link.c.owner_id.in_(children)).distinct()
    else:
        column = table.columns[one.via][0]
        statement = sa.select(column).where(table.table.c.id.in_(children), column.is_not(None)).distinct()
    return unit.connection.execute(statement).scalars().all()


def _pointing(unit: Unit, one: Dependent, target: Record) -> Iterable[int]:
    entity = unit.generation.entity(one.entity)
    table = entity_table(entity, unit.database.dialect)
    lines, dot, reference = one.via.partition(".")
    if dot:
        child = table.lines[lines]
        statement = sa.select(child.table.c.owner_id).where(child.columns[reference][0] == target.id).distinct()
    else:
        statement = _referring(table, one.via, target)
    return unit.connection.execute(statement).scalars().all()


def _referring(table: EntityTable, reference: str, target: Record) -> sa.Select[Any]:
    """The ids of the rows that point at the target."""
    if reference in table.links:
        link = table.links[reference]
        return sa.select(link.c.owner_id).where(link.c.target_id == target.id)
    columns = table.columns[reference]
    statement = sa.select(table.table.c.id).where(columns[0] == target.id)
    return statement.where(columns[1] == target.entity) if len(columns) > 1 else statement
