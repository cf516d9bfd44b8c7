"""The payslip on paper: who is paid by whom, every figure with its year to date, and how each came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from core import Document, Money, Record, Table

SECTIONS = (
    ("Earnings", ("earning", "reimbursement")),
    ("Taxes and deductions", ("tax", "deduction")),
    ("Paid by the employer on top", ("employer_contribution",)),
    ("For information", ("benefit_in_kind", "informational")),
)
TOTALS = (
    ("gross", "Gross pay"),
    ("taxable", "Taxable pay"),
    ("deductions", "Taxes and deductions"),
    ("employer_cost", "Cost for the employer"),
)


def payslip(record: Record, fmt: Any) -> Document:
    """The layout of a payslip, from the fields its reader sees; ``fmt`` writes dates and numbers as that reader reads them."""
    currency = record.get("currency") or ""

    def money(amount: Decimal) -> str:
        return str(fmt.money(Money(amount, currency)))

    facts = [
        ("Employee", str(record.labels.get("employee") or "")),
        ("Employee number", record.get("employee_number") or ""),
        ("Employer", record.get("employer") or ""),
        ("Period", f"{fmt.date(record['starts'])} to {fmt.date(record['ends'])}" if record.get("starts") and record.get("ends") else ""),
        ("Paid on", fmt.date(record["pay_date"]) if record.get("pay_date") else ""),
        ("Days worked", f"{record['days_worked']} of {record['days_in_period']}" if record.get("days_in_period") else ""),
        ("Net pay", money(record["net"]) if record.get("net") is not None else ""),
    ]
    facts += [(label, money(record[name])) for name, label in TOTALS if record.get(name) is not None]
    lines: Sequence[Mapping[str, Any]] = record.get("lines") or ()
    tables = [_section(label, [one for one in lines if one["kind"] in kinds], fmt) for label, kinds in SECTIONS]
    told = tuple((one["label"], one["explanation"]) for one in lines if one.get("explanation"))
    if told:
        tables.append(Table("How the figures came about", ("Line", "Calculation"), told))
    return Document(
        title=f"Payslip {record.get('number') or '(draft)'}",
        subtitle=record.get("employer") or "",
        facts=tuple((label, text) for label, text in facts if text),
        tables=tuple(table for table in tables if table.rows),
    )


def _section(label: str, lines: Sequence[Mapping[str, Any]], fmt: Any) -> Table:
    def number(value: Decimal | None, places: int = 2) -> str:
        return "" if value is None else str(fmt.number(value, places))

    rows = tuple(
        (one["label"], number(one.get("quantity")), number(one.get("rate"), 4), number(one["amount"]), number(one.get("ytd")))
        for one in lines
    )
    return Table(label, ("Line", "Quantity", "Rate", "Amount", "Year to date"), rows, (False, True, True, True, True))
