"""The verbs that doors call: questions from a URL, computed and looked-up values, search over everything, the read log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import BadRequest, Forbidden
from core.facts import FixedClock, Money, Record
from core.registry.discover import of
from core.services import asking, looking, pulse, records
from core.services.platform import Platform
from core.settings import Settings
from core.storage.models import ReadLog
from core.storage.query import Condition, Group, Query
from schemas import read_plugin

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Shop:
    """A started platform with a seller, an owner, three clients (one hidden) and six bills."""

    def __init__(self, folder: Path, url: str) -> None:
        plugins = [_plugin(HERE.parents[1] / "plugins/directory/directory.yaml"), _plugin(HERE / "shop.yaml")]
        self.platform = Platform(Settings.for_tests(folder, url), FixedClock(NOW), find=lambda _: of(plugins, {}))
        self.platform.start()
        person = self.create("directory.person", given_name="Given", family_name="Name", mail="given@example.org")
        self.seller = Actor(account=1, email="seller@example.org", person=person.id, roles=_roles("seller"))
        self.owner = Actor(account=2, email="owner@example.org", roles=_roles("owner"))
        clients = (("Ada", "EUR", False), ("Bo", "USD", False), ("Cleo", "PLN", True))
        self.clients = [
            self.create("shop.client", name=name, currency=currency, hidden=hidden, secretly=f"sec{name}").id
            for name, currency, hidden in clients
        ]
        self.bills = [
            self.create("shop.bill", text=f"Bill for paper {n}", client=self.clients[n % 3], cost=str(n),
                        amount=_in(clients[n % 3][1], f"{n}.50"), paid=None if n % 2 else _in("EUR", "1.00"),
                        by=person.id if n == 3 else None, due=date(2026, 3, n + 1) if n else None,
                        parts=[{"what": "sheet", "each": _in(clients[n % 3][1], "0.25")}])
            for n in range(6)
        ]  # fmt: skip

    def create(self, entity: str, **values: Any) -> Record:
        return records.create(self.platform, Actor.system("test"), entity, values)

    def ask(self, args: Any, *, by: Actor | None = None, strict: bool = True) -> list[int]:
        asker = by or self.owner
        query = asking.ask(self.platform, asker, "shop.bill", args, strict=strict)
        found = looking.page(self.platform, asker, "shop.bill", query).items
        return [self.place(item.id) for item in found]

    def place(self, number: int) -> int:
        return [bill.id for bill in self.bills].index(number)

    def reads(self) -> list[tuple[str, list[str]]]:
        with self.platform.read(Actor.system("test")) as unit:
            rows = unit.connection.execute(sa.select(ReadLog.entity, ReadLog.fields).order_by(ReadLog.id)).all()
        return [(row[0], json.loads(row[1])) for row in rows]


def _in(currency: str, amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def _roles(name: str) -> frozenset[str]:
    return frozenset({f"shop.{name}", "core.everyone"})


def _plugin(path: Path) -> Any:
    plugin, problems = read_plugin(path.read_text(), path.name)
    assert plugin is not None and not [one for one in problems if one.severity == "error"], problems
    return plugin


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp(f"shop-{request.param}")
    url = request.getfixturevalue("postgres").fresh() if request.param == "postgresql" else ""
    made = Shop(folder, url)
    yield made
    made.platform.close()


def test_programs_ask_in_full(shop: Shop) -> None:
    assert shop.ask({"sort": "-due", "limit": "3"}) == [5, 4, 3]
    assert shop.ask({"client": str(shop.clients[1]), "sort": "id"}) == [1, 4]
    assert shop.ask({"client": "Bo", "sort": "id"}) == [1, 4]
    assert shop.ask({"by": "me"}, by=shop.seller) == [3]
    assert shop.ask({"q": "paper 4"}) == [4]


def test_amounts_are_compared_in_the_currency_that_is_named(shop: Shop) -> None:
    assert shop.ask({"paid": "1.00 EUR", "sort": "id"}) == [0, 2, 4]
    assert shop.ask({"paid__ge": "1.00 USD"}) == []
    # Without one, each amount is compared in its own, as in expressions (contract 9).
    assert shop.ask({"paid": "1.00", "sort": "id"}) == [0, 2, 4]
    assert shop.ask({"paid__gt": "1.00"}) == []


@pytest.mark.parametrize("args", [
    {"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"page": "2"}, {"sort": "nothing"}, {"fields": "number,nothing"},
    {"late__gt": "1"}, {"sort": "parts"}, {"sort": "next"}, {"next": "2026-01-01"}, {"after": "x"},
    {"after": "x", "page": "last"},
])  # fmt: skip
def test_programs_are_told_what_is_wrong(shop: Shop, args: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        shop.ask(args)


def test_hidden_and_unknown_fields_are_refused_alike_in_every_question(shop: Shop) -> None:
    for question in ("sort={}", "fields={}", "{}=1", "{}__empty=1"):
        told = set()
        for name in ("cost", "nothing"):
            pairs = [tuple(question.format(name).split("=", 1))]
            with pytest.raises(BadRequest) as caught:
                shop.ask(pairs, by=shop.seller)
            told.add(caught.value.detail.replace(name, "…"))
        assert len(told) == 1


def test_pages_leave_out_what_they_do_not_know_and_follow_their_view(shop: Shop) -> None:
    assert shop.ask({"nothing": "1", "cost": "1", "limit": "x", "sort": "cost"}, by=shop.seller, strict=False) == [
        5, 4, 3, 2, 1, 0]  # fmt: skip
    assert shop.ask({"view": "open"}, strict=False) == [1, 3, 5]
    assert shop.ask({"view": "open", "sort": "-id", "client": "Ada"}, strict=False) == [3]
    assert shop.ask({"sort": "-due", "limit": "2"}, strict=False) == [5, 4]


def test_volatile_formulas_are_computed_while_reading(shop: Shop) -> None:
    found = looking.page(shop.platform, shop.owner, "shop.bill", Query(sort=(("id", False),))).items
    assert [bool(item["late"]) for item in found] == [False] * 6
    first, later = [None, date(2026, 3, 2)], [date(2026, 4, day) for day in (3, 4, 5, 6)]
    assert [item["next"] for item in found] == first + later
    soon = Group(False, (Condition("due", "lt", (date(2026, 3, 4),)),))
    query = Query(where=soon, sort=(("id", False),), fields=("next", "late"))
    rows = looking.rows(shop.platform, shop.owner, "shop.bill", query)
    assert [row[rows.cells["next"].index] for row in rows.rows] == [date(2026, 3, 2), date(2026, 4, 3)]
    assert shop.ask({"late": "1"}) == []


def test_amounts_carry_the_currency_their_source_names(shop: Shop) -> None:
    found = looking.page(shop.platform, shop.owner, "shop.bill", Query(sort=(("id", False),))).items
    assert [item["amount"] for item in found[:3]] == [
        Money(Decimal("0.50"), "EUR"), Money(Decimal("1.50"), "USD"), Money(Decimal("2.50"), "PLN")]  # fmt: skip
    assert found[1]["parts"][0]["each"] == Money(Decimal("0.25"), "USD")


def test_what_is_looked_up_follows_the_rights_of_its_source(shop: Shop) -> None:
    query = Query(sort=(("id", False),), limit=3)
    seen = looking.page(shop.platform, shop.seller, "shop.bill", query).items
    assert [item["called"] for item in seen] == ["Ada", "Bo", None]
    assert [item["whose"] for item in seen] == [None, None, None]
    assert [item.labels["client"] for item in seen] == ["Ada", "Bo", None]
    whole = looking.page(shop.platform, shop.owner, "shop.bill", query).items
    assert [item["called"] for item in whole] == ["Ada", "Bo", "Cleo"]
    assert [item["whose"] for item in whole] == ["secAda", "secBo", "secCleo"]


def test_a_search_over_everything_finds_what_may_be_read(shop: Shop) -> None:
    def hits(by: Actor, text: str) -> set[tuple[str, str | None]]:
        return {(hit.entity, hit.title) for hit in looking.search(shop.platform, by, text)}

    assert ("shop.client", "Cleo") in hits(shop.owner, "cleo")
    assert hits(shop.seller, "cleo") == set() and hits(shop.seller, "seccleo") == set()
    assert {entity for entity, _ in hits(shop.seller, "paper")} == {"shop.bill"}
    assert hits(shop.owner, " ; ") == set()


def test_shown_sensitive_values_are_logged_once_for_an_entity(shop: Shop) -> None:
    before = len(shop.reads())
    looking.page(shop.platform, shop.owner, "shop.client", Query())
    looking.page(shop.platform, shop.seller, "shop.client", Query())
    looking.get(shop.platform, shop.owner, "shop.client", shop.clients[0])
    looking.page(shop.platform, shop.owner, "shop.client", Query(fields=("name",)))
    assert shop.reads()[before:] == [("shop.client", ["secretly"])] * 2


def test_an_entity_nobody_gave_a_role_for_is_forbidden(shop: Shop) -> None:
    stranger = Actor(account=9, roles=frozenset({"core.everyone"}))
    token = replace(shop.owner, scopes=frozenset({"shop.client:read"}))
    for by in (stranger, token):
        with pytest.raises(Forbidden):
            looking.page(shop.platform, by, "shop.bill", Query())
    assert looking.count(shop.platform, token, "shop.client", Query()) == (3, False)


def test_a_walk_goes_through_all_pages(shop: Shop) -> None:
    # Without an account there are no rights that could change on the way.
    owner = replace(shop.owner, account=None)
    found = looking.walk(shop.platform, owner, "shop.bill", Query(sort=(("due", True),)), batch=2)
    assert [shop.place(item.id) for item in found] == [5, 4, 3, 2, 1, 0]


def test_the_pulse_tells_of_changed_records_that_may_be_read_in_few_statements(shop: Shop) -> None:
    mark = pulse.since(shop.platform, shop.seller, "shop.client", None).mark
    assert pulse.since(shop.platform, shop.seller, "shop.client", mark) == pulse.News(mark)
    for number, name in zip(shop.clients, ("Ada", "Bo", "Cleo"), strict=True):
        for text in ("for a moment", f"sec{name}"):
            records.change(shop.platform, Actor.system("test"), "shop.client", number, {"secretly": text})
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    sa.event.listen(shop.platform.database.engine, "before_cursor_execute", note)
    told = pulse.since(shop.platform, shop.seller, "shop.client", mark)
    sa.event.remove(shop.platform.database.engine, "before_cursor_execute", note)
    assert sorted(told.changed) == shop.clients[:2] and not told.more and told.mark > mark, "Cleo is hidden from sellers"
    assert sorted(pulse.since(shop.platform, shop.owner, "shop.client", mark).changed) == shop.clients
    assert len([one for one in seen if one.startswith("SELECT")]) <= 4
    nobody = Actor(account=3, email="nobody@example.org", roles=frozenset({"core.everyone"}))
    with pytest.raises(Forbidden):
        pulse.since(shop.platform, nobody, "shop.client", mark)
