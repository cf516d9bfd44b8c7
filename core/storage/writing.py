"""The one way into an entity's table: rights, version and values in one statement, with log, search and dependents.

A Writer is given records that were prepared (``core.services.preparing``). It trusts nothing that could have moved
since: the row is locked and its version compared, references and constraints are tested under their locks, values
that read other records are computed again, and the statement itself carries the row rule of the action.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import Grant
from core.errors import Conflict, Forbidden, NotFound
from core.facts import EntityRef, Record, Value, same
from core.fields import kind
from core.storage import constraints, head, later, log, parts, references, remembered, rows, rules, search, sequences, stored
from core.storage.cells import cells_of
from core.storage.formulas import Formulas
from core.storage.sent import Sent
from core.storage.tables import EntityTable, entity_table
from core.storage.unit import Unit
from schemas.model import Entity, Field

DEPTH = 12
"""How many steps a stored value may follow from another before the chain is cut."""
POSTED = "This document is posted and stays as it is. Reverse it first, then amend the reversed one."
"""What the built-in moves allow: ``amend`` starts from what was reversed or cancelled, and only drafts are cancelled."""


class RowMoved(Exception):
    """The record changed between the two halves of the write; it has to be prepared again."""

    passes_through_hooks = True


class Writer:
    """Writes records of one entity in one unit, with the rights of one grant."""

    def __init__(self, unit: Unit, entity_name: str, rights: Grant, formulas: Formulas | None = None, *, words: str = "") -> None:
        self.unit = unit
        self.entity: Entity = unit.generation.entity(entity_name)
        self.table: EntityTable = entity_table(self.entity, unit.database.dialect)
        self.rights = rights
        self.formulas = formulas or Formulas(unit)
        self.words = words
        """More words for the search index, from plugins."""

    @property
    def actor(self) -> Actor:
        return self.rights.actor

    def insert(self, record: Record, *, given: frozenset[str] = frozenset(), shape: Entity | None = None, may: bool = False) -> Record:
        """Write a new record; gives it id, numbers, title and version 1. Raises Invalid, Conflict, Forbidden.

        ``may``: another right (a move) has allowed it already.
        """
        if not may and not self.rights.may("create"):
            raise Forbidden(f"You may not create {self.entity.full_name}.")
        if self.entity.kind == "settings":
            self._only_one()
        record.pop("version", None)
        record["id"] = sequences.next_id(self.unit, self.table)
        record["created_at"] = record["updated_at"] = self.unit.now
        record["created_by"] = record["updated_by"] = self.unit.actor.person
        references.check(self.unit, self.formulas, self.entity, record, None, given, self.actor)
        self._hold_sources(record)
        stored.derive(self.unit, self.formulas, self.entity, record)
        record["version"] = 1
        self._refuse_broken(record, shape)
        constraints.hold(self.unit, self.formulas, self.entity, record, None)
        self._draw(record, None)
        self._finish(record)
        parts.write(self.unit, self.entity, self.table, record, None)
        changes = [(name, None, value) for name in self._logged if not _blank(value := record.get(name))]
        chain = self._append(record, (None, 0), changes, "create")
        cells = self._cells(record, self._stored_names)
        cells |= self._system_cells(record) | {
            "id": record.id,
            "version": 1,
            "created_at": _naive(self.unit.now),
            "created_by": self.unit.actor.person,
            "workflow_version": self.unit.generation.number if self.entity.workflow else None,
            "chain_hash": chain[0],
            "chain_length": chain[1],
            "amended_from": record.extra.get("amended_from"),
        }
        known = self._known(cells)
        insert = remembered.statement(self.table.table, ("insert", *known), lambda: Sent(self.table.table.insert(), list(known)))
        insert.run(self.unit.connection, known)
        search.index_record(self.unit, self.entity, record, self.words, new=True)
        self._refresh_dependents(None, record)
        return record

    def update(
        self,
        before: Record,
        record: Record,
        *,
        given: frozenset[str] = frozenset(),
        transition: str = "",
        action: str = "write",
        shape: Entity | None = None,
        opened: frozenset[str] = frozenset(),
        held: bool = False,
    ) -> Record:
        """Write what differs from ``before`` in one statement that holds id, version and row rule.

        RowMoved when the row is no longer as ``before`` says; NotFound or Forbidden when the rights are gone.
        ``opened`` names the fields that the transition lets be given on a posted document; ``held``: this unit has read
        ``before`` under the row's lock and nothing was written since.
        """
        if self.entity.kind == "ledger":
            raise Conflict("Entries of a ledger stay as they were written.")
        self._keep_posted(before, record, opened)
        if not held:
            self._lock(before, record)
        references.check(self.unit, self.formulas, self.entity, record, before, given, self.actor)
        self._hold_sources(record)
        stored.derive(self.unit, self.formulas, self.entity, record)
        self._refuse_broken(record, shape)
        constraints.hold(self.unit, self.formulas, self.entity, record, before)
        posting = self._posting(before, record, transition)
        if posting:
            self._freeze(record)
        self._draw(record, before)
        self._finish(record)
        record["version"] = before.version + 1
        record["updated_at"], record["updated_by"] = self.unit.now, self.unit.actor.person
        parts.write(self.unit, self.entity, self.table, record, before)
        changed = {name for name in before.keys() | record.keys() if not same(record.get(name), before.get(name))}
        changes = [(name, before.get(name), record.get(name)) for name in self._logged if name in changed]
        chain = self._append(record, _head(before), changes, "update", transition)
        cells = self._cells(record, [name for name in self._stored_names if name in changed])
        cells |= self._system_cells(record) | {
            "version": record.version,
            "chain_hash": chain[0],
            "chain_length": chain[1],
        }
        if transition:
            cells["workflow_version"] = self.unit.generation.number
        if posting:
            cells["posted_at"] = _naive(self.unit.now)
            record.extra["posted_at"] = self.unit.now
        self._execute(before, cells, action, trashed=False, posted=transition != "")
        if self._found_otherwise(changed):
            search.index_record(self.unit, self.entity, record, self.words)
        self._refresh_dependents(before, record, changed=changed)
        return record

    def _found_otherwise(self, changed: set[str]) -> bool:
        """Whether the record is found by other words than before, or by other people. What plugins add is not known."""
        return not search.reads(self.entity).isdisjoint(changed) or bool(
            self.unit.generation.hooks.implementations("search_text", self.entity.full_name)
        )

    def trash(self, before: Record, *, action: str = "delete") -> None:
        """Put the record into the trash. The caller has dealt with whoever points at it."""
        if self.entity.kind == "ledger" or (self.entity.kind == "document" and before.extra.get("posted_at") is not None):
            raise Conflict("What was posted stays. Reverse it instead.")
        self._lock(before)
        self._stamp_trash(before, self.unit.now, action)
        search.remove(self.unit, self.entity, [before.id])
        head.note_written(self.unit, self.entity)
        self._refresh_dependents(before, None)

    def restore(self, before: Record, *, action: str = "delete", shape: Entity | None = None) -> Record:
        """Take the record out of the trash again, under today's constraints."""
        self._lock(before)
        record = before.copy()
        record.extra = dict(before.extra)
        stored.derive(self.unit, self.formulas, self.entity, record, rollups=self._rollups())
        self._refuse_broken(record, shape)
        constraints.hold(self.unit, self.formulas, self.entity, record, None, restored=True)
        self._finish(record)
        self._stamp_trash(before, None, action, self._cells(record, self._stored_names) | self._title_cells(record))
        record["version"] = before.version + 1
        record.extra["trashed_at"] = None
        search.index_record(self.unit, self.entity, record, self.words)
        self._refresh_dependents(None, record)
        return record

    def purge(self, before: Record) -> None:
        """Remove a trashed record for good; its log entries stay."""
        self._lock(before)
        self._append(before, _head(before), [("purged", False, True)], "purge")
        for link in self.table.links.values():
            self.unit.connection.execute(link.delete().where(link.c.owner_id == before.id))
        for lines in self.table.lines.values():
            self.unit.connection.execute(lines.table.delete().where(lines.table.c.owner_id == before.id))
        gone = self.unit.connection.execute(
            self.table.table.delete().where(
                self.table.table.c.id == before.id, self.table.table.c.trashed_at.is_not(None), self._clause("delete")
            )
        )
        if gone.rowcount != 1:
            raise Forbidden("You may not remove this record for good.")

    def _keep_posted(self, before: Record, record: Record, opened: frozenset[str]) -> None:
        if self.entity.kind != "document" or before.extra.get("posted_at") is None:
            return
        for field in self.entity.fields:
            fixed = not field.editable_after_posting and field.name not in opened and field.type not in rows.DERIVED
            if fixed and not same(record.get(field.name), before.get(field.name)):
                raise Conflict(POSTED, errors={field.name: [POSTED]})

    def _only_one(self) -> None:
        constraints.lock(self.unit, [constraints.lock_number(self.entity.full_name, "settings")])
        if self.unit.connection.execute(sa.select(self.table.table.c.id).limit(1)).first():
            raise Conflict("These settings exist already; change them instead.")

    def _hold_sources(self, record: Record) -> None:
        """Keep what our stored values read as it is until we commit.

        Else somebody could change it meanwhile without seeing our row, and what we stored would stay old. Where a rollup
        over there will count us, its row is taken for writing at once: two readers that both want to write would block
        each other.
        """
        if self.unit.database.dialect != "postgresql":
            return
        for name, counted in stored.sources(self.unit, self.entity):
            field, value = self.entity.field(name), record.get(name)
            if field is None or value is None:
                continue
            if isinstance(value, EntityRef):
                target, numbers = value.entity, (value.id,)
            else:
                target = next(iter(self.unit.generation.targets(field)), "")
                numbers = value if isinstance(value, tuple) else (int(value),)
            if target in self.unit.generation.entities:
                table = entity_table(self.unit.generation.entity(target), self.unit.database.dialect).table
                rows.hold(self.unit, table, numbers, "update" if counted else "share")
                for number in numbers:
                    self.formulas.forget(target, number)

    def _refuse_broken(self, record: Record, shape: Entity | None) -> None:
        # What the checks read may have changed on other records since the write was prepared.
        for sentence in constraints.failures(self.formulas, shape or self.entity, record):
            raise Conflict(sentence, errors={"": [sentence]})

    def _lock(self, before: Record, record: Record | None = None) -> None:
        """Hold the row until the unit ends, and take over what moves without a new version: chain head and rollups."""
        row = self.table.table
        rollups = [field for field in self.entity.fields if field.type == "rollup" and field.name in self.table.columns]
        cells = [column for field in rollups for column in self.table.columns[field.name]]
        select = remembered.statement(
            row,
            "lock",
            lambda: Sent(
                rows.locked(
                    self.unit,
                    sa.select(row.c.version, row.c.chain_hash, row.c.chain_length, row.c.trashed_at, *cells).where(
                        row.c.id == sa.bindparam("number")
                    ),
                    "update",
                )
            ),
        )
        found = select.rows(self.unit.connection, {"number": before.id})
        now = dict(zip(_LOCKED + tuple(column.name for column in cells), found[0], strict=True)) if found else {}
        if not now or now["version"] != before.version or (now["trashed_at"] is None) != (before.extra.get("trashed_at") is None):
            raise RowMoved(f"{self.entity.full_name} {before.id} has changed.")
        before.extra["chain_hash"], before.extra["chain_length"] = now["chain_hash"], now["chain_length"]
        for field in rollups:
            before[field.name] = rows.read(self.unit, self.entity, field, self.table.columns[field.name], now)
            if record is not None:
                record[field.name] = before[field.name]

    def _clause(self, action: str) -> sa.ColumnElement[bool]:
        scope = self.rights.scope(action)
        if scope.is_all:
            return sa.true()
        if scope.is_none:
            return sa.false()
        return rules.clause(scope, self.entity, self.table, self.unit, at=self.table.table)

    def _execute(self, before: Record, cells: Mapping[str, object], action: str, *, trashed: bool, posted: bool = True) -> None:
        row = self.table.table
        unposted = self.entity.kind == "document" and not posted and before.extra.get("posted_at") is None
        # A document that somebody posted meanwhile is not written as the draft it was.
        known = self._known(cells)
        values = {**known, "this_id": before.id, "this_version": before.version}
        if self.rights.scope(action).is_all:
            name = ("update", trashed, unposted, *known)
            sent = remembered.statement(row, name, lambda: Sent(_update(row, trashed, unposted), list(known)))
            written = sent.run(self.unit.connection, values)
        else:
            update = remembered.statement(row, ("update", trashed, unposted), lambda: _update(row, trashed, unposted))
            written = self.unit.connection.execute(update.where(self._clause(action)), values).rowcount
        if written != 1:
            # Version and trash were compared under the row's lock: what is left is the row rule.
            still = self.unit.connection.execute(sa.select(row.c.id).where(row.c.id == before.id, self._clause("read"))).first()
            if still is None:
                raise NotFound
            raise Forbidden("You may no longer do this with this record.")

    def _stamp_trash(self, before: Record, at: Any, action: str, more: Mapping[str, object] | None = None) -> None:
        changes = [("trashed", at is None, at is not None)]
        chain = self._append(before, _head(before), changes, "trash" if at is not None else "restore")
        self._execute(
            before,
            {
                **(more or {}),
                "trashed_at": _naive(at) if at is not None else None,
                "trashed_by": self.unit.actor.person if at is not None else None,
                "version": before.version + 1,
                "updated_at": _naive(self.unit.now),
                "updated_by": self.unit.actor.person,
                "chain_hash": chain[0],
                "chain_length": chain[1],
            },
            action,
            trashed=at is None,
        )

    def _rollups(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.entity.fields if field.type == "rollup" and field.name in self.table.columns)

    @property
    def _stored_names(self) -> tuple[str, ...]:
        """The fields that lie in columns of the record's own row."""
        return remembered.statement(
            self.table,
            "stored names",
            lambda: tuple(
                field.name
                for field in self.entity.fields
                if field.name in self.table.columns and (field.type != "lookup" or self.entity.kind == "document")
            ),
        )

    @property
    def _logged(self) -> tuple[str, ...]:
        """What the log tells of a record."""
        return remembered.statement(self.table, "logged names", self._logged_names)

    def _logged_names(self) -> tuple[str, ...]:
        names = [
            field.name
            for field in self.entity.fields
            if field.type != "lookup" and any(field.name in held for held in (self.table.columns, self.table.links, self.table.lines))
        ]
        return (*names, "state") if self.entity.workflow is not None or self.entity.kind == "document" else tuple(names)

    def _append(
        self,
        record: Record,
        head: tuple[str | None, int],
        changes: Sequence[tuple[str, Value, Value]],
        action: str,
        transition: str = "",
    ) -> tuple[str, int]:
        return log.append(
            self.unit,
            self.entity,
            record.id,
            head,
            changes,
            action=action,
            transition=transition,
            version=record.version,
        )

    def _cells(self, record: Mapping[str, Value], names: Iterable[str]) -> dict[str, object]:
        return cells_of(self.unit, self.entity, self.table, record, names)

    def _title_cells(self, record: Mapping[str, Value]) -> dict[str, object]:
        title = record.get("display_title")
        return {"display_title": title, "title_key": kind("text").sort_key(_TITLE, title)}

    def _system_cells(self, record: Mapping[str, Value]) -> dict[str, object]:
        return self._title_cells(record) | {
            "updated_at": _naive(self.unit.now),
            "updated_by": self.unit.actor.person,
            "state": record.get("state"),
            "department_id": record.get("department_id"),
        }

    def _known(self, cells: Mapping[str, object]) -> dict[str, object]:
        columns = remembered.statement(self.table, "columns", lambda: frozenset(column.name for column in self.table.table.c))
        return {name: value for name, value in cells.items() if name in columns}

    def _finish(self, record: Record) -> None:
        record["display_title"] = stored.title(self.unit, self.formulas, self.entity, record)
        head.note_written(self.unit, self.entity)

    def _draw(self, record: Record, before: Record | None) -> None:
        """Human keys, as late as possible: a number's row is held until the commit."""
        drawn = False
        for field in remembered.statement(self.entity, "drawn", lambda: tuple(one for one in self.entity.fields if one.type == "sequence")):
            if record.get(field.name):
                continue
            if field.gap_free and self.entity.kind == "document" and record.get("state") in (None, "draft", "cancelled"):
                continue  # a gap-free number is taken when the document is posted
            record[field.name] = sequences.draw(self.unit, self.entity, field, record, self.formulas)
            drawn = True
        if drawn:
            stored.derive(self.unit, self.formulas, self.entity, record)

    def _posting(self, before: Record, record: Record, transition: str) -> bool:
        return bool(
            self.entity.kind == "document" and transition and before.extra.get("posted_at") is None and record.get("state") == "posted"
        )

    def _freeze(self, record: Record) -> None:
        """Lookups of a document keep what they show when it is posted."""
        path = self.formulas.path(self.entity, record)
        for field in self.entity.fields:
            if field.type == "lookup" and field.name in self.table.columns:
                record[field.name] = path(field.via, field.of)

    def _refresh_dependents(
        self,
        before: Record | None,
        after: Record | None,
        depth: int = 0,
        *,
        changed: Collection[str] | None = None,
        held: bool = True,
    ) -> None:
        if not stored.dependents(self.unit, self.entity.full_name):
            return
        if changed is None:
            names = {*(before or {}), *(after or {})}
            changed = {name for name in names if not same((before or {}).get(name), (after or {}).get(name))}
        affected = stored.affected(self.unit, self.entity, before, after, frozenset(changed))
        for name in sorted(affected):
            refresh(self.unit, self.formulas, name, affected[name], self.rights, depth + 1, held=held)


def settle(unit: Unit) -> None:
    """Write what a unit that gathers (``core.storage.later``) has left for its end; it writes at once from here on."""
    gathered = later.taken(unit)
    if gathered is not None:
        log.flush(unit, gathered.entries)
        search.flush(unit, gathered.indexed)


def refresh(
    unit: Unit,
    formulas: Formulas,
    name: str,
    wanted: Mapping[int, Iterable[str]],
    rights: Grant,
    depth: int = 0,
    *,
    held: bool = True,
) -> None:
    """Compute again what is stored on these records (id -> rollups, computed fields or the title that may differ).

    The record keeps its version, since nobody edited it; what changed is logged like everything else. The rows are
    locked before anything is counted, so that two writers of children cannot both count without the other. Unless ``held`` is
    False (a new field is filled) rules over several records are held like at any write.
    """
    if depth > DEPTH:
        return
    writer = Writer(unit, name, rights, formulas)
    entity, table = writer.entity, writer.table
    for number in sorted(wanted):
        formulas.forget(name, number)
    for number, before in rows.load_many(unit, name, wanted, lock="update").items():
        record = before.copy()
        record.extra = dict(before.extra)
        stored.derive(unit, formulas, entity, record, rollups=tuple(wanted[number]))
        record["display_title"] = stored.title(unit, formulas, entity, record)
        changed = [one for one in record if not same(record[one], before.get(one))]
        if not changed:
            continue
        formulas.forget(name, number)
        if held and before.extra.get("trashed_at") is None and (name, number) not in unit.going:
            _still_held(unit, formulas, entity, record, before)
        parts.write(unit, entity, table, record, before)
        changes = [(one, before.get(one), record.get(one)) for one in writer._logged if not same(record.get(one), before.get(one))]
        cells = writer._cells(record, [one for one in changed if one in table.columns]) | writer._title_cells(record)
        if changes:
            chain = writer._append(record, _head(before), changes, "derive")
            cells |= {"chain_hash": chain[0], "chain_length": chain[1]}
        known = writer._known(cells)
        update = remembered.statement(
            table.table,
            ("derive", *known),
            lambda known=known: Sent(table.table.update().where(table.table.c.id == sa.bindparam("this_id")), list(known)),  # type: ignore[misc]
        )
        update.run(unit.connection, {**known, "this_id": number})
        found_by = {one.name for one in search.searchable(entity)} | {"display_title"}
        if before.extra.get("trashed_at") is None and not found_by.isdisjoint(changed):
            search.index_record(unit, entity, record)
        writer._refresh_dependents(before, record, depth, held=held)


def _still_held(unit: Unit, formulas: Formulas, entity: Entity, record: Record, before: Record) -> None:
    """A value that follows from another record's write breaks no rule either. Whoever writes there is told no more than that."""
    try:
        constraints.hold(unit, formulas, entity, record, before)
    except Conflict:
        raise Conflict(constraints.UNAVAILABLE) from None


def _update(row: sa.Table, trashed: bool, unposted: bool) -> sa.Update:
    where = [
        row.c.id == sa.bindparam("this_id"),
        row.c.version == sa.bindparam("this_version"),
        row.c.trashed_at.is_not(None) if trashed else row.c.trashed_at.is_(None),
    ]
    return row.update().where(*where, row.c.posted_at.is_(None)) if unposted else row.update().where(*where)


def _head(record: Record) -> tuple[str | None, int]:
    return record.extra.get("chain_hash"), int(record.extra.get("chain_length") or 0)


def _naive(at: Any) -> Any:
    return at.replace(tzinfo=None) if at is not None else None


def _blank(value: Value) -> bool:
    return value is None or value == () or value is False


_TITLE = Field("display_title", "text")
_LOCKED = ("version", "chain_hash", "chain_length", "trashed_at")
