"""The second reading of an expression: SQL, equal to the interpreter's on SQLite and PostgreSQL.

On SQLite exact numbers are integers scaled by the field's places, on PostgreSQL they are NUMERIC; what does not fit into
64 bits at its scale is empty in every reading. Constants are folded by the interpreter and bound in the column's own scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.fields import kind
from schemas import expressions
from schemas.expressions import tree
from schemas.expressions.evaluating import LARGEST, Amount, evaluate_node
from schemas.expressions.types import Type
from schemas.model import Entity, Field

if TYPE_CHECKING:
    from core.storage.tables import EntityTable
    from core.storage.unit import Unit

Element = sa.ColumnElement[Any]
SIX = 6


class NotInSql(ValueError):
    """The expression cannot be decided by the database."""


@dataclass(frozen=True)
class Value:
    """A compiled part. Money has its currency beside it; numbers on SQLite are scaled by ``type.scale``."""

    element: Element
    type: Type
    currency: Element | None = None


@dataclass(frozen=True)
class SqlContext:
    """How names become columns. ``column(name)`` and ``path(reference, name)`` give a :class:`Value`; ``members(reference, name)``
    a function from an element to the condition that it is among the many-valued field (``reference`` "" for the own one)."""

    dialect: str
    column: Callable[[str, Type], Value]
    path: Callable[[str, str, Type], Value]
    members: Callable[[str, str], Callable[[Element], Element]]
    count: Callable[[str, str], Element]
    actor: Any = None
    now: datetime | None = None
    today: date | None = None


def compile(typed: tree.Typed, ctx: SqlContext) -> Element:
    """The expression as SQL. A condition is true, false or NULL; filters act on true only."""
    if not typed.sql_able:
        raise NotInSql(f'"{typed.source}" cannot be decided by the database.')
    return _Compiler(ctx).value(typed.root).element


def expression(source: str, entity: Entity, table: EntityTable, unit: Unit, at: Any = None) -> Element:
    """Parse, check and compile over an alias of the entity's table; a rule that is broken reaches nothing."""
    over = table.table if at is None else at
    typed = _typed(source, entity, unit)
    if typed is None or not typed.sql_able:
        return sa.false()
    return compile(typed, context(entity, table, unit, over))


_known: dict[tuple[int, str], tuple[Entity, tree.Typed | None]] = {}


def _typed(source: str, entity: Entity, unit: Unit) -> tree.Typed | None:
    found = _known.get((id(entity), source))
    if found is not None and found[0] is entity:
        return found[1]
    try:
        typed: tree.Typed | None = expressions.check(expressions.parse(source), expressions.names_of(entity, unit.generation.entities))
        if typed is not None and typed.type.name != "boolean" and typed.type.name in ("text", "choice", "reference", "references", "date", "datetime"):
            typed = _condition_or_value(source, entity, unit, typed)
    except expressions.ExpressionError:
        typed = None
    if len(_known) > 5_000:
        _known.clear()
    _known[id(entity), source] = (entity, typed)
    return typed


def _condition_or_value(source: str, entity: Entity, unit: Unit, typed: tree.Typed) -> tree.Typed:
    """A formula keeps its value; a bare field used as a rule means "has a value"."""
    if any(source in (rule.read, rule.write_rows, rule.delete, rule.export) for rule in entity.access) or any(
            view.where == source for view in entity.views):
        return expressions.check(expressions.parse(source), expressions.names_of(entity, unit.generation.entities), "boolean")
    return typed


def context(entity: Entity, table: EntityTable, unit: Unit, at: Any) -> SqlContext:
    """Names over one alias of an entity's table, paths as correlated scalar subqueries."""
    from core.storage.tables import entity_table  # the tables ask this module for nothing but functions

    dialect = unit.database.dialect

    def cells(of: Entity, made: EntityTable, over: Any, name: str, wanted: Type) -> Value:
        if name in made.columns:
            columns = made.columns[name]
            element = over.c[columns[0].name]
            currency = over.c[columns[1].name] if wanted.name == "money" and len(columns) > 1 else None
            declared = of.field(name)
            if wanted.name == "money" and currency is None and declared is not None and declared.currency in made.columns:
                currency = over.c[made.columns[declared.currency][0].name]
            return Value(element, wanted, currency)
        declared = of.field(name)
        if declared is not None and declared.type == "computed":
            inner = expressions.check(expressions.parse(declared.formula), expressions.names_of(of, unit.generation.entities))
            return _Compiler(context(of, made, unit, over)).value(inner.root)
        if declared is not None and declared.type == "lookup":
            return path_from(of, made, over, declared.via, declared.of, wanted)
        if declared is not None and kind(declared).name == "references":
            link = made.links[name].alias()
            return Value(sa.select(sa.func.min(link.c.target_id)).where(link.c.owner_id == over.c.id).correlate(over).scalar_subquery(), wanted)
        if declared is not None and declared.type == "lines":
            lines = made.lines[name].table.alias()
            return Value(sa.select(sa.func.min(lines.c.id)).where(lines.c.owner_id == over.c.id).correlate(over).scalar_subquery(), wanted)
        if name in over.c:
            return Value(over.c[name], wanted)
        raise NotInSql(f"{name} has no column.")

    def path_from(of: Entity, made: EntityTable, over: Any, reference: str, name: str, wanted: Type) -> Value:
        target, there = _there(of, reference)
        inside = there.table.alias()
        value = cells(target, there, inside, name, wanted)
        number = cells(of, made, over, reference, Type("reference")).element

        def hop(element: Element) -> Element:
            return sa.select(element).where(inside.c.id == number).correlate_except(inside).scalar_subquery()

        return Value(hop(value.element), wanted, None if value.currency is None else hop(value.currency))

    def _there(of: Entity, reference: str) -> tuple[Entity, EntityTable]:
        declared = of.field(reference) or (Field(reference, "person") if reference in ("created_by", "updated_by") else None)
        if declared is None:
            raise NotInSql(f"{reference} is no field.")
        names = unit.generation.targets(declared)
        if len(names) != 1 or names[0] not in unit.generation.entities:
            raise NotInSql(f"{reference} leads nowhere.")
        target = unit.generation.entities[names[0]]
        return target, entity_table(target, dialect)

    def members(reference: str, name: str) -> Callable[[Element], Element]:
        of, made, owner = entity, table, at.c.id
        if reference:
            of, made = _there(entity, reference)
            owner = cells(entity, table, at, reference, Type("reference")).element
        declared = of.field(name)
        if declared is not None and declared.type == "choices":
            value = (path_from(entity, table, at, reference, name, Type("choices")) if reference else cells(of, made, at, name, Type("choices"))).element

            def listed(element: Element) -> Element:
                return sa.func.coalesce(value.contains(sa.func.concat('"', element, '"') if dialect == "postgresql" else '"' + element + '"'), sa.false())

            return listed
        if name not in made.links:
            raise NotInSql(f"{name} holds no list.")
        link = made.links[name].alias()

        def among(element: Element) -> Element:
            found = sa.select(sa.literal(1)).where(link.c.owner_id == owner, link.c.target_id == element).correlate_except(link)
            return sa.case((element.is_(None), sa.null()), else_=found.exists())

        return among

    def count(reference: str, name: str) -> Element:
        of, made, owner = entity, table, at.c.id
        if reference:
            of, made = _there(entity, reference)
            owner = cells(entity, table, at, reference, Type("reference")).element
        link = made.links[name].alias()
        return sa.select(sa.func.count()).select_from(link).where(link.c.owner_id == owner).correlate_except(link).scalar_subquery()

    return SqlContext(
        dialect, lambda name, wanted: cells(entity, table, at, name, wanted),
        lambda reference, name, wanted: path_from(entity, table, at, reference, name, wanted), members, count,
        unit.actor, unit.now, unit.now.astimezone(ZoneInfo(unit.actor.zone or "UTC")).date())


class _Compiler:
    def __init__(self, ctx: SqlContext) -> None:
        self.ctx = ctx
        self.sqlite = ctx.dialect == "sqlite"

    def value(self, node: tree.Node) -> Value:
        if not isinstance(node, tree.Listed) and tree.constant(node):
            return self.bound(self.folded(node), node.type)
        match node:
            case tree.Name(name=name):
                return self.ctx.column(name, node.type)
            case tree.Path(reference=reference, name=name):
                return self.ctx.path(reference, name, node.type)
            case tree.Logic():
                return self.logic(node)
            case tree.HasValue(part=part):
                return self.has_value(part)
            case tree.Compare():
                return self.compare(node)
            case tree.Within(item=item, of=of):
                return self.within(item, of)
            case tree.Arithmetic():
                return self.arithmetic(node)
            case tree.Choose(condition=condition, then=then, other=other):
                test = self.value(condition).element
                first, second = self.scaled(self.value(then), node.type), self.scaled(self.value(other), node.type)
                currency = None
                if node.type.name == "money":
                    currency = sa.case((test.is_(True), first.currency), else_=second.currency)
                return Value(sa.case((test.is_(True), first.element), else_=second.element), node.type, currency)
            case tree.Call():
                return self.call(node)
        raise NotInSql(f"{type(node).__name__} cannot be decided by the database.")

    def folded(self, node: tree.Node) -> Any:
        return evaluate_node(node, expressions.Env({}, None, self.ctx.actor, self.ctx.now, self.ctx.today))

    def bound(self, value: Any, kind_: Type) -> Value:
        """A constant as a bound value."""
        if value is None or value == ():
            return Value(sa.null(), kind_, sa.null() if kind_.name == "money" else None)
        match value:
            case bool():
                return Value(sa.true() if value else sa.false(), kind_)
            case Amount():
                return Value(self.number(value.amount, kind_.scale), kind_, sa.literal(value.currency, sa.Text()))
            case Decimal():
                return Value(self.number(value, kind_.scale), kind_)
            case datetime():
                return Value(sa.literal(value.astimezone(UTC).replace(tzinfo=None), sa.DateTime()), kind_)
            case date():
                return Value(sa.literal(value, sa.Date()), kind_)
            case time():
                return Value(sa.literal(value.isoformat(), sa.Text()), kind_)
            case int():
                return Value(sa.literal(value, sa.BigInteger()), kind_)
            case str():
                return Value(sa.literal(value, sa.Text()), kind_)
        raise NotInSql("This constant has no form in SQL.")

    def number(self, value: Decimal, scale: int) -> Element:
        if self.sqlite:
            scaled = int(value.scaleb(scale).to_integral_value())
            return sa.literal(scaled, sa.BigInteger()) if abs(scaled) <= LARGEST else sa.null()
        return sa.literal(value, sa.Numeric(30, 12)) if scale else sa.literal(int(value), sa.BigInteger())

    def logic(self, node: tree.Logic) -> Value:
        parts = [self.value(part).element for part in node.parts]
        if node.op == "not":
            return Value(sa.not_(parts[0]), node.type)
        return Value(sa.and_(*parts) if node.op == "and" else sa.or_(*parts), node.type)

    def has_value(self, part: tree.Node) -> Value:
        name = part.type.name
        if isinstance(part, tree.Name | tree.Path) and name == "references":
            return Value(self.ctx.count(part.reference if isinstance(part, tree.Path) else "", part.name) > 0, expressions.Type("boolean"))
        return Value(self.value(part).element.is_not(None), expressions.Type("boolean"))

    def compare(self, node: tree.Compare) -> Value:
        op, left, right = node.op, node.left, node.right
        if tree.constant(left) and not tree.constant(right):
            left, right = right, left
            op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
        a = self.value(left)
        if tree.constant(right) and a.type.name in ("number", "money", "reference"):
            return Value(self.against(op, a, self.folded(right)), node.type)
        b = self.value(right)
        boolean = node.type
        if a.type.name in ("number", "money"):
            x, y = self.same_scale(a, b)
            found = _operate(op, x, y)
            if a.currency is not None and b.currency is not None:
                found = sa.case((a.currency == b.currency, found), else_=sa.null())
            return Value(found, boolean)
        x, y = a.element, b.element
        if op in ("<", "<=", ">", ">=") and not self.sqlite and a.type.name in ("text", "choice"):
            x, y = sa.collate(x, "C"), sa.collate(y, "C")
        return Value(_operate(op, x, y), boolean)

    def against(self, op: str, a: Value, wanted: Any) -> Element:
        """A number compared with a constant, in the column's own scale, so that an index serves."""
        x = a.element
        if wanted is None:
            return sa.null()
        number = wanted.amount if isinstance(wanted, Amount) else wanted
        found = self._against(op, x, a.type, Decimal(number))
        if isinstance(wanted, Amount) and a.currency is not None:
            return sa.case((a.currency == wanted.currency, found), else_=sa.null())
        return found

    def _against(self, op: str, x: Element, kind_: Type, number: Decimal) -> Element:
        if not self.sqlite and kind_.scale:
            return _operate(op, x, sa.literal(number, sa.Numeric(40, 20)))
        exact = number.scaleb(kind_.scale)
        low, high = int(exact.to_integral_value(ROUND_FLOOR)), int(exact.to_integral_value(ROUND_CEILING))
        never = sa.case((x.is_(None), sa.null()), else_=sa.false())
        always = sa.case((x.is_(None), sa.null()), else_=sa.true())
        if abs(high) > LARGEST or abs(low) > LARGEST:
            below = number < 0
            return {"==": never, "!=": always, "<": never if below else always, "<=": never if below else always}.get(op, always if below else never)
        if low != high:
            if op in ("==", "!="):
                return never if op == "==" else always
            # Between two representable numbers: < and <= both mean "at most the lower one".
            return x <= sa.literal(low, sa.BigInteger()) if op in ("<", "<=") else x >= sa.literal(high, sa.BigInteger())
        return _operate(op, x, sa.literal(low, sa.BigInteger()))

    def same_scale(self, a: Value, b: Value) -> tuple[Element, Element]:
        if not self.sqlite or a.type.scale == b.type.scale or "reference" in (a.type.name, b.type.name):
            return a.element, b.element
        scale = max(a.type.scale, b.type.scale)
        return self.scaled(a, Type(a.type.name, scale)).element, self.scaled(b, Type(b.type.name, scale)).element

    def scaled(self, a: Value, wanted: Type) -> Value:
        """A number at another, larger scale."""
        if not self.sqlite or a.type.name not in ("number", "money") or a.type.scale >= wanted.scale:
            return Value(a.element, wanted, a.currency)
        return Value(self.guarded(a.element * sa.literal(10 ** (wanted.scale - a.type.scale), sa.BigInteger()), wanted.scale), wanted, a.currency)

    def guarded(self, element: Element, scale: int) -> Element:
        """NULL where the number does not fit into 64 bits at its scale."""
        if self.sqlite:
            return sa.case((sa.func.typeof(element) == "integer", element), else_=sa.null())
        bound = Decimal(LARGEST).scaleb(-scale)
        return sa.case((sa.func.abs(element) <= sa.literal(bound, sa.Numeric(40, scale)), element), else_=sa.null())

    def within(self, item: tree.Node, of: tree.Node) -> Value:
        boolean = expressions.Type("boolean")
        if isinstance(of, tree.Name | tree.Path):
            among = self.ctx.members(of.reference if isinstance(of, tree.Path) else "", of.name)
            return Value(among(self.value(item).element), boolean)
        if isinstance(of, tree.Listed):
            parts = [self.compare(tree.Compare(boolean, "==", item, one)).element for one in of.items]
            if all(tree.constant(one) for one in of.items) and item.type.name in ("text", "choice"):
                return Value(self.listed(self.value(item).element, [self.folded(one) for one in of.items]), boolean)
            return Value(sa.or_(*parts) if parts else self.listed(self.value(item).element, []), boolean)
        return Value(self.listed(self.value(item).element, list(self.folded(of) or ())), boolean)

    def listed(self, element: Element, values: list[Any]) -> Element:
        if any(value is None for value in values):
            raise NotInSql("None stands in a list.")
        return element.in_(values) if values else sa.case((element.is_(None), sa.null()), else_=sa.false())

    def arithmetic(self, node: tree.Arithmetic) -> Value:
        if node.type.name in ("date", "datetime"):
            return self.shifted(node)
        a, b = self.value(node.left), self.value(node.right)
        currency = a.currency if a.currency is not None else b.currency
        scale = node.type.scale
        if node.op in "+-":
            x, y = self.scaled(a, Type(a.type.name, scale)).element, self.scaled(b, Type(b.type.name, scale)).element
            found = self.guarded(self.plain(x) + self.plain(y) if node.op == "+" else self.plain(x) - self.plain(y), scale)
        elif node.op == "*":
            found = self.guarded(self.plain(a.element) * self.plain(b.element), scale)
        else:
            found = self.divided(a, b)
        if node.op in "+-/" and a.currency is not None and b.currency is not None:
            found = sa.case((a.currency == b.currency, found), else_=sa.null())
        return Value(found, node.type, currency if node.type.name == "money" else None)

    def plain(self, element: Element) -> Element:
        """A number that SQL does not take for text, date or integer arithmetic."""
        return sa.type_coerce(element, sa.BigInteger()) if self.sqlite else sa.cast(element, sa.Numeric())

    def divided(self, a: Value, b: Value) -> Element:
        if self.sqlite:
            return sa.func.x_div(a.element, b.element, SIX + b.type.scale - a.type.scale, type_=sa.BigInteger())
        x, y = sa.cast(a.element, sa.Numeric()), sa.func.nullif(sa.cast(b.element, sa.Numeric()), 0)
        whole = sa.func.div(2 * sa.func.abs(x) * 10**SIX + sa.func.abs(y), 2 * sa.func.abs(y))
        signed = sa.func.sign(x) * sa.func.sign(y) * whole * sa.literal(Decimal(1).scaleb(-SIX), sa.Numeric(20, SIX))
        return self.guarded(signed, SIX)

    def shifted(self, node: tree.Arithmetic) -> Value:
        moment = self.value(node.left).element
        is_date = node.type.name == "date"
        if tree.constant(node.right):
            span = self.folded(node.right)
            if span is None:
                return Value(sa.null(), node.type)
            seconds: Any = int(span.total_seconds()) * (1 if node.op == "+" else -1)
            count: Element = sa.literal(seconds // 86_400 if is_date else seconds, sa.BigInteger())
        elif isinstance(node.right, tree.Call) and node.right.name == "days":
            count = self.value(node.right.arguments[0]).element
            count = -count if node.op == "-" else count
            count = count if is_date else count * 86_400
        else:
            raise NotInSql("Only days(n) can be added to a field.")
        if self.sqlite:
            call = sa.func.x_day if is_date else sa.func.x_moment
            return Value(call(moment, count, type_=sa.Date() if is_date else sa.DateTime()), node.type)
        limit = 4_000_000 * (1 if is_date else 86_400)
        safe = sa.case((sa.func.abs(sa.cast(count, sa.Numeric())) <= limit, sa.cast(count, sa.BigInteger())), else_=sa.null())
        if is_date:
            first, last = sa.literal(date(1, 1, 1), sa.Date()), sa.literal(date(9999, 12, 31), sa.Date())
            moved = sa.type_coerce(sa.cast(moment, sa.Date()) + sa.cast(safe, sa.Integer()), sa.Date())
            return Value(sa.case((sa.and_(safe <= last - moment, safe >= first - moment), moved), else_=sa.null()), node.type)
        interval = sa.cast(safe, sa.BigInteger()) * sa.literal(timedelta(seconds=1), sa.Interval())
        first_at, last_at = sa.literal(datetime(1, 1, 1), sa.DateTime()), sa.literal(datetime.max, sa.DateTime())
        moved = sa.type_coerce(moment + interval, sa.DateTime())
        return Value(sa.case((moved.between(first_at, last_at), moved), else_=sa.null()), node.type)

    def call(self, node: tree.Call) -> Value:
        name, arguments = node.name, node.arguments
        match name:
            case "negative":
                part = self.value(arguments[0])
                return Value(self.guarded(-part.element, node.type.scale), node.type, part.currency)
            case "abs":
                part = self.value(arguments[0])
                return Value(self.guarded(sa.func.abs(self.plain(part.element)), node.type.scale), node.type, part.currency)
            case "round":
                return self.rounded(self.value(arguments[0]), node.type)
            case "coalesce":
                parts = [self.scaled(self.value(part), node.type) for part in arguments]
                currency = None
                if node.type.name == "money":
                    currency = sa.case(*((part.element.is_not(None), part.currency) for part in parts), else_=sa.null())
                return Value(sa.func.coalesce(*(part.element for part in parts)) if len(parts) > 1 else parts[0].element, node.type, currency)
            case "min" | "max":
                return self.extreme(node)
            case "len":
                return self.length(arguments[0], node.type)
            case "contains" | "starts":
                needle = self.folded(arguments[1])
                if needle is None:
                    return Value(sa.null(), node.type)
                whole = self.value(arguments[0]).element
                return Value(sa.case((whole.is_(None), sa.null()), else_=self.matched(whole, fold(needle), name)), node.type)
            case "days_between":
                start, end = (self.value(part).element for part in arguments)
                if self.sqlite:
                    return Value(sa.cast(sa.func.julianday(end) - sa.func.julianday(start), sa.BigInteger()), node.type)
                return Value(sa.cast(sa.cast(end, sa.Date()) - sa.cast(start, sa.Date()), sa.BigInteger()), node.type)
            case "differs":
                return self.differs(node)
        raise NotInSql(f"{name} cannot be decided by the database.")

    def rounded(self, a: Value, wanted: Type) -> Value:
        drop = a.type.scale - wanted.scale
        if drop <= 0:
            return self.scaled(a, wanted)
        if self.sqlite:
            return Value(sa.func.x_div(a.element, 10**drop, 0, type_=sa.BigInteger()), wanted, a.currency)
        return Value(sa.func.round(sa.cast(a.element, sa.Numeric()), wanted.scale), wanted, a.currency)

    def extreme(self, node: tree.Call) -> Value:
        parts = [self.scaled(self.value(part), node.type).element for part in node.arguments]
        some = sa.or_(*(part.is_(None) for part in parts))
        if self.sqlite:
            found: Element = (sa.func.min if node.name == "min" else sa.func.max)(*parts, type_=parts[0].type)
        else:
            found = (sa.func.least if node.name == "min" else sa.func.greatest)(*parts, type_=parts[0].type)
        return Value(sa.case((some, sa.null()), else_=found), node.type)

    def length(self, part: tree.Node, wanted: Type) -> Value:
        if part.type.name == "references" and isinstance(part, tree.Name | tree.Path):
            count = self.ctx.count(part.reference if isinstance(part, tree.Path) else "", part.name)
            return Value(sa.func.nullif(count, 0), wanted)
        return Value(sa.func.length(self.value(part).element), wanted)

    def matched(self, whole: Element, needle: str, how: str) -> Element:
        folded = sa.func.x_fold(whole, type_=sa.Text()) if self.sqlite else _pg_fold(whole)
        return folded_match(folded, sa.literal(needle, sa.Text()), how, self.ctx.dialect)

    def differs(self, node: tree.Call) -> Value:
        left, right = node.arguments
        a, b = self.value(left), self.value(right)
        one = sa.and_(a.element.is_(None), b.element.is_(None))
        other = sa.or_(a.element.is_(None), b.element.is_(None))
        same = self.compare(tree.Compare(node.type, "==", left, right)).element
        return Value(sa.case((one, sa.false()), (other, sa.true()), (same, sa.false()), else_=sa.true()), node.type)


def _operate(op: str, x: Element, y: Element) -> Element:
    match op:
        case "==":
            return x == y
        case "!=":
            return x != y
        case "<":
            return x < y
        case "<=":
            return x <= y
        case ">":
            return x > y
    return x >= y


def fold(text: str) -> str:
    """Text without regard to case and accents, as keys and matches hold it."""
    return expressions.fold(text)


def folded_match(cell: Element, param: Any, how: str, dialect: str) -> Element:
    """Whether a folded cell contains, or starts with, a folded text; the text has no wildcards."""
    if how == "starts":
        return sa.func.substr(cell, 1, sa.func.length(param)) == param
    position = sa.func.instr(cell, param) if dialect == "sqlite" else sa.func.strpos(cell, param)
    return position > 0


def _pg_fold(whole: Element) -> Element:
    """Folding in PostgreSQL: compatibility decomposition, marks removed, lower case."""
    apart = sa.func.normalize(whole, sa.literal_column("NFKD"))
    return sa.func.lower(sa.func.regexp_replace(apart, "[\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f]", "", "g"))


def register_functions(connection: Any) -> None:
    """Give a SQLite connection the functions that expressions need; they never stand in an index or a trigger."""
    connection.create_function("x_div", 3, _divide, deterministic=True)
    connection.create_function("x_day", 2, _day, deterministic=True)
    connection.create_function("x_moment", 2, _moment, deterministic=True)
    connection.create_function("x_fold", 1, lambda text: None if text is None else expressions.fold(str(text)), deterministic=True)


def _divide(a: int | None, b: int | None, shift: int) -> int | None:
    """a / b shifted by 10^shift, rounded half away from zero; None for division by zero and overflow."""
    if a is None or b is None or b == 0 or isinstance(a, float) or isinstance(b, float):
        return None
    top, bottom = abs(a) * 10 ** max(shift, 0), abs(b) * 10 ** max(-shift, 0)
    whole = (2 * top + bottom) // (2 * bottom)
    found = whole if (a < 0) == (b < 0) else -whole
    return found if abs(found) <= LARGEST else None


def _day(text: str | None, count: int | None) -> str | None:
    if text is None or count is None or abs(count) > 4_000_000:
        return None
    try:
        return (date.fromisoformat(text[:10]) + timedelta(days=int(count))).isoformat()
    except (OverflowError, ValueError):
        return None


def _moment(text: str | None, seconds: int | None) -> str | None:
    if text is None or seconds is None or abs(seconds) > 4_000_000 * 86_400:
        return None
    try:
        return (datetime.fromisoformat(text) + timedelta(seconds=int(seconds))).isoformat(" ", "microseconds")
    except (OverflowError, ValueError):
        return None

