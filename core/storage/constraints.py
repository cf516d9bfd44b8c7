"""Rules over several records, each held under a lock so that two writers cannot break one together.

SQLite writes one at a time, so the test inside the write lock is enough. On PostgreSQL an advisory lock on the
constraint and its key values makes the second writer wait until the first one's rows are visible. A refused write
says only that the value is not available, never which record has it (contract.md 4, 7). Rows in the trash do not
count, nor does a row with an empty key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import sqlalchemy as sa

from core.errors import Conflict
from core.facts import EntityRef, Money, Record, Value
from core.fields import SYSTEM, kind
from core.held import Held
from core.registry.generation import Generation
from core.storage import formulas as expressions
from core.storage import remembered
from core.storage.formulas import Formulas
from core.storage.tables import EntityTable, entity_table, stored_field
from core.storage.unit import Unit
from schemas.model import Constraint, Entity, Field

UNAVAILABLE = "This value is not available."
PERIOD = "This period is not available."
LIMIT = "This amount is not available: together with others it would exceed the limit."
NEEDED = "This amount is still needed: without it others would exceed the limit."
BACKWARDS = "This period ends before it starts."
CYCLE = "This value is not available: the record would stand below itself."


def failures(formulas: Formulas, entity: Entity, record: Mapping[str, Value]) -> list[str]:
    """The sentences of all ``check`` constraints that are false for these values; unknown passes."""
    return [_sentence(one) for one in _false(formulas, entity, record)]


def placed_failures(
    formulas: Formulas, entity: Entity, record: Record, before: Record | None
) -> Iterator[tuple[str, str]]:
    """The same with the field each stands at ("": the record), and periods this write would turn round, at their end.

    Where a ``check`` over both ends of such a period fails too, its own sentence stands there instead of ours.
    """
    checks = {_sentence(one): _members_of_check(formulas, entity, one) for one in _false(formulas, entity, record)}
    for start, end in dict.fromkeys((one.start, one.end) for one in _backwards(formulas, entity, record, before)):
        own = [said for said, reads in checks.items() if {start, end} <= reads]
        for said in own or [BACKWARDS]:
            checks.pop(said, None)
            yield end, said
    for said in checks:
        yield "", said


def _false(formulas: Formulas, entity: Entity, record: Mapping[str, Value]) -> list[Constraint]:
    return [
        one
        for one in entity.constraints
        if one.kind == "check" and formulas.truth(entity, one.expression, record) is False
    ]


def _sentence(one: Constraint) -> str:
    return one.message or f"This does not hold: {one.expression}."


def _members_of_check(formulas: Formulas, entity: Entity, one: Constraint) -> frozenset[str]:
    return frozenset(expressions.check(formulas.unit.generation, entity, one.expression, "boolean").reads)


def _backwards(formulas: Formulas, entity: Entity, record: Record, before: Record | None) -> Iterator[Constraint]:
    """Rules over periods whose end lies before their start. A row that was so before is let be until it is touched."""
    for one in constraints_of(entity):
        if one.kind != "no_overlap":
            continue
        start, end = record.get(one.start), record.get(one.end)
        if start is None or end is None or start <= end or not _counts(formulas, entity, one, record):
            continue
        members = _members(formulas.unit.generation, entity, one) - set(one.fields)
        if before is None or any(record.get(name) != before.get(name) for name in members):
            yield one


def hold(
    unit: Unit, formulas: Formulas, entity: Entity, record: Record, before: Record | None, *, restored: bool = False
) -> None:
    """Lock and test every constraint that this write could break; Conflict when one would break.

    ``record`` has its id and all values. ``before`` None means that the row appears (created, or ``restored``).
    """
    watched, limits = constraints_of(entity), _limits_on(unit.generation, entity)
    if not watched and not limits:
        return
    touched = None if before is None else {name for name in record if record.get(name) != before.get(name)}
    tests = [
        one for one in watched if touched is None or _members(unit.generation, entity, one) & touched
    ]
    # A row that nobody points at yet cannot close a circle.
    tests = [one for one in tests if one.kind != "acyclic" or before is not None or restored]
    locks = {key for one in tests if (key := _lock_key(entity, one, record)) is not None}
    left = [one for one in tests if before is not None and _lowers(one, before)]
    locks |= {key for one in left if before is not None and (key := _lock_key(entity, one, before)) is not None}
    locks |= {
        key
        for other, one in _limits_from(unit.generation, entity, touched)
        for key in _limit_keys(unit, other, one, record)
    }
    lock(unit, locks)
    table = entity_table(entity, unit.database.dialect)
    for one in tests:
        _TESTS[one.kind](unit, formulas, entity, table, one, record)
    for one in left:
        assert before is not None
        if record.get(one.by) != before.get(one.by) or not _counts(formulas, entity, one, record):
            _without(unit, formulas, entity, table, one, before, (one.by,))
    for other, one in _limits_from(unit.generation, entity, touched):
        _limit_still_holds(unit, other, one, record)


def let_go(unit: Unit, formulas: Formulas, entity: Entity, gone: Record) -> None:
    """Lock and test the sums that a record lowered which went to the trash; Conflict when one is too large without it."""
    left = [one for one in constraints_of(entity) if _lowers(one, gone)]
    lock(unit, {key for one in left if (key := _lock_key(entity, one, gone)) is not None})
    for one in left:
        _without(unit, formulas, entity, entity_table(entity, unit.database.dialect), one, gone, ())


def _lowers(one: Constraint, record: Record) -> bool:
    return one.kind == "sum_at_most" and (_number(record.get(one.of)) or 0) < 0


def _without(
    unit: Unit, formulas: Formulas, entity: Entity, table: EntityTable, one: Constraint, gone: Record, names: Iterable[str]
) -> None:
    """The sum that ``gone`` counted in still keeps to its limit."""
    limit = _limit(formulas, entity, one, gone) if _counts(formulas, entity, one, gone) else None
    others = _others(unit, entity, table, one, (one.by,), gone)
    if limit is None or others is None:
        return
    total = _total(unit, entity, table, one, others)
    if total > max(limit, Decimal(0)):
        raise _refuse(one, NEEDED, names)


def lock(unit: Unit, keys: Iterable[int]) -> None:
    """Take advisory locks in one order until the unit ends; nothing to do where writers are alone anyway."""
    if unit.database.dialect == "postgresql":
        for key in sorted(set(keys)):
            unit.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def constraints_of(entity: Entity) -> tuple[Constraint, ...]:
    """All constraints over several rows: declared ones, ``unique`` flags, effective dating and the tree's parent."""
    return _all.get(entity, "", lambda: tuple(_collect(entity)))


_all: Held[tuple[Constraint, ...]] = Held(5_000)


def _collect(entity: Entity) -> Iterator[Constraint]:
    yield from (one for one in entity.constraints if one.kind != "check")
    for field in entity.fields:
        if field.unique:
            scope = field.unique if isinstance(field.unique, tuple) else ()
            yield Constraint("unique", fields=(field.name, *scope))
    if entity.effective is not None:
        dated = entity.effective
        yield Constraint("no_overlap", fields=dated.by, start=dated.start, end=dated.end)
    parents = {one.fields[0] for one in entity.constraints if one.kind == "acyclic" and one.fields}
    if entity.parent and entity.parent not in parents:
        yield Constraint("acyclic", fields=(entity.parent,))


def _members(generation: Generation, entity: Entity, one: Constraint) -> set[str]:
    names = {*one.fields, one.start, one.end, one.of, one.by, one.max.split(".")[0]} - {""}
    if one.where:
        names |= {name.split(".")[0] for name in expressions.check(generation, entity, one.where, "boolean").reads}
    return names


def _lock_key(entity: Entity, one: Constraint, record: Record) -> int | None:
    if one.kind == "acyclic":
        return lock_number(entity.full_name, one.kind, *one.fields)
    names = (one.by,) if one.kind == "sum_at_most" else one.fields
    values = [record.get(name) for name in names]
    if any(_empty(value) for value in values):
        return None
    return lock_number(entity.full_name, one.kind, *names, one.start, one.of, *values)


def lock_number(*parts: object) -> int:
    """A signed 64-bit number for an advisory lock; two texts that collide only wait for each other."""
    text = "\x1f".join(repr(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _refuse(one: Constraint, sentence: str, names: Iterable[str]) -> Conflict:
    said = one.message or sentence
    return Conflict(said, errors={name: [said] for name in names})


def _empty(value: Value) -> bool:
    """Whether there is no value: also a choice of none among many."""
    return value is None or value == ()


def _field(entity: Entity, name: str) -> Field:
    """The field as it lies on disk: a computed one as the kind of its value, a system field as what it is."""
    declared = expressions.field_of(entity, name)
    if declared is None:
        found = SYSTEM.get(name)
    else:
        siblings = remembered.statement(entity, "siblings", lambda: {one.name: one for one in entity.fields})
        found = stored_field(declared, siblings, document=entity.kind == "document")
    if found is None:
        raise LookupError(f"{entity.full_name} has a constraint over “{name}”, which is no stored field of it.")
    return found


def _columns(table: EntityTable, name: str) -> tuple[sa.Column[Value], ...]:
    return table.columns[name] if name in table.columns else (table.table.c[name],)


def equals(entity: Entity, table: EntityTable, name: str, value: Value, dialect: str) -> sa.ColumnElement[bool]:
    """``name = value`` in the column's own type, over all columns of the field."""
    field = _field(entity, name)
    cells = kind(field).to_row(field, value, dialect)
    return sa.and_(*(column == cell for column, cell in zip(_columns(table, name), cells, strict=True)))


def _others(
    unit: Unit, entity: Entity, table: EntityTable, one: Constraint, names: Iterable[str], record: Record
) -> sa.ColumnElement[bool] | None:
    """Live rows other than this one with the same key; None where the key is empty."""
    parts = [table.table.c.trashed_at.is_(None), table.table.c.id != record.id]
    for name in names:
        value = record.get(name)
        if _empty(value):
            return None
        parts.append(equals(entity, table, name, value, unit.database.dialect))
    if one.where:
        parts.append(expressions.clause(unit, entity, table, one.where))
    return sa.and_(*parts)


def _counts(formulas: Formulas, entity: Entity, one: Constraint, record: Record) -> bool:
    return not one.where or formulas.truth(entity, one.where, record) is True


def _unique(
    unit: Unit, formulas: Formulas, entity: Entity, table: EntityTable, one: Constraint, record: Record
) -> None:
    if not _counts(formulas, entity, one, record):
        return
    others = _others(unit, entity, table, one, one.fields, record)
    if others is not None and unit.connection.execute(sa.select(table.table.c.id).where(others).limit(1)).first():
        raise _refuse(one, UNAVAILABLE, one.fields[:1])


def _no_overlap(
    unit: Unit, formulas: Formulas, entity: Entity, table: EntityTable, one: Constraint, record: Record
) -> None:
    start = record.get(one.start)
    if start is None or not _counts(formulas, entity, one, record):
        return
    others = _others(unit, entity, table, one, one.fields, record)
    if others is None:
        return
    field = _field(entity, one.start)
    whole_days = kind(field).family == "date"
    from_, to = _columns(table, one.start)[0], _columns(table, one.end)[0]
    mine_from = kind(field).to_row(field, start, unit.database.dialect)[0]
    overlap = [from_.is_not(None), sa.or_(to.is_(None), to >= mine_from if whole_days else to > mine_from)]
    end = record.get(one.end)
    if end is not None:
        mine_to = kind(field).to_row(_field(entity, one.end), end, unit.database.dialect)[0]
        overlap.append(from_ <= mine_to if whole_days else from_ < mine_to)
    if unit.connection.execute(sa.select(table.table.c.id).where(others, *overlap).limit(1)).first():
        raise _refuse(one, PERIOD, (one.start, one.end))


def _sum_at_most(
    unit: Unit, formulas: Formulas, entity: Entity, table: EntityTable, one: Constraint, record: Record
) -> None:
    if record.get(one.by) is None or not _counts(formulas, entity, one, record):
        return
    limit = _limit(formulas, entity, one, record)
    if limit is None:
        return
    others = _others(unit, entity, table, one, (one.by,), record)
    assert others is not None
    total = _total(unit, entity, table, one, others) + (_number(record.get(one.of)) or Decimal(0))
    if total > limit:
        raise _refuse(one, LIMIT, (one.of,))


def _limit(formulas: Formulas, entity: Entity, one: Constraint, record: Record) -> Decimal | None:
    reference, dot, name = one.max.partition(".")
    if not dot or reference.lstrip("-").isdigit():
        return _number(record.get(one.max)) if entity.field(one.max) else Decimal(one.max)
    target = record.get(reference)
    declared = entity.field(reference)
    targets = formulas.unit.generation.targets(declared) if declared is not None else ()
    if target is not None and targets:
        formulas.forget(targets[0], int(target))  # the limit counts as it stands now, under the lock
    return _number(formulas.path(entity, record)(reference, name))


def _number(value: Value) -> Decimal | None:
    if value is None:
        return None
    return value.amount if isinstance(value, Money) else Decimal(value)


def _total(unit: Unit, entity: Entity, table: EntityTable, one: Constraint, where: sa.ColumnElement[bool]) -> Decimal:
    field = _field(entity, one.of)
    dialect = unit.database.dialect
    summed = unit.connection.execute(sa.select(sa.func.sum(_columns(table, one.of)[0])).where(where)).scalar()
    if summed is None:
        return Decimal(0)
    cells = (summed if dialect == "postgresql" else int(summed), *("XXX" for _ in _columns(table, one.of)[1:]))
    return _number(kind(field).from_row(field, cells, dialect)) or Decimal(0)


def _acyclic(
    unit: Unit, formulas: Formulas, entity: Entity, table: EntityTable, one: Constraint, record: Record
) -> None:
    name = one.fields[0]
    value = record.get(name)
    starts = [value] if isinstance(value, int) else [one.id for one in (value,) if isinstance(one, EntityRef)]
    starts = list(value) if isinstance(value, tuple) else starts
    if not starts:
        return
    if record.id in starts or record.id in above(unit, table, name, starts):
        raise _refuse(one, CYCLE, (name,))


def above(unit: Unit, table: EntityTable, name: str, starts: list[int]) -> set[int]:
    """Every record reachable from ``starts`` by following the live rows' reference ``name``, the starts included."""
    rows = table.table
    if name in table.links:
        link = table.links[name]
        edges = (
            sa.select(link.c.owner_id.label("down"), link.c.target_id.label("up"))
            .join(rows, rows.c.id == link.c.owner_id)
            .where(rows.c.trashed_at.is_(None))
            .subquery()
        )
    else:
        column = table.columns[name][0]
        edges = (
            sa.select(rows.c.id.label("down"), column.label("up"))
            .where(rows.c.trashed_at.is_(None), column.is_not(None))
            .subquery()
        )
    walk = sa.select(edges.c.up.label("id")).where(edges.c.down.in_(starts)).cte("walk", recursive=True)
    walk = walk.union(sa.select(edges.c.up).join(walk, edges.c.down == walk.c.id))
    return {*starts, *unit.connection.execute(sa.select(walk.c.id)).scalars()}


def _limits_from(generation: Generation, entity: Entity, touched: set[str] | None) -> list[tuple[Entity, Constraint]]:
    """Limits of other entities that are read from this one (``max: order.quantity`` seen from the order)."""
    return [] if touched is None else [(other, one) for other, one, name in _limits_on(generation, entity) if name in touched]


def _limits_on(generation: Generation, entity: Entity) -> list[tuple[Entity, Constraint, str]]:
    """The same with the field of ours that each limit is read from."""
    found = _limits.get(id(generation))
    if found is None or found[0] is not generation:
        table: dict[str, list[tuple[Entity, Constraint, str]]] = {}
        for other in generation.entities.values():
            for one in other.constraints:
                reference, dot, name = one.max.partition(".")
                declared = other.field(reference) if one.kind == "sum_at_most" and dot else None
                for target in generation.targets(declared) if declared is not None else ():
                    table.setdefault(target, []).append((other, one, name))
        if len(_limits) > 8:
            _limits.clear()
        found = _limits[id(generation)] = (generation, table)
    return found[1].get(entity.full_name, [])


_limits: dict[int, tuple[Generation, dict[str, list[tuple[Entity, Constraint, str]]]]] = {}


def _limit_groups(unit: Unit, other: Entity, one: Constraint, record: Record) -> list[Record]:
    """One record for each ``by`` value whose limit is read from ``record``, with just that value and the reference."""
    table = entity_table(other, unit.database.dialect)
    reference, by = one.max.partition(".")[0], _field(other, one.by)
    rows = unit.connection.execute(
        sa.select(*_columns(table, one.by))
        .distinct()
        .where(table.table.c.trashed_at.is_(None), table.columns[reference][0] == record.id)
    ).all()
    return [
        Record(
            other.full_name,
            {"id": 0, reference: record.id, one.by: kind(by).from_row(by, tuple(row), unit.database.dialect)},
        )
        for row in rows
    ]


def _limit_keys(unit: Unit, other: Entity, one: Constraint, record: Record) -> list[int]:
    keys = [
        lock_number(other.full_name, one.kind, one.by, one.start, one.of, group.get(one.by))
        for group in _limit_groups(unit, other, one, record)
    ]
    if one.max.partition(".")[0] == one.by:
        keys.append(lock_number(other.full_name, one.kind, one.by, one.start, one.of, record.id))
    return keys


def _limit_still_holds(unit: Unit, other: Entity, one: Constraint, record: Record) -> None:
    table = entity_table(other, unit.database.dialect)
    name = one.max.partition(".")[2]
    limit = _number(record.get(name))
    if limit is None:
        return
    for group in _limit_groups(unit, other, one, record):
        where = _others(unit, other, table, one, (one.by,), group)
        if where is not None and _total(unit, other, table, one, where) > limit:
            raise _refuse(one, UNAVAILABLE, (name,))


_TESTS = {"unique": _unique, "no_overlap": _no_overlap, "sum_at_most": _sum_at_most, "acyclic": _acyclic}
