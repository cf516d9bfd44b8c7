"""Imports: rows of a file become records, in batches, each row on its own, all under one operation.

Rows are read and prepared while others write; the turn to write is taken for a batch at a time. What has to be one whole (a
dry run, all or nothing) is tried out on a copy of the database where there is one turn for all (SQLite).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, BinaryIO

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict
from core.services import sheets, writes
from core.services.drafts import Draft
from core.services.incoming import Incoming
from core.services.platform import Platform
from core.storage import later, rehearsal
from core.storage.unit import HeadMoved, Unit
from core.storage.writing import RowMoved, settle

BATCH = 250
"""Rows that are written in one unit: for so long others wait."""
AT_ONCE = 10_000
"""Rows that a dry run tries together in place before it takes them back."""
HELD = 5_000
"""Rows of an import of all or nothing that are prepared before the turn to write is taken."""
KEPT_REFUSALS = 1_000
_UNCHANGED = "unchanged"
_MOVED = "The configuration changed during the import; nothing was written. Please try again."

Row = tuple[int, Mapping[str, Any]]
"""A row of the file: its number, and its cells by heading."""
Outcome = str | Mapping[str, Sequence[str]]
"""What became of a row: a word, or the reasons why it was refused."""


@dataclass(frozen=True)
class Refusal:
    """A row that was not written: its number in the file (the first row under the headings is 1) and why, by column."""

    row: int
    reasons: Mapping[str, Sequence[str]]

    def __str__(self) -> str:
        said = [f"{name}: {one}" if name else one for name, sentences in self.reasons.items() for one in sentences]
        return f"row {self.row}: {' '.join(said)}"


@dataclass
class Report:
    """What an import did, or would do. ``refusals`` holds the first 1,000 of ``refused`` rows; ``operation`` undoes it."""

    operation: str
    dry_run: bool = False
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    written: bool = True
    """False when nothing was written: a dry run, or ``all_or_nothing`` with a refused row."""

    def refuse(self, row: int, reasons: Mapping[str, Sequence[str]]) -> None:
        """Count a refused row and keep its reasons."""
        self.refused += 1
        if len(self.refusals) < KEPT_REFUSALS:
            self.refusals.append(Refusal(row, reasons))

    @property
    def rows(self) -> int:
        """How many rows the file has so far."""
        return self.created + self.changed + self.unchanged + self.refused

    def again(self) -> None:
        """Nothing of it stands: count anew."""
        self.created = self.changed = self.unchanged = self.refused = 0
        self.refusals.clear()


@dataclass(frozen=True)
class _Plan:
    """One row on its way: the draft to store (None: nothing differs)."""

    row: int
    draft: Draft | None


Planned = tuple[int, Mapping[str, Any], _Plan | None]
"""A row with what is to be stored; None: it is prepared when its turn comes."""
Progress = Callable[[Report], None]


class _Refused(Exception):
    """A row of a batch was refused by the database."""


class _TakenBack(Exception):
    """Rolls a unit back that was never meant to be kept."""


def run(
    p: Platform,
    actor: Actor,
    entity: str,
    source: BinaryIO,
    format: str,
    *,
    upsert: str | None = None,
    dry_run: bool = False,
    all_or_nothing: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import a file (csv, xlsx, json). Rows stand alone: bad ones are refused with reasons, the others are written.

    ``upsert`` names the field by which a row finds its record. ``progress`` is called after each batch. Raises Forbidden,
    and BadRequest for a file that cannot be read or an unknown column; rows written before that stay.
    """
    report = Report(uuid.uuid4().hex, dry_run)
    actor = actor if actor.is_system else actor.via("import")
    start = source.tell() if source.seekable() else None
    work = _Import(p, Incoming(p, actor, entity, sheets.read(source, format), upsert), report)
    numbered = work.rows()
    if not dry_run and not all_or_nothing:
        while batch := list(islice(numbered, BATCH)):
            work.batch(batch)
            if progress is not None:
                progress(report)
        return report
    first = list(islice(numbered, BATCH + 1))
    numbered = chain(first, numbered)
    if len(first) <= BATCH or start is None:
        work.together(numbered, keep=not dry_run, at_once=AT_ONCE, progress=progress)
        return report
    with rehearsal.copied(p.database) as copy:
        if copy is None:
            work.together(numbered, keep=not dry_run, at_once=AT_ONCE, progress=progress)
            return report
        tried = work if dry_run else _Import(p, work.incoming, Report(report.operation))
        tried.elsewhere(p.beside(copy)).together(numbered, keep=False, at_once=None, progress=progress)
    if dry_run:
        return report
    if tried.report.refused:
        return tried.report

    def anew() -> Iterator[Row]:
        source.seek(start)
        work.incoming.table = sheets.read(source, format)
        return work.rows()

    work.whole(anew, progress)
    return report


class _Import:
    """One file being imported into one database."""

    def __init__(self, p: Platform, incoming: Incoming, report: Report) -> None:
        self.p, self.incoming, self.report = p, incoming, report
        self.actor = incoming.actor

    def rows(self) -> Iterator[Row]:
        """The rows that are still to be read, numbered."""
        return enumerate(self.incoming.table.rows, start=1)

    def elsewhere(self, p: Platform) -> _Import:
        """The same file and report over a copy of the database."""
        known = self.incoming
        return _Import(p, Incoming(p, self.actor, known.name, known.table, known.upsert), self.report)

    def batch(self, rows: list[Row]) -> None:
        """Write a batch: rows are prepared together and stored in one unit. A row that cannot be prepared while others
        wait is tried again when these are stored, for it may name one of them."""
        waiting = rows
        while waiting:
            before = len(waiting)
            waiting = self._some(waiting)
            assert len(waiting) < before, "each round finishes at least one row"

    def _some(self, rows: list[Row]) -> list[Row]:
        refused: dict[int, Mapping[str, Sequence[str]]] = {}
        rest: list[Row] = []

        def prepare(unit: Unit) -> list[_Plan]:
            refused.clear()
            rest.clear()
            plans: list[_Plan] = []
            found = self.incoming.found(unit, rows)
            seen: set[object] = set()
            for place, (number, cells) in enumerate(rows):
                key = self.incoming.key(cells)
                if key is not None and key in seen:
                    rest.extend(rows[place:])
                    break
                seen.add(key)
                try:
                    plans.append(_Plan(number, self.incoming.draft(unit, cells, found)))
                except (BackofficeError, ValueError) as problem:
                    if any(plan.draft is not None for plan in plans):
                        rest.extend(rows[place:])
                        break
                    refused[number] = _reasons(problem)
            return plans

        def commit(unit: Unit, plans: list[_Plan]) -> dict[int, Outcome]:
            later.gather(unit)
            done = {plan.row: self._store(unit, plan, careful) for plan in plans}
            settle(unit)
            return done

        # Nearly always the database takes every row. Where it refuses one, the batch is taken back and stored again with a
        # savepoint around each row.
        careful = False
        try:
            done = writes.twice(self.p, self.actor, prepare, commit, operation=self.report.operation, reason="import")
        except _Refused:
            careful = True
            done = writes.twice(self.p, self.actor, prepare, commit, operation=self.report.operation, reason="import")
        for number, outcome in done.items():
            self._count(number, outcome)
        for number, reasons in refused.items():
            self.report.refuse(number, reasons)
        return list(rest)

    def together(self, rows: Iterator[Row], *, keep: bool, at_once: int | None, progress: Progress | None) -> None:
        """All rows in one unit, one after the other: kept when none is refused, or (``keep`` False) taken back in any case,
        after each ``at_once`` rows if there is such a number."""
        more = True
        while more:
            part = iter(list(islice(rows, at_once))) if at_once is not None and not keep else rows
            before = self.report.rows
            self._tried_again(((number, cells, None) for number, cells in part), keep, progress)
            more = not keep and at_once is not None and self.report.rows - before == at_once

    def whole(self, rows: Callable[[], Iterator[Row]], progress: Progress | None) -> None:
        """Write all rows in one unit, or none. The first ones are prepared before the turn to write is taken, but for those
        that cannot be (they may name a row before them)."""
        careful = False
        for _ in range(writes.TRIES):
            self.report.again()
            coming = rows()
            with self.p.read(self.actor) as unit:
                ahead = self._ahead(unit, list(islice(coming, HELD)))
            try:
                self._one_unit(chain(ahead, ((number, cells, None) for number, cells in coming)), True, progress, careful)
                return
            except _Refused:
                careful = True  # others wrote meanwhile: tell which row it was
            except RowMoved:
                continue
            except HeadMoved:
                self.p.generation()
        raise Conflict(writes.MOVED)

    def _tried_again(self, rows: Iterator[Planned], keep: bool, progress: Progress | None) -> None:
        for _ in range(writes.TRIES):
            before = self.report.rows
            try:
                self._one_unit(rows, keep, progress)
                return
            except HeadMoved:
                if self.report.rows > before:
                    raise Conflict(_MOVED) from None
                self.p.generation()
        raise Conflict(writes.MOVED)

    def _ahead(self, unit: Unit, rows: list[Row]) -> list[Planned]:
        found, seen = self.incoming.found(unit, rows), set[str]()
        made: list[Planned] = []
        for number, cells in rows:
            key, plan = self.incoming.key(cells), None
            if key is None or key not in seen:  # else it has to see what the row before it wrote
                try:
                    plan = _Plan(number, self.incoming.draft(unit, cells, found))
                except (BackofficeError, ValueError):
                    plan = None
            if key is not None:
                seen.add(key)
            made.append((number, cells, plan))
        return made

    def _one_unit(self, rows: Iterable[Planned], keep: bool, progress: Progress | None, careful: bool = True) -> None:
        """Store rows in one unit, preparing those that have no plan. Raises HeadMoved before the first of them."""
        try:
            with self.p.write(self.actor, operation=self.report.operation, reason="import") as unit:
                later.gather(unit)
                for count, (number, cells, plan) in enumerate(rows, start=1):
                    self._count(number, self._alone(unit, number, cells, plan, careful))
                    if count % BATCH == 0:
                        _leave(unit, keep)
                        if progress is not None:
                            progress(self.report)
                if not keep or self.report.refused:
                    raise _TakenBack
                settle(unit)
        except _TakenBack:
            self.report.written = False

    def _alone(self, unit: Unit, number: int, cells: Mapping[str, Any], plan: _Plan | None, careful: bool) -> Outcome:
        try:
            if plan is None:
                plan = _Plan(number, self.incoming.draft(unit, cells, self.incoming.found(unit, [(number, cells)])))
            done = self._store(unit, plan, careful)
        except (BackofficeError, ValueError) as problem:
            return _reasons(problem)
        if done == "created":
            self.incoming.forget()  # a row that follows may name it
        return done

    def _store(self, unit: Unit, plan: _Plan, careful: bool) -> Outcome:
        """Store one draft; ``careful``: within a savepoint, so that its refusal takes nothing else along."""
        if plan.draft is None:
            return _UNCHANGED
        gathered = later.of(unit)
        mark = gathered.mark() if gathered is not None else (0, 0)
        point = unit.connection.begin_nested() if careful else None
        try:
            writes.store(unit, plan.draft)
            if point is not None:
                point.commit()
        except (BackofficeError, sa.exc.IntegrityError, sa.exc.DataError, sa.exc.OperationalError) as problem:
            # 54000: a value is too long for an index of PostgreSQL.
            if isinstance(problem, sa.exc.OperationalError) and getattr(problem.orig, "sqlstate", "") != "54000":
                raise
            if point is None:
                raise _Refused from problem
            point.rollback()
            if gathered is not None:
                gathered.cut(mark)
            return _reasons(problem)
        return "created" if plan.draft.before is None else "changed"

    def _count(self, row: int, outcome: Outcome) -> None:
        if not isinstance(outcome, str):
            self.report.refuse(row, outcome)
        elif outcome == "created":
            self.report.created += 1
        elif outcome == "changed":
            self.report.changed += 1
        else:
            self.report.unchanged += 1


def _leave(unit: Unit, keep: bool) -> None:
    """Write what the unit has gathered for its end, or forget it, where everything is taken back anyway."""
    if keep:
        settle(unit)
    else:
        later.taken(unit)
    later.gather(unit)


def _reasons(problem: Exception) -> Mapping[str, Sequence[str]]:
    if isinstance(problem, BackofficeError):
        return problem.errors or {"": [problem.detail]}
    if isinstance(problem, sa.exc.IntegrityError):
        return {"": ["A value is not available."]}
    if isinstance(problem, sa.exc.DBAPIError):
        return {"": ["A value is too large or of a form that the database does not take."]}
    return {"": [str(problem)]}


__all__ = ["Refusal", "Report", "run"]
