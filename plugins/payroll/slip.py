"""One person's pay for one period, from inputs to net: pure arithmetic, every line with its explanation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from plugins.payroll import deductions, grossing, proration, uk, us
from plugins.payroll.brackets import Bracket
from plugins.payroll.rounding import half_up

ZERO = Decimal(0)
MOST_ROUNDS = 60
"""How often what is deducted before taxes is cut until taxes fit; each round leaves a fraction of the shortage."""


@dataclass(frozen=True, slots=True)
class Term:
    """Pay terms in force for some days of the period. ``amount`` is the salary of a period or the rate of an hour."""

    start: date
    end: date
    pay_type: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Component:
    """A pay component as the calculation reads it."""

    code: str
    name: str
    kind: str
    value: str = "manual"
    formula: str = ""
    base: str = ""
    percent: Decimal | None = None
    taxable: bool = True
    social: bool = True
    before_tax: bool = False
    priority: int = 10
    arrears: str = "carry_forward"
    cap_year: Decimal | None = None
    cap_period: Decimal | None = None
    prorate: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """A figure somebody gave: a quantity at a factor, or an amount; ``net`` is what is to be left of it after taxes.

    ``prorate``: the amount is of a whole period, and is paid by the days worked.
    """

    component: str
    quantity: Decimal | None = None
    factor: Decimal = Decimal(1)
    amount: Decimal | None = None
    net: bool = False
    note: str = "as given"
    prorate: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a payslip."""

    component: str
    label: str
    kind: str
    amount: Decimal
    quantity: Decimal | None = None
    rate: Decimal | None = None
    explanation: str = ""


@dataclass(frozen=True)
class Rules:
    """The country's rules for one group and pay date. ``pack`` is generic, us or uk."""

    pack: str
    periods: int
    number: int
    proration: str = "working_days"
    flat_tax: Decimal = ZERO
    flat_social: Decimal = ZERO
    brackets: Sequence[Bracket] = ()
    wage_base: Decimal = Decimal(176_100)
    rates: Sequence[uk.Rate] = ()
    thresholds: uk.Thresholds | None = None


@dataclass(frozen=True)
class Person:
    """Facts of the person that taxes look at."""

    tax_code: str = "1257L"
    w4: us.W4 = us.W4()


@dataclass
class Slip:
    """The result. ``taxes_to_date`` lines are refundable under cumulative rules."""

    lines: list[Line] = field(default_factory=list)
    gross: Decimal = ZERO
    taxable: Decimal = ZERO
    social: Decimal = ZERO
    deductions: Decimal = ZERO
    net: Decimal = ZERO
    employer_cost: Decimal = ZERO
    days_worked: int = 0
    days_in_period: int = 0
    arrears: dict[str, Decimal] = field(default_factory=dict)

    def total(self, *kinds: str) -> Decimal:
        """The sum of lines of these kinds."""
        return sum((line.amount for line in self.lines if line.kind in kinds), ZERO)


Formula = Callable[[Component, "Slip"], tuple[Decimal | None, str]]
"""Evaluates a component's formula over the slip so far; the amount (None: empty) and how it was reached."""


class Incomplete(ValueError):
    """A component whose result is empty: it never counts as zero."""


def calculate(
    period: tuple[date, date],
    terms: Sequence[Term],
    components: Mapping[str, Component],
    inputs: Sequence[Input],
    person: Person,
    rules: Rules,
    ytd: Mapping[str, Decimal],
    formula: Formula,
) -> Slip:
    """Earnings, deductions before tax, taxes and contributions, other deductions by priority; net is never below zero."""
    slip = Slip()
    _basic(slip, period, terms, rules)
    rate = terms[-1].amount if terms and terms[-1].pay_type == "hourly" else ZERO
    for one in _of_kind(components, "earning", "benefit_in_kind", "reimbursement", "informational"):
        _add(slip, one, inputs, rate, ytd, formula)
    slip.gross = slip.total("earning")
    earned, before_tax = list(slip.lines), []
    for one in _of_kind(components, "deduction"):
        if one.before_tax and (line := _amount(slip, one, inputs, rate, ytd, formula)) is not None:
            slip.lines.append(line)
            before_tax.append((one, line))
    paid_out = slip.gross + slip.total("reimbursement")
    most = max(ZERO, paid_out)
    for _ in range(MOST_ROUNDS):
        slip.lines, slip.arrears = list(earned), {}
        taken_before = most - _take(slip, before_tax, most)
        _bases(slip, components, taken_before)
        _taxes(slip, person, rules, ytd)
        for one in _of_kind(components, "tax", "employer_contribution"):
            _add(slip, one, inputs, rate, ytd, formula)
        available = paid_out - taken_before - slip.total("tax")
        if available >= 0 or taken_before <= 0:
            break
        most = max(ZERO, taken_before + available)  # taxes come first: what they need is not deducted before them
    wanted = [
        (one, line)
        for one in _of_kind(components, "deduction")
        if not one.before_tax and (line := _amount(slip, one, inputs, rate, ytd, formula)) is not None
    ]
    slip.net = _take(slip, wanted, available)
    slip.deductions = slip.total("deduction")
    slip.employer_cost = slip.gross + slip.total("employer_contribution")
    return slip


def _bases(slip: Slip, components: Mapping[str, Component], before_tax: Decimal) -> None:
    """What taxes and contributions look at; never below zero (I8)."""
    counted = {code for code, one in components.items() if one.taxable} | {"BASIC"}
    taxable = sum((line.amount for line in slip.lines if line.kind in ("earning", "benefit_in_kind") and line.component in counted), ZERO)
    slip.taxable = max(ZERO, taxable - before_tax)
    social = {code for code, one in components.items() if one.social} | {"BASIC"}
    slip.social = max(ZERO, sum((line.amount for line in slip.lines if line.kind == "earning" and line.component in social), ZERO))


def _take(slip: Slip, wanted: Sequence[tuple[Component, Line]], available: Decimal) -> Decimal:
    """Take deductions by priority from what is available, and write their lines; answers what is left."""
    taken, left = deductions.take(
        available, [deductions.Deduction(one.code, line.amount, one.priority, one.arrears) for one, line in wanted]
    )
    for part in taken:
        source, line = next(pair for pair in wanted if pair[0].code == part.code)
        note = line.explanation if not part.arrears else f"{line.explanation}; {part.arrears} is carried forward"
        slip.lines.append(Line(source.code, source.name, "deduction", part.amount, line.quantity, line.rate, note))
        if part.arrears:
            slip.arrears[part.code] = part.arrears
    return left


def with_nets(inputs: Sequence[Input], calculated: Callable[[Sequence[Input]], Slip]) -> Slip:
    """The slip of ``inputs``: each net amount is replaced by the gross that leaves it, by the same calculation (P12)."""
    plain = [one for one in inputs if not one.net]
    for one in (one for one in inputs if one.net and one.amount is not None):
        wanted = one.amount or ZERO
        note = f"{wanted} net"

        def net_of(gross: Decimal, one: Input = one, note: str = note) -> Decimal:
            return calculated([*plain, replace(one, amount=gross, net=False, note=note)]).net

        found = grossing.gross_up(calculated(plain).net + wanted, net_of)
        plain.append(replace(one, amount=found, net=False, note=note))
    return calculated(plain)


def _basic(slip: Slip, period: tuple[date, date], terms: Sequence[Term], rules: Rules) -> None:
    whole = proration.days_in(rules.proration, *period)
    slip.days_in_period = whole
    parts = []
    for term in terms:
        days = proration.days_on(rules.proration, term.start, term.end, *period)
        slip.days_worked += days
        if term.pay_type == "salary" and days:
            parts.append((term.amount, days))
    if parts:
        amount = proration.in_parts(parts, whole)
        said = " + ".join(f"{salary} x {days}/{whole}" if days != whole else f"{salary}" for salary, days in parts)
        slip.lines.append(Line("BASIC", "Basic pay", "earning", amount, explanation=f"{said} = {amount}"))


def _of_kind(components: Mapping[str, Component], *kinds: str) -> list[Component]:
    chosen = [one for one in components.values() if one.kind in kinds]
    return sorted(chosen, key=lambda one: (one.value == "formula", one.value == "percent_of_base", one.priority, one.code))


def _add(slip: Slip, one: Component, inputs: Sequence[Input], rate: Decimal, ytd: Mapping[str, Decimal], formula: Formula) -> None:
    line = _amount(slip, one, inputs, rate, ytd, formula)
    if line is not None:
        slip.lines.append(line)


def _amount(
    slip: Slip, one: Component, inputs: Sequence[Input], rate: Decimal, ytd: Mapping[str, Decimal], formula: Formula
) -> Line | None:
    given = [item for item in inputs if item.component == one.code]
    match one.value:
        case "formula":
            found, said = formula(one, slip)
            if found is None:
                raise Incomplete(f"{one.code}: the formula gives no value ({said}).")
            line = Line(one.code, one.name, one.kind, half_up(found), explanation=f"{said} = {half_up(found)}")
        case "percent_of_base":
            base = {"gross": slip.total("earning"), "taxable": slip.taxable, "social": slip.social}[one.base]
            if one.percent is None:
                raise Incomplete(f"{one.code}: the percentage is missing.")
            amount = half_up(base * one.percent / 100)
            line = Line(
                one.code, one.name, one.kind, amount, base, one.percent, f"{one.percent.normalize():f} % of {one.base} {base} = {amount}"
            )
        case "rate_x_quantity":
            hours = sum((item.quantity or ZERO for item in given), ZERO)
            if not given:
                return None
            amount = sum((proration.hourly(rate, item.factor, item.quantity or ZERO) for item in given), ZERO)
            said = " + ".join(f"{rate} x {item.factor} x {item.quantity}" for item in given)
            line = Line(one.code, one.name, one.kind, amount, hours, rate, f"{said} = {amount}")
        case _:
            if not given:
                return None
            if any(item.amount is None for item in given):
                raise Incomplete(f"{one.code}: the amount is missing.")
            parts = [(item, proration.prorated(item.amount or ZERO, *_days(slip, item))) for item in given]
            amount = sum((part for _, part in parts), ZERO)
            told = dict.fromkeys(_said(slip, item, part) for item, part in parts)
            line = Line(one.code, one.name, one.kind, amount, explanation="; ".join(told))
    if one.cap_period is not None and line.amount > one.cap_period:
        line = replace(line, amount=one.cap_period, explanation=f"{line.explanation}; capped at {one.cap_period} a period")
    if one.cap_year is not None:
        left = max(ZERO, one.cap_year - ytd.get(one.code, ZERO))
        if line.amount > left:
            line = replace(line, amount=left, explanation=f"{line.explanation}; capped at {one.cap_year} a year, {left} left")
    return line


def _days(slip: Slip, item: Input) -> tuple[int, int]:
    return (slip.days_worked, slip.days_in_period) if item.prorate else (1, 1)


def _said(slip: Slip, item: Input, part: Decimal) -> str:
    if not item.prorate or slip.days_worked == slip.days_in_period:
        return item.note
    return f"{item.amount} x {slip.days_worked}/{slip.days_in_period} = {part}"


def _taxes(slip: Slip, person: Person, rules: Rules, ytd: Mapping[str, Decimal]) -> None:
    pay = slip.social
    match rules.pack:
        case "us":
            found = us.withhold(slip.taxable, rules.periods, person.w4, rules.brackets)
            said = (
                f"{slip.taxable} x {rules.periods} adjusted to {found.adjusted_annual}; annual tax {found.annual_tax} "
                f"/ {rules.periods} = {found.tentative}"
                + (f" - {found.credit} credit" if found.credit else "")
                + (f" + {person.w4.extra} extra" if person.w4.extra else "")
                + f" = {found.amount}"
            )
            slip.lines.append(Line("FIT", "Federal income tax", "tax", found.amount, explanation=said))
            before = ytd.get("SOCIAL_BASE", ZERO)
            capped = us.capped(pay, before, rules.wage_base)
            social = us.social_security(pay, before, rules.wage_base)
            medicare = us.medicare(pay) + us.additional_medicare(pay, before)
            slip.lines.append(Line("SS", "Social security", "tax", social, capped, Decimal("6.2"), f"6.2 % of {capped} = {social}"))
            slip.lines.append(Line("MED", "Medicare", "tax", medicare, pay, Decimal("1.45"), f"1.45 % of {pay} = {medicare}"))
            slip.lines.append(
                Line("SS_ER", "Social security, employer", "employer_contribution", social, explanation=f"6.2 % of {capped} = {social}")
            )
            slip.lines.append(
                Line("MED_ER", "Medicare, employer", "employer_contribution", us.medicare(pay), explanation=f"1.45 % of {pay}")
            )
            futa = us.unemployment(pay, before)
            slip.lines.append(
                Line("FUTA", "Federal unemployment", "employer_contribution", futa, explanation="0.6 % of the first 7,000 of the year")
            )
        case "uk":
            tax = uk.paye(
                slip.taxable,
                person.tax_code,
                rules.number,
                rules.periods,
                rules.rates,
                pay_before=ytd.get("TAX_BASE", ZERO),
                paid_before=ytd.get("PAYE", ZERO),
            )
            slip.lines.append(
                Line(
                    "PAYE",
                    "Income tax",
                    "tax",
                    tax.amount,
                    explanation=(
                        f"free pay to date {tax.adjustment}, taxable {tax.taxable}, due {tax.due_to_date} "
                        f"less paid {ytd.get('PAYE', ZERO)} = {tax.amount}"
                    ),
                )
            )
            if rules.thresholds is not None:
                shares = uk.nics(pay, rules.thresholds)
                slip.lines.append(
                    Line("NIC", "National insurance", "tax", shares.employee, pay, explanation=f"bands of {pay} = {shares.employee}")
                )
                slip.lines.append(
                    Line(
                        "NIC_ER",
                        "National insurance, employer",
                        "employer_contribution",
                        shares.employer,
                        pay,
                        explanation=f"bands of {pay}",
                    )
                )
        case _:
            income = half_up(slip.taxable * rules.flat_tax / 100)
            social = half_up(pay * rules.flat_social / 100)
            if income:
                slip.lines.append(
                    Line(
                        "TAX",
                        "Income tax",
                        "tax",
                        income,
                        slip.taxable,
                        rules.flat_tax,
                        f"{rules.flat_tax.normalize():f} % of {slip.taxable} = {income}",
                    )
                )
            if social:
                slip.lines.append(
                    Line(
                        "SOCIAL",
                        "Social contribution",
                        "tax",
                        social,
                        pay,
                        rules.flat_social,
                        f"{rules.flat_social.normalize():f} % of {pay} = {social}",
                    )
                )
                slip.lines.append(
                    Line(
                        "SOCIAL_ER",
                        "Social contribution, employer",
                        "employer_contribution",
                        social,
                        pay,
                        explanation=f"{rules.flat_social.normalize():f} % of {pay}",
                    )
                )
