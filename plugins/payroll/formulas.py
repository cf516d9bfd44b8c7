"""Formulas of pay components in the expression language: checked when saved, evaluated in order, explained with their figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from plugins.payroll.brackets import Bracket, tax_of
from plugins.payroll.rounding import half_up
from plugins.payroll.slip import Component, Input, Slip
from schemas import Entity, Field
from schemas.expressions import Env, ExpressionError, Function, check, evaluate, names_of, parse

FIGURES = ("gross", "taxable", "social", "fte", "days_worked", "days_in_period", "periods_per_year", "years_of_service")
WHOLE = ("days_worked", "days_in_period", "periods_per_year", "years_of_service")
BASES = ("gross", "taxable", "social")
_CALL = re.compile(r"\b(comp|ytd|input|hours)\('([A-Z][A-Z0-9_]*)'\)")
_SHAPE = Entity(
    "payroll",
    "formula",
    fields=tuple(
        Field(name, "integer") if name in WHOLE else Field(name, "decimal", places=2)
        for name in FIGURES
    ),
)


def problems(source: str, known: Sequence[str]) -> list[str]:
    """What is wrong with a formula, in sentences; empty when it may be used. ``known``: the codes of all components."""
    try:
        check(parse(source), names_of(_SHAPE, {}, functions=_functions(_nothing, _nothing, _nothing, _nothing, {}, {})), "decimal")
    except ExpressionError as error:
        place = f" (character {error.column})" if error.column else ""
        return [f"{error.message}{place} {error.remedy}".strip()]
    unknown = sorted({code for _, code in _CALL.findall(source)} - set(known) - {"BASIC"})
    return [f"There is no component {code}." for code in unknown]


def reads(source: str) -> set[str]:
    """The components whose amount a formula uses."""
    return {code for what, code in _CALL.findall(source) if what == "comp"}


def cycle(formulas: Mapping[str, str]) -> list[str]:
    """Components whose formulas use each other in a circle, in its order; empty when there is none."""
    done: set[str] = set()

    def walk(code: str, path: list[str]) -> list[str]:
        if code in path:
            return [*path[path.index(code) :], code]
        if code in done or code not in formulas:
            return []
        for other in sorted(reads(formulas[code])):
            if found := walk(other, [*path, code]):
                return found
        done.add(code)
        return []

    return next((found for code in sorted(formulas) if (found := walk(code, []))), [])


def ordered(components: Mapping[str, Component]) -> list[str]:
    """Codes of components with formulas, each after those it uses."""
    found: list[str] = []

    def walk(code: str, above: frozenset[str]) -> None:
        one = components.get(code)
        if one is None or one.value != "formula" or code in found or code in above:
            return
        for other in sorted(reads(one.formula)):
            walk(other, above | {code})
        found.append(code)

    for code in sorted(components):
        walk(code, frozenset())
    return found


def evaluator(
    inputs: Sequence[Input],
    ytd: Mapping[str, Decimal],
    tables: Mapping[str, Sequence[Bracket]],
    fte: Decimal,
    periods: int,
    parameters: Mapping[tuple[str, str], Decimal] | None = None,
    years: int = 0,
) -> Callable[[Component, Slip], tuple[Decimal | None, str]]:
    """A reader of formulas for one person: the value (None when it is empty), and the formula with its figures put in."""

    def read(one: Component, slip: Slip) -> tuple[Decimal | None, str]:
        def comp(code: str) -> Decimal:
            return sum((line.amount for line in slip.lines if line.component == code), Decimal(0))

        def to_date(code: str) -> Decimal:
            return ytd.get(code, Decimal(0))

        def given(code: str) -> Decimal | None:
            found = [item.amount for item in inputs if item.component == code and item.amount is not None]
            return sum(found, Decimal(0)) if found else None

        def hours(code: str) -> Decimal:
            return sum((item.quantity or Decimal(0) for item in inputs if item.component == code), Decimal(0))

        values = {
            "gross": slip.gross or slip.total("earning"),
            "taxable": slip.taxable,
            "social": slip.social,
            "fte": fte,
            "days_worked": slip.days_worked,
            "days_in_period": slip.days_in_period,
            "periods_per_year": periods,
            "years_of_service": years,
        }
        functions = _functions(comp, to_date, given, hours, tables, parameters or {})
        typed = check(parse(one.formula), names_of(_SHAPE, {}, functions=functions), "decimal")
        result = evaluate(typed, Env(values=values, functions=functions))
        spoken = _CALL.sub(lambda found: f"{found[0]}[{_figure(found, comp, to_date, given, hours)}]", one.formula)
        spoken = re.sub(r"\b(" + "|".join(FIGURES) + r")\b", lambda found: f"{found[0]}[{values[found[0]]}]", spoken)
        return (None if result is None else half_up(Decimal(result))), spoken

    return read


def _figure(
    found: re.Match[str],
    comp: Callable[[str], object],
    ytd: Callable[[str], object],
    given: Callable[[str], object],
    hours: Callable[[str], object],
) -> object:
    return {"comp": comp, "ytd": ytd, "input": given, "hours": hours}[found[1]](found[2])


def _nothing(code: str) -> Decimal | None:
    return Decimal(0)


def _functions(
    comp: Callable[[str], Decimal | None],
    ytd: Callable[[str], Decimal | None],
    given: Callable[[str], Decimal | None],
    hours: Callable[[str], Decimal | None],
    tables: Mapping[str, Sequence[Bracket]],
    parameters: Mapping[tuple[str, str], Decimal],
) -> dict[str, Function]:
    def bracket(table: str, amount: Decimal) -> Decimal | None:
        rows = tables.get(table)
        return None if rows is None else half_up(tax_of(rows, amount))

    return {
        "comp": Function("comp", ("text",), "decimal", comp),
        "ytd": Function("ytd", ("text",), "decimal", ytd),
        "input": Function("input", ("text",), "decimal", given),
        "hours": Function("hours", ("text",), "decimal", hours),
        "bracket": Function("bracket", ("text", "decimal"), "decimal", bracket),
        "rate": Function("rate", ("text", "text"), "decimal", lambda table, key: parameters.get((table, key))),
    }
