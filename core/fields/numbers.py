"""Kinds whose value is a number: exact, scaled, with or without a currency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from core.facts import Money, Value
from core.fields.base import MOST_DIGITS, ColumnSpec, FieldKind, Parsing, Showing, clean, column_name, second_column, text_type
from core.fields.formatting import Formatter, locale_of, minor_digits
from schemas.model import Field

_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "between", "empty")
_DIGITS = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_THOUSANDS = {mark: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:{re.escape(mark)}[0-9]{{3}})+") for mark in ",."}
_BETWEEN = str.maketrans("−", "-", " \u00a0\u202f'’\u200e\u200f\u061c")
"""Signs that group digits or turn the writing and say nothing of the number; the minus sign of print is a minus."""
_SHORT = {"k": 1_000, "m": 1_000_000}
LARGEST = 2**53 - 1


class Integer(FieldKind):
    """A whole number between -(2^53-1) and 2^53-1."""

    name = "integer"
    family = "number"
    control = "number"
    operators = _COMPARED

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.BigInteger()),)

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if isinstance(raw, float) and raw.is_integer() and abs(raw) <= LARGEST:
            raw = int(raw)  # JSON knows one kind of number: 3.0 is 3
        if isinstance(raw, bool) or not isinstance(raw, int | str | None):
            raise ValueError("This has to be a whole number.")
        return self.from_text(one, str(raw), ctx) if raw is not None else None

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = (clean(text, one_line=True) or "").replace(" ", "")
        if not plain:
            return None
        if not _DIGITS.fullmatch(plain):
            raise ValueError("This has to be a whole number.")
        number = int(plain)
        if abs(number) > LARGEST:
            raise ValueError("This number is too large.")
        return number

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is not None and abs(value) > LARGEST:
            return ["This number is too large."]
        return limits(one, value, lambda bound: f"{bound}")

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        if value is not None and is_year(one):
            return str(value)
        return "" if value is None else fmt.number(value)


def is_year(one: Field) -> bool:
    """Whether the field's bounds make it a year (1000 to 9999): years are written without separators."""
    return bool(one.min and one.max) and int(one.min) >= 1_000 and int(one.max) <= 9_999


class Rating(Integer):
    """Stars from 0 to max (5)."""

    name = "rating"
    control = "rating"

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        most = int(one.max or 5)
        return [] if 0 <= value <= most else [f"From 0 to {most}."]

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else "★" * value + "☆" * max(0, int(one.max or 5) - value)


class Duration(Integer):
    """A length of time in whole seconds; people write 1h30, 45m or 2d."""

    name = "duration"
    control = "duration"
    _TEXT = re.compile(
        r"(?:(?P<d>[0-9]{1,19}) ?d ?)?(?:(?P<h>[0-9]{1,19}) ?h ?)?"
        r"(?:(?P<m>[0-9]{1,19})(?: ?min ?| ?m ?|\Z|(?(h) (?=[0-9])|(?!))))?(?:(?P<s>[0-9]{1,19}) ?s)?",
        re.I,
    )
    """Minutes may stand without their unit at the end, or after hours with a space before the seconds: else 45s would lose its 4."""
    _ISO = re.compile(
        r"P(?:(?P<d>[0-9]{1,19})D)?(?:T(?:(?P<h>[0-9]{1,19})H)?(?:(?P<m>[0-9]{1,19})M)?(?:(?P<s>[0-9]{1,19})S)?)?"
    )

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if isinstance(raw, str) and raw and not (_DIGITS.fullmatch(raw) or self._ISO.fullmatch(raw)):
            raise ValueError("A length of time is a number of seconds, or ISO 8601 such as PT1H30M.")
        return super().from_json(one, raw, ctx)

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = " ".join((clean(text, one_line=True) or "").replace("−", "-").split())
        if not plain or _DIGITS.fullmatch(plain.replace(" ", "")):
            return super().from_text(one, plain, ctx)
        length = plain.removeprefix("-").lstrip()
        found = self._ISO.fullmatch(length) or self._TEXT.fullmatch(length)
        if found is None or not any(found.groupdict().values()):
            raise ValueError("A length of time is written as 1h30, 45m, PT1H30M or in seconds.")
        days, hours, minutes, seconds = (int(found[unit] or 0) for unit in "dhms")
        number = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
        if number > LARGEST:
            raise ValueError("This number is too large.")
        return number if length == plain else -number

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.duration(value)

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        if value is None:
            return ""
        if value % 60:
            return f"{value}s"
        hours, minutes = divmod(abs(value) // 60, 60)
        return f"{'-' if value < 0 else ''}{hours}h{minutes:02d}"


class Decimals(FieldKind):
    """An exact number with the field's places."""

    name = "decimal"
    family = "number"
    control = "decimal"
    operators = _COMPARED
    default_places = 2

    def places(self, one: Field) -> int:
        return self.default_places if one.places is None else one.places

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), scaled_type(self.places(one), dialect)),)

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (to_scaled(value, self.places(one), dialect),)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return from_scaled(cells[0], self.places(one), dialect)

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        return exact_number(exact(raw), self.places(one)) if raw is not None else None

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else f"{value:f}"

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        return exact_number(text, self.places(one), ctx.locale)

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else f"{value:f}"

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        return fits(value, self.places(one)) or limits(one, value, str)

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        return written(self.to_text(one, value), fmt)

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.number(value, self.places(one))


class Percent(Decimals):
    """An exact percentage; 15 is 15 %."""

    name = "percent"
    default_places = 4

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        return super().from_text(one, text.strip().removesuffix("%"), ctx)

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.percent(value)

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else written(f"{value.normalize():f}", fmt)


class MoneyKind(FieldKind):
    """An exact amount with its currency, or with the currency of the field that ``currency`` names."""

    name = "money"
    family = "money"
    control = "money"
    operators = _COMPARED

    def places(self, one: Field) -> int:
        return 2 if one.places is None else one.places

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        amount = ColumnSpec(column_name(one), scaled_type(self.places(one), dialect))
        return (amount,) if one.currency else (amount, ColumnSpec(second_column(one), text_type(dialect)))

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        amount = to_scaled(None if value is None else value.amount, self.places(one), dialect)
        return (amount,) if one.currency else (amount, None if value is None else value.currency)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        amount = from_scaled(cells[0], self.places(one), dialect)
        currency = cells[1] if len(cells) > 1 else ""
        return None if amount is None else Money(amount, str(currency or ""))

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None or raw == "":
            return None
        if isinstance(raw, dict):
            if set(raw) - {"amount", "currency"} or "amount" not in raw:
                raise ValueError('Money is written as {"amount": "12.50", "currency": "EUR"}.')
            if raw["amount"] is None or raw["amount"] == "":
                return None
            currency = raw.get("currency") or ctx.currency
            if not isinstance(currency, str):
                raise ValueError("The currency is a code such as EUR.")
            return self.make(one, exact(raw["amount"]), currency, replace(ctx, locale="en"))
        return self.make(one, exact(raw), ctx.currency, replace(ctx, locale="en"))

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else {"amount": f"{self._shown(one, value):f}", "currency": value.currency}

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        found = re.fullmatch(r"(?:(?P<front>[A-Za-z]{3})\s*)?(?P<amount>[^A-Za-z]*[kKmM]?)\s*(?P<back>[A-Za-z]{3})?", plain)
        if found is None:
            raise ValueError("An amount is written as 12.50 or 12.50 EUR.")
        return self.make(one, found["amount"], found["front"] or found["back"] or ctx.currency, ctx)

    def make(self, one: Field, amount: str, currency: str, ctx: Parsing) -> Value:
        """The money of two texts; ValueError with a sentence when one of them is not right."""
        code = currency.strip().upper()
        if one.currency and not code:
            code = ctx.currency
        open_ended = not code and ctx.comparing
        places = self.places(one) if open_ended or one.places is not None else min(self.places(one), minor_digits(code))
        number = exact_number(amount, max(self.places(one), 3), ctx.locale, places)
        if number is None:
            return None
        if not open_ended and not re.fullmatch(r"[A-Z]{3}", code):
            raise ValueError("Say in which currency, such as EUR.")
        if number != number.quantize(Decimal(1).scaleb(-places)):
            raise ValueError(f"An amount{f' in {code}' if code else ''} has at most {places} digits after the point.")
        return Money(number.quantize(Decimal(1).scaleb(-self.places(one))), code)

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else f"{self._shown(one, value):f}"

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        return fits(value.amount, self.places(one)) or limits(one, value.amount, str)

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        return written(self.to_text(one, value), fmt)

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.money(value) if value.currency else fmt.number(value.amount, self.places(one))

    def _shown(self, one: Field, value: Money) -> Decimal:
        digits = self.places(one) if one.places is not None else min(self.places(one), minor_digits(value.currency or "EUR"))
        return value.amount.quantize(Decimal(1).scaleb(-digits)) if value.amount == round(value.amount, digits) else value.amount


def exact(raw: Any) -> str:
    """The source text of an exact number in JSON: a string or an integer; a float is refused."""
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise ValueError('Write exact numbers as text, such as "12.50": a JSON float would lose digits.')
    if isinstance(raw, int) and abs(raw) >= 10**MOST_DIGITS:
        raise ValueError(f"This number is too large: at most {MOST_DIGITS} digits.")
    if isinstance(raw, str) and raw and not (len(raw) <= 40 and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", raw)):
        raise ValueError('An exact number is written with digits and a point, such as "12.50".')
    return str(raw)


def written(text: str, fmt: Formatter) -> str:
    """An exact number for a form control, with the decimal mark of the person's locale, as :func:`exact_number` reads it back."""
    return text.replace(".", _marks(fmt.locale_name)[0])


def exact_number(text: str, places: int, locale: str = "en", shown: int | None = None) -> Decimal | None:
    """The number a person wrote, quantised to ``places``: 1.2k, 1,234.50 and, where it cannot be a thousand, 12,5.

    ``shown`` is how many digits after the mark a screen shows at most, where that is less than ``places``.
    """
    plain = (clean(text, one_line=True) or "").translate(_BETWEEN)
    if not plain:
        return None
    digits = places if shown is None else shown
    factor = 1
    if plain[-1].lower() in _SHORT:
        factor = _SHORT[plain[-1].lower()]
        plain = plain[:-1]
        digits += len(str(factor)) - 1
    plain = _points(plain, locale, digits)
    if len(plain) > 40 or not _NUMBER.fullmatch(plain):
        raise ValueError("This has to be a number such as 12.50.")
    try:
        number = Decimal(plain) * factor
    except InvalidOperation:
        raise ValueError("This has to be a number such as 12.50.") from None
    if said := fits(number, places):
        raise ValueError(said[0])
    return number.quantize(Decimal(1).scaleb(-places))


def _points(plain: str, locale: str, places: int) -> str:
    """One decimal point and no thousands marks; the last mark decides when both kinds stand in the text.

    One mark before three digits is what the locale says it is. A point that is not the locale's decimal mark may still be one,
    as programs write it: it is a thousands mark where a decimal one could have no three digits after it, and refused where both
    could be meant.
    """
    comma, point = plain.rfind(","), plain.rfind(".")
    if comma >= 0 and point >= 0:
        return plain.replace(",", "") if point > comma else plain.replace(".", "").replace(",", ".")
    mark = "," if comma >= 0 else "."
    if not _THOUSANDS[mark].fullmatch(plain):
        return plain.replace(",", ".") if plain.count(",") == 1 else plain
    decimal, group = _marks(locale)
    if plain.count(mark) > 1:
        return plain.replace(mark, "") if mark != decimal or mark == "." else plain
    if mark == decimal:
        return plain.replace(",", ".")
    whole, exact = plain.replace(mark, ""), plain.replace(mark, decimal)
    if mark == "," or (mark == group and places < 3):
        return whole
    if mark == group or places < 3:
        raise ValueError(f'"{plain}" can be read in two ways. Write {whole} or {exact}.')
    return plain


@lru_cache(maxsize=64)
def _marks(locale: str) -> tuple[str, str]:
    """The decimal mark of a locale and the one it puts between thousands."""
    symbols = locale_of(locale).number_symbols.get("latn", {})
    return "," if symbols.get("decimal") == "," else ".", str(symbols.get("group", ","))


def fits(number: Decimal, places: int) -> list[str]:
    """Whether the number has at most 15 digits, of which at most ``places`` stand after the point."""
    if not number.is_finite():
        return ["This has to be a number such as 12.50."]
    if number != 0 and number.adjusted() + 1 + places > MOST_DIGITS:
        return [f"This number is too large: at most {MOST_DIGITS} digits, of which {places} stand after the point."]
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        return [f"At most {places} digits after the point."]
    return []


def limits(one: Field, value: Any, show: Any) -> list[str]:
    """What ``min`` and ``max`` say about a number."""
    if value is None:
        return []
    if one.min is not None and value < Decimal(str(one.min)):
        return [f"At least {show(one.min)}."]
    if one.max is not None and value > Decimal(str(one.max)):
        return [f"At most {show(one.max)}."]
    return []


def scaled_type(places: int, dialect: str) -> sa.types.TypeEngine[Any]:
    """How exact numbers lie on disk: NUMERIC on PostgreSQL, an integer scaled by 10^places on SQLite."""
    return sa.Numeric(18, places) if dialect == "postgresql" else sa.BigInteger()


def to_scaled(value: Decimal | None, places: int, dialect: str) -> object:
    """The number as the column binds it."""
    if value is None:
        return None
    return value if dialect == "postgresql" else int(value.scaleb(places).to_integral_exact())


def from_scaled(cell: object, places: int, dialect: str) -> Decimal | None:
    """The number from its column, with its places."""
    if cell is None:
        return None
    if dialect == "postgresql":
        return Decimal(str(cell)).quantize(Decimal(1).scaleb(-places))
    return Decimal(int(str(cell))).scaleb(-places)
