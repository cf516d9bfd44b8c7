"""The roundings payroll names: half away from zero, down, whole pounds, and the rule for national insurance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def half_up(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """Round half away from zero to ``unit`` (conventions SH-R01)."""
    return (amount / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP) * unit


def down(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """Cut towards zero to ``unit``."""
    return (amount / unit).quantize(Decimal(1), rounding=ROUND_DOWN) * unit


def up(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """Round towards plus infinity to ``unit``."""
    return (amount / unit).quantize(Decimal(1), rounding=ROUND_CEILING) * unit


def whole_pounds(amount: Decimal) -> Decimal:
    """Whole pounds, rounded down (also below zero)."""
    return amount.quantize(Decimal(1), rounding=ROUND_FLOOR)


def drop_half_penny(amount: Decimal) -> Decimal:
    """Nearest penny by the third decimal, a half-penny or less is dropped: 87.4558 is 87.45, 50.156 is 50.16 (HMRC, NICs)."""
    pennies = down(amount)
    return pennies + (CENT if down(amount, CENT / 10) - pennies > CENT / 2 else Decimal(0))


def allocate(total: Decimal, weights: Sequence[Decimal], unit: Decimal = CENT) -> list[Decimal]:
    """Split ``total`` over ``weights`` by largest remainder; ties go to the lower position (conventions SH-R03).

    The shares always sum to ``total``, which must be a multiple of ``unit``.
    """
    whole = sum(weights, Decimal(0))
    if whole <= 0:
        raise ValueError("The weights must add up to more than zero.")
    sign = -1 if total < 0 else 1
    units = int(abs(total) / unit)
    exact = [Decimal(units) * weight / whole for weight in weights]
    shares = [int(one) for one in exact]
    order = sorted(range(len(weights)), key=lambda at: (shares[at] - exact[at], at))
    for at in order[: units - sum(shares)]:
        shares[at] += 1
    return [sign * share * unit for share in shares]
