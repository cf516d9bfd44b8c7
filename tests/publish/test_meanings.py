"""What a publication means for what was remembered before it, in this process and in others."""

from __future__ import annotations

import threading
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core import hookimpl
from core.access.actor import Actor
from core.registry import discover
from core.registry.calls import Failure, Ledger, collect
from core.registry.discover import Discovery
from core.services import accounts, actors, looking, plugins, publish, records, sessions, writes
from core.services.platform import Platform
from core.settings import Settings
from core.storage import head
from core.storage.query import Query
from tests.publish import world

PRICES = """
plugin: prices
label: Prices
version: {version}
entities:
  rate:
    title: "{{code}}"
    fields:
      code: {{type: text, required: true, unique: true}}
      amount: {{type: decimal, places: {places}}}
"""
BOXES = """
plugin: things
label: Things
version: 1.0.0
needs: [prices]
roles: {keeper: {label: Keeper}}
entities:
  box:
    title: "{code}"
    fields:
      code: {type: text, required: true, unique: true}
      rate: {type: reference, to: prices.rate}
    access: {keeper: {read: "rate.amount > 5"}}
"""
HOUSE = """
plugin: things
label: Things
version: 1.0.0
entities:
  rate:
    title: "{code}"
    fields: {code: {type: text, required: true}}
  shelf:
    title: "{code}"
    fields: {code: {type: text, required: true}}
  box:
    title: "{code}"
    fields:
      code: {type: text, required: true}
      rate: {type: reference, to: rate}
      shelf: {type: reference, to: shelf}
"""
ALL = Query(sort=(("id", True),))


def codes(p: Platform, who: Actor, entity: str = "things.box", query: Query = ALL) -> list[object]:
    return [one["code"] for one in looking.page(p, who, entity, query).items]


def again(p: Platform, find: Any = None) -> Platform:
    """Another process of the same house."""
    other = Platform(p.settings, p.clock, find=find or p._find)
    world.OPEN.append(other)
    other.start()
    return other


def test_a_row_rule_reads_a_field_of_another_plugin_as_it_is_now(tmp_path: Path) -> None:
    def find(version: str, places: int) -> Any:
        read = [world.directory(), world.plugin(PRICES.format(version=version, places=places)), world.plugin(BOXES)]
        return lambda _settings: discover.of(read)

    p = again(world.house(tmp_path), find("1.0.0", 2))
    for code, amount in (("cheap", "2.00"), ("dear", "9.00")):
        rate = records.create(p, world.SYSTEM, "prices.rate", {"code": code, "amount": amount})
        records.create(p, world.SYSTEM, "things.box", {"code": code, "rate": rate.id})
    account = accounts.add(p, world.SYSTEM, email="keeper@example.org", roles=("things.keeper",), password="a pass phrase of mine")

    def seen() -> list[object]:
        p.generation()
        return codes(p, accounts.actor_for_account(p, account))

    assert seen() == ["dear"]
    p._find = find("1.1.0", 4)
    p.reload()
    assert seen() == ["dear"]


def test_formulas_conditions_and_rollups_follow_a_field_that_means_something_else(tmp_path: Path) -> None:
    p = world.house(tmp_path, things=HOUSE)

    def make(entity: str, **values: object) -> int:
        return records.create(p, world.SYSTEM, f"things.{entity}", values).id

    world.apply(p, world.overlay("add_field: {name: amount, type: decimal, places: 2}", entity="things.rate"))
    twice = 'add_field: {name: twice, type: computed, formula: "rate.amount * 2", as: decimal, places: 2}'
    dear = 'add_field: {name: dear, type: rollup, from: box, via: shelf, how: count, where: "rate.amount > 5"}'
    world.apply(p, world.overlay(twice), world.overlay(dear, entity="things.shelf"))
    shelf, cheap, rare = make("shelf", code="s"), make("rate", code="cheap", amount="2"), make("rate", code="rare", amount="9")
    make("box", code="1", rate=cheap, shelf=shelf)
    make("box", code="2", rate=rare, shelf=shelf)
    above = Query(expression="rate.amount > 5", sort=(("id", True),))
    assert codes(p, world.SYSTEM, query=above) == ["2"] and looking.get(p, world.SYSTEM, "things.shelf", shelf)["dear"] == 1

    world.apply(p, world.overlay("add_field: {name: amount, type: decimal, places: 4}", entity="things.rate"))
    assert codes(p, world.SYSTEM, query=above) == ["2"]
    other = make("rate", code="other", amount="9.5")
    made = make("box", code="3", rate=other, shelf=shelf)
    assert looking.get(p, world.SYSTEM, "things.shelf", shelf)["dear"] == 2
    records.change(p, world.SYSTEM, "things.rate", other, {"amount": "1.2345"})
    assert looking.get(p, world.SYSTEM, "things.box", made)["twice"] == Decimal("2.47")
    assert looking.get(p, world.SYSTEM, "things.shelf", shelf)["dear"] == 1


def test_a_plugin_that_another_process_switches_calls_no_hook_or_all(tmp_path: Path) -> None:
    extra = world.plugin(HOUSE.replace("plugin: things", "plugin: extra").replace("label: Things", "label: Extra"))
    module = types.ModuleType("extra")

    @hookimpl
    def check_record() -> None:
        return None

    module.check_record = check_record  # type: ignore[attr-defined]

    def find(_settings: Settings) -> Discovery:
        return discover.of([world.directory(), world.plugin(world.THINGS), extra], {"extra": module})

    def called(of: Platform) -> list[str]:
        return [one.plugin for one in of.generation().hooks.implementations("check_record", "things.box")]

    p = again(world.house(tmp_path), find)
    other = again(p)
    plugins.disable(p, world.SYSTEM, "extra")
    later = again(p)
    assert called(p) == called(other) == called(later) == []
    plugins.enable(p, world.SYSTEM, "extra")
    assert called(p) == called(other) == called(later) == ["extra"]


def test_a_former_generation_is_what_it_was_at_every_look_and_in_force_again(tmp_path: Path) -> None:
    p = world.house(tmp_path)
    then = p.current.number
    newer = world.THINGS.replace("note: {type: long_text}", "note: {type: long_text}\n      weight: {type: integer}")
    q = again(p, world.finder(newer.replace("1.0.0", "2.0.0")))
    r = again(p, world.finder(newer.replace("1.0.0", "2.0.0")))
    for one in (q, r):
        for _ in range(2):
            assert [field.name for field in publish.at(one, then).entities["things.box"].fields] == ["code", "size", "note"]
    again(p, world.finder(world.THINGS))
    assert [field.name for field in q.generation().entities["things.box"].fields] == ["code", "size", "note"]


def test_a_request_reads_one_moment_though_another_thread_publishes(tmp_path: Path) -> None:
    p = world.house(tmp_path)
    world.create(p, code="b")
    account = accounts.add(p, world.SYSTEM, email="a@example.org", roles=("things.keeper",), password="a pass phrase of mine")
    token = sessions.open_session(p, account)
    with p.answering():
        found = actors.signed_in(p, token)
        thread = threading.Thread(target=lambda: world.apply(p, world.floor()))
        thread.start()
        thread.join()
        pinned = p.pin(p.generation(found.head), found.head)
        assert pinned.number > found.head and p.current is pinned
        assert codes(p, found.actor) == ["b"]
        thread = threading.Thread(target=lambda: world.apply(p, world.overlay("add_field: {name: height, type: integer}")))
        thread.start()
        thread.join()
        assert p.current is pinned and codes(p, found.actor) == ["b"]
    assert p.current.number > pinned.number


@pytest.mark.parametrize("fails", [False, True])
def test_only_its_own_failure_takes_a_plugin_s_writes_back(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    closed: list[tuple[str, bool]] = []
    inside, go = threading.Event(), threading.Event()

    class Turn:
        def __init__(self, *_: object) -> None:
            return

        def close(self, keep: bool) -> None:
            closed.append((threading.current_thread().name, keep))

    @hookimpl
    def after_save(record: str) -> None:
        if record == "slow":
            inside.set()
            go.wait(5)
        if record != "slow" or fails:
            raise ValueError("half way")

    module = types.ModuleType("plug")
    module.after_save = after_save  # type: ignore[attr-defined]
    monkeypatch.setattr(writes, "Work", Turn)
    hooks, _ = collect({"plug": module}, Ledger())
    hooks.ledger.replace([Failure("plug", "after_save", "before")])
    unit: Any = types.SimpleNamespace(generation=types.SimpleNamespace(hooks=hooks))

    def run(record: str) -> None:
        writes._each(unit, world.SYSTEM, "after_save", "things.box", {"record": record})

    slow = threading.Thread(target=run, args=("slow",), name="slow")
    slow.start()
    inside.wait(5)
    if fails:
        hooks.ledger.replace([])
    else:
        run("another")
    go.set()
    slow.join()
    assert ("slow", not fails) in closed


def test_failures_of_an_older_epoch_do_not_stand_for_newer_ones() -> None:
    ledger = Ledger()
    ledger.replace([Failure("p", "h", "x")] * 3, 6)
    ledger.replace([], 5)
    assert ledger.is_off("p") and ledger.epoch == 6


def test_a_search_whose_exact_hit_was_renamed_finds_what_begins_like_it(tmp_path: Path) -> None:
    p = world.house(tmp_path)
    first = world.create(p, code="bolt")
    world.create(p, code="boltcutter")
    query = Query(q="bolt", sort=(("id", True),))
    assert codes(p, world.SYSTEM, query=query) == ["bolt"]
    world.change(p, first.id, code="boltron")
    assert sorted(map(str, codes(p, world.SYSTEM, query=query))) == ["boltcutter", "boltron"]


def test_people_are_read_again_only_when_something_that_rights_look_at_was_published(tmp_path: Path, database_url: str) -> None:
    p = world.house(tmp_path, database_url)

    def epoch() -> int:
        with p.database.begin(writing=False) as connection:
            return head.both(connection)[1]

    before = epoch()
    publish.apply(p, world.SYSTEM, [world.overlay("add_field: {name: colour, type: text}")])
    publish.revert(p, world.SYSTEM)
    assert epoch() == before
    for entity in ("department", "person", "team", "company"):
        publish.apply(p, world.SYSTEM, [world.overlay("add_field: {name: nick, type: text}", entity=f"directory.{entity}")])
        assert epoch() > before, entity
        before = epoch()
