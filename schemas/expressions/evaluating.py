"""The reading in Python: a typed expression over one record's values, with three-valued logic and exact numbers."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from schemas.expressions import numbers
from schemas.expressions.tree import Call, Const, Env, Given, Node, Path, Read, Type, Typed

# Within an evaluation a number is an integer scaled by its type's places, money is (scaled amount, currency, class),
# everything else is the field value itself; None is empty and, in conditions, unknown.


def evaluate(typed: Typed, env: Env) -> Any:
    """The expression's value as a field value: int or Decimal, Money, date, aware datetime, bool ...; None is empty or unknown."""
    return outward(typed.type, run(typed.node, env))


def run(node: Node, env: Env) -> Any:
    """The value of one step, as evaluations hold it."""
    if isinstance(node, Const):
        return node.value
    if isinstance(node, Read):
        return inward(node.type, env.values.get(node.name), own=True)
    if isinstance(node, Path):
        return inward(node.type, env.path(node.via, node.name))
    if isinstance(node, Given):
        return given(node.what, env)
    call = cast(Call, node)
    lazy = _LAZY.get(call.op)
    if lazy is not None:
        return lazy(call, env)
    values = [run(one, env) for one in call.args]
    if None in values:
        return None
    return _STRICT[call.op](call, *values)


def inward(kind: Type, value: Any, *, own: bool = False) -> Any:
    """A field value as evaluations hold it. A boolean of the record itself is never empty."""
    if value is None or value == "":
        return False if own and kind.family == "boolean" else None
    if kind.family in ("number", "days", "duration"):
        return numbers.scaled(value, kind.places) if isinstance(value, int | Decimal) else None
    if kind.family == "money":
        return (numbers.scaled(value.amount, kind.places), value.currency or None, type(value))
    if kind.family in ("choices", "references", "lines") and not value:
        return None
    if kind.family == "datetime" and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def outward(kind: Type, value: Any) -> Any:
    """What an evaluation holds, as a field value."""
    if value is None:
        return None
    if kind.family == "number":
        return numbers.value(value, kind.places)
    if kind.family == "money":
        amount, currency, make = value
        return make(Decimal(numbers.value(amount, kind.places)), currency or "")
    return value


def given(what: str, env: Env) -> Any:
    """A value of the occasion; an empty set of an actor is unknown, so that it allows nothing."""
    if what == "now":
        return env.now
    if what == "today":
        return env.today
    actor = env.actor
    if actor is None:
        return None
    if what == "me":
        return actor.person
    if what == "my_department":
        return actor.department
    if what == "my_departments":
        return frozenset(actor.departments_below) or None
    if what == "my_teammates":
        return frozenset(actor.teammates) or None
    return frozenset(actor.teams) or None


# Steps that look at their operands themselves ------------------------------------------------------------------------


def _and(call: Call, env: Env) -> bool | None:
    outcome: bool | None = True
    for one in call.args:
        found = run(one, env)
        if found is False:
            return False
        if found is None:
            outcome = None
    return outcome


def _or(call: Call, env: Env) -> bool | None:
    outcome: bool | None = False
    for one in call.args:
        found = run(one, env)
        if found is True:
            return True
        if found is None:
            outcome = None
    return outcome


def _among_listed(call: Call, env: Env) -> bool | None:
    value = run(call.args[0], env)
    if value is None:
        return None
    outcome: bool | None = False
    for one in call.args[1:]:
        found = run(one, env)
        if found is None:
            outcome = None
        elif found == value:
            return True
    return outcome


def _choose(call: Call, env: Env) -> Any:
    condition, then, other = call.args
    return run(then if run(condition, env) is True else other, env)


def _coalesce(call: Call, env: Env) -> Any:
    for one in call.args:
        found = run(one, env)
        if found is not None:
            return found
    return None


def _differs(call: Call, env: Env) -> bool:
    left, right = (run(one, env) for one in call.args)
    if call.args[0].type.family == "money":
        left, right = left and left[:2], right and right[:2]
    return bool(left != right)


def _count(call: Call, env: Env) -> int | None:
    value = run(call.args[0], env)
    if value is None:
        return None if call.args[0].type.family == "text" else 0
    return len(value)


def _in_currency(call: Call, env: Env) -> Any:
    amount = run(call.args[0], env)
    return None if amount is None else (amount[0], run(call.args[1], env), amount[2])


def _added(call: Call, env: Env) -> Any:
    function = env.functions.get(call.extra[0])
    values = [outward(one.type, run(one, env)) for one in call.args]
    if function is None or any(value is None for value in values):
        return None
    found = inward(call.type, function.call(*values))
    return numbers.fit(found) if isinstance(found, int) and call.type.family == "number" else found


_LAZY: dict[str, Callable[[Call, Env], Any]] = {
    "and": _and,
    "or": _or,
    "in": _among_listed,
    "if": _choose,
    "coalesce": _coalesce,
    "differs": _differs,
    "len": _count,
    "empty": lambda call, env: run(call.args[0], env) is None,
    "known": lambda call, env: run(call.args[0], env) is not None,
    "changed": lambda call, env: bool(env.changed(call.extra)),
    "is_new": lambda call, env: bool(env.is_new),
    "function": _added,
    "in_currency": _in_currency,
}


# Steps that are empty where an operand is ------------------------------------------------------------------------------


def _sum(call: Call, left: Any, right: Any, sign: int) -> Any:
    if call.type.family != "money":
        return numbers.fit(left + sign * right)
    if left[1] is None or left[1] != right[1]:
        return None
    return _money(numbers.fit(left[0] + sign * right[0]), left)


def _money(amount: int | None, like: Any) -> Any:
    return None if amount is None else (amount, like[1], like[2])


def _on_amount(change: Callable[[int, Call], int | None]) -> Callable[..., Any]:
    def step(call: Call, value: Any) -> Any:
        if call.type.family == "money":
            return _money(change(value[0], call), value)
        return change(value, call)

    return step


def _product(call: Call, left: Any, right: Any) -> Any:
    if call.type.family == "money":
        return _money(numbers.fit(left[0] * right), left)
    return numbers.fit(left * right)


def _quotient(call: Call, left: Any, right: Any) -> Any:
    above, below = call.args[0].type, call.args[1].type
    if below.family == "money":
        if left[1] is None or left[1] != right[1]:
            return None
        return numbers.divide(left[0], right[0], above.places, below.places)
    if above.family == "money":
        return _money(numbers.divide(left[0], right, above.places, below.places), left)
    return numbers.divide(left, right, above.places, below.places)


def _compare(test: Callable[[Any, Any], bool]) -> Callable[..., bool | None]:
    def step(call: Call, left: Any, right: Any) -> bool | None:
        if call.args[0].type.family == "money":
            if call.args[1].type.family == "number":
                return test(left[0], right)
            return None if left[1] is None or left[1] != right[1] else test(left[0], right[0])
        return test(left, right)

    return step


def _best(choose: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    def step(call: Call, *values: Any) -> Any:
        if call.type.family != "money":
            return choose(list(values))
        if values[0][1] is None or any(one[1] != values[0][1] for one in values):
            return None
        return (choose([one[0] for one in values]), values[0][1], values[0][2])

    return step


def shift_date(start: date, days: int) -> date | None:
    """The date some days later; empty outside the years 1 to 9999."""
    try:
        return start + timedelta(days=days)
    except OverflowError:
        return None


def shift_instant(start: datetime, seconds: int) -> datetime | None:
    """The instant some seconds later; empty outside the years 1 to 9999."""
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return None


def seconds_between(later: datetime, earlier: datetime) -> int:
    """Whole seconds from ``earlier`` to ``later``, cut toward zero."""
    apart = later - earlier
    micros = (apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds
    return micros // 1_000_000 if micros >= 0 else -(-micros // 1_000_000)


def add_months(start: Any, months: int) -> Any:
    """The same day some months later, the month's last day where it has no such day; empty outside the years 1 to 9999."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


def fold(text: str) -> str:
    """Text for matching without regard to case."""
    return text.lower().replace("ς", "σ")


_STRICT: dict[str, Callable[..., Any]] = {
    "not": lambda call, value: not value,
    "eq": _compare(lambda left, right: bool(left == right)),
    "ne": _compare(lambda left, right: bool(left != right)),
    "lt": _compare(lambda left, right: bool(left < right)),
    "le": _compare(lambda left, right: bool(left <= right)),
    "gt": _compare(lambda left, right: bool(left > right)),
    "ge": _compare(lambda left, right: bool(left >= right)),
    "always": lambda call, value: True,
    "never": lambda call, value: False,
    "member": lambda call, value, members: value in members,
    "among": lambda call, value, several: value in several,
    "add": lambda call, left, right: _sum(call, left, right, 1),
    "sub": lambda call, left, right: _sum(call, left, right, -1),
    "mul": _product,
    "div": _quotient,
    "neg": _on_amount(lambda value, call: -value),
    "abs": _on_amount(lambda value, call: abs(value)),
    "widen": _on_amount(lambda value, call: numbers.fit(value * 10 ** int(call.extra))),
    "round": _on_amount(lambda value, call: numbers.rounded(value, int(call.extra))),
    "floor": _on_amount(lambda value, call: numbers.floored(value, int(call.extra))),
    "ceil": _on_amount(lambda value, call: numbers.ceiled(value, int(call.extra))),
    "min": _best(min),
    "max": _best(max),
    "join": lambda call, left, right: left + right,
    "contains": lambda call, text, part: fold(part) in fold(text),
    "starts": lambda call, text, part: fold(text).startswith(fold(part)),
    "add_days": lambda call, start, days: shift_date(start, days),
    "add_seconds": lambda call, start, seconds: shift_instant(start, seconds),
    "days_apart": lambda call, later, earlier: (later - earlier).days,
    "seconds_apart": lambda call, later, earlier: seconds_between(later, earlier),
    "whole_days": lambda call, seconds: seconds // 86_400 if seconds >= 0 else -(-seconds // 86_400),
    "add_months": lambda call, start, months: add_months(start, months),
    "entity_of": lambda call, value: value.entity,
}
