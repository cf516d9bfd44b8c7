"""Risk of a vendor: rating of each dimension, the highest counts, and the tier that follows (VE-R05)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from dateutil.relativedelta import relativedelta

REVIEW_MONTHS = {1: 6, 2: 12, 3: 24, 4: 36}


def level(rating: int) -> str:
    """The word for likelihood times impact: 1-4 low, 5-9 medium, 10-14 high, 15-25 critical."""
    if rating >= 15:
        return "critical"
    if rating >= 10:
        return "high"
    return "medium" if rating >= 5 else "low"


def overall(ratings: Sequence[int]) -> int:
    """The highest rating, not the average; 0 when there is none."""
    return max(ratings, default=0)


def tier(rating: int, criticality: int) -> int:
    """The vendor's tier, 1 (closest watch) to 4, from its residual rating and how critical it is (1 to 4)."""
    match level(rating):
        case "critical":
            return 1
        case "high":
            return 1 if criticality <= 2 else 2
        case "medium":
            return 2 if criticality == 1 else 3
        case _:
            return 3 if criticality <= 2 else 4


def next_review(last: date, of_tier: int) -> date:
    """The day of the next periodic review, by tier."""
    return last + relativedelta(months=REVIEW_MONTHS[of_tier])
