"""What is taken from a net pay: deductions by priority with arrears, and payments that add up to the net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from plugins.payroll.rounding import half_up

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Deduction:
    """One voluntary deduction. ``arrears``: skip, carry_forward or partial, when the net does not suffice."""

    code: str
    amount: Decimal
    priority: int
    arrears: str = "carry_forward"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of a deduction and what is carried to the next pay."""

    code: str
    amount: Decimal
    arrears: Decimal


def take(net: Decimal, deductions: Sequence[Deduction]) -> tuple[list[Taken], Decimal]:
    """Take deductions in order of priority without going below zero; answers what was taken and the net left."""
    taken: list[Taken] = []
    left = net
    for one in sorted(deductions, key=lambda item: (item.priority, item.code)):
        if one.amount <= left:
            part = one.amount
        elif one.arrears == "partial":
            part = max(ZERO, left)
        else:
            part = ZERO
        left -= part
        taken.append(Taken(one.code, part, ZERO if one.arrears == "skip" else one.amount - part))
    return taken, left


@dataclass(frozen=True, slots=True)
class Share:
    """How an employee is paid: a fixed amount, a percent of the remainder, or (both None) the remainder."""

    account: str
    amount: Decimal | None = None
    percent: Decimal | None = None


def pay_out(net: Decimal, shares: Sequence[Share]) -> list[tuple[str, Decimal]]:
    """Split ``net``: fixed amounts first, percents of what is left, the one remainder takes the rest."""
    rest = [share for share in shares if share.amount is None and share.percent is None]
    if len(rest) != 1:
        raise ValueError("Exactly one payment takes the remainder.")
    out: dict[str, Decimal] = {}
    left = net
    for share in shares:
        if share.amount is not None:
            out[share.account] = min(share.amount, left)
            left -= out[share.account]
    base = left
    for share in shares:
        if share.percent is not None:
            out[share.account] = half_up(base * share.percent / 100)
            left -= out[share.account]
    out[rest[0].account] = left
    return [(share.account, out[share.account]) for share in shares]
