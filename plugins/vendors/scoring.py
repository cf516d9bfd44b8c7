"""Scorecards: weighted total over the criteria that have a score, and the grade of the rounded figure (VE-R06)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

TENTH = Decimal("0.1")
HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Score:
    """``total`` with one decimal (None when nothing was scored), ``grade`` A to D or None, ``missing`` weight in percent."""

    total: Decimal | None
    grade: str | None
    missing: Decimal


def score(criteria: Sequence[tuple[Decimal, Decimal | None]]) -> Score:
    """Score ``criteria``, pairs of weight and score; no grade when more than a quarter of the weight is missing."""
    whole = sum((weight for weight, _ in criteria), Decimal(0))
    scored = [(weight, value) for weight, value in criteria if value is not None]
    known = sum((weight for weight, _ in scored), Decimal(0))
    if not known or not whole:
        return Score(None, None, Decimal(100))
    total = (sum((weight * value for weight, value in scored), Decimal(0)) / known).quantize(TENTH, ROUND_HALF_UP)
    missing = (100 * (whole - known) / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return Score(total, None if missing > 25 else grade(total), missing)


def grade(total: Decimal) -> str:
    """A from 90, B from 75, C from 60, D below."""
    return next((letter for letter, least in (("A", 90), ("B", 75), ("C", 60)) if total >= least), "D")


def share(part: Decimal, whole: Decimal, step: Decimal = TENTH) -> Decimal | None:
    """``part`` of ``whole`` in percent, to ``step`` (one decimal); None for a whole of zero."""
    return (100 * part / whole).quantize(step, ROUND_HALF_UP) if whole else None
