"""Exact arithmetic over scaled integers, the same for every reading of the language."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from schemas.expressions.tree import DIVISION_PLACES, LIMIT

_WIDE = Context(prec=60, rounding=ROUND_HALF_UP)


def fit(number: int) -> int | None:
    """The number, or empty when it needs too many digits."""
    return number if -LIMIT <= number <= LIMIT else None


def halves_away(above: int, below: int) -> int:
    """``above / below`` as a whole number, halves away from zero. ``below`` is not zero."""
    sign = -1 if (above < 0) != (below < 0) else 1
    above, below = abs(above), abs(below)
    return sign * ((2 * above + below) // (2 * below))


def divide(left: int | None, right: int | None, left_places: int, right_places: int) -> int | None:
    """The quotient with six places; empty where an operand is, by zero, and where it does not fit."""
    if left is None or right is None or right == 0:
        return None
    return fit(halves_away(left * 10 ** (DIVISION_PLACES + right_places), right * 10**left_places))


def rounded(number: int | None, drop: int) -> int | None:
    """The number with ``drop`` fewer places, halves away from zero."""
    return None if number is None else halves_away(number, 10**drop)


def floored(number: int | None, drop: int) -> int | None:
    """The largest number with ``drop`` fewer places that is not larger."""
    return None if number is None else number // 10**drop


def ceiled(number: int | None, drop: int) -> int | None:
    """The smallest number with ``drop`` fewer places that is not smaller."""
    return None if number is None else -(-number // 10**drop)


def scaled(number: int | Decimal, places: int) -> int:
    """A value as an integer with ``places`` digits after the point, halves away from zero."""
    if isinstance(number, int):
        return int(number * 10**places)
    moved: Decimal = number.scaleb(places, _WIDE)
    return int(moved.to_integral_value(ROUND_HALF_UP))


def value(number: int, places: int) -> int | Decimal:
    """The value of a scaled integer: an int without places, else a Decimal with exactly as many."""
    return number if places == 0 else _WIDE.scaleb(Decimal(number), -places)
