"""Payroll: runs are calculated from frozen inputs, seen by a second person, and never change once they are posted."""

from __future__ import annotations

from typing import Any

from core import Change, DemoWork, Document, Record, Work, hookimpl, on
from plugins.payroll import formulas, paper, posting, runs
from plugins.payroll.demo import fill

CLOSED = ("posted", "paid", "locked")


@hookimpl(specname="check_record")
@on("payroll.pay_component")
def check_the_formula(record: Record, work: Work) -> dict[str, str]:
    """A formula is of the language, names components that exist, and uses none that uses it."""
    if record.get("value") != "formula" or not record.get("formula"):
        return {}
    others = {one["code"]: one for one in work.find("payroll.pay_component", limit=1_000) if one.id != record.get("id")}
    known = [*others, record["code"]]
    if said := formulas.problems(record["formula"], known):
        return {"formula": said[0]}
    circle = formulas.cycle({**{code: one.get("formula") or "" for code, one in others.items()}, record["code"]: record["formula"]})
    return {"formula": f"These components use each other in a circle: {' > '.join(circle)}."} if circle else {}


@hookimpl(specname="check_record")
@on("payroll.pay_period")
def periods_in_order(record: Record, work: Work) -> dict[str, str]:
    """Pay dates of a group strictly increase."""
    if any(record.get(name) is None for name in ("group", "start", "pay_date")):
        return {}
    for other in work.find("payroll.pay_period", group=record["group"], limit=1_000):
        if other.id != record.get("id") and (other["start"] < record["start"]) != (other["pay_date"] < record["pay_date"]):
            return {"pay_date": "Pay dates of a group follow each other like its periods."}
    return {}


@hookimpl(specname="check_record")
@on("payroll.pay_run")
def run_fits_its_period(record: Record, work: Work) -> dict[str, str]:
    """The period belongs to the run's group."""
    period = work.get("payroll.pay_period", record.get("period"))
    return {"period": "This period belongs to another group."} if period and period["group"] != record.get("group") else {}


@hookimpl(specname="before_save")
@on("payroll.rate_table")
def name_the_verifier(record: Record, change: Change) -> None:
    """Whoever verified a table stands on it; changed figures have to be verified again."""
    if change.transition == "verify":
        record["verified_by"] = change.actor.person
    elif change.transition == "reopen" or (not change.is_new and change.touches("rows")):
        record["verified_by"] = None


@hookimpl(specname="check_record")
@on("payroll.employee_pay")
def shares_add_up(record: Record) -> dict[str, str]:
    """Cost centres add up to the whole, and exactly one payment takes the rest."""
    found: dict[str, str] = {}
    split = record.get("cost_split") or ()
    if split and sum(line["percent"] for line in split if line.get("percent") is not None) != 100:
        found["cost_split"] = "The percentages of the cost centres add up to 100."
    payments = record.get("payments") or ()
    rest = [line for line in payments if line.get("amount") is None and line.get("percent") is None]
    if payments and len(rest) != 1:
        found["payments"] = "Exactly one payment has neither amount nor percentage: it takes the rest."
    elif any(line.get("amount") is not None and line.get("percent") is not None for line in payments):
        found["payments"] = "A payment has a fixed amount or a percentage, not both."
    elif any(line.get("method") == "bank" and not line.get("account") for line in payments):
        found["payments"] = "A payment to a bank needs its account."
    return found


@hookimpl(specname="before_save")
@on("payroll.employee_pay")
def name_who_approved(record: Record, change: Change) -> None:
    """Whoever approved pay terms stands on them."""
    if change.transition == "approve":
        record["approved_by"] = change.actor.person


@hookimpl(specname="before_save")
@on("payroll.pay_run")
def stamp_the_run(record: Record, change: Change, work: Work) -> None:
    """Freezing remembers what the calculation will read; the approver stands on the run."""
    match change.transition:
        case "freeze":
            record["input_hash"] = runs.input_hash(runs.frame(record, work), work)
        case "unfreeze":
            record["input_hash"] = None
        case "approve":
            record["approved_by"] = change.actor.person
        case "withdraw":
            record["approved_by"] = None


@hookimpl(specname="allow_transition")
@on("payroll.pay_run")
def guard_the_run(record: Record, transition: str, work: Work) -> str | None:
    """Inputs stay as they were frozen, nobody is forgotten, and exceptions are worked off before approval."""
    if transition in ("calculate", "recalculate", "approve") and record.get("input_hash"):
        if runs.input_hash(runs.frame(record, work), work) != record["input_hash"]:
            return "Inputs have changed since they were frozen: open the inputs again, and freeze them anew."
    if transition == "freeze" and not runs.population(runs.frame(record, work), work):
        return "Nobody has approved pay terms in this period."
    if transition == "approve":
        waiting = work.find("payroll.run_exception", run=record.id, state="open", limit=200)
        if waiting:
            return f"{len(waiting)} exceptions are open, the first: {waiting[-1]['kind'].replace('_', ' ')}."
    return None


@hookimpl(specname="after_transition")
@on("payroll.pay_run")
def move_the_slips(record: Record, transition: str, work: Work) -> None:
    """Calculating makes slips, approving makes them final, withdrawing and reversing take them back."""
    match transition:
        case "calculate" | "recalculate":
            runs.calculate(record, work)
        case "unfreeze":
            for one in work.find("payroll.payslip", run=record.id, state="draft", limit=1_000):
                work.delete("payroll.payslip", one.id)
            for one in work.find("payroll.run_exception", run=record.id, limit=1_000):
                work.delete("payroll.run_exception", one.id)
        case "approve":
            runs.finalise(record, work)
        case "withdraw":
            runs.reopen(record, work)
        case "reverse":
            runs.mirror(record, work, "reversal")
            posting.mirror(record, work)
        case "post":
            posting.make(record, work)
        case "lock":
            work.change("payroll.pay_period", record["period"], closed=True)


@hookimpl(specname="check_record")
@on("payroll.payslip", "payroll.run_exception")
def keep_closed_runs(record: Record, before: Record | None, change: Change, work: Work) -> dict[str, str]:
    """Slips of a posted run never change (I3)."""
    run = work.get("payroll.pay_run", record.get("run"))
    if run is not None and run["state"] in CLOSED and before is not None and not change.transition:
        return {"": f"{run['number']} is {run['state']}: it never changes. Correct it in the next run."}
    return {}


@hookimpl(specname="check_record")
@on("payroll.variable_input")
def inputs_of_open_periods(record: Record, work: Work) -> dict[str, str]:
    """A closed period takes no more inputs, and an input says a quantity or an amount."""
    period = work.get("payroll.pay_period", record.get("period"))
    if period is not None and period.get("closed"):
        return {"period": "This period is closed."}
    if record.get("quantity") is None and record.get("amount") is None:
        return {"amount": "Give a quantity or an amount."}
    if record.get("net") and (record.get("amount") is None or record["amount"] <= 0):
        return {"amount": "Give the amount that is to be left after taxes."}
    return {}


@hookimpl(specname="print_document")
@on("payroll.payslip")
def lay_out_the_slip(record: Record, fmt: Any) -> Document:
    """A payslip has a layout of its own."""
    return paper.payslip(record, fmt)


@hookimpl
def demo(work: DemoWork) -> None:
    """Two groups with a year of monthly runs."""
    fill(work)
