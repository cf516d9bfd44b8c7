"""The second reading of an expression: SQL for SQLite and PostgreSQL that agrees with the reading in Python, cell by cell.

Numbers are integers scaled by their type's places on SQLite and NUMERIC on PostgreSQL. What reads no record is evaluated
beforehand and bound. Every step whose number needs more than 18 digits is NULL; the guard evaluates its step once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.elements import Grouping

from core.held import Held
from core.storage import moments
from core.storage.binding import UNKNOWN, bound, empty_of, sql_type
from core.storage.naming import SqlContext, context
from core.storage.sent import among
from core.storage.sqlite_functions import register_functions
from schemas import expressions
from schemas.expressions.evaluating import run
from schemas.expressions.tree import DIVISION_PLACES, LIMIT, Call, Env, Given, Node, Path, Read, Typed, is_constant
from schemas.model import Entity

if TYPE_CHECKING:
    from core.storage.tables import EntityTable
    from core.storage.unit import Unit

Element = ColumnElement[Any]
_MOST_KEPT = 20_000


class NotInSql(ValueError):
    """The database cannot decide this expression."""


@dataclass(frozen=True)
class Sql:
    """A compiled step. ``beside`` is the currency of money and the entity of a reference to any record."""

    element: Element
    beside: Element | None = None


def compile(typed: Typed, ctx: SqlContext) -> Element:
    """The expression in SQL; of money, the amount. A condition is true, false or NULL: filters act on true only. Raises NotInSql."""
    if not typed.sql_able:
        raise NotInSql(f'"{typed.source}" cannot be decided by the database.')
    return _Compiler(ctx).step(typed.node).element


def expression(
    source: str, entity: Entity, table: EntityTable, unit: Unit, at: FromClause | None = None, expect: str | None = None
) -> Element:
    """The expression over an alias of the entity's table (or the table). With ``boolean`` as ``expect`` a field alone asks for a value.

    Raises ExpressionError and NotInSql.
    """
    proven = typed(source, entity, unit, expect)
    return compile(proven, context(entity, table, unit, table.table if at is None else at))


def typed(source: str, entity: Entity, unit: Unit, expect: str | None = None) -> Typed:
    """The proven expression, kept as long as the entity is served. Raises ExpressionError."""

    def prove() -> Typed:
        names = expressions.names_of(entity, unit.generation.entities, functions=unit.generation.functions())
        return expressions.check(source, names, expect)

    return _proven.get(entity, (source, expect), prove)


_proven: Held[Typed] = Held(_MOST_KEPT)


def fold(text: str) -> str:
    """Text without regard to case, as :func:`folded_match` compares it."""
    return expressions.fold(text)


def folded_match(cell: Element, param: Any, how: str, dialect: str) -> Element:
    """Whether a cell's text ``contains`` or ``starts`` with a text that is folded already, without regard to case; no wildcards."""
    return _match(_folded(cell, dialect), sa.type_coerce(param, sa.Text()), how, dialect)


def _folded(cell: Element, dialect: str) -> Element:
    if dialect == "sqlite":
        return sa.func.x_fold(cell, type_=sa.Text())
    lower = sa.collate(sa.func.lower(sa.collate(cell, "und-x-icu")), "C")
    return sa.func.replace(lower, "ς", "σ", type_=sa.Text())


def _match(folded: Element, part: Element, how: str, dialect: str) -> Element:
    if how == "starts":
        return cast(Element, sa.func.substr(folded, 1, sa.func.length(part), type_=sa.Text()) == part)
    found = sa.func.instr(folded, part) if dialect == "sqlite" else sa.func.strpos(folded, part)
    return cast(Element, found > 0)


class _Compiler:
    def __init__(self, ctx: SqlContext) -> None:
        self.ctx = ctx
        self.sqlite = ctx.dialect == "sqlite"
        self.env = Env({}, actor=ctx.actor, now=ctx.now, today=ctx.today, functions=ctx.functions)

    def step(self, node: Node) -> Sql:
        if is_constant(node):
            return Sql(*bound(node.type, run(node, self.env), self.ctx.dialect))
        if isinstance(node, Read | Path):
            cells = self.ctx.names.column(node.name) if isinstance(node, Read) else self.ctx.names.path(node.via, node.name)
            first = cells[0]
            if isinstance(first.type, sa.BigInteger) and type(first.type) is not sa.BigInteger:
                # A column's scale is the type's business here, and literals must not take it over.
                first = sa.type_coerce(first, sa.BigInteger())
            return Sql(first, cells[1] if len(cells) > 1 else None)
        call = cast(Call, node)
        return _STEPS[call.op](self, call)

    def element(self, node: Node) -> Element:
        return self.step(node).element

    def elements(self, call: Call) -> list[Element]:
        return [self.element(one) for one in call.args]

    def number(self, node: Node) -> Element:
        """A number to calculate with: PostgreSQL's integers become NUMERIC, which does not overflow."""
        return self.exact(node, self.element(node))

    def exact(self, node: Node, element: Element) -> Element:
        # What reads nothing was evaluated and is bound as a whole number, whatever made it.
        if not self.sqlite and node.type.places == 0 and (not isinstance(node, Call) or node.op in _WHOLE or is_constant(node)):
            return sa.cast(element, sa.Numeric())
        return element

    def guarded(self, element: Element, places: int) -> Element:
        """NULL where the number has too many digits: clamped to the first one that has, which then counts as empty."""
        if self.sqlite:
            edge: Element = sa.literal(LIMIT + 1, sa.BigInteger())
            kind: sa.types.TypeEngine[Any] = sa.BigInteger()
            clamped: Element = sa.func.max(sa.func.min(element, edge, type_=kind), -edge, type_=kind)
        else:
            edge = bound(expressions.Type("number", places=places or 1), (LIMIT + 1) * (1 if places else 10), self.ctx.dialect)[0]
            kind = sa.Numeric()
            clamped = sa.func.greatest(sa.func.least(element, edge, type_=kind), -edge, type_=kind)
        return sa.func.nullif(sa.func.nullif(clamped, edge, type_=kind), -edge, type_=kind)


# Logic and comparison -----------------------------------------------------------------------------------------------


def _where_known(test: Element, outcome: Element) -> Element:
    return sa.case((test, outcome), else_=UNKNOWN)


def _and(on: _Compiler, call: Call) -> Sql:
    return Sql(sa.and_(*on.elements(call)))


def _or(on: _Compiler, call: Call) -> Sql:
    return Sql(sa.or_(*on.elements(call)))


def _not(on: _Compiler, call: Call) -> Sql:
    # SQLite has no booleans: "not x" is written "x = 0", and without its brackets "a IS NOT x = 0" asks something else.
    return Sql(Grouping(sa.not_(on.element(call.args[0]))))


def _compared(op: Callable[[Any, Any], Any]) -> Callable[[_Compiler, Call], Sql]:
    def step(on: _Compiler, call: Call) -> Sql:
        left, right = (on.step(one) for one in call.args)
        family = call.args[0].type.family
        first, second = left.element, right.element
        if family == "text" and not on.sqlite:
            # By code point whatever the collation of the database; an index of the column has the same.
            first = sa.collate(first, "C")
        found = op(first, second)
        if family == "money" and call.args[1].type.family == "money":
            found = _where_known(_same_beside(left, right), found)
        elif family == "any_reference":
            together = sa.and_(first == second, _beside(left) == _beside(right))
            found = together if call.op == "eq" else sa.not_(together)
        return Sql(found)

    return step


def _beside(one: Sql) -> Element:
    return one.beside if one.beside is not None else sa.cast(sa.null(), sa.Text())


def _same_beside(left: Sql, right: Sql) -> Element:
    return cast(Element, _beside(left) == _beside(right))


def _fixed(outcome: Element) -> Callable[[_Compiler, Call], Sql]:
    return lambda on, call: Sql(_where_known(on.element(call.args[0]).is_not(None), outcome))


def _has_value(on: _Compiler, node: Node) -> Element:
    if node.type.family in ("references", "lines") and isinstance(node, Read):
        table, _, tied = on.ctx.names.several(node.name)
        return sa.select(sa.literal(1)).select_from(table).where(tied).correlate_except(table).exists()
    return on.element(node).is_not(None)


def _known(on: _Compiler, call: Call) -> Sql:
    return Sql(_has_value(on, call.args[0]))


def _empty(on: _Compiler, call: Call) -> Sql:
    return Sql(sa.not_(_has_value(on, call.args[0])))


def _listed(on: _Compiler, call: Call) -> Sql:
    first, rest = call.args[0], call.args[1:]
    if first.type.family == "any_reference" or not all(is_constant(one) for one in rest):
        equal = _STEPS["eq"]
        return Sql(sa.or_(*(equal(on, Call(call.type, "eq", (first, one))).element for one in rest)))
    values = [run(one, on.env) for one in rest]
    found: Element = on.element(first).in_([bound(one.type, value, on.ctx.dialect)[0] for one, value in zip(rest, values, strict=True)])
    return Sql(found)


def _member(on: _Compiler, call: Call) -> Sql:
    members = run(cast(Given, call.args[1]), on.env)
    return Sql(among(on.element(call.args[0]), sorted(members)) if members else UNKNOWN)


def _among(on: _Compiler, call: Call) -> Sql:
    item, several = call.args
    value = on.element(item)
    if several.type.family == "choices":
        held = on.element(several)
        quoted = sa.literal('"', sa.Text()).concat(value).concat('"')
        found = sa.func.instr(held, quoted) if on.sqlite else sa.func.strpos(held, quoted)
        return Sql(found > 0)
    table, target, tied = on.ctx.names.several(cast(Read, several).name)
    some = sa.select(sa.literal(1)).select_from(table).where(tied).correlate_except(table)
    hit = sa.and_(some.exists(), some.where(target == value).exists())
    return Sql(_where_known(sa.and_(value.is_not(None), _has_value(on, several)), hit))


def _differs(on: _Compiler, call: Call) -> Sql:
    left, right = (on.step(one) for one in call.args)
    found = left.element.is_distinct_from(right.element)
    if call.args[0].type.family in ("money", "any_reference"):
        other = sa.and_(left.element.is_not(None), _beside(left).is_distinct_from(_beside(right)))
        found = sa.or_(found, other)
    return Sql(found)


# Choice ------------------------------------------------------------------------------------------------------------


def _choose(on: _Compiler, call: Call) -> Sql:
    test = on.element(call.args[0])
    first, second = on.step(call.args[1]), on.step(call.args[2])
    found: Element = sa.case((test, first.element), else_=second.element)
    if first.beside is None and second.beside is None:
        return Sql(found)
    return Sql(found, sa.case((test, _beside(first)), else_=_beside(second)))


def _coalesce(on: _Compiler, call: Call) -> Sql:
    parts = [on.step(one) for one in call.args]
    found = sa.func.coalesce(*(one.element for one in parts), type_=sql_type(call.type, on.ctx.dialect))
    if all(one.beside is None for one in parts):
        return Sql(found)
    return Sql(found, sa.case(*((one.element.is_not(None), _beside(one)) for one in parts), else_=sa.cast(sa.null(), sa.Text())))


def _extreme(on: _Compiler, call: Call) -> Sql:
    parts = [on.step(one) for one in call.args]
    elements = [one.element for one in parts]
    least = call.op == "min"
    kind = sql_type(call.type, on.ctx.dialect)
    if on.sqlite:
        found: Element = (sa.func.min if least else sa.func.max)(*elements, type_=kind)
    else:
        best = (sa.func.least if least else sa.func.greatest)(*elements, type_=kind)
        found = sa.case((sa.and_(*(one.is_not(None) for one in elements)), best), else_=empty_of(call.type, on.ctx.dialect))
    if call.type.family != "money":
        return Sql(found)
    same = sa.and_(*(_same_beside(parts[0], one) for one in parts[1:]))
    return Sql(sa.case((same, found), else_=empty_of(call.type, on.ctx.dialect)), parts[0].beside)


# Arithmetic --------------------------------------------------------------------------------------------------------


def _sum(on: _Compiler, call: Call) -> Sql:
    left, right = (on.step(one) for one in call.args)
    first, second = (on.exact(node, one.element) for node, one in zip(call.args, (left, right), strict=True))
    found = on.guarded(first + second if call.op == "add" else first - second, call.type.places)
    if call.type.family == "money":
        found = sa.case((_same_beside(left, right), found), else_=empty_of(call.type, on.ctx.dialect))
    return Sql(found, left.beside)


def _product(on: _Compiler, call: Call) -> Sql:
    left = on.step(call.args[0])
    found = on.exact(call.args[0], left.element) * on.number(call.args[1])
    return Sql(on.guarded(found, call.type.places), left.beside)


def _quotient(on: _Compiler, call: Call) -> Sql:
    above, below = call.args
    left, right = on.step(above), on.step(below)
    first, second = on.exact(above, left.element), on.exact(below, right.element)
    if on.sqlite:
        found: Element = sa.func.x_div(first, second, above.type.places, below.type.places, type_=sa.BigInteger())
    else:
        # One digit more than is kept, cut off exactly, decides which way it rounds.
        cut = sa.func.div(first * sa.literal(10 ** (DIVISION_PLACES + 1), sa.Numeric()), sa.func.nullif(second, 0), type_=sa.Numeric())
        scaled = cut * bound(expressions.Type("number", places=DIVISION_PLACES + 1), 1, on.ctx.dialect)[0]
        found = on.guarded(sa.func.round(scaled, DIVISION_PLACES, type_=sa.Numeric()), DIVISION_PLACES)
    if below.type.family == "money":
        return Sql(sa.case((_same_beside(left, right), found), else_=empty_of(call.type, on.ctx.dialect)))
    return Sql(found, left.beside)


def _signed(on: _Compiler, call: Call) -> Sql:
    part = on.step(call.args[0])
    element = on.exact(call.args[0], part.element)
    return Sql(-element if call.op == "neg" else sa.func.abs(element, type_=element.type), part.beside)


def _widened(on: _Compiler, call: Call) -> Sql:
    part = on.step(call.args[0])
    element = on.exact(call.args[0], part.element)
    if on.sqlite:
        element = element * sa.literal(10 ** int(call.extra), sa.BigInteger())
    return Sql(on.guarded(element, call.type.places), part.beside)


def _rounded(on: _Compiler, call: Call) -> Sql:
    part = on.step(call.args[0])
    if on.sqlite:
        function = {"round": sa.func.x_round, "floor": sa.func.x_floor, "ceil": sa.func.x_ceil}[call.op]
        return Sql(function(part.element, int(call.extra), type_=sa.BigInteger()), part.beside)
    element = on.exact(call.args[0], part.element)
    if call.op == "round":
        return Sql(sa.func.round(element, call.type.places, type_=sa.Numeric()), part.beside)
    return Sql((sa.func.floor if call.op == "floor" else sa.func.ceil)(element, type_=sa.Numeric()), part.beside)


def _in_currency(on: _Compiler, call: Call) -> Sql:
    return Sql(on.element(call.args[0]), on.element(call.args[1]))


# Text, time, and what is added ---------------------------------------------------------------------------------------


def _length(on: _Compiler, call: Call) -> Sql:
    return Sql(sa.func.length(on.element(call.args[0]), type_=sa.BigInteger()))


def _joined(on: _Compiler, call: Call) -> Sql:
    left, right = on.elements(call)
    return Sql(sa.type_coerce(left, sa.Text()).concat(right))


def _matched(on: _Compiler, call: Call) -> Sql:
    whole, part = call.args
    if is_constant(part):
        value = run(part, on.env)
        if value is None:
            return Sql(UNKNOWN)
        return Sql(folded_match(on.element(whole), sa.literal(fold(value), sa.Text()), call.op, on.ctx.dialect))
    folded = _folded(on.element(part), on.ctx.dialect)
    return Sql(_match(_folded(on.element(whole), on.ctx.dialect), folded, call.op, on.ctx.dialect))


def _timed(make: Callable[..., Element]) -> Callable[[_Compiler, Call], Sql]:
    return lambda on, call: Sql(make(*on.elements(call), sqlite=on.sqlite))


def _entity_of(on: _Compiler, call: Call) -> Sql:
    return Sql(_beside(on.step(call.args[0])))


def _added(on: _Compiler, call: Call) -> Sql:
    return Sql(call.extra[1](*on.elements(call)))


_WHOLE = frozenset({"len", "function", "days_apart", "seconds_apart", "whole_days", "if", "coalesce", "min", "max"})
"""Steps that may give a whole number as an integer on PostgreSQL."""
_STEPS: Mapping[str, Callable[[_Compiler, Call], Sql]] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "eq": _compared(lambda left, right: left == right),
    "ne": _compared(lambda left, right: left != right),
    "lt": _compared(lambda left, right: left < right),
    "le": _compared(lambda left, right: left <= right),
    "gt": _compared(lambda left, right: left > right),
    "ge": _compared(lambda left, right: left >= right),
    "always": _fixed(sa.true()),
    "never": _fixed(sa.false()),
    "known": _known,
    "empty": _empty,
    "in": _listed,
    "member": _member,
    "among": _among,
    "differs": _differs,
    "if": _choose,
    "coalesce": _coalesce,
    "min": _extreme,
    "max": _extreme,
    "add": _sum,
    "sub": _sum,
    "mul": _product,
    "div": _quotient,
    "neg": _signed,
    "abs": _signed,
    "widen": _widened,
    "round": _rounded,
    "floor": _rounded,
    "ceil": _rounded,
    "in_currency": _in_currency,
    "len": _length,
    "join": _joined,
    "contains": _matched,
    "starts": _matched,
    "add_days": _timed(moments.add_days),
    "add_seconds": _timed(moments.add_seconds),
    "days_apart": _timed(moments.days_apart),
    "seconds_apart": _timed(moments.seconds_apart),
    "whole_days": _timed(moments.whole_days),
    "entity_of": _entity_of,
    "function": _added,
}

__all__ = [
    "NotInSql",
    "SqlContext",
    "compile",
    "context",
    "expression",
    "fold",
    "folded_match",
    "register_functions",
    "typed",
]
