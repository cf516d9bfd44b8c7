"""Generations: shapes of departments, shared structure, fingerprints, who points where."""

from __future__ import annotations

import pytest

from core.errors import NotFound
from core.registry.diff import diff
from core.registry.generation import Generation, build
from schemas import read_overlay, read_plugin
from schemas.model import Overlay, Plugin

PLUGIN = """
plugin: things
label: Things
entities:
  box:
    title: "{code}"
    fields:
      code: {type: text, required: true}
      size: {type: choice, options: [small, large]}
      shelf: {type: reference, to: shelf}
      weight: {type: lookup, via: shelf, of: load}
  shelf:
    title: "{name}"
    fields:
      name: {type: text}
      load: {type: decimal, places: 3}
"""


def plugin(text: str = PLUGIN) -> Plugin:
    read, problems = read_plugin(text, "things.yaml")
    assert read is not None, problems
    return read


def overlay(text: str) -> Overlay:
    read, problems = read_overlay(text, "overlay.yaml")
    assert read, problems
    return read[0]


def floor(department: str, kind: str = "integer", name: str = "floor") -> Overlay:
    where = f"department: {department}\n" if department else ""
    return overlay(f"overlay: things.box\n{where}changes:\n  - add_field: {{name: {name}, type: {kind}}}\n")


def made(*overlays: Overlay, number: int = 1, previous: Generation | None = None, text: str = PLUGIN) -> Generation:
    columns = {
        one.identity: {verb.args["name"]: f"x_{index}" for verb in one.changes if verb.kind == "add_field"}
        for index, one in enumerate(overlays, 1)
    }
    base = plugin(text) if previous is None or text != PLUGIN else previous.plugins["things"]
    return build(number, [base], overlays, columns, previous)


def names(generation: Generation, department: str = "") -> list[str]:
    return [one.name for one in generation.shape("things.box", department).fields]


def test_a_departments_field_is_in_its_shape_and_in_the_stored_one_only() -> None:
    generation = made(floor("north"))
    assert "floor" in names(generation, "north")
    assert "floor" not in names(generation) and "floor" not in names(generation, "south")
    stored = generation.entity("things.box").field("floor")
    assert stored is not None and (stored.column, stored.scope) == ("x_1", "north")


def test_departments_without_overlays_share_one_shape() -> None:
    generation = made(floor("north"))
    assert generation.shape("things.box", "south") is generation.shape("things.box", "east")
    assert generation.shape("things.box", "north") is not generation.shape("things.box", "south")


def test_two_departments_may_call_different_fields_the_same() -> None:
    generation = made(floor("north", "integer"), floor("south", "date"))
    # Values stand under the names of the union, so a department knows its field by that name as well.
    north, south = (generation.shape("things.box", code).field(name) for code, name in (("north", "floor__north"), ("south", "floor")))
    assert north is not None and south is not None
    assert (north.type, south.type) == ("integer", "date") and north.column != south.column
    columns = [one.column for one in generation.entity("things.box").fields if one.column]
    stored = [one.name for one in generation.entity("things.box").fields]
    assert sorted(columns) == ["x_1", "x_2"] and len(set(stored)) == len(stored)


def test_tightening_of_one_department_does_not_reach_the_stored_shape() -> None:
    generation = made(overlay("overlay: things.box\ndepartment: north\nchanges:\n  - require: size\n"))
    assert generation.shape("things.box", "north").field("size").required  # type: ignore[union-attr]
    assert not generation.entity("things.box").field("size").required  # type: ignore[union-attr]


def test_a_generation_shares_what_did_not_change_with_the_one_before() -> None:
    first = made()
    second = made(floor("north"), number=2, previous=first)
    assert second.entities["things.shelf"] is first.entities["things.shelf"]
    assert second.entities["things.box"] is not first.entities["things.box"]
    shape = second.shape("things.box", "north")
    third = made(floor("north"), number=3, previous=second)
    assert third.entities["things.box"] is second.entities["things.box"]
    assert third.shape("things.box", "north") is shape


def test_a_lookup_knows_the_kind_of_what_it_shows_and_follows_its_change() -> None:
    first = made()
    weight = first.entity("things.box").field("weight")
    assert weight is not None and (weight.as_kind, weight.places) == ("decimal", 3)
    second = made(number=2, previous=first, text=PLUGIN.replace("{type: decimal, places: 3}", "{type: integer}"))
    changed = second.entity("things.box").field("weight")
    assert changed is not None and changed.as_kind == "integer"


def test_fingerprints_follow_content_not_places() -> None:
    one, two = made(), made(text="# moved by a comment\n" + PLUGIN)
    assert one.fingerprint("things.box") == two.fingerprint("things.box")
    assert one.fingerprint("things.box") != made(floor("")).fingerprint("things.box")


def test_referrers_and_targets_are_known() -> None:
    generation = made()
    assert [(entity.name, field.name) for entity, field in generation.referrers("things.shelf")] == [("box", "shelf")]
    with pytest.raises(NotFound):
        generation.entity("things.crate")


def test_differences_are_told_in_words() -> None:
    first, second = made(), made(floor("north"), number=2)
    told = diff(first, second)
    assert told.touched == ("things.box",)
    assert any('"Floor" (integer) is added for north' in line for line in told.words), told.words
    back = diff(second, first)
    assert any("is taken back" in line for line in back.words)
    assert not diff(first, first)
