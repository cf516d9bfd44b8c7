"""The score of an inspection: weighted, in percent with one decimal; a critical failure fails it all (FA-R08)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

WORTH = {"pass": Decimal(1), "partial": Decimal("0.5"), "fail": Decimal(0)}
ENOUGH = Decimal(80)


def score(lines: Iterable[tuple[int, str | None, bool]]) -> tuple[Decimal | None, str]:
    """Score and outcome of (weight, result, critical) lines; what is ``na`` or not yet judged does not count."""
    total, reached, failed = 0, Decimal(0), False
    for weight, result, critical in lines:
        if result in WORTH:
            total += weight
            reached += weight * WORTH[result]
            failed = failed or (critical and result == "fail")
    if not total:
        return None, "not_scored"
    percent = (100 * reached / total).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return percent, "failed" if failed or percent < ENOUGH else "passed"
