"""Covers: columns of which every wanted row has one of a few values, so that a page is read value by value.

A cover only says where to look. The filter and the row rules are tested on every row all the same: a cover that is too
wide costs time and never shows a row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.fields import kind
from core.storage import remembered
from core.storage.filters import Filter, bind
from core.storage.query import Condition
from core.storage.sent import Sent
from core.storage.sight import Sight
from schemas.expressions import ExpressionError, parse
from schemas.model import Field

_NOT_ONE = frozenset({"references", "choices", "any_reference", "lines", "money"})
_OF_COLUMNS = frozenset({"own", "team", "department", "department_tree"})
MOST = 100
"""More branches than this cost more than they save."""


@dataclass(frozen=True)
class Branch:
    """Rows whose ``columns`` hold these ``values``."""

    columns: tuple[str, ...]
    values: tuple[object, ...]

    def bound(self, number: int) -> dict[str, object]:
        """Its values by the names they are bound under as branch ``number`` of a cover."""
        return {bind_name(number, place): value for place, value in enumerate(self.values)}


Cover = tuple[Branch, ...]


def bind_name(number: int, place: int) -> str:
    """Under which the value of the column at ``place`` of branch ``number`` is bound."""
    return f"b{number}" if place == 0 else f"b{number}_{place}"


def covers(sight: Sight, wanted: Filter, expression: str) -> Iterator[Cover]:
    """Covers of the rows that the filter, the expression and the row rules let through, each on its own sufficient."""
    asked: list[Cover] = []
    if wanted.group is not None and not wanted.group.any and not wanted.group.negate:
        asked += [_of_condition(sight, part) for part in wanted.group.parts if isinstance(part, Condition)]
    if expression:
        asked.append(_of_expression(sight, expression))
    asked = [one for one in asked if one]
    yield from asked
    if rules := of_rules(sight):
        yield rules
        # What is asked for among what may be read: one index can hold both.
        yield from (tuple(_both(ruled, one) for ruled in rules for one in cover) for cover in asked if len(rules) * len(cover) <= MOST)


def _both(one: Branch, other: Branch) -> Branch:
    return Branch((*one.columns, *other.columns), (*one.values, *other.values))


@lru_cache(maxsize=4_000)
def _tree(source: str) -> ast.AST | None:
    """The syntax of an expression; None when it has none."""
    try:
        return parse(source).tree
    except ExpressionError:
        return None


def usable(sight: Sight, cover: Cover, rest: Sequence[str]) -> bool:
    """Whether indexes lead with each of the cover's columns and go on with ``rest``; what goes on with nothing goes on with the id."""
    leads = _leads(sight.table.table)
    wanted = {(*branch.columns, *rest) for branch in cover}
    return 0 < len(cover) <= MOST and all(
        any(lead[: len(one)] == one or (one[-1] == "id" and lead == one[:-1]) for lead in leads) for one in wanted
    )


def _leads(table: sa.Table) -> tuple[tuple[str, ...], ...]:
    return remembered.statement(
        table, "leads", lambda: tuple(tuple(str(column.name) for column in index.columns) for index in table.indexes)
    )


def reach(table: sa.Table, columns: tuple[tuple[str, ...], ...]) -> sa.Select[Any]:
    """Counts the rows of all branches, at most ``n`` of each; indexes alone are read."""
    return remembered.statement(table, ("reach", columns), lambda: _reach(table, columns))


def _reach(table: sa.Table, columns: tuple[tuple[str, ...], ...]) -> sa.Select[Any]:
    arms = []
    for number, names in enumerate(columns):
        some = sa.select(sa.literal(1).label("one")).select_from(table).where(held(table, number, names))
        arms.append(sa.select(some.limit(sa.bindparam("n", type_=sa.Integer)).subquery()))
    merged = (sa.union_all(*arms) if len(arms) > 1 else arms[0]).subquery()
    return sa.select(sa.func.count()).select_from(merged)


def held(at: sa.FromClause, number: int, names: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """The rows of a branch: its columns over ``at`` hold the values bound for them."""
    cells = [at.c[name] for name in names]
    return sa.and_(*(cell == sa.bindparam(bind_name(number, place), type_=cell.type) for place, cell in enumerate(cells)))


def columns_of(cover: Cover) -> tuple[tuple[str, ...], ...]:
    """The cover's columns, branch by branch: what a statement made for it is the same for."""
    return tuple(branch.columns for branch in cover)


def disjoint(cover: Cover) -> bool:
    """No row is in two branches."""
    return len({branch.columns for branch in cover}) == 1


def _of_condition(sight: Sight, condition: Condition) -> Cover:
    declared = sight.field(condition.field)
    if declared is None or condition.op not in {"eq", "in"}:
        return ()
    column = _column(sight, declared)
    if not column:
        return ()
    return _branches(column, [cells[0] for cells in bind(sight, condition)])


def _of_expression(sight: Sight, source: str) -> Cover:
    tree = _tree(source)
    if tree is None:
        return ()
    found = [cover for cover in (_of_node(sight, node) for node in _conjuncts(tree)) if cover]
    return min(found, key=len) if found else ()


def of_rules(sight: Sight) -> Cover | None:
    """Where all readable rows lie; empty when there are none, None when the row rules cannot be told by columns."""
    found: dict[Branch, None] = {}
    for face in sight.faces:
        if not face.rows:
            return None
        for scope in face.rows:
            for source in scope.sources:
                cover = _of_source(sight, source)
                if cover is None or len(found) > MOST:
                    return None
                found.update(dict.fromkeys(cover))
    return tuple(found)


def rules_are_covered(sight: Sight) -> bool:
    """Whether every row in the branches of the rules' cover may be read: no rule asks for more than its branch says."""
    return all(_says_no_more(source) for face in sight.faces for scope in face.rows for source in scope.sources)


@lru_cache(maxsize=4_000)
def _says_no_more(source: str) -> bool:
    if source in _OF_COLUMNS:
        return True
    tree = _tree(source)
    return tree is not None and not any(isinstance(node, ast.And | ast.Not | ast.IfExp) for node in ast.walk(tree))


def _of_source(sight: Sight, source: str) -> Cover | None:
    """A row rule's cover: empty when no row can fulfil it, None when it cannot be told by columns."""
    actor = sight.unit.actor
    owner = sight.field(sight.entity.owner or "created_by")
    column = _column(sight, owner) if owner is not None else ""
    match source:
        case "own" if column:
            return _branches(column, [actor.person])
        case "team" if column:
            return _branches(column, sorted(actor.teammates | ({actor.person} if actor.person else set())))
        case "department":
            return _branches("department_id", [actor.department])
        case "department_tree":
            return _branches("department_id", sorted(actor.departments_below))
    tree = _tree(source)
    return None if tree is None else _arms(sight, tree)


def _arms(sight: Sight, tree: ast.AST) -> Cover | None:
    node = _inner(tree)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        arms = [_arms(sight, value) for value in node.values]
        return None if any(arm is None for arm in arms) else tuple(branch for arm in arms for branch in arm or ())
    if isinstance(node, ast.BoolOp):
        known = [arm for value in node.values if (arm := _arms(sight, value)) is not None]
        return min(known, key=len) if known else None
    return _of_node(sight, node)


def _conjuncts(tree: ast.AST) -> Iterator[ast.AST]:
    node = _inner(tree)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for value in node.values:
            yield from _conjuncts(value)
    else:
        yield node


def _inner(tree: ast.AST) -> ast.AST:
    return tree.body if isinstance(tree, ast.Expression) else tree


def _of_node(sight: Sight, node: ast.AST) -> Cover | None:
    """``name == value``, ``name in [...]`` and the same over one hop of a reference."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.In)):
        return None
    values = _values(node.comparators[0], sight.unit.actor, isinstance(node.ops[0], ast.In))
    if values is None:
        return None
    if isinstance(node.left, ast.Name):
        declared = sight.field(_bare(node.left.id))
        column = _column(sight, declared) if declared is not None else ""
        return _branches(column, _bound(declared, values, sight)) if column and declared is not None else None
    if isinstance(node.left, ast.Attribute) and isinstance(node.left.value, ast.Name):
        reference = sight.field(_bare(node.left.value.id))
        column = _column(sight, reference) if reference is not None else ""
        if column and reference is not None:
            numbers = _targets(sight, reference, _bare(node.left.attr), values)
            return None if numbers is None else _branches(column, numbers)
    return None


def _bare(name: str) -> str:
    """A field whose name Python keeps for itself is written with an underscore after it."""
    return name.removesuffix("_")


def _values(node: ast.AST, actor: Actor, many: bool) -> list[object] | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        given: dict[str, Callable[[], Iterable[object]]] = {
            "me": lambda: [actor.person],
            "my_department": lambda: [actor.department],
            "my_team": lambda: sorted(actor.teams),
        }
        return list(given[node.func.id]()) if node.func.id in given else None
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and not many else None
    if many and isinstance(node, (ast.List, ast.Tuple)):
        texts = [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return list(texts) if len(texts) == len(node.elts) else None
    return None


def _bound(declared: Field, values: list[object], sight: Sight) -> list[object]:
    shown, dialect = sight.effective(declared), sight.unit.database.dialect
    return [kind(shown).to_row(shown, value, dialect)[0] for value in values if value is not None]


def _targets(sight: Sight, reference: Field, name: str, values: list[object]) -> list[object] | None:
    """The ids of the few records whose field ``name`` has one of the values; None when they are many or unknown."""
    there = sight.other(sight.target(reference))
    declared = there.field(name) if there is not None else None
    column = _column(there, declared) if there is not None and declared is not None else ""
    if there is None or declared is None or not column:
        return None
    wanted = _bound(declared, values, there)
    if not wanted:
        return []
    chosen = _lookup(there.table.table, column, len(wanted))
    named = {f"wanted{place}": value for place, value in enumerate(wanted)}
    found = [row[0] for row in chosen.rows(sight.unit.connection, named)]
    return found if len(found) <= MOST else None


def _lookup(table: sa.Table, column: str, size: int) -> Sent:
    """The ids of records whose column holds one of so many values, named ``wanted0`` and so on."""

    def build() -> Sent:
        cell = table.c[column]
        wanted = [sa.bindparam(f"wanted{place}", type_=cell.type) for place in range(size)]
        return Sent(sa.select(table.c.id).where(cell.in_(wanted)).limit(MOST + 1))

    return remembered.statement(table, ("lookup", column, size), build)


def _column(sight: Sight, declared: Field) -> str:
    """The one column that holds the field's value, "" when there is none of its own."""
    if declared.type == "lookup" or kind(declared).family in _NOT_ONE:
        return ""
    columns = sight.table.columns.get(declared.name)
    if columns:
        return str(columns[0].name) if len(columns) == 1 else ""
    return declared.name if declared.name in sight.table.table.c and sight.entity.field(declared.name) is None else ""


def _branches(column: str, values: Iterable[Any]) -> Cover:
    return tuple(Branch((column,), (value,)) for value in dict.fromkeys(values) if value is not None)
