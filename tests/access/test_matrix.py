"""The gate decides as the model does: every role and pair of roles, every relation, every field and action."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.access.actor import Actor
from core.access.grant import RowRights, grant
from core.access.rows import holds
from schemas.model import Entity
from tests.access import model
from tests.access.cases import ACTORS, ENTITIES, FIELDS, FORMS, SCOPES, role_sets, rows

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = tuple(one.name for one in FIELDS)


def rights(entity: Entity, actor: Actor, row: model.Row) -> RowRights:
    return grant(entity, actor).on(row, lambda source: holds(source, row, entity, actor, entities={}, now=NOW))


def differences(entity: Entity, actor: Actor, row: model.Row) -> list[str]:
    """Where the gate and the model answer differently about one row."""
    gate = rights(entity, actor, row)
    pairs = {
        "read": (gate.readable, model.readable(row, entity, actor)),
        "delete": (gate.may_delete, model.may("delete", row, entity, actor)),
        "export": (gate.exportable, model.may("export", row, entity, actor)),
        "print": (gate.printable, model.may("print", row, entity, actor)),
        "see version": ("version" in gate.visible, model.visible("version", row, entity, actor)),
    }
    for name in NAMES:
        pairs[f"see {name}"] = (name in gate.visible, model.visible(name, row, entity, actor))
        pairs[f"mask {name}"] = (name in gate.masked, model.masked(name, row, entity, actor))
        pairs[f"write {name}"] = (name in gate.writable, model.writable(name, row, entity, actor))
    for transition in ("finish", "undo"):
        pairs[transition] = (gate.may_move(transition), model.may_move(transition, row, entity, actor))
    return [f"{what}: gate {one}, model {two}" for what, (one, two) in pairs.items() if one != two]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
@pytest.mark.parametrize("number", range(len(ACTORS)))
def test_the_gate_and_the_model_agree_on_every_row(entity: Entity, number: int) -> None:
    for roles in role_sets():
        actor = replace(ACTORS[number], roles=ACTORS[number].roles | roles)
        for row in rows():
            assert differences(entity, actor, row) == [], (sorted(roles), row)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_a_token_only_takes_away(entity: Entity) -> None:
    few = [one for one in role_sets() if len(one) != 2]
    for scopes in SCOPES:
        for roles in few:
            actor = replace(ACTORS[0], roles=ACTORS[0].roles | roles, scopes=scopes)
            for row in rows():
                assert differences(entity, actor, row) == [], (scopes, sorted(roles), row)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_what_is_possible_on_some_row_is_possible_in_general(entity: Entity) -> None:
    for number in range(len(ACTORS)):
        for roles in role_sets():
            actor = replace(ACTORS[number], roles=ACTORS[number].roles | roles)
            whole = grant(entity, actor)
            for row in rows():
                one = rights(entity, actor, row)
                assert one.visible <= whole.visible()
                assert one.writable <= whole.writable()
                assert whole.may("read") or not one.readable
                assert whole.may("delete") or not one.may_delete
                assert whole.may("write") or not one.writable


def test_forms_decide_what_may_be_given_to_a_new_record() -> None:
    entity = ENTITIES[0]
    for scopes in SCOPES:
        for roles in role_sets():
            actor = replace(ACTORS[0], roles=ACTORS[0].roles | roles, scopes=scopes)
            whole = grant(entity, actor)
            for form in (None, *(one.name for one in FORMS), "unknown"):
                expected = model.may_create(form, entity, actor) and form != "unknown"
                assert bool(whole.creatable(form)) == expected, (sorted(roles), form)
            assert set(whole.forms()) == {one.name for one in FORMS if model.may_create(one.name, entity, actor)}


def test_a_form_limits_the_fields_given() -> None:
    entity = ENTITIES[0]
    visitor = replace(ACTORS[0], roles=frozenset({"core.everyone"}))
    assert grant(entity, visitor).creatable("short") == {"title"}
    assert grant(entity, visitor).creatable("long") == frozenset()
    assert grant(entity, visitor).creatable() == {"title"}
    clerk = replace(visitor, roles=frozenset({"a.but"}))
    assert grant(entity, clerk).creatable("long") == {"title", "note"}
    assert "fixed" not in grant(entity, clerk).creatable()
