"""The journal of a run: what its slips mean in accounts, split over cost centres, balanced to the cent (I4, I7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from plugins.payroll.rounding import allocate

ZERO = Decimal(0)
Split = Sequence[tuple[int | None, Decimal]]
"""Cost centres with their weights, in order; ``((None, 1),)`` where nothing is split."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where amounts go unless a component names accounts of its own."""

    wages: str = "6000"
    contributions: str = "6010"
    authorities: str = "2210"
    net: str = "2200"
    deductions: str = "2900"


@dataclass(frozen=True, slots=True)
class Paid:
    """One slip: lines of (component, kind, amount), the net, and how its cost is split."""

    lines: Sequence[tuple[str, str, Decimal]]
    net: Decimal
    split: Split = ((None, Decimal(1)),)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal; one of ``debit`` and ``credit`` is zero."""

    account: str
    centre: int | None
    debit: Decimal
    credit: Decimal


def entries(slips: Iterable[Paid], accounts: Accounts, own: Mapping[str, tuple[str, str]]) -> list[Entry]:
    """The journal of ``slips``: one line for each account and cost centre, debits first.

    ``own``: by component its debit and its credit account, empty where the usual one is meant. Costs are split by largest
    remainder for each component, so that no cent is lost (SH-R03).
    """
    sums: dict[tuple[str, int | None], Decimal] = {}

    def book(account: str, amount: Decimal, centre: int | None = None) -> None:
        sums[account, centre] = sums.get((account, centre), ZERO) + amount

    def cost(account: str, amount: Decimal, split: Split) -> None:
        for (centre, _), share in zip(split, allocate(amount, [weight for _, weight in split]), strict=True):
            book(account, share, centre)

    for slip in slips:
        for component, kind, amount in slip.lines:
            debit, credit = own.get(component, ("", ""))
            match kind:
                case "earning" | "reimbursement":
                    cost(debit or accounts.wages, amount, slip.split)
                case "employer_contribution":
                    cost(debit or accounts.contributions, amount, slip.split)
                    book(credit or accounts.authorities, -amount)
                case "tax":
                    book(credit or accounts.authorities, -amount)
                case "deduction":
                    book(credit or accounts.deductions, -amount)
        book(accounts.net, -slip.net)
    found = [Entry(account, centre, max(amount, ZERO), max(-amount, ZERO)) for (account, centre), amount in sums.items() if amount]
    return sorted(found, key=lambda one: (one.debit == 0, one.account, one.centre or 0))


def difference(lines: Iterable[Entry]) -> Decimal:
    """Debits less credits; zero for a journal that may be handed on."""
    return sum((one.debit - one.credit for one in lines), ZERO)
