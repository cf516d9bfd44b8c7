"""Pages by key: the rows of one query in order, forwards and backwards, each page one statement or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from core.access.grant import Grant
from core.errors import BadRequest
from core.held import making
from core.storage import branches, cursors, keyset, planning, search
from core.storage.branches import Cover
from core.storage.filters import Filter
from core.storage.keyset import Run
from core.storage.planning import Order, Phase
from core.storage.query import Query
from core.storage.remembering import Remembered
from core.storage.sent import Sent
from core.storage.shapes import Shape, shape_of
from core.storage.sight import Sight
from core.storage.unit import Unit
from schemas.model import Entity

Narrow = Callable[[Sight, Phase | None], ColumnElement[bool]]
"""What a branch adds to the conditions of a run."""

COUNT_CAP = 10_000
LARGEST_PAGE = 1_000
_REMEMBERED = 20.0
"""Seconds for which the size of a set is believed when a page is planned; it never decides what is on the page."""
WIDEST = 20_000
"""Rows of a branch that are counted to choose among covers."""
UNSORTED = "Sorted among the newest 2,000. Add a filter, or have the field indexed, to sort all."


@dataclass
class Found:
    """Raw rows of a page (as ``shape`` reads them) with its cursors and notes."""

    shape: Shape
    rows: list[Any]
    next: str | None = None
    prev: str | None = None
    total: int | None = None
    total_is_capped: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class Prepared:
    """What all pages of one form of query by one actor share: order, shape and the statements built so far."""

    order: Order
    shape: Shape
    statements: dict[object, Sent] = field(default_factory=dict)


class Pager:
    """One query by one actor, ready to be counted or paged. Unknown and invisible names are BadRequest on making it."""

    def __init__(self, unit: Unit, entity: Entity, rights: Grant, query: Query, secret: bytes) -> None:
        self.unit, self.entity, self.rights, self.query, self.secret = unit, entity, rights, query, secret
        self.sight = Sight(unit, entity, rights)
        self.filter = Filter(self.sight, query.where)
        self.words = search.words(query.q)
        self.values: dict[str, object] = dict(self.filter.values)
        self.key = (
            self.sight.key,
            query.fields,
            self.filter.key,
            query.expression,
            bool(query.q.strip()),
            len(self.words),
            query.sort,
            query.trashed,
        )
        self.prepared = self._prepare()
        if query.q.strip() and self.sight.faces:
            self.values.update(self._search())

    def _prepare(self) -> Prepared:
        found = _PREPARED.get(self.key)
        if found is not None:
            return found
        with making:
            found = _PREPARED.get(self.key)
            if found is None:
                found = Prepared(planning.order_of(self.sight, self.query.sort), shape_of(self.sight, self.query.fields))
                self._keep(found)
            return found

    def _search(self) -> dict[str, object]:
        """What to search for: the words as they stand, and only where none has the last one, words that begin so.

        A word's hits are read from the newest on and end early; of a beginning, an index gathers all hits first.
        """
        exact = search.bound(self.sight, self.words, beginning=False)
        key = (self.key, "words", self.words, tuple(self.filter.values.items()))
        found, moment = _SIZES.get(key), self.unit.now.timestamp()
        if found is None or not 0 <= moment - found[0] < _REMEMBERED:
            self.values.update(exact)
            found = (moment, self._capped(1) if exact else 0)
            if not found[1]:
                # That there is an exact hit is asked each time: believed for a while, the search would find nothing once it is gone.
                _SIZES.put(key, found)
        return exact if found[1] else search.bound(self.sight, self.words, beginning=True)

    def _keep(self, prepared: Prepared) -> None:
        if not self.sight.moving:
            _PREPARED.put(self.key, prepared)

    @property
    def free(self) -> bool:
        """Nothing narrows the set: no filter, no search, no row rule."""
        return not (self.filter or self.query.q.strip() or self.query.expression or self.query.trashed) and not any(
            face.rows for face in self.sight.faces
        )

    @property
    def ruled(self) -> bool:
        """Nothing but row rules narrows the set, and where they are covered every row of a branch belongs to it."""
        asked = self.filter or self.query.q.strip() or self.query.expression or self.query.trashed
        return not asked and branches.rules_are_covered(self.sight)

    @property
    def mark(self) -> str:
        """What a cursor must have been made for: this shape, sort, filter and search."""
        return cursors.fingerprint(
            (
                self.unit.generation.fingerprint(self.entity.full_name),
                self.prepared.order,
                self.filter.key,
                tuple(self.filter.values.items()),
                self.words,
                self.query.expression,
                self.query.trashed,
            )
        )

    def page(self) -> Found:
        """The rows of the page asked for."""
        query, prepared = self.query, self.prepared
        limit = max(1, min(query.limit, LARGEST_PAGE))
        if sum((bool(query.after), bool(query.before), query.last)) > 1:
            raise BadRequest("Give one of after, before and page=last.")
        reverse = bool(query.before) or query.last
        token = query.after or query.before
        mark = self.mark if token else ""
        keys = cursors.unseal(self.secret, mark, token) if token else None
        if not self.sight.faces:
            return Found(prepared.shape, [], total=0)
        size = self._size()
        rows: list[Any] = []
        walk = self._walk(size)
        cover = self._cover(walk)
        values = {**self.values, **keyset.cursor_values(keys), **_branch_values(cover)}
        for run in keyset.runs(walk, reverse, keys, self._count_phases(walk)):
            statement = self._statement(walk, run, reverse, keys, cover)
            rows += self._execute(statement, {**values, "n": limit + 1 - len(rows)})
            if len(rows) > limit:
                break
        found = Found(prepared.shape, rows[:limit])
        self._cursors(found, reverse, len(rows) > limit)
        if walk == "newest":
            found.notes += (UNSORTED,)
        if token is None and len(rows) <= limit:
            found.total = len(rows)
        elif query.count:
            found.total, found.total_is_capped = self.count()
        return found

    def count(self) -> tuple[int, bool]:
        """How many rows match, at most 10,000, and whether there are more."""
        number = self._capped(COUNT_CAP + 1)
        return min(number, COUNT_CAP), number > COUNT_CAP

    def matching(self, sight: Sight, *, searched: bool = False, walk: str = "small") -> ColumnElement[bool]:
        """Readable rows that the filter, the expression and the search let through, over the alias of ``sight``.

        ``searched``: the search stands in what is selected from. ``walk``: the index that will be walked.
        """
        query = self.query
        parts = [sight.readable(trashed=query.trashed), self.filter.clause(sight)]
        if query.expression:
            parts.append(sight.condition(query.expression))
        if query.q.strip() and not searched:
            parts.append(search.matching(sight, self.words))
        if self.unit.database.dialect != "sqlite" or walk == "small" or searched:
            return sa.and_(*parts)
        # An index of one equal value goes on in order of id and may be walked too; of any other the engine would sort
        # everything it finds, so it must not see one.
        alike = self.filter.equal(sight) if walk == "id" else []
        return sa.and_(keyset.aside(sa.and_(*parts)), *alike)

    def selecting(self, sight: Sight, *columns: Any, walk: str = "small") -> sa.Select[Any]:
        """``columns`` of all matching rows over the alias of ``sight``, along the search's hits where possible."""
        hits = search.hits(sight, self.words) if self.query.q.strip() else None
        chosen = sa.select(*columns)
        if hits is None:
            return chosen.select_from(sight.at).where(self.matching(sight, walk=walk))
        return chosen.select_from(hits.source).where(hits.where, self.matching(sight, searched=True))

    def fresh(self) -> Sight:
        """Another alias of the same entity, for one more statement."""
        return Sight(self.unit, self.entity, self.rights, self.sight)

    def built(self, key: object, build: Callable[[], sa.Select[Any]]) -> Sent:
        """A statement, made once for this form of query."""
        found = self.prepared.statements.get(key)
        if found is not None:
            return found
        with making:
            found = self.prepared.statements.get(key)
            if found is None:
                found = Sent(build(), bare=True)
                if self.sight.moving:
                    _PREPARED.drop(self.key)
                self.prepared.statements[key] = found
            return found

    def _execute(self, statement: Sent, values: Mapping[str, object]) -> Sequence[Any]:
        return statement.rows(self.unit.connection, values)

    def _probe(self) -> int:
        """How many rows match, up to SMALL + 1, counted branch by branch where that spares reading the others."""
        cover = self._cover("small")
        if not cover:
            return self._capped(planning.SMALL + 1)

        def build() -> sa.Select[Any]:
            arms = []
            for number, branch in enumerate(cover):
                sight = self.fresh()
                narrow = _branch(number, branch.columns)(sight, None)
                some = self.selecting(sight, sa.literal(1).label("one")).where(narrow).limit(keyset.limit())
                arms.append(sa.select(some.subquery()))
            merged = sa.union_all(*arms).subquery() if len(arms) > 1 else arms[0].subquery()
            return sa.select(sa.func.count()).select_from(sa.select(merged).limit(keyset.limit()).subquery())

        values = {**self.values, **_branch_values(cover), "n": planning.SMALL + 1}
        return int(self._execute(self.built(("probe", branches.columns_of(cover)), build), values)[0][0])

    def _capped(self, cap: int) -> int:
        def build() -> sa.Select[Any]:
            sight = self.fresh()
            some = self.selecting(sight, sa.literal(1).label("one"))
            return sa.select(sa.func.count()).select_from(some.limit(sa.bindparam("n", type_=sa.Integer)).subquery())

        return int(self._execute(self.built("count", build), {**self.values, "n": cap})[0][0])

    def _size(self) -> int:
        """How many rows match, up to SMALL + 1; free sets along an index need not be measured."""
        walk = self.prepared.order.walk
        if (self.free or (self.ruled and self._cover(walk))) and walk != "other":
            return planning.SMALL + 1
        key = (self.key, tuple(self.values.items()))
        moment = self.unit.now.timestamp()
        found = _SIZES.get(key)
        if found is None or not 0 <= moment - found[0] < _REMEMBERED:
            found = (moment, self._probe())
            _SIZES.put(key, found)
        return found[1]

    def _walk(self, size: int) -> str:
        walk = self.prepared.order.walk
        if size <= planning.SMALL:
            return "small"
        return "newest" if walk == "other" else walk

    def _phases(self, sight: Sight, walk: str) -> tuple[Phase, ...]:
        order = self.prepared.order
        if walk in {"small", "newest"}:
            return (planning.sorted_phase(sight, order),)
        return planning.phases(sight, order)

    def _count_phases(self, walk: str) -> int:
        key = self.prepared.order.keys[0]
        return 2 if walk == "label" or (walk == "column" and key.nullable) else 1

    def _statement(
        self, walk: str, run: Run, reverse: bool, keys: tuple[object, ...] | None, cover: Cover
    ) -> Sent:
        empties = tuple(key is None for key in keys) if keys is not None and run.start else None
        key = (walk, run, reverse, empties, branches.columns_of(cover))
        return self.built(key, lambda: self._build(walk, run, reverse, keys, cover))

    def _build(
        self, walk: str, run: Run, reverse: bool, keys: tuple[object, ...] | None, cover: Cover
    ) -> sa.Select[Any]:
        picks = [self._pick(walk, run, reverse, keys, one, cover) for one in self._branches(walk, run, cover)]
        shape = self.prepared.shape
        width = len(picks[0].selected_columns)
        if len(picks) > 1:
            arms = [sa.select(pick.subquery()) for pick in picks]
            # Branches of several columns may find a row twice; UNION keeps one of them.
            merged = (sa.union(*arms) if cover and not branches.disjoint(cover) else sa.union_all(*arms)).subquery()
            picked = sa.select(merged).order_by(*self._order(walk, run, reverse, merged)).limit(keyset.limit()).subquery("p")
        else:
            picked = picks[0].subquery("p")
        statement = sa.select(*shape.columns, *(picked.c[f"k{number}"] for number in range(width)))
        statement = statement.select_from(
            planning.CrossJoin(picked, shape.at, shape.at.c.id == picked.c[f"k{width - 1}"])
        )
        return statement.order_by(*self._order(walk, run, reverse, picked))

    def _pick(
        self,
        walk: str,
        run: Run,
        reverse: bool,
        keys: tuple[object, ...] | None,
        branch: Narrow | None,
        cover: Cover,
    ) -> sa.Select[Any]:
        sight = self.fresh()
        phase = self._phases(sight, walk)[run.phase]
        hits = search.hits(sight, self.words) if self.query.q.strip() and walk in {"id", "small", "newest"} else None
        where = [self.matching(sight, searched=hits is not None, walk=walk), *phase.where]
        if hits is not None:
            where.append(hits.where)
            # The index gives its own ids in order; asked for the row's, an engine would sort all hits first.
            keys_there = ((hits.number, phase.keys[0][1]),) if walk == "id" else phase.keys
            phase = replace(phase, source=hits.source, keys=keys_there)
        if branch is not None:
            where.append(branch(sight, phase))
        if walk == "newest":
            where.append(sight.at.c.id.in_(self._newest(cover)))
        ordered = phase.keys
        if run.start == "same":
            where += [phase.keys[1][0] == keyset.cursor(1, phase.keys[1][0]), keyset.beyond(phase.keys[2:], 2, reverse)]
            ordered = phase.keys[2:]
        elif run.start and walk in {"small", "newest"} and keys is not None:
            where.append(keyset.beyond_empties(phase.keys, keys, reverse))
        elif run.start:
            last = self._last(walk)
            compared = phase.keys[:2] if walk == "label" and len(phase.keys) == 3 else phase.keys
            first = 0 if len(phase.keys) == last + 1 else last
            where.append(keyset.beyond(compared, first, reverse))
        selected = [cell.label(f"k{number}") for number, cell in enumerate(phase.selects)]
        picked = sa.select(*selected).select_from(phase.source).where(*where)
        return picked.order_by(*keyset.order_by(walk, ordered, reverse)).limit(keyset.limit())

    def _newest(self, cover: Cover) -> sa.Select[Any]:
        """The ids of the newest matching rows."""
        arms = []
        narrows: list[Narrow | None] = [_branch(number, branch.columns) for number, branch in enumerate(cover)]
        for narrow in narrows or [None]:
            within = self.fresh()
            chosen = self.selecting(within, within.at.c.id.label("number"), walk="id")
            chosen = chosen if narrow is None else chosen.where(narrow(within, None))
            arms.append(chosen.order_by(within.at.c.id.desc()).limit(planning.SMALL))
        if len(arms) == 1:
            return arms[0]
        merged = sa.union(*(sa.select(arm.subquery()) for arm in arms)).subquery()
        return sa.select(merged.c.number).order_by(merged.c.number.desc()).limit(planning.SMALL)

    def _last(self, walk: str) -> int:
        return {"id": 0, "column": 1, "label": 2}[walk]

    def _order(self, walk: str, run: Run, reverse: bool, picked: sa.Subquery) -> list[ColumnElement[Any]]:
        """The same order over the columns of a pick."""
        phase = self._phases(self.sight, walk)[run.phase]
        width = len(phase.selects)
        keys = [(picked.c[f"k{width - len(phase.keys) + number}"], down) for number, (_, down) in enumerate(phase.keys)]
        return keyset.order_by(walk, tuple(keys), reverse)

    def _branches(self, walk: str, run: Run, cover: Cover) -> list[Narrow | None]:
        """What each branch adds to the conditions of a run."""
        either = len(self._phases(self.sight, walk)[run.phase].either) if walk == "label" else 0
        if either:
            return [_either(number) for number in range(either)]
        if walk == "newest":
            return [None]  # the branches are in what is newest
        return [_branch(number, branch.columns) for number, branch in enumerate(cover)] or [None]

    def _cover(self, walk: str) -> Cover:
        """Where to look for the rows of a large set, branch by branch; empty to walk the whole index."""
        rest = () if walk in {"small", "newest"} else planning.after_branch(self.sight, self.prepared.order, walk)
        if rest is None or self.free or self.query.q.strip():
            return ()
        return self._narrowest([one for one in self.covers if branches.usable(self.sight, one, rest)])

    def _narrowest(self, found: Sequence[Cover]) -> Cover:
        """The cover that leads to the fewest rows, as far as a look at its indexes tells."""
        return min(found, key=self._reach) if len(found) > 1 else found[0] if found else ()

    def _reach(self, cover: Cover) -> int:
        key = (self.unit.database.likeness, self.entity.full_name, cover)
        found = _SIZES.get(key)
        moment = self.unit.now.timestamp()
        if found is None or not 0 <= moment - found[0] < _REMEMBERED:
            statement = branches.reach(self.sight.table.table, branches.columns_of(cover))
            values = {**_branch_values(cover), "n": WIDEST}
            found = (moment, int(self.unit.connection.execute(statement, values).scalar() or 0))
            _SIZES.put(key, found)
        return found[1]

    @cached_property
    def covers(self) -> tuple[Cover, ...]:
        """Everything known about where the matching rows lie."""
        return tuple(branches.covers(self.sight, self.filter, self.query.expression))

    def _cursors(self, found: Found, reverse: bool, more: bool) -> None:
        if reverse:
            found.rows.reverse()
        if not found.rows:
            return
        query, width = self.query, len(found.shape.columns)
        mark = self.mark if more or query.after or query.before else ""
        first, last = tuple(found.rows[0])[width:], tuple(found.rows[-1])[width:]
        if more if not reverse else query.before:
            found.next = cursors.seal(self.secret, mark, last)
        if more if reverse else query.after:
            found.prev = cursors.seal(self.secret, mark, first)


_PREPARED: Remembered[Prepared] = Remembered(6_144, lambda one: one.shape.weight)
_SIZES: Remembered[tuple[float, int]] = Remembered(4_096)


def forget() -> None:
    """Forget statements and sizes; the next page is planned anew."""
    _PREPARED.clear()
    _SIZES.clear()


def _branch(number: int, columns: tuple[str, ...]) -> Narrow:
    def narrow(sight: Sight, phase: Phase | None) -> ColumnElement[bool]:
        return branches.held(sight.at, number, columns)

    return narrow


def _either(number: int) -> Narrow:
    def narrow(sight: Sight, phase: Phase | None) -> ColumnElement[bool]:
        return sa.true() if phase is None else phase.either[number]

    return narrow


def _branch_values(cover: Cover) -> dict[str, object]:
    return {name: value for number, branch in enumerate(cover) for name, value in branch.bound(number).items()}
