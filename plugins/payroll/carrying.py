"""What one slip leaves to the next: figures of the year, and deductions that the net did not suffice for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core import Record, Work

ZERO = Decimal(0)


def figures(slip: Record) -> dict[str, Decimal]:
    """A slip's amounts by component, and its bases GROSS, TAX_BASE and SOCIAL_BASE."""
    found: dict[str, Decimal] = {}
    for line in slip.get("lines") or ():
        found[line["component"]] = found.get(line["component"], ZERO) + line["amount"]
    social = slip["gross"] if slip.get("social") is None else slip["social"]
    return found | {"GROSS": slip["gross"], "TAX_BASE": slip["taxable"], "SOCIAL_BASE": social}


def added(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Both, summed by component."""
    return {code: one.get(code, ZERO) + other.get(code, ZERO) for code in {**one, **other}}


def left_over(work: Work, run: int, employee: int, contract: str) -> list[tuple[str, Decimal, str]]:
    """Arrears of the contract's last final slip: component, amount, and where they come from."""
    slips = work.find("payroll.payslip", employee=employee, contract=contract, state="final", limit=50)
    last = next((one for one in slips if one["run"] != run), None)
    if last is None:
        return []
    return [(line["component"], line["amount"], f"{line['amount']} left from {last['number']}") for line in last.get("arrears") or ()]


def taken_so_far(work: Work, run: int, employee: int, component: str) -> Decimal:
    """What was taken of a component in all years, without one run."""
    entries = work.find("payroll.balance_entry", employee=employee, component=component, limit=1_000)
    return sum((one["amount"] for one in entries if one.get("run") != run), ZERO)
