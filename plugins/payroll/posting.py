"""A run is handed to accounting: its journal is made once, from its final slips, and mirrored when the run is reversed (I4)."""

from __future__ import annotations

from decimal import Decimal

from core import Money, Record, Refusal, Work
from plugins.payroll.journal import Accounts, Entry, Paid, Split, difference, entries

SOCIAL = ("SS", "MED", "NIC", "SOCIAL")
"""Taxes that are social insurance; all others are income tax."""


def make(run: Record, work: Work) -> None:
    """Write the journal of a run, balanced and summed over its people; Refusal when it does not balance."""
    group = work.get("payroll.pay_group", run["group"])
    if group is None:
        raise Refusal("The run's group is gone.")
    accounts = Accounts(*(group[f"{name}_account"] for name in ("wages", "contributions", "authorities", "net", "deductions")))
    own = {one["code"]: (one.get("debit") or "", one.get("credit") or "") for one in work.find("payroll.pay_component", limit=1_000)}
    slips = work.find("payroll.payslip", run=run.id, state="final", limit=1_000)
    lines = entries([_paid(one, work) for one in slips], accounts, own)
    if off := difference(lines):
        raise Refusal(f"The journal of {run['number']} does not balance by {off}: look at its slips before it is posted.")
    if lines:
        made = _write(run, lines, group["currency"], work)
        work.change("payroll.pay_run", run.id, journal=made.id)


def mirror(run: Record, work: Work) -> None:
    """The journal of a reversed run, with debits and credits changed over."""
    first = work.get("payroll.journal", run.get("journal"))
    if first is not None:
        lines = [Entry(line["account"], line.get("cost_centre"), line["credit"], line["debit"]) for line in first.get("lines") or ()]
        _write(run, lines, first["currency"], work, first.id)


def _write(run: Record, lines: list[Entry], currency: str, work: Work, reverses: int | None = None) -> Record:
    return work.create(
        "payroll.journal",
        run=run.id,
        day=run["pay_date"],
        currency=currency,
        reverses=reverses,
        lines=tuple({"account": one.account, "cost_centre": one.centre, "debit": one.debit, "credit": one.credit} for one in lines),
        total=sum((one.debit for one in lines), Decimal(0)),
    )


def _paid(slip: Record, work: Work) -> Paid:
    lines = [(line["component"], line["kind"], line["amount"]) for line in slip.get("lines") or ()]
    return Paid(lines, slip["net"], _split(slip, work))


def _split(slip: Record, work: Work) -> Split:
    """How the newest terms of the slip's contract split its cost; else to the cost centre of the person's department."""
    found = work.find("payroll.employee_pay", employee=slip["employee"], contract=slip["contract"], state="approved", limit=100)
    in_force = [one for one in found if one["valid_from"] <= slip["ends"]]
    newest = max(in_force, key=lambda one: one["valid_from"], default=None)
    if newest is not None and newest.get("cost_split"):
        return [(line["cost_centre"], line["percent"]) for line in newest["cost_split"]]
    person = work.get("directory.person", slip["employee"])
    department = work.get("directory.department", person.get("department")) if person is not None else None
    return [(department.get("cost_centre") if department is not None else None, Decimal(1))]


def owe(run: Record, group: Record, slips: list[Record], work: Work) -> None:
    """What is owed to authorities: all taxes and contributions but those whose component has a creditor of its own (I4)."""
    elsewhere = {one["code"] for one in work.find("payroll.pay_component", limit=1_000) if one.get("credit")}
    sums = {"income_tax": Decimal(0), "social": Decimal(0)}
    for one in slips:
        for line in one.get("lines") or ():
            if line["kind"] in ("tax", "employer_contribution") and line["component"] not in elsewhere:
                income = line["kind"] == "tax" and line["component"] not in SOCIAL
                sums["income_tax" if income else "social"] += line["amount"]
    for kind, amount in sums.items():
        if amount:
            work.create(
                "payroll.authority_liability",
                authority="Tax authority" if kind == "income_tax" else "Social insurance",
                kind=kind,
                run=run.id,
                amount=Money(amount, group["currency"]),
                due=run["pay_date"],
            )
