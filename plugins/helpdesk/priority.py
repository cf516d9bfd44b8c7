"""The priority of a ticket from its impact and urgency (HD-R01)."""

from __future__ import annotations

LEVELS = ("P1", "P2", "P3", "P4", "P5")


def priority(impact: str | None, urgency: str | None) -> str | None:
    """P1 to P5 for impact and urgency, each 1 (highest) to 3: their sum decides; None while one of them is open."""
    return LEVELS[int(impact) + int(urgency) - 2] if impact and urgency else None
