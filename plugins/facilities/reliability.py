"""How reliable equipment is: mean time to repair, between failures, and availability (EN 13306 words)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class Reliability:
    """``repair`` and ``between`` in hours with two decimals, ``availability`` in percent with three; None without failures."""

    failures: int
    repair: Decimal | None
    between: Decimal | None
    availability: Decimal | None


def reliability(period: Decimal, downtimes: Sequence[Decimal]) -> Reliability:
    """The figures of a ``period`` in hours, from the hours of each failure in it; no period has no availability."""
    down, failures = sum(downtimes, Decimal(0)), len(downtimes)
    if period <= 0:
        return Reliability(failures, None, None, None)
    up = period - down
    return Reliability(
        failures,
        _round(down / failures, "0.01") if failures else None,
        _round(up / failures, "0.01") if failures else None,
        _round(100 * up / period, "0.001"),
    )


def _round(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), ROUND_HALF_UP)
