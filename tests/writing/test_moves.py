"""Moving along a workflow: who may, when, with what; and the life of documents."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from core.services import moves
from core.services.moves import REASON
from core.services.preparing import NOT_HERE, REQUIRED
from core.workflow.machine import NOT_PERFORMED
from tests.writing.world import Refusal, World


def test_a_move_needs_its_role_its_fields_and_its_state(world: World) -> None:
    order = world.order()
    with pytest.raises(Forbidden):
        world.move(order, "check", by=world.clerk, due=date(2026, 4, 1))
    with pytest.raises(Invalid) as caught:
        world.move(order, "check", by=world.chief)
    assert caught.value.errors == {"due": [REQUIRED]}
    with pytest.raises(Conflict):
        world.move(order, "finish", by=world.chief)
    checked = world.move(order, "check", by=world.chief, due=date(2026, 4, 1), fixed="in the move")
    assert (checked["state"], checked["fixed"], checked.version) == ("checked", "in the move", 2)
    entry = world.log(order)[0]
    assert entry.transition == "check"
    assert {one.field for one in entry.changes} == {"state", "due", "fixed"}
    with pytest.raises(NotFound):
        world.move(order, "nonsense", by=world.chief)
    with pytest.raises(Invalid) as caught:
        world.move(checked, "finish", by=world.clerk, fixed="not in this move")
    assert caught.value.errors == {"fixed": [NOT_HERE]}


def test_a_guard_acts_on_true_only(world: World) -> None:
    order = world.order(quantity=0)
    world.move(order, "check", by=world.chief, due=date(2026, 4, 1))
    with pytest.raises(Conflict):
        world.move(order, "finish")
    assert world.move(order, "finish", quantity=1)["state"] == "done"


def test_a_reason_is_asked_for_and_kept(world: World) -> None:
    order = world.order()
    with pytest.raises(Invalid) as caught:
        world.move(order, "cancel", by=world.clerk)
    assert caught.value.errors == {"reason": [REASON]}
    world.move(order, "cancel", by=world.clerk, reason="too dear")
    assert world.log(order)[0].reason == "too dear"
    with pytest.raises(Conflict):
        world.move(order, "cancel", by=world.clerk, reason="again")


def test_an_approval_is_refused_with_its_sentence(world: World) -> None:
    with pytest.raises(Conflict) as caught:
        world.move(world.order(), "approve")
    assert caught.value.detail == NOT_PERFORMED


def test_a_role_that_names_the_move_may_make_it_without_writing(world: World) -> None:
    order = world.order()
    with pytest.raises(Forbidden):
        world.change(order, by=world.porter, note="x")
    assert world.move(order, "porterage", by=world.porter)["state"] == "done"
    with pytest.raises(Forbidden):
        world.move(world.order(), "porterage", by=world.clerk)


def test_a_move_out_of_sight_does_not_exist(world: World) -> None:
    with pytest.raises(NotFound):
        world.move(world.order(by=world.clerk), "cancel", by=world.guest, reason="x")


def test_a_stale_move_is_refused(world: World) -> None:
    order = world.order()
    world.change(order, note="x")
    with pytest.raises(StaleVersion):
        moves.move(world.platform, world.chief, "works.order", order.id, "porterage", {}, "", 1)


def test_legal_moves_say_why_not(world: World) -> None:
    order = world.order()

    def told(actor, record=order):  # type: ignore[no-untyped-def]
        found = moves.legal(world.platform, actor, "works.order", record)
        return {one.transition.name: (one.allowed, one.missing) for one in found}

    assert told(world.chief) == {"check": (True, ("due",)), "cancel": (True, ()), "approve": (False, ()),
                                 "porterage": (True, ())}
    assert told(world.porter) == {"check": (False, ()), "cancel": (False, ()), "approve": (False, ()), "porterage": (True, ())}
    world.veto = lambda record, transition, change: "Not today." if transition == "porterage" else None
    refused = {one.transition.name: one.why_not for one in moves.legal(world.platform, world.chief, "works.order", order)}
    assert refused["porterage"] == "Not today." and refused["check"] == ""


def test_a_plugin_vetoes_with_a_sentence(world: World) -> None:
    order = world.order()
    world.veto = lambda record, transition, change: "Not on Mondays."
    with pytest.raises(Conflict) as caught:
        world.move(order, "porterage", by=world.chief)
    assert caught.value.detail == "Not on Mondays."

    def refuse(record, transition, change):  # type: ignore[no-untyped-def]
        raise Refusal("Never.")

    world.veto = refuse
    with pytest.raises(Conflict) as caught:
        world.move(order, "porterage", by=world.chief)
    assert caught.value.detail == "Never."
    assert world.get(order)["state"] == "new"


def test_of_many_movers_one_moves(world: World) -> None:
    order = world.order()
    answers = world.at_once(8, lambda _: world.move(order, "porterage", by=world.chief))
    assert sum(not isinstance(one, Exception) for one in answers) == 1
    assert world.get(order).version == 2


def test_a_posted_document_is_immutable_but_for_flagged_fields(world: World) -> None:
    customer = world.customer(city="Ghent")
    paper = world.create("paper", by=world.clerk, customer=customer.id, text="t", parts=[{"item": "a"}])
    assert paper["state"] == "draft" and paper["number"] is None and paper["city"] == "Ghent"
    paper = world.move(paper, "post", by=world.clerk)
    assert paper["state"] == "posted" and paper["number"].startswith("P-")
    assert paper["display_title"] == paper["number"]
    for values in ({"text": "u"}, {"parts": []}, {"customer": None}):
        with pytest.raises(Invalid) as caught:
            world.change(paper, by=world.clerk, **values)
        assert caught.value.errors == {next(iter(values)): [NOT_HERE]}
    assert world.change(paper, by=world.clerk, remark="r")["remark"] == "r"
    with pytest.raises(Conflict):
        world.delete(paper, by=world.clerk)
    world.change(customer, city="Lille")
    assert world.get(paper)["city"] == "Ghent", "a lookup is frozen at posting"
    with pytest.raises(Conflict):
        world.move(paper, "cancel", by=world.clerk)


def test_a_reversed_document_is_amended_into_a_new_draft(world: World) -> None:
    paper = world.create("paper", text="t", remark="r", parts=[{"item": "a"}])
    first = world.move(paper, "post")
    world.move(paper, "reverse", reason="wrong")
    made = world.move(paper, "amend", by=world.clerk)
    assert (made["state"], made["text"], made["number"], made["parts"][0]["item"]) == ("draft", "t", None, "a")
    assert made.id != paper.id and world.raw(made).extra["amended_from"] == paper.id
    assert world.get(paper)["state"] == "reversed"
    second = world.move(made, "post")
    assert int(second["number"][2:]) == int(first["number"][2:]) + 1
    draft = world.create("paper", text="x")
    assert world.move(draft, "cancel")["state"] == "cancelled"
    last = world.move(world.create("paper", text="y"), "post")
    assert int(last["number"][2:]) == int(second["number"][2:]) + 1, "a gap-free number is taken at posting"


def test_a_hook_cannot_change_what_is_posted(world: World) -> None:
    paper = world.move(world.create("paper", text="t"), "post")

    def save(record, before, change, work):  # type: ignore[no-untyped-def]
        record["text"] = "sneaked in"

    world.on_save = save
    with pytest.raises(Conflict) as caught:
        world.change(paper, remark="r")
    assert world.raw(paper)["text"] == "t"
    # What the refusal advises is possible, in that order.
    assert caught.value.detail == "This document is posted and stays as it is. Reverse it first, then amend the reversed one."
    world.on_save = None
    with pytest.raises(Conflict):
        world.move(paper, "amend")
    assert world.move(world.move(paper, "reverse", reason="wrong"), "amend")["state"] == "draft"
