"""A pay run: who is in it, what each is paid, what a person has to look at, and the balances it leaves behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from core import Record, Refusal, Work
from plugins.payroll import carrying, deductions, formulas, posting, published, slip, uk, us
from plugins.payroll.brackets import Bracket
from plugins.payroll.slip import Component, Input, Person, Rules, Term

ZERO = Decimal(0)
BALANCES = ("GROSS", "TAX_BASE", "SOCIAL_BASE")
BIG_CHANGE = Decimal(20)
LONG_WEEK = Decimal(60)


@dataclass(frozen=True)
class Frame:
    """What all people of a run share."""

    run: Record
    group: Record
    period: Record
    components: Mapping[str, Component]
    tables: Mapping[str, Record]

    @property
    def dates(self) -> tuple[date, date]:
        return self.period["start"], self.period["end"]


def frame(run: Record, work: Work) -> Frame:
    """Read a run's surroundings: its group, period, components, and the rate tables in force on the pay date."""
    group, period = work.get("payroll.pay_group", run["group"]), work.get("payroll.pay_period", run["period"])
    if group is None or period is None:
        raise Refusal("The run's group or period is gone.")
    components = {one["code"]: _component(one) for one in work.find("payroll.pay_component", active=True, limit=1_000)}
    tables: dict[str, Record] = {}
    for table in work.find("payroll.rate_table", limit=1_000):
        day = run["pay_date"] if table["basis"] == "pay_date" else period["end"]
        if table["valid_from"] <= day and (table.get("valid_to") is None or day <= table["valid_to"]):
            tables[table["code"]] = table
    return Frame(run, group, period, components, tables)


def population(of: Frame, work: Work) -> dict[tuple[int, str], list[Record]]:
    """Approved pay terms by person and contract that touch the period, without who is left out or paid already."""
    start, end = of.dates
    left_out = {line["employee"] for line in of.run.get("excluded") or ()}
    found: dict[tuple[int, str], list[Record]] = {}
    for terms in work.find("payroll.employee_pay", group=of.group.id, state="approved", valid_from__le=end, limit=1_000):
        if (terms.get("valid_to") is None or terms["valid_to"] >= start) and terms["employee"] not in left_out:
            found.setdefault((terms["employee"], terms["contract"]), []).append(terms)
    return found


def input_hash(of: Frame, work: Work) -> str:
    """A hash over everything the calculation reads: terms, inputs, components and tables with their versions."""
    marks: list[tuple[object, ...]] = [("run", of.run["pay_date"].isoformat(), of.group.version, of.period.version)]
    for people in population(of, work).values():
        marks += [("terms", one.id, one.version) for one in people]
    for kind in ("payroll.variable_input",):
        marks += [(kind, one.id, one.version) for one in work.find(kind, period=of.period.id, limit=1_000)]
    marks += [("recurring", one.id, one.version) for one in work.find("payroll.recurring_item", start__le=of.dates[1], limit=1_000)]
    marks += [("component", one.id, one.version) for one in work.find("payroll.pay_component", limit=1_000)]
    marks += [("table", one.id, one.version) for one in of.tables.values()]
    text = json.dumps(sorted(marks, key=str), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def calculate(run: Record, work: Work) -> None:
    """Replace the run's draft slips and open exceptions by newly calculated ones."""
    of = frame(run, work)
    for old in work.find("payroll.payslip", run=run.id, state="draft", limit=1_000):
        work.delete("payroll.payslip", old.id)
    for old in work.find("payroll.run_exception", run=run.id, limit=1_000):
        work.delete("payroll.run_exception", old.id)
    for table in of.tables.values():
        if table["state"] != "verified" and _uses(of, table):
            _exception(work, of, None, "unverified_table", f"{table['code']} from {table['valid_from']} was verified by nobody.")
    earlier: dict[int, dict[str, Decimal]] = {}
    for (employee, contract), terms in sorted(population(of, work).items(), key=lambda item: item[0]):
        first = employee not in earlier
        figures = _one(of, work, contract, sorted(terms, key=lambda one: one["valid_from"]), earlier.get(employee, {}), first)
        earlier[employee] = carrying.added(earlier.get(employee, {}), figures)


def slip_for(of: Frame, work: Work, contract: str, terms: list[Record], ytd: Mapping[str, Decimal], first: bool = True) -> slip.Slip:
    """One contract's slip. Refusal names the person and the component whose result is empty.

    ``first``: of the person's contracts in this run; what is given for the person is paid with that one.
    """
    start, end = of.dates
    employee = int(terms[-1]["employee"])
    inputs = _inputs(of, work, employee, contract, ytd, first)
    person = work.get("directory.person", employee)
    newest = terms[-1]
    parts = [Term(max(one["valid_from"], start), min(one.get("valid_to") or end, end), one["pay_type"], one["amount"]) for one in terms]
    rules = _rules(of, newest)
    tables = {code: _brackets(table) for code, table in of.tables.items()}
    parameters = {(code, row["key"]): row["value"] for code, table in of.tables.items() for row in table.get("parameters") or ()}
    since = person.get("start") if person is not None else None
    years = max(0, relativedelta(end, since).years) if since else 0
    in_order = _in_order(of.components)

    def calculated(given: Sequence[Input]) -> slip.Slip:
        read = formulas.evaluator(
            given, ytd, tables, newest.get("fte") or Decimal(100), int(of.group["periods_per_year"]), parameters, years
        )
        return slip.calculate((start, end), parts, in_order, given, _person(newest), rules, ytd, read)

    try:
        return slip.with_nets(inputs, calculated)
    except ValueError as wrong:
        raise Refusal(f"{person['display_name'] if person else employee}: {wrong}") from wrong


def year_to_date(work: Work, employee: int, tax_year: int, but: int | None = None) -> dict[str, Decimal]:
    """Balances of the tax year by component and base, without those of one run."""
    found: dict[str, Decimal] = {}
    for entry in work.find("payroll.balance_entry", employee=employee, tax_year=tax_year, limit=1_000):
        if entry.get("run") != but or but is None:
            found[entry["component"]] = found.get(entry["component"], ZERO) + entry["amount"]
    return found


def finalise(run: Record, work: Work) -> None:
    """Number the slips and write the balances (once): the year to date is the sum of the entries."""
    of = frame(run, work)
    slips = sorted(work.find("payroll.payslip", run=run.id, state="draft", limit=1_000), key=lambda one: one.id)
    for number, one in enumerate(slips, 1):
        work.change("payroll.payslip", one.id, number=f"{run['number']}-{number:04d}")
        work.move("payroll.payslip", one.id, "finalise")
        for component, amount in sorted(carrying.figures(one).items()):
            work.create(
                "payroll.balance_entry",
                employee=one["employee"],
                component=component,
                tax_year=of.period["tax_year"],
                run=run.id,
                amount=amount,
            )
    posting.owe(run, of.group, slips, work)


def mirror(run: Record, work: Work, source: str) -> None:
    """Take a run's slips and balances back with mirror entries; nothing is deleted."""
    for entry in work.find("payroll.balance_entry", run=run.id, limit=1_000):
        work.create(
            "payroll.balance_entry",
            employee=entry["employee"],
            component=entry["component"],
            tax_year=entry["tax_year"],
            run=run.id,
            amount=-entry["amount"],
            source=source,
        )
    for one in work.find("payroll.payslip", run=run.id, state="final", limit=1_000):
        work.move("payroll.payslip", one.id, "reverse")


def reopen(run: Record, work: Work) -> None:
    """An approval taken back: balances are mirrored, slips become drafts again."""
    for entry in work.find("payroll.balance_entry", run=run.id, limit=1_000):
        work.create(
            "payroll.balance_entry",
            employee=entry["employee"],
            component=entry["component"],
            tax_year=entry["tax_year"],
            run=run.id,
            amount=-entry["amount"],
            source="reversal",
        )
    for one in work.find("payroll.payslip", run=run.id, state="final", limit=1_000):
        work.move("payroll.payslip", one.id, "reopen")
    for one in work.find("payroll.authority_liability", run=run.id, limit=100):
        work.delete("payroll.authority_liability", one.id)


def _one(of: Frame, work: Work, contract: str, terms: list[Record], earlier: Mapping[str, Decimal], first: bool) -> dict[str, Decimal]:
    """Make one slip. ``earlier``: figures of the person's other contracts in this run, which count for the year (I2)."""
    employee = int(terms[-1]["employee"])
    ytd = carrying.added(year_to_date(work, employee, of.period["tax_year"], but=of.run.id), earlier)
    result = slip_for(of, work, contract, terms, ytd, first)
    lines = tuple(
        {
            "component": line.component,
            "label": line.label,
            "kind": line.kind,
            "quantity": line.quantity,
            "rate": line.rate,
            "amount": line.amount,
            "ytd": ytd.get(line.component, ZERO) + line.amount,
            "explanation": line.explanation[:500],
        }
        for line in result.lines
    )
    person, employer = work.get("directory.person", employee), work.get("directory.company", of.group["employer"])
    made = work.create(
        "payroll.payslip",
        run=of.run.id,
        period=of.period.id,
        employee=employee,
        contract=contract,
        employer=employer["legal_name"] if employer else None,
        employee_number=person.get("number") if person else None,
        starts=of.period["start"],
        ends=of.period["end"],
        pay_date=of.run["pay_date"],
        currency=of.group["currency"],
        days_worked=result.days_worked,
        days_in_period=result.days_in_period,
        lines=lines,
        payments=_payments(terms[-1], result.net),
        arrears=tuple({"component": code, "amount": amount} for code, amount in sorted(result.arrears.items())),
        gross=result.gross,
        taxable=result.taxable,
        social=result.social,
        deductions=result.deductions,
        net=result.net,
        employer_cost=result.employer_cost,
    )
    for kind, details in _findings(of, work, employee, terms, result):
        _exception(work, of, employee, kind, details)
    return carrying.figures(made)


def _payments(terms: Record, net: Decimal) -> tuple[dict[str, object], ...]:
    """How the net is paid: fixed amounts, percents of what is left, and the rest; together the net to the cent (I1)."""
    lines = list(terms.get("payments") or ())
    if not lines or net <= 0:
        return ()
    shares = [deductions.Share(str(at), line.get("amount"), line.get("percent")) for at, line in enumerate(lines)]
    paid = ((lines[int(at)], amount) for at, amount in deductions.pay_out(net, shares))
    return tuple({"method": line["method"], "account": line.get("account"), "amount": amount} for line, amount in paid if amount)


def _findings(of: Frame, work: Work, employee: int, terms: list[Record], result: slip.Slip) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    newest = terms[-1]
    if result.net <= 0:
        found.append(("net_zero_or_less", f"The net pay is {result.net}."))
    before = next((one for one in work.find("payroll.payslip", employee=employee, state="final", limit=5) if one["run"] != of.run.id), None)
    if before is None:
        found.append(("first_pay", "This is the first payslip."))
    elif before["net"] > 0 and abs(result.net - before["net"]) * 100 / before["net"] > BIG_CHANGE:
        found.append(("big_change", f"The net pay was {before['net']} before and is {result.net} now."))
    if newest.get("valid_to") and newest["valid_to"] <= of.period["end"]:
        found.append(("leaver", f"The pay terms end on {newest['valid_to']}."))
    if (of.group["pack"] == "uk" and not newest.get("tax_code")) or (of.group["pack"] == "us" and not newest.get("filing")):
        found.append(("missing_tax_data", "Tax data is missing: the usual assumption was used."))
    hours = _hours(of, newest, result)
    least = of.group.get("minimum_hourly")
    if (
        least is not None
        and hours
        and newest["pay_type"] == "salary"
        and result.gross / hours < least.amount
        and result.days_worked == result.days_in_period
    ):
        found.append(("below_minimum_wage", f"{result.gross} for {hours} hours is less than {least.amount} an hour."))
    if (newest.get("hours_week") or ZERO) > LONG_WEEK:
        found.append(("long_hours", f"{newest['hours_week']} hours a week."))
    return found


def _hours(of: Frame, terms: Record, result: slip.Slip) -> Decimal:
    weekly = terms.get("hours_week") or ZERO
    return (weekly * 52 / int(of.group["periods_per_year"])).quantize(Decimal("0.01"))


def _exception(work: Work, of: Frame, employee: int | None, kind: str, details: str) -> None:
    work.create("payroll.run_exception", run=of.run.id, employee=employee, kind=kind, details=details)


def _inputs(of: Frame, work: Work, employee: int, contract: str, ytd: Mapping[str, Decimal], first: bool) -> list[Input]:
    left = [Input(code, amount=amount, note=note) for code, amount, note in carrying.left_over(work, of.run.id, employee, contract)]
    if not first:
        return left
    codes = {one.id: one["code"] for one in work.find("payroll.pay_component", limit=1_000)}
    found = [
        Input(codes[one["component"]], one.get("quantity"), one.get("factor") or Decimal(1), one.get("amount"), net=bool(one.get("net")))
        for one in work.find("payroll.variable_input", employee=employee, period=of.period.id, limit=500)
        if one["component"] in codes
    ]
    for one in work.find("payroll.recurring_item", employee=employee, start__le=of.dates[1], limit=500):
        if (one.get("end") is None or one["end"] >= of.dates[0]) and one["component"] in codes:
            code, amount = codes[one["component"]], one["amount"]
            if one.get("total_limit") is not None:
                amount = min(amount, max(ZERO, one["total_limit"] - carrying.taken_so_far(work, of.run.id, employee, code)))
            if amount:
                part = of.components.get(code)
                found.append(Input(code, amount=amount, prorate=part is not None and part.prorate))
    return found + left


def _component(one: Record) -> Component:
    return Component(
        one["code"],
        one["name"],
        one["kind"],
        one["value"],
        one.get("formula") or "",
        one.get("base") or "",
        one.get("percent"),
        bool(one.get("taxable")),
        bool(one.get("social")),
        bool(one.get("before_tax")),
        int(one.get("priority") or 10),
        one.get("arrears") or "carry_forward",
        one.get("cap_year"),
        one.get("cap_period"),
        bool(one.get("prorate")),
    )


def _in_order(components: Mapping[str, Component]) -> dict[str, Component]:
    """Formulas are evaluated each after those it uses: the order is written into their priority."""
    order = {code: place for place, code in enumerate(formulas.ordered(components))}
    return {code: replace(one, priority=1_000 + order[code]) if code in order else one for code, one in components.items()}


def _brackets(table: Record) -> list[Bracket]:
    return sorted((Bracket(row["start"], row["base"], row["percent"]) for row in table.get("rows") or ()), key=lambda row: row.start)


def _uses(of: Frame, table: Record) -> bool:
    return table["jurisdiction"].lower() == of.group["pack"] or any(table["code"] in one.formula for one in of.components.values())


def _person(terms: Record) -> Person:
    return Person(
        terms.get("tax_code") or "1257L",
        us.W4(
            terms.get("filing") or "single",
            bool(terms.get("step2")),
            terms.get("credits") or ZERO,
            terms.get("other_income") or ZERO,
            terms.get("tax_deductions") or ZERO,
            terms.get("extra_tax") or ZERO,
            bool(terms.get("tax_exempt")),
        ),
    )


def _rules(of: Frame, terms: Record) -> Rules:
    group = of.group
    common = {"periods": int(group["periods_per_year"]), "number": int(of.period["number"]), "proration": group["proration"]}
    if group["pack"] == "us":
        step2 = "_STEP2" if terms.get("step2") else ""
        table = of.tables.get(f"US_{(terms.get('filing') or 'single').upper()}{step2}")
        if table is None:
            raise Refusal(f"There is no rate table for the United States on {of.run['pay_date']}.")
        base = next((row["value"] for row in table.get("parameters") or () if row["key"] == "wage_base"), published.US_WAGE_BASE[2025])
        return Rules("us", brackets=_brackets(table), wage_base=base, **common)
    if group["pack"] == "uk":
        table = of.tables.get("UK_PAYE")
        if table is None:
            raise Refusal(f"There is no rate table UK_PAYE on {of.run['pay_date']}.")
        rows = _brackets(table)
        rates = tuple(uk.Rate(rows[at + 1].start if at + 1 < len(rows) else None, row.percent) for at, row in enumerate(rows))
        limits = {row["key"]: row["value"] for row in table.get("parameters") or ()}
        names = ("primary", "upper", "secondary", "employee", "employee_upper", "employer")
        missing = [name for name in names if name not in limits]
        if missing:
            raise Refusal(f"The rate table UK_PAYE lacks the parameters {', '.join(missing)}.")
        return Rules("uk", rates=rates, thresholds=uk.Thresholds(*(limits[name] for name in names)), **common)
    return Rules("generic", flat_tax=group.get("flat_tax") or ZERO, flat_social=group.get("flat_social") or ZERO, **common)
