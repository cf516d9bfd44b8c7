"""Tables of brackets as published: each row starts at ``start``, brings ``base`` and ``percent`` of what is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Bracket:
    """One row: from ``start`` on, ``base`` plus ``percent`` of the excess over ``start`` (base as published)."""

    start: Decimal
    base: Decimal
    percent: Decimal


def rows(*published: tuple[str, str, str]) -> tuple[Bracket, ...]:
    """Bracket rows from published figures written as text."""
    return tuple(Bracket(Decimal(start), Decimal(base), Decimal(percent)) for start, base, percent in published)


def tax_of(table: Sequence[Bracket], amount: Decimal) -> Decimal:
    """The unrounded tax on ``amount``; below the first row it is zero."""
    tax = Decimal(0)
    for row in table:
        if amount < row.start:
            break
        tax = row.base + (amount - row.start) * row.percent / 100
    return tax


def gaps(table: Sequence[Bracket]) -> list[Decimal]:
    """How far each published base lies from the one computed from the row before (a self-check of entered tables)."""
    return [later.base - (row.base + (later.start - row.start) * row.percent / 100) for row, later in zip(table, table[1:], strict=False)]
