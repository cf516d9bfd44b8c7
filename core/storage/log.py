"""The log: one entry for each change of a record, chained by hashes; values lie beside it under salted digests."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from core.facts import Value
from core.storage import later, remembered
from core.storage.models import ChangeRow, ChangeValue, Setting
from core.storage.sent import Sent
from core.storage.unit import Unit
from core.storage.values import decode, encode
from schemas.model import Entity, Field

_change = ChangeRow.__table__
_value = ChangeValue.__table__
_STORED = [column.name for column in _change.c if column.name != "id"]
_ENTRY = Sent(_change.insert(), _STORED)
_NUMBERED = Sent(_change.insert(), ["id", *_STORED])
_LAST = Sent(sa.select(sa.func.max(_change.c.id)))
_CELLS = Sent(_value.insert(), [column.name for column in _value.c])
CHUNK = 400
HIDDEN = "***"
"""What the log says instead of a secret: that there was one."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One field of one entry."""

    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log with its values (those that were not erased). ``at`` is aware, in UTC."""

    id: int
    entity: str
    record: int
    number: int
    version: int
    operation: str
    action: str
    transition: str
    at: datetime
    actor: str
    person: int | None
    on_behalf_of: int | None
    channel: str
    reason: str
    changes: tuple[Changed, ...] = ()


NOTHING = "\x1e"
"""What stands for an empty value in a digest; JSON text holds no control characters."""
MEMBERS = ("previous", "entity", "record", "number", "version", "operation", "action", "transition", "at", "actor", "person",
           "on_behalf_of", "channel", "reason", "digests")
"""What an entry's hash covers, in this order."""
ERA = 40
"""Positions are (era << 40) + the transaction's number; a restore begins another era, so that positions never go back."""


def chained(*parts: Any) -> str:
    """The hash of an entry: SHA-256 over the previous hash and every other member as stored (see ``MEMBERS``)."""
    text = "\x1f".join("" if part is None else part if isinstance(part, str) else _stamp(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(part: Any) -> str:
    return part.isoformat(" ", "microseconds") if isinstance(part, datetime) else str(part)


def digest(salt: str, field: str, before: str | None, after: str | None) -> str:
    """The salted digest of one field's before and after, 128 bits in hexadecimal."""
    text = "\x1f".join((salt, field, NOTHING if before is None else before, NOTHING if after is None else after))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def transaction_position(unit: Unit) -> Any:
    """Where this transaction's entries stand in the order of sealing: its number on PostgreSQL, whose ids are not in the
    order of commits; SQLite writes one transaction after the other."""
    era = unit.database.remembered("log.era", lambda: _era(unit.connection)) << ERA
    if unit.database.dialect != "postgresql":
        return era
    return sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger) + era


def _era(connection: sa.Connection) -> int:
    setting = Setting.__table__
    return int(connection.execute(sa.select(setting.c.value).where(setting.c.name == "log.era")).scalar() or 0)


def append(unit: Unit, entity: Entity, record: int, head: tuple[str | None, int], changes: Sequence[tuple[str, Value, Value]], *,
           action: str, transition: str = "", version: int) -> tuple[str, int]:
    """Write an entry in the unit's transaction; answers the record's new chain head (hash, length)."""
    kept: list[dict[str, Any]] = []
    digested = []
    secret = secrets_of(entity)
    salts = secrets.token_hex(8 * len(changes))
    for place, (name, before, after) in enumerate(changes):
        if name in secret:
            before, after = hidden(before, secret[name]), hidden(after, secret[name])
        old, new = encode(before), encode(after)
        salt = salts[16 * place : 16 * place + 16]
        kept.append({"field": name, "salt": salt, "before": old, "after": new})
        digested.append((name, digest(salt, name, old, new)))
    digests = ";".join(f"{name}={said}" for name, said in sorted(digested))
    previous, number = head[0] or "", int(head[1] or 0) + 1
    at = unit.now.astimezone(UTC).replace(tzinfo=None)
    actor = unit.actor
    values: dict[str, Any] = {
        "previous": previous, "entity": entity.full_name, "record": record, "number": number, "version": version,
        "operation": unit.operation, "action": action, "transition": transition, "at": at, "actor": _plain(actor.email or actor.name),
        "person": actor.person, "on_behalf_of": actor.on_behalf_of, "channel": unit.channel, "reason": _plain(unit.reason),
        "digests": digests,
    }
    values["hash"] = chained(*(values[name] for name in MEMBERS))
    gathered = later.of(unit)
    if gathered is not None:
        gathered.entries.append((values, kept))
        gathered.rows.pop((entity.full_name, record), None)
        return str(values["hash"]), number
    values["xid"] = position = transaction_position(unit)
    if isinstance(position, int):
        number_of_entry = _ENTRY.insert(unit.connection, values)
    else:
        del values["xid"]
        insert = remembered.statement(unit.database, "entry", lambda: _change.insert().values(xid=position))
        made = unit.connection.execute(insert, values).inserted_primary_key
        assert made is not None
        number_of_entry = int(made[0])
    for one in kept:
        one["change_id"] = number_of_entry
    _CELLS.many(unit.connection, kept)
    return str(values["hash"]), number


def note(unit: Unit, what: str, number: int, changes: Sequence[tuple[str, Value, Value]], *, action: str = "write") -> None:
    """An entry about what is no record of a plugin's: ``core.account`` with the account's number, ``core.plugin`` with 0.

    It is chained to the entry before it of the same thing, which the caller's unit holds.
    """
    mine = sa.and_(_change.c.entity == what, _change.c.record == number)
    newest = sa.select(_change.c.hash, _change.c.number).where(mine).order_by(_change.c.number.desc()).limit(1)
    last = unit.connection.execute(newest).first()
    before = (last.hash, int(last.number)) if last is not None else (None, 0)
    plugin, _, name = what.partition(".")
    append(unit, Entity(plugin, name), number, before, changes, action=action, version=before[1] + 1)


def flush(unit: Unit, gathered: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> None:
    """Write entries that a batch has gathered (``core.storage.later``), in their order, in two statements."""
    if not gathered:
        return
    position = transaction_position(unit)
    numbers: Sequence[int]
    if isinstance(position, int):
        # Writers are alone here: the ids that the engine would give are known.
        last = int(_LAST.rows(unit.connection, {})[0][0] or 0)
        numbers = range(last + 1, last + 1 + len(gathered))
        _NUMBERED.many(unit.connection, [{**values, "xid": position, "id": number}
                                         for number, (values, _) in zip(numbers, gathered, strict=True)])
    else:
        position = unit.connection.execute(sa.select(position)).scalar_one()
        insert = _change.insert().returning(_change.c.id, sort_by_parameter_order=True)
        numbers = unit.connection.execute(insert, [{**values, "xid": position} for values, _ in gathered]).scalars().all()
    cells = [{"change_id": number, **one} for number, (_, kept) in zip(numbers, gathered, strict=True) for one in kept]
    _CELLS.many(unit.connection, cells)


def secrets_of(entity: Entity) -> Mapping[str, frozenset[str]]:
    """Fields that hold secrets, or lines with secrets: which of the lines' fields."""
    return remembered.statement(entity, "secrets", lambda: _secrets(entity))


def _secrets(entity: Entity) -> dict[str, frozenset[str]]:
    found = {one.name: frozenset(child.name for child in one.fields if child.type == "secret")
             for one in entity.fields if one.type in ("secret", "lines")}
    return {name: inside for name, inside in found.items() if inside or (entity.field(name) or Field(name, "")).type == "secret"}


def hidden(value: Value, inside: frozenset[str]) -> Value:
    """What the log says of a secret: whether there was one. A change of one secret to another shows as a change all the same."""
    if not inside:
        return HIDDEN if value else None
    return tuple({name: HIDDEN if name in inside and cell else cell for name, cell in line.items()} for line in value or ())


def _plain(text: str) -> str:
    # What people typed must not look like the seam between two members.
    return text.replace("\x1f", " ")


def since_version(unit: Unit, entity: Entity, record: int, version: int) -> list[Entry]:
    """Entries after the record had that version, newest first."""
    return _entries(unit, _of(entity.full_name, record), _change.c.version > version)


def after(unit: Unit, entity: Entity, record: int, at: datetime) -> list[Entry]:
    """Entries later than an instant, newest first."""
    return _entries(unit, _of(entity.full_name, record), _change.c.at > at.astimezone(UTC).replace(tzinfo=None))


def entries(unit: Unit, entity: str, record: int, *, limit: int | None = None, before: int | None = None) -> list[Entry]:
    """A record's entries, newest first; ``before`` continues below an entry's id."""
    where = [_of(entity, record)]
    if before is not None:
        where.append(_change.c.id < before)
    return _entries(unit, *where, limit=limit)


def of_operation(unit: Unit, operation: str) -> list[Entry]:
    """Every entry of an operation, newest first."""
    return _entries(unit, _change.c.operation == operation)


def several(unit: Unit, operations: Collection[str]) -> set[str]:
    """Those of the operations that did something to more than one record (what was only computed again does not count)."""
    if not operations:
        return set()
    least, most = sa.func.min, sa.func.max
    statement = (
        sa.select(_change.c.operation)
        .where(_change.c.operation.in_(sorted(operations)), _change.c.action != "derive")
        .group_by(_change.c.operation)
        .having(sa.or_(least(_change.c.record) != most(_change.c.record), least(_change.c.entity) != most(_change.c.entity)))
    )
    return {str(one) for one in unit.connection.execute(statement).scalars()}


def operation_of(unit: Unit, entity: str, record: int, action: str) -> str | None:
    """The operation of the record's newest entry with that action."""
    found = unit.connection.execute(
        sa.select(_change.c.operation).where(_of(entity, record), _change.c.action == action).order_by(_change.c.number.desc()).limit(1)
    ).scalar()
    return None if found is None else str(found)


def newest(
    unit: Unit, *, limit: int = 100, before: int | None = None, entity: str = "", actor: str = "", operation: str = ""
) -> list[Entry]:
    """The newest entries of the whole log without their values, for the audit page."""
    statement = sa.select(_change).order_by(_change.c.id.desc()).limit(limit)
    for column, wanted in ((_change.c.entity, entity), (_change.c.actor, actor), (_change.c.operation, operation)):
        if wanted:
            statement = statement.where(column == wanted)
    if before is not None:
        statement = statement.where(_change.c.id < before)
    return [_entry(row, ()) for row in unit.connection.execute(statement).mappings()]


def newest_id(unit: Unit) -> int:
    """The id of the newest entry; 0 for an empty log."""
    return int(unit.connection.execute(sa.select(sa.func.max(_change.c.id))).scalar() or 0)


def changed_since(unit: Unit, entity: str, after: int, limit: int) -> list[int]:
    """The records of an entity with entries after an id, in no order, at most ``limit``."""
    statement = sa.select(_change.c.record).where(_change.c.id > after, _change.c.entity == entity).distinct().limit(limit)
    return [int(number) for number in unit.connection.execute(statement).scalars()]


def erase(unit: Unit, entity: str, record: int, fields: Iterable[str]) -> int:
    """Forget the values of some fields of a record; digests stay, and the chain is whole."""
    gathered = later.of(unit)
    names = frozenset(fields)
    for values, kept in gathered.entries if gathered is not None else ():
        if (values["entity"], values["record"]) == (entity, record):
            for one in kept:
                one.update({"before": None, "after": None, "salt": ""} if one["field"] in names else {})
    ids = sa.select(_change.c.id).where(_of(entity, record))
    done = unit.connection.execute(
        _value.update().where(_value.c.change_id.in_(ids), _value.c.field.in_(list(names))).values(before=None, after=None, salt=""))
    return int(done.rowcount)


def _of(entity: str, record: int) -> sa.ColumnElement[bool]:
    return sa.and_(_change.c.entity == entity, _change.c.record == record)


def _entries(unit: Unit, *where: sa.ColumnElement[bool], limit: int | None = None) -> list[Entry]:
    statement = sa.select(_change).where(*where).order_by(_change.c.id.desc())
    rows = unit.connection.execute(statement.limit(limit) if limit is not None else statement).mappings().all()
    values: dict[int, list[Changed]] = {}
    numbers = [int(row["id"]) for row in rows]
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        for value in unit.connection.execute(
            sa.select(_value).where(_value.c.change_id.in_(part)).order_by(_value.c.change_id, _value.c.field)
        ):
            values.setdefault(int(value.change_id), []).append(Changed(value.field, decode(value.before), decode(value.after)))
    return [_entry(row, tuple(values.get(int(row["id"]), ()))) for row in rows]


def _entry(row: Mapping[Any, Any], changes: tuple[Changed, ...]) -> Entry:
    return Entry(
        int(row["id"]),
        row["entity"],
        int(row["record"]),
        int(row["number"]),
        int(row["version"]),
        row["operation"],
        row["action"],
        row["transition"],
        row["at"].replace(tzinfo=UTC),
        row["actor"],
        row["person"],
        row["on_behalf_of"],
        row["channel"],
        row["reason"],
        changes,
    )
