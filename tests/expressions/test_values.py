"""What expressions mean, example by example: source, values, outcome."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.facts import EntityRef, Money
from schemas.expressions import Env, Function, check, evaluate, expand, names_of
from schemas.model import Entity, Field
from tests.expressions.desk import ACTOR, ITEM, NOBODY, NOW, PERSON, SITE, TEAM, TODAY

ENTITIES = {one.full_name: one for one in (ITEM, SITE, PERSON, TEAM)}
DOUBLE = Function("double", ("integer",), "integer", lambda number: number * 2)
EUR, USD = Money(Decimal("12.50"), "EUR"), Money(Decimal("12.50"), "USD")


def value(source: str, actor: Any = ACTOR, expect: str | None = None, **values: Any) -> Any:
    typed = check(source, names_of(ITEM, ENTITIES, functions={"double": DOUBLE}), expect)
    there = {"site": {"city": "Delft", "team": 5, "public": True, "keeper": 3}}

    def path(via: str, name: str) -> Any:
        return there.get(via, {}).get(name) if values.get(via) is not None else None

    env = Env(values, path, actor, NOW, TODAY, lambda name: name == "word", is_new=True, functions={"double": DOUBLE})
    return evaluate(typed, env)


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        # Exact numbers.
        ("price + rate", {"price": Decimal("0.10"), "rate": Decimal("0.2")}, Decimal("0.300000")),
        ("price * price", {"price": Decimal("1.15")}, Decimal("1.3225")),
        ("1 / 6", {}, Decimal("0.166667")),
        ("-1 / 6", {}, Decimal("-0.166667")),
        ("1 / 0", {}, None),
        ("count / 0", {"count": 3}, None),
        ("round(2.675, 2)", {}, Decimal("2.68")),
        ("round(-2.5)", {}, -3),
        ("round(2.5)", {}, 3),
        ("floor(-1.2)", {}, -2),
        ("ceil(-1.2)", {}, -1),
        ("abs(price)", {"price": Decimal("-2.50")}, Decimal("2.50")),
        ("0.1 + 0.2 == 0.3", {}, True),
        ("0.1000000001 > 0.1", {}, True),
        ("price == 0.105", {"price": Decimal("0.10")}, False),
        ("price != 0.105", {"price": Decimal("0.10")}, True),
        ("price < 12.505", {"price": Decimal("12.50")}, True),
        ("price <= 12.505", {"price": Decimal("12.51")}, False),
        ("price >= -0.005", {"price": Decimal("0.00")}, True),
        ("price > 12.505", {"price": Decimal("12.51")}, True),
        ("count * count * count", {"count": 2**53}, None),
        ("count * count", {"count": 1_000_000_000}, None),
        ("count * count", {"count": 999_999_999}, 999_999_998_000_000_001),
        ("min(count, 2) + max(count, 2)", {"count": 5}, 7),
        # Emptiness.
        ("count + 1", {}, None),
        ("count == 1", {}, None),
        ("not (count == 1)", {}, None),
        ("count != 1", {}, None),
        ("count == None", {}, True),
        ("count != None", {}, False),
        ("is_empty(tags)", {"tags": ()}, True),
        ("count == 1 or open", {"open": True}, True),
        ("count == 1 and open", {"open": False}, False),
        ("count == 1 and open", {"open": True}, None),
        ("open", {}, False),
        ("word in ['a', 'b']", {}, None),
        ("word not in ['a', 'b']", {}, None),
        ("word in ['a', other]", {"word": "b"}, None),
        ("word in ['a', other]", {"word": "a"}, True),
        ("coalesce(count, 4)", {}, 4),
        ("differs(word, other)", {}, False),
        ("differs(word, other)", {"word": "a"}, True),
        ("differs(word, '')", {}, True),
        ("differs(word, '')", {"word": "a"}, True),
        ("1 if count > 2 else 3", {}, 3),
        ("when(open, 'yes', None)", {"open": False}, None),
        ("site.public", {}, None),
        # Money.
        ("cost == paid", {"cost": EUR, "paid": EUR}, True),
        ("cost == paid", {"cost": EUR, "paid": USD}, None),
        ("cost < 13", {"cost": USD}, True),
        ("cost + paid", {"cost": EUR, "paid": USD}, None),
        ("cost + paid", {"cost": EUR, "paid": EUR}, Money(Decimal("25.00"), "EUR")),
        ("round(cost * 0.21, 2)", {"cost": EUR}, Money(Decimal("2.63"), "EUR")),
        ("cost / paid", {"cost": EUR, "paid": EUR}, Decimal("1.000000")),
        ("differs(cost, paid)", {"cost": EUR, "paid": USD}, True),
        # Text.
        ("word < other", {"word": "Z", "other": "a"}, True),
        ("word < other", {"word": "\ue000", "other": "😀"}, True),
        ("len(word)", {"word": "😀é"}, 2),
        ("contains(word, 'LAN')", {"word": "Élan"}, True),
        ("contains(word, 'éLAN')", {"word": "Élan"}, True),
        ("starts(word, '%')", {"word": "Élan"}, False),
        ("starts(word, 'σίσυφοσ')", {"word": "Σίσυφος"}, True),
        ("word + '-' + other", {"word": "a", "other": "b"}, "a-b"),
        ("word == 'e\u0301'", {"word": "\u00e9"}, True),
        ("from_ == 'x'", {"from": "x"}, True),
        # Time.
        ("start + days(30)", {"start": date(2026, 1, 31)}, date(2026, 3, 2)),
        ("start - days(count)", {"start": date(1, 1, 5), "count": 30}, None),
        ("start + days(count)", {"start": date(2026, 1, 1), "count": 2**53 - 1}, None),
        ("add_months(start, 1)", {"start": date(2026, 1, 31)}, date(2026, 2, 28)),
        ("add_months(start, -13)", {"start": date(2026, 3, 31)}, date(2025, 2, 28)),
        ("add_months(start, 1)", {"start": date(9999, 12, 1)}, None),
        ("at + hours(1.5)", {"at": NOW}, NOW + timedelta(minutes=90)),
        ("days_between(start, end)", {"start": date(2026, 1, 1), "end": date(2026, 3, 1)}, 59),
        ("end - start > 30", {"start": date(2026, 1, 1), "end": date(2026, 3, 1)}, True),
        ("until - at > days(1)", {"at": NOW, "until": NOW + timedelta(hours=25)}, True),
        ("start == '2026-01-01'", {"start": date(2026, 1, 1)}, True),
        ("at < '2026-03-02T10:00:00+01:00'", {"at": NOW}, False),
        ("start < today()", {"start": date(2026, 1, 1)}, True),
        ("late", {"end": date(2026, 1, 1)}, True),
        ("spent * 1.5", {"spent": 61}, 92),
        # References, sets, the actor.
        ("who == me()", {"who": 3}, True),
        ("who in [me(), 9]", {"who": 9}, True),
        ("site.team in my_team()", {"site": 1}, True),
        ("site.city", {"site": 1}, "Delft"),
        ("site.keeper == me()", {"site": 1}, True),
        ("me() in seen", {"seen": (1, 3)}, True),
        ("'a' in tags", {"tags": ("a", "b")}, True),
        ("'a' in tags", {"tags": ()}, None),
        ("len(tags)", {"tags": ("a", "b")}, 2),
        ("len(seen)", {}, 0),
        ("entity_of(about)", {"about": EntityRef("desk.site", 4)}, "desk.site"),
        ("changed(word) and not changed(other)", {}, True),
        ("is_new()", {}, True),
        ("double(count) + 1", {"count": 4}, 9),
        ("double(count)", {}, None),
        ("1 < count < 3", {"count": 2}, True),
        ("1 < count < 3", {"count": 3}, False),
    ],
)  # fmt: skip
def test_the_value(source: str, values: dict[str, Any], expected: Any) -> None:
    found = value(source, **values)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("source", ["word", "who", "start", "tags", "seen", "about", "at", "hour", "size"])
def test_a_field_alone_asks_for_a_value(source: str) -> None:
    assert value(source, expect="boolean") is False
    assert value(f"not {source}") is True


def test_an_actor_without_attributes_is_granted_nothing() -> None:
    for source in (
        "who == me()",
        "not (who == me())",
        "who != me()",
        "site.team in my_team()",
        "not (site.team in my_team())",
        "who not in my_team()",
        "who in [me()]",
    ):
        assert value(source, actor=NOBODY, who=3, site=1) is None, source


def test_filter_boxes_write_time_shortly() -> None:
    assert expand("start < today-30d") == "start < today() - days(30)"
    assert expand("at > now - 2h and start >= today + 1w") == "at > now() - hours(2) and start >= today() + days(7)"
    assert expand("start > today()-3m") == "start > add_months(today(), -3)"
    assert expand("start == today") == "start == today()"
    assert expand("word == 'today-30d' or start < today-1y") == "word == 'today-30d' or start < add_months(today(), -12)"


def test_lines_read_their_own_fields_and_the_parent() -> None:
    line = Entity("desk", "item.parts", fields=(Field("amount", "money", currency="parent.word"), Field("pieces", "integer")))
    names = names_of(line, ENTITIES, parent=ITEM)
    typed = check("pieces * parent.count", names)
    assert typed.reads == {"pieces", "parent.count"}
    assert evaluate(typed, Env({"pieces": 3}, lambda via, name: {"count": 5}.get(name))) == 15
    total = check("amount * pieces", names)
    values = {"amount": Money(Decimal("2.00"), ""), "pieces": 2}
    assert evaluate(total, Env(values, lambda via, name: {"word": "CHF"}.get(name))) == Money(Decimal("4.00"), "CHF")


def test_what_is_read_and_what_moves_is_known() -> None:
    names = names_of(ITEM, ENTITIES)
    assert check("site.city == word", names).reads == {"site.city", "word"}
    assert check("city == 'x'", names).reads == {"city", "site.city"}
    assert check("late", names).reads == {"late", "end"}
    assert check("late", names).volatile and check("who == me()", names).volatile
    assert not check("start < end", names).volatile
