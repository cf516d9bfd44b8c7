"""From a net amount to the gross that leaves it: found by halving, with the same calculation as every slip (P12)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

CENT = Decimal("0.01")
MOST_DOUBLINGS = 24


def gross_up(target: Decimal, net_of: Callable[[Decimal], Decimal]) -> Decimal:
    """The smallest amount, to the cent, at which ``net_of(amount)`` reaches ``target``.

    ``net_of`` never falls as the amount rises. Raises ValueError with a sentence when no amount reaches the target.
    """
    low, high = 0, max(int(target / CENT), 1)
    for _ in range(MOST_DOUBLINGS):
        if net_of(high * CENT) >= target:
            break
        low, high = high, high * 2
    else:
        raise ValueError(f"No gross amount leaves {target} after taxes.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if net_of(middle * CENT) >= target else (middle, high)
    return high * CENT
