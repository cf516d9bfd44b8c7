"""What a form writes into its controls, and what a screen shows, typed again: the same value or a sentence, never another value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.facts import EntityRef, Money
from core.fields import Parsing, formatter, kind
from schemas.model import Field, Option
from tests.soak import rounds

CTX = Parsing(zone="Europe/Berlin", currency="EUR", today=date(2026, 6, 3))
LOCALES = ("en", "de", "fr", "es", "ja", "de-CH", "en-ZA", "sv", "ar")
VALUES: list[tuple[str, Any]] = [
    ("text", "a  b"),
    ("long_text", "a\n\n  b"),
    ("integer", -12_345),
    ("decimal", Decimal("-1234.50")),
    ("decimal", Decimal("1000.00")),
    ("percent", Decimal("12.3450")),
    ("percent", Decimal("1000.0000")),
    ("date", date(1, 1, 1)),
    ("date", date(9999, 12, 31)),
    ("time", time(14, 30)),
    ("time", time(14, 30, 45)),
    ("datetime", datetime(2026, 6, 1, 12, 0, 5, tzinfo=UTC)),
    ("duration", 0),
    ("duration", 45),
    ("duration", 90),
    ("duration", 3_661),
    ("duration", -61),
    ("duration", -5_400),
    ("duration", 2**53 - 1),
    ("choice", "small"),
    ("reference", 7),
    ("any_reference", EntityRef("p.e", 3)),
    ("colour", "#aabbcc"),
    ("rating", 0),
    ("json", {"a": [1, None]}),
    ("location", (Decimal("52.5"), Decimal("-13.4"))),
]


def field(name: str, **flags: Any) -> Field:
    return Field("f", name, options=(Option("small", "Small"),) if name == "choice" else (), to=("p.e",), **flags)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("name", "value"), VALUES)
def test_what_a_control_holds_reads_as_the_value_it_was_written_from(name: str, value: Any, locale: str) -> None:
    one = field(name)
    shown = kind(one).input(one, value, formatter(locale, CTX.zone))
    assert kind(one).from_text(one, shown, replace(CTX, locale=locale)) == value


@settings(max_examples=rounds(300), deadline=None)
@given(value=st.integers(-(2**53 - 1), 2**53 - 1) | st.integers(-100_000, 100_000))
def test_every_length_of_time_reads_back_from_its_control_and_from_the_screen(value: int) -> None:
    one, fmt = field("duration"), formatter("en", "UTC")
    assert kind(one).from_text(one, kind(one).input(one, value, fmt), CTX) == value
    assert kind(one).from_text(one, kind(one).display(one, value, fmt), CTX) == value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("90s", 90),
        ("3661s", 3_661),
        ("1h30", 5_400),
        ("1m30s", 90),
        ("1h5s", 3_605),
        ("1h30 5s", 5_405),
        ("1000000000h", 3_600 * 10**9),
        ("5min3s", 303),
        ("-2h30", -9_000),
        ("- 45 S", -45),
        ("2 D", 172_800),
    ],
)
def test_lengths_of_time_with_seconds_and_signs(text: str, seconds: int) -> None:
    assert kind("duration").from_text(field("duration"), text, CTX) == seconds


@pytest.mark.parametrize("text", ["10000000000000h", "9" * 19 + "d", "9" * 5_000 + "h", "-", "1 000s", "--5m"])
def test_a_length_of_time_that_cannot_be_kept_or_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".{8,}\."):
        kind("duration").from_text(field("duration"), text, CTX)


@pytest.mark.parametrize(
    ("name", "text", "locale", "amount"),
    [
        ("decimal", "1.000", "de", "1000"),
        ("decimal", "-1.234", "es", "-1234"),
        ("decimal", "1,000", "ja", "1000"),
        ("decimal", "1,000", "de-CH", "1000"),
        ("decimal", "1’234.5", "de-CH", "1234.5"),
        ("decimal", "1\u202f000", "fr", "1000"),
        ("decimal", "0.125", "de", None),
        ("decimal", "1.000", "fr", None),
        ("decimal", "1.000", "en", "1"),
        ("decimal", "12.50", "de", "12.5"),
        ("decimal", "1.200k", "de", None),
        ("percent", "1.000", "de", None),
        ("percent", "1,000", "de", "1"),
        ("percent", "0.125", "de", "0.125"),
        ("money", "1.000", "de", "1000"),
        ("money", "1.000 JPY", "de", "1000"),
        ("money", "1.234,50 EUR", "de", "1234.5"),
    ],
)
def test_one_mark_before_three_digits_is_what_the_locale_says(name: str, text: str, locale: str, amount: str | None) -> None:
    one, ctx = field(name), replace(CTX, locale=locale)
    if amount is None:
        with pytest.raises(ValueError, match=r"."):
            kind(one).from_text(one, text, ctx)
        return
    found = kind(one).from_text(one, text, ctx)
    assert (found.amount if isinstance(found, Money) else found) == Decimal(amount)


@pytest.mark.parametrize("locale", LOCALES)
def test_numbers_in_json_are_read_the_same_in_every_locale(locale: str) -> None:
    ctx = replace(CTX, locale=locale)
    assert kind("decimal").from_json(field("decimal"), "1.000", ctx) == 1
    assert kind("percent").from_json(field("percent"), "1.234", ctx) == Decimal("1.234")
    assert kind("money").from_json(field("money"), {"amount": "1.000", "currency": "EUR"}, ctx) == Money(Decimal("1.00"), "EUR")


@settings(max_examples=rounds(600), deadline=None)
@given(
    locale=st.sampled_from(LOCALES),
    places=st.integers(0, 6),
    scaled=st.integers(-(10**12), 10**12) | st.integers(-10_000, 10_000) | st.sampled_from([10**n for n in range(12)]),
    name=st.sampled_from(["decimal", "money"]),
)
def test_exact_numbers_read_back_from_control_and_screen(locale: str, places: int, scaled: int, name: str) -> None:
    one, fmt, ctx = field(name, places=places), formatter(locale, "UTC"), replace(CTX, locale=locale)
    # An amount is read with three places at least: with its twelve digits before the mark, fifteen in all.
    exact = Decimal(scaled if len(str(abs(scaled))) - places <= 12 else scaled // 10).scaleb(-places)
    value: Any = Money(exact, "EUR") if name == "money" else exact
    assert kind(one).from_text(one, kind(one).input(one, value, fmt), ctx) == value
    for whole in (fmt.number(exact, places), fmt.number(exact.normalize(), max(0, -int(exact.normalize().as_tuple().exponent)))):
        try:
            assert kind(one).from_text(one, whole, ctx) == value, whole
        except ValueError as refused:
            assert str(refused)


@settings(max_examples=rounds(300), deadline=None)
@given(locale=st.sampled_from(LOCALES), places=st.integers(0, 6), scaled=st.integers(-(10**9), 10**9))
def test_percentages_read_back_from_control_and_screen(locale: str, places: int, scaled: int) -> None:
    one, fmt, ctx = field("percent", places=places), formatter(locale, "UTC"), replace(CTX, locale=locale)
    value = Decimal(scaled).scaleb(-places)
    assert kind(one).from_text(one, kind(one).input(one, value, fmt), ctx) == value
    if value == round(value, 3):
        try:
            assert kind(one).from_text(one, kind(one).display(one, value, fmt), ctx) == value
        except ValueError as refused:
            assert str(refused)
