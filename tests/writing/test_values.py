"""Values of every kind on their way in, in their Python and in their JSON form, and what follows from them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.errors import Invalid
from core.facts import EntityRef, Money
from tests.writing.world import NOW, World


def test_values_are_understood_in_both_forms(world: World) -> None:
    room = world.room()
    one = world.create("account", currency="EUR", limit=Money(Decimal("1.5"), "EUR"), free={"amount": "2.00", "currency": "USD"},
                       about=EntityRef("works.room", room.id), share="15", took=90, at="2026-03-02T10:30:00+01:00",
                       place=(Decimal("51.05"), Decimal("3.72")), moods=["glad", "calm"])
    two = world.create("account", by=world.clerk, currency="EUR", limit="1.50", free="2.00", about={"entity": "works.room", "id": room.id},
                       share=Decimal("15"), took="PT90S", at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
                       place={"lat": "51.05", "lon": "3.72"}, moods=("glad", "calm"))
    for name in ("limit", "about", "share", "took", "at", "place", "moods"):
        assert one[name] == two[name], name
    assert one["limit"] == Money(Decimal("1.50"), "EUR") and one["free"] == Money(Decimal("2.00"), "USD")
    assert one["share"] == Decimal("15.0000") and one["at"] == NOW


def test_wrong_types_are_refused_in_sentences_and_never_a_fault(world: World) -> None:
    wrong = {"limit": 1.5, "free": "many", "about": 7, "share": "much", "took": "soon", "at": "late", "place": [1],
             "moods": "glad;x", "kind_of": 3, "chosen": "x", "posts": "none", "currency": 5}
    for name, value in wrong.items():
        with pytest.raises(Invalid) as caught:
            world.create("account", **({"currency": "EUR"} | {name: value}))
        assert name in caught.value.errors, name
    for value in ("a\x00b", "\ud800", "x" * 400_000, True, ["x"], {"a": 1}):
        with pytest.raises(Invalid):
            world.create("account", currency=value)
    for number in (2**70, -(2**70), True, 1.5, "²"):
        with pytest.raises(Invalid):
            world.order(quantity=number)
    for number in (2**70, -1, 0, "x"):
        with pytest.raises(Invalid):
            world.create("post", account=number)


def test_an_amount_has_the_currency_its_source_names(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.create("account", currency="USD", limit={"amount": "1.00", "currency": "EUR"})
    assert set(caught.value.errors) == {"limit"}
    account = world.create("account", currency="USD", limit={"amount": "1.00", "currency": "USD"},
                           posts=[{"amount": {"amount": "3.00", "currency": "USD"}}])
    assert account["posts"][0]["amount"] == Money(Decimal("3.00"), "USD")
    changed = world.change(account, currency="CHF")
    assert changed["limit"] == Money(Decimal("1.00"), "CHF")
    with pytest.raises(Invalid):
        world.change(account, posts=[{"amount": {"amount": "3.00", "currency": "USD"}}])


def test_a_reference_to_any_record_keeps_to_its_entities(world: World) -> None:
    order, tag = world.order(), world.create("tag", name="t")
    for about in (EntityRef("works.order", order.id), EntityRef("works.nothing", 1), EntityRef("works.tag", 999_999)):
        with pytest.raises(Invalid) as caught:
            world.create("account", currency="EUR", about=about)
        assert set(caught.value.errors) == {"about"}
    made = world.create("account", currency="EUR", kind_of="works.tag", chosen=EntityRef("works.tag", tag.id))
    assert made["chosen"] == EntityRef("works.tag", tag.id)
    with pytest.raises(Invalid):
        world.create("account", currency="EUR", kind_of="works.room", chosen=EntityRef("works.tag", tag.id))


def test_rollups_of_money_averages_and_instants(world: World) -> None:
    account = world.create("account", currency="EUR")
    world.create("post", by=world.clerk, account=account.id, amount="1.10", weight=1)
    world.clock.advance(hours=1)
    last = world.create("post", by=world.clerk, account=account.id, amount="2.25", weight=2)
    now = world.get(account)
    assert now["booked"] == Money(Decimal("3.35"), "EUR") and now["average"] == Decimal("1.50")
    assert now["newest"] == NOW.replace(hour=10)
    world.create("post", account=account.id, amount={"amount": "1.00", "currency": "USD"})
    assert world.get(account)["booked"] is None, "several currencies have no common sum"
    world.delete(last)
    assert world.get(account)["average"] == Decimal("1.00")
