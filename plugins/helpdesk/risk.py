"""The risk of a change from the answers to its questionnaire."""

from __future__ import annotations

from collections.abc import Sequence


def risk(points: Sequence[int]) -> str:
    """low, medium or high by the sum of points (0 to 3 each); one answer of 3 alone makes it at least medium."""
    total = sum(points)
    if total >= 7:
        return "high"
    return "medium" if total >= 4 or 3 in points else "low"
