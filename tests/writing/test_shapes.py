"""Whose department decides: what must hold follows the record, what may be given follows the actor."""

from __future__ import annotations

import pytest

from core.access.actor import Actor
from core.errors import Conflict, Invalid
from core.services import publish
from core.services.preparing import NOT_HERE, REQUIRED
from schemas import read_overlay
from tests.writing.world import World

OVERLAY = """
overlay: works.ask
department: west
because: The landlord asks.
changes:
  - add_field: {name: floor, type: integer}
  - require: details
  - add_option: {field: urgency, name: flood}
  - add_state: {name: checked, after: new}
  - add_transition: {name: check, from: new, to: checked}
"""


@pytest.fixture(scope="session")
def shaped(house: World) -> World:
    overlays, problems = read_overlay(OVERLAY, "west.yaml")
    assert not [one for one in problems if one.severity == "error"], [str(one) for one in problems]
    publish.apply(house.platform, Actor.system("test"), overlays, "test")
    return house


@pytest.fixture
def west(shaped: World, world: World) -> Actor:
    return world.person("clerk", world.west)


def test_what_must_hold_follows_the_records_department(world: World, west: Actor) -> None:
    assert world.create("ask", by=world.clerk, summary="here")["details"] is None
    with pytest.raises(Invalid) as caught:
        world.create("ask", by=west, summary="there")
    assert caught.value.errors == {"details": [REQUIRED]}
    with pytest.raises(Invalid) as caught:
        world.create("ask", by=world.clerk, summary="for them", team=world.west)
    assert caught.value.errors == {"details": [REQUIRED]}
    assert world.create("ask", by=west, summary="for us", team=world.east)["team"] == world.east


def test_what_may_be_given_follows_the_actors_department(world: World, west: Actor) -> None:
    ask = world.create("ask", by=west, summary="s", details="d", floor=3)
    assert ask["floor"] == 3
    with pytest.raises(Invalid) as caught:
        world.create("ask", by=world.clerk, summary="s", floor=3)
    assert caught.value.errors == {"floor": [NOT_HERE]}
    with pytest.raises(Invalid) as caught:
        world.change(ask, by=world.clerk, floor=4)
    assert caught.value.errors == {"floor": [NOT_HERE]}


def test_choices_and_moves_follow_the_records_department(world: World, west: Actor) -> None:
    ask = world.create("ask", by=west, summary="s", details="d", urgency="flood")
    with pytest.raises(Invalid):
        world.create("ask", by=world.clerk, summary="s", urgency="flood")
    assert world.move(ask, "check", by=world.clerk)["state"] == "checked"
    with pytest.raises(Conflict):
        world.move(world.create("ask", by=world.clerk, summary="s"), "check", by=world.clerk)


def test_a_write_that_was_prepared_under_old_rules_is_prepared_again(world: World, west: Actor) -> None:
    texts = ("always", "sometimes")
    seen = []

    def rename(record, before, change, work):  # type: ignore[no-untyped-def]
        seen.append(change)
        if len(seen) == 1:
            overlays, _ = read_overlay(OVERLAY.replace("works.ask", "works.tag").split("changes:")[0]
                                       + "name: t\nchanges:\n  - relabel: {field: name, label: Word}\n", "t.yaml")
            publish.apply(world.platform, Actor.system("test"), overlays, texts[0])

    world.on_save = rename
    order = world.order(by=world.clerk)
    assert order.version == 1 and len(seen) == 2
