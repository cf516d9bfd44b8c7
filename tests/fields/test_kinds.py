"""Field kinds: what each takes, refuses with a sentence, keeps on both engines, and gives back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.facts import EntityRef, Money
from core.fields import KINDS, Parsing, Showing, effective, formatter, kind
from core.fields.texts import TAGS, plain, sanitised
from schemas.kinds import KINDS as DECLARED
from schemas.model import Entity, Field, Option
from tests.soak import rounds

TODAY = date(2026, 6, 3)  # a Wednesday
CTX = Parsing(zone="Europe/Berlin", currency="EUR", today=TODAY)
OPTIONS = (Option("small", "Small"), Option("large", "Large"))


def field(name: str, **flags: Any) -> Field:
    if name in ("choice", "choices"):
        flags.setdefault("options", OPTIONS)
    if name in ("reference", "references", "any_reference"):
        flags.setdefault("to", ("p.e",))
    return Field("f", name, **flags)


def test_there_is_one_class_for_every_kind_of_the_language() -> None:
    assert set(KINDS) == set(DECLARED)
    for name, declared in DECLARED.items():
        assert KINDS[name].family == declared.family, name


SAMPLES: list[tuple[str, Any, Any, Any]] = [
    # kind, JSON in, value, JSON out
    ("text", " Zoe\u0308 ", "Zoë", "Zoë"),
    ("long_text", "a\r\nb ", "a\nb ", "a\nb "),
    ("integer", "12", 12, 12),
    ("integer", 12, 12, 12),
    ("decimal", "12.5", Decimal("12.50"), "12.50"),
    ("decimal", 12, Decimal("12.00"), "12.00"),
    ("percent", "15", Decimal("15.0000"), "15.0000"),
    ("money", {"amount": "12.50", "currency": "EUR"}, Money(Decimal("12.50"), "EUR"), {"amount": "12.50", "currency": "EUR"}),
    ("money", "12.50", Money(Decimal("12.50"), "EUR"), {"amount": "12.50", "currency": "EUR"}),
    ("money", {"amount": "500", "currency": "JPY"}, Money(Decimal("500.00"), "JPY"), {"amount": "500", "currency": "JPY"}),
    ("date", "2026-06-30", date(2026, 6, 30), "2026-06-30"),
    ("time", "14:30", time(14, 30), "14:30:00"),
    ("datetime", "2026-06-30T12:00:00+02:00", datetime(2026, 6, 30, 10, tzinfo=UTC), "2026-06-30T10:00:00Z"),
    ("datetime", "2026-06-30T12:00", datetime(2026, 6, 30, 10, tzinfo=UTC), "2026-06-30T10:00:00Z"),
    ("datetime", "2026-06-30T12:00:00.250Z", datetime(2026, 6, 30, 12, 0, 0, 250_000, tzinfo=UTC), "2026-06-30T12:00:00.25Z"),
    ("duration", "PT1H30M", 5400, 5400),
    ("duration", 60, 60, 60),
    ("boolean", True, True, True),
    ("choice", "small", "small", "small"),
    ("choices", ["small", "large", "small"], ("small", "large"), ["small", "large"]),
    ("reference", 7, 7, 7),
    ("references", [7, 8, 7], (7, 8), [7, 8]),
    ("any_reference", {"entity": "p.e", "id": 3}, EntityRef("p.e", 3), {"entity": "p.e", "id": 3}),
    ("email", "A@Example.org", "A@example.org", "A@example.org"),
    ("url", "https://example.org/a", "https://example.org/a", "https://example.org/a"),
    ("colour", "#AABBCC", "#aabbcc", "#aabbcc"),
    ("rating", 4, 4, 4),
    ("barcode", "4006381333931", "4006381333931", "4006381333931"),
    ("json", {"a": [1, None]}, {"a": [1, None]}, {"a": [1, None]}),
    ("location", {"lat": 52.5, "lon": "13.4"}, (Decimal("52.5"), Decimal("13.4")), {"lat": 52.5, "lon": 13.4}),
]


@pytest.mark.parametrize(("name", "raw", "value", "out"), SAMPLES)
def test_json_in_and_out(name: str, raw: Any, value: Any, out: Any) -> None:
    one = field(name)
    assert kind(one).from_json(one, raw, CTX) == value
    assert kind(one).to_json(one, value, Showing()) == out
    assert kind(one).from_json(one, None, CTX) in (None, (), False)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("name", "raw", "value", "out"), SAMPLES)
def test_rows_give_back_what_they_were_given(name: str, raw: Any, value: Any, out: Any, dialect: str) -> None:
    one = field(name)
    cells = kind(one).to_row(one, value, dialect)
    assert len(cells) == len(kind(one).columns(one, dialect))
    if cells:
        assert kind(one).from_row(one, cells, dialect) == value
        empty = kind(one).to_row(one, kind(one).from_json(one, None, CTX), dialect)
        assert kind(one).from_row(one, empty, dialect) in (None, (), False)


@pytest.mark.parametrize(("name", "raw", "value", "out"), SAMPLES)
def test_csv_texts_and_controls_read_back(name: str, raw: Any, value: Any, out: Any) -> None:
    one = field(name)
    if name in ("choices", "json"):
        assert kind(one).from_text(one, kind(one).to_text(one, value), CTX) == value
        return
    text = kind(one).to_text(one, value)
    currency = f" {value.currency}" if isinstance(value, Money) else ""
    assert kind(one).from_text(one, text + currency, CTX) == value
    shown = kind(one).input(one, value, formatter("en", "Europe/Berlin"))
    if not isinstance(value, Money) and not getattr(value, "microsecond", 0):
        assert kind(one).from_text(one, shown, CTX) == value
    assert isinstance(kind(one).display(one, value, formatter("de", "Europe/Berlin")), str)


REFUSED: list[tuple[str, Any]] = [
    ("text", "a\nb"),
    ("text", "a\x00"),
    ("text", "\ud800"),
    ("text", 5),
    ("text", ["a"]),
    ("long_text", "a\x00"),
    ("rich_text", "\udfff"),
    ("integer", 2**70),
    ("integer", "9" * 5_000),
    ("integer", 1.5),
    ("integer", True),
    ("integer", "²"),
    ("integer", "1e3"),
    ("integer", []),
    ("decimal", 1.5),
    ("decimal", "1.2k"),
    ("decimal", "NaN"),
    ("decimal", "Infinity"),
    ("decimal", "1" * 20),
    ("decimal", "1.234"),
    ("decimal", "٣"),
    ("decimal", True),
    ("decimal", 10**40),
    ("percent", "1e5"),
    ("money", 1.5),
    ("money", {"amount": "1", "currency": "E"}),
    ("money", {"amount": "1.005", "currency": "EUR"}),
    ("money", {"amount": "1.5", "currency": "JPY"}),
    ("money", {"currency": "EUR"}),
    ("money", ["1"]),
    ("money", {"amount": "1", "currency": 5}),
    ("date", "2026-02-30"),
    ("date", "tomorrow"),
    ("date", "0000-01-01"),
    ("date", 5),
    ("date", "2026-06-30T10:00:00Z"),
    ("time", "25:00"),
    ("time", "1"),
    ("datetime", "2026-13-01T00:00"),
    ("datetime", "2026-03-29T02:30"),
    ("datetime", "0001-01-01T00:00:00+14:00"),
    ("datetime", "+3d"),
    ("duration", "1h30"),
    ("duration", "P"),
    ("duration", 1.5),
    ("boolean", "true"),
    ("boolean", 1),
    ("choice", 5),
    ("choice", "a\nb"),
    ("choices", "small"),
    ("choices", [5]),
    ("reference", 2**70),
    ("reference", 0),
    ("reference", -1),
    ("reference", True),
    ("reference", 1.0),
    ("reference", {"key": 5}),
    ("reference", {"key": "x"}),
    ("reference", "abc"),
    ("references", 5),
    ("references", [2**70]),
    ("any_reference", {"entity": "q.x", "id": 1}),
    ("any_reference", "p.e:1"),
    ("any_reference", {"entity": "p.e", "id": 2**70}),
    ("email", "nobody"),
    ("email", "a@b@c"),
    ("phone", "call me"),
    ("url", "javascript:alert(1)"),
    ("url", "ftp://x"),
    ("colour", "red"),
    ("colour", "#12"),
    ("rating", "many"),
    ("file", 2**70),
    ("file", "x"),
    ("image", True),
    ("json", float("nan")),
    ("json", "x" * 70_000),
    ("json", {"a": "\ud800"}),
    ("json", "\x00"),
    ("location", {"lat": 91, "lon": 0}),
    ("location", "52 13"),
    ("location", {"lat": 1}),
    ("entity", "not an entity"),
]


@pytest.mark.parametrize(("name", "raw"), REFUSED)
def test_bad_json_is_refused_with_a_sentence(name: str, raw: Any) -> None:
    one = field(name)
    with pytest.raises(ValueError, match=r".{8,}") as refused:
        kind(one).from_json(one, raw, replace(CTX, resolve_key=lambda entity, key: None))
    assert type(refused.value) is ValueError and str(refused.value).endswith((".", "}"))


def test_limits_are_told_in_sentences() -> None:
    assert kind("text").refuse(field("text", max_length=3), "abcd") == ["At most 3 characters, not 4."]
    assert kind("text").refuse(field("text", pattern="[A-Z]{2}"), "de") and not kind("text").refuse(field("text", pattern="[A-Z]{2}"), "DE")
    assert kind("integer").refuse(field("integer", min="1"), 0) == ["At least 1."]
    assert kind("decimal").refuse(field("decimal", max="10"), Decimal("10.01")) == ["At most 10."]
    assert kind("rating").refuse(field("rating"), 6) == ["From 0 to 5."]
    assert kind("choice").refuse(field("choice"), "huge") and not kind("choice").refuse(field("choice"), "small")
    assert kind("integer").refuse(field("integer"), 2**60)


def test_a_pattern_that_would_hold_other_engines_is_matched_in_linear_time() -> None:
    assert kind("text").refuse(field("text", pattern="(a+)+$"), "a" * 5_000 + "!")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-06-03"),
        ("tom", "2026-06-04"),
        ("+3d", "2026-06-06"),
        ("-1w", "2026-05-27"),
        ("+1m", "2026-07-03"),
        ("+1y", "2027-06-03"),
        ("fri", "2026-06-05"),
        ("next wed", "2026-06-10"),
        ("eom", "2026-06-30"),
        ("eoy", "2026-12-31"),
        ("30.6.2026", "2026-06-30"),
    ],
)
def test_days_as_people_write_them(text: str, day: str) -> None:
    assert kind("date").from_text(field("date"), text, CTX).isoformat() == day


@pytest.mark.parametrize(
    ("text", "locale", "amount"),
    [
        ("1.2k", "en", "1200.00"),
        ("1,234.50", "en", "1234.50"),
        ("1.234,50", "de", "1234.50"),
        ("12,5", "de", "12.50"),
        ("12,5", "en", "12.50"),
        ("1,234", "en", "1234.00"),
        ("2m", "en", "2000000.00"),
        ("1 234.5", "fr", "1234.50"),
        ("-3", "en", "-3.00"),
    ],
)
def test_numbers_as_people_write_them(text: str, locale: str, amount: str) -> None:
    assert kind("decimal").from_text(field("decimal"), text, replace(CTX, locale=locale)) == Decimal(amount)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30", 5400), ("45m", 2700), ("2d", 172_800), ("1h 5m 3s", 3903), ("90", 90), ("PT10M", 600)]
)
def test_lengths_of_time_as_people_write_them(text: str, seconds: int) -> None:
    assert kind("duration").from_text(field("duration"), text, CTX) == seconds


def test_rich_text_is_cleaned() -> None:
    one = field("rich_text")
    made = kind(one).from_text(one, '<p onclick="x()">Hi <script>alert(1)</script><a href="javascript:x()">there</a></p>', CTX)
    assert "script" not in made and "onclick" not in made and "javascript" not in made and "Hi" in made
    assert "Hi" in kind(one).words(one, made) and "<" not in kind(one).words(one, made)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("<p>a < b</p>", "<p>a &lt; b</p>"),
        ("x<y and y>z", "x&lt;y and y&gt;z"),
        ("Use <name> here", "Use &lt;name&gt; here"),
        ("mail <ada@example.com>", "mail &lt;ada@example.com&gt;"),
        ("<b>bold</b> <i>x", "<b>bold</b> <i>x</i>"),
        ("a<script>alert(1)</script>b", "ab"),
        ("<o:p>word</o:p>", "word"),
        ("<p> </p>", None),
        ("<p></p><br>", None),
        ("<hr>", "<hr>"),
    ],
)  # fmt: skip
def test_what_is_no_markup_stays_as_it_was_typed(typed: str, kept: str | None) -> None:
    assert kind("rich_text").from_text(field("rich_text"), typed, CTX) == kept


@given(st.text(alphabet="<>ab/ =\"'!&;:-", max_size=40))
def test_no_text_of_signs_becomes_another_element(text: str) -> None:
    once = sanitised(text)
    assert sanitised(once) == once
    assert set(re.findall(r"</?([^\s/>&]*)", once)) <= TAGS


def test_words_of_neighbouring_blocks_stay_apart() -> None:
    assert plain("<table><tr><td>a</td><td>b</td></tr></table><ul><li>c</li><li>d</li></ul>e<br>f<hr>g") == "a b c d e f g"


def test_people_sort_without_regard_to_case_and_accents() -> None:
    one = field("text")
    names = sorted(["Zoe", "émile", "Emil", "ångström", "Ähre", "zoë"], key=lambda name: kind(one).sort_key(one, name) or "")
    assert names == ["Ähre", "ångström", "Emil", "émile", "Zoe", "zoë"]


def test_derived_fields_take_the_kind_of_what_they_show() -> None:
    item = Entity("p", "item", fields=(Field("price", "money", places=3), Field("count", "integer")))
    order = Entity("p", "order", fields=(
        Field("item", "reference", to=("p.item",)), Field("cost", "lookup", via="item", of="price"),
        Field("total", "computed", formula="1", as_kind="decimal", places=1),
        Field("mean", "rollup", from_entity="p.item", via="x", of="count", how="average"),
        Field("many", "rollup", from_entity="p.item", via="x", how="count")))
    entities = {"p.item": item, "p.order": order}
    shown = {one.name: effective(one, entities, order) for one in order.fields}
    assert (shown["cost"].type, shown["cost"].places, shown["cost"].name) == ("money", 3, "cost")
    assert (shown["total"].type, shown["total"].places) == ("decimal", 1)
    assert (shown["mean"].type, shown["many"].type) == ("decimal", "integer")


TEXTS = [name for name, one in KINDS.items() if name not in ("computed", "lookup", "rollup", "lines")]


@settings(max_examples=rounds(300), deadline=None)
@given(
    name=st.sampled_from(TEXTS),
    text=st.text(max_size=60) | st.sampled_from(["\ud800", "\x00", "9" * 5_000, "1e999", "²", "٣", "-", "+", ".", "P", "PT"]),
)
def test_any_text_is_a_value_or_a_sentence(name: str, text: str) -> None:
    one = field(name)
    try:
        value = kind(one).from_text(one, text, CTX)
    except ValueError as refused:
        assert str(refused)
        return
    if value not in (None, ()) and not kind(one).refuse(one, value):
        for dialect in ("sqlite", "postgresql"):
            kind(one).to_row(one, value, dialect)
        kind(one).to_json(one, value, Showing())
        kind(one).display(one, value, formatter("en", "UTC"))


@settings(max_examples=rounds(300), deadline=None)
@given(
    name=st.sampled_from(TEXTS),
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_any_json_is_a_value_or_a_sentence(name: str, raw: Any) -> None:
    one = field(name)
    try:
        value = kind(one).from_json(one, raw, CTX)
    except ValueError as refused:
        assert str(refused)
        return
    if value not in (None, ()) and not kind(one).refuse(one, value):
        kind(one).to_json(one, value, Showing())


@pytest.mark.parametrize(
    ("bounds", "shown"), [({"min": "2000", "max": "2100"}, "2026"), ({}, "2,026"), ({"min": "0", "max": "9999"}, "2,026")]
)
def test_years_are_written_without_separators(bounds: dict[str, str], shown: str) -> None:
    one = field("integer", **bounds)
    assert kind(one).display(one, 2026, formatter("en", "UTC")) == shown
