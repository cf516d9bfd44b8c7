"""Publishing overlays: new columns, dormant and removed fields, reverts, and what the documents remember."""

from __future__ import annotations

import gc
import re
import resource
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa

from core import hookimpl
from core.access.actor import Actor
from core.access.grant import grant
from core.errors import Conflict, Forbidden, NotFound
from core.facts import FixedClock
from core.registry import discover
from core.services import looking, past, publish, records, undo
from core.services.platform import Platform
from core.settings import Settings
from core.storage import head, migrate
from core.storage.query import Query
from core.storage.reading import Reader
from core.storage.unit import reading
from core.testing.world import World
from schemas.expressions import Function
from schemas.model import Overlay
from tests.publish.world import OPEN, SYSTEM, THINGS, apply, change, create, directory, floor, get, house, overlay, plugin

PRICED = """
plugin: things
entities:
  box:
    title: "{code}"
    fields:
      code: {type: text, required: true, unique: true}
      price: {type: decimal, places: 2}
      parts: {type: lines, fields: {weight: {type: decimal, places: 2}}}
    access:
      core.everyone: {read: all, create: all}
"""


def column(p: object, name: str = "floor", department: str = "") -> str:
    field = p.current.shape("things.box", department).field(name)  # type: ignore[attr-defined]
    return field.column if field is not None else ""


def test_a_restart_publishes_nothing_anew(tmp_path: Path, database_url: str) -> None:
    first = house(tmp_path, database_url)
    assert first.current.number == 1
    second = house(tmp_path, database_url)
    assert second.current.number == 1 and [one.number for one in publish.listed(second)] == [1]


def test_an_added_field_is_a_real_column_that_holds_values(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    old = create(p, code="A")
    assert apply(p, floor()).number == 2
    assert get(p, old.id)["floor"] is None
    new = create(p, code="B", floor=3)
    assert get(p, new.id)["floor"] == 3
    again = house(tmp_path, database_url)
    assert again.current.number == 2 and get(again, new.id)["floor"] == 3


def test_writers_are_not_let_out_again_when_the_generation_is_in_force(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = house(tmp_path, postgres_url)
    fence, alone = head.fence, []

    def noted(connection: sa.Connection, *, shared: bool) -> None:
        fence(connection, shared=shared)
        if not shared:
            alone.append(head.number(connection))

    monkeypatch.setattr(head, "fence", noted)
    assert apply(p, floor("text", name="one")).number == 2
    apply(p, overlay("add_field: {name: shelf, type: text, indexed: true}", name="two"))
    assert len(alone) >= 4 and set(alone) == {1, 2}
    assert not migrate.plan(p.database, p.current.entities.values()).steps


def test_applying_what_is_in_force_makes_no_generation(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    outcome = apply(p, floor())
    assert not outcome.changed and outcome.number == 2


def test_a_reverted_field_comes_back_with_its_values(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    box = create(p, code="A", floor=7)
    was = column(p)
    publish.revert(p, SYSTEM)
    assert "floor" not in get(p, box.id)
    apply(p, floor())
    assert column(p) == was and get(p, box.id)["floor"] == 7


def test_the_same_name_with_another_type_is_a_new_field_and_the_former_type_is_the_former_field(
    tmp_path: Path, database_url: str
) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    box = create(p, code="A", floor=7)
    was = column(p)
    apply(p, floor("date"))
    assert column(p) != was and get(p, box.id)["floor"] is None
    apply(p, floor())
    assert column(p) == was and get(p, box.id)["floor"] == 7


def test_a_field_left_out_of_its_replaced_overlay_is_dormant(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    box = create(p, code="A", floor=7)
    apply(p, overlay("relabel: {field: size, label: How big}"))
    assert "floor" not in get(p, box.id)
    apply(p, floor(name="another"))
    assert get(p, box.id)["floor"] == 7


def test_a_removed_field_added_again_is_empty_and_reverting_the_removal_brings_its_values_back(
    tmp_path: Path, database_url: str
) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    box = create(p, code="A", floor=7)
    apply(p, overlay("remove_field: floor", name="away"))
    assert "floor" not in get(p, box.id)
    apply(p, floor(name="anew"))
    assert get(p, box.id)["floor"] is None
    publish.revert(p, SYSTEM)
    assert "floor" not in get(p, box.id)
    publish.revert(p, SYSTEM)
    assert get(p, box.id)["floor"] == 7


def test_a_document_may_remove_what_the_one_it_replaces_had_added(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    box = create(p, code="A", floor=7)
    apply(p, overlay("remove_field: floor"))
    assert "floor" not in get(p, box.id)
    apply(p, floor())
    assert get(p, box.id)["floor"] is None
    publish.revert(p, SYSTEM, 2)
    assert get(p, box.id)["floor"] == 7


def test_numbers_keep_their_value_when_their_places_change_and_when_that_is_taken_back(
    tmp_path: Path, database_url: str
) -> None:
    p = house(tmp_path, database_url)
    apply(p, overlay("add_field: {name: price, type: decimal, places: 2}"))
    box = create(p, code="A", price="12.45")
    was = p.current.shape("things.box").field("price")
    apply(p, overlay("add_field: {name: price, type: decimal, places: 3}"))
    assert get(p, box.id)["price"] == Decimal("12.450")
    change(p, box.id, price="-7.125")
    publish.revert(p, SYSTEM)
    assert p.current.shape("things.box").field("price") == was and get(p, box.id)["price"] == Decimal("-7.13")
    publish.revert(p, SYSTEM)
    apply(p, overlay("add_field: {name: price, type: decimal, places: 4}"))
    assert get(p, box.id)["price"] == Decimal("-7.1300")


@pytest.mark.parametrize("kind", ["", "    kind: ledger\n"])
def test_a_plugins_own_numbers_keep_their_value_when_their_places_change(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    things = PRICED.replace("    title", f"{kind}    title")
    box = create(house(tmp_path, database_url, things=things), code="A", price="12.45", parts=[{"weight": "1.25"}])
    newer = house(tmp_path, database_url, things=things.replace("places: 2", "places: 3"))
    seen = get(newer, box.id)
    assert (seen["price"], seen["parts"][0]["weight"]) == (Decimal("12.450"), Decimal("1.250"))
    other = create(newer, code="B", price="0.125", parts=[{"weight": "0.625"}])
    again = house(tmp_path, database_url, things=things)
    assert get(again, box.id)["price"] == Decimal("12.45")
    seen = get(again, other.id)
    assert (seen["price"], seen["parts"][0]["weight"]) == (Decimal("0.13"), Decimal("0.63"))


def _weighed(kind: str) -> Overlay:
    return overlay(f"add_field: {{name: parts, type: lines, fields: {{label: {{type: text}}, weight: {{{kind}}}}}}}")


def test_numbers_in_lines_that_an_overlay_adds_keep_their_value_too(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, _weighed("type: decimal, places: 2"))
    box = create(p, code="A", parts=[{"label": "lid", "weight": "1.25"}])

    def seen(p: Platform = p) -> tuple[object, object]:
        part = get(p, box.id)["parts"][0]
        return part["label"], part["weight"]

    for_later = p.current
    apply(p, _weighed("type: decimal, places: 4"))
    assert seen() == ("lid", Decimal("1.2500"))
    with reading(p.database, for_later, SYSTEM, p.clock.now()) as unit:
        # A page that began before the publication goes on reading the former column by the former measure.
        reader = Reader(unit, "things.box", grant(for_later.entity("things.box"), SYSTEM))
        assert reader.get(box.id)["parts"][0]["weight"] == Decimal("1.25")
    change(p, box.id, parts=[{"id": get(p, box.id)["parts"][0]["id"], "weight": "2.0625"}])
    apply(p, overlay("relabel: {field: size, label: How big}", name="other"))
    assert seen() == seen(house(tmp_path, database_url)) == ("lid", Decimal("2.0625"))
    publish.revert(p, SYSTEM, 2)
    assert seen() == ("lid", Decimal("2.06"))
    publish.revert(p, SYSTEM, 1)
    assert "parts" not in get(p, box.id)
    apply(p, _weighed("type: decimal, places: 3"))
    assert seen() == ("lid", Decimal("2.060"))


def test_a_field_in_lines_that_changes_its_type_is_a_new_one_and_comes_back_with_its_values(
    tmp_path: Path, database_url: str
) -> None:
    p = house(tmp_path, database_url)
    apply(p, _weighed("type: integer"))
    box = create(p, code="A", parts=[{"label": "lid", "weight": 7}])
    apply(p, _weighed("type: text"))
    assert get(p, box.id)["parts"][0]["weight"] is None
    change(p, box.id, parts=[{"id": get(p, box.id)["parts"][0]["id"], "weight": "heavy"}])
    apply(p, _weighed("type: integer"))
    assert get(p, box.id)["parts"][0]["weight"] == 7
    publish.revert(p, SYSTEM)
    assert get(p, box.id)["parts"][0]["weight"] == "heavy"


def test_reverts_without_a_number_go_back_one_publication_at_a_time(tmp_path: Path) -> None:
    p = house(tmp_path)
    apply(p, floor(name="one"))
    apply(p, overlay("relabel: {field: size, label: How big}", name="two"))
    apply(p, overlay("require: note", name="three"))
    names = []
    for _ in range(3):
        publish.revert(p, SYSTEM)
        names.append([one.name for one in p.current.overlays])
    assert names == [["one", "two"], ["one"], []]
    with pytest.raises(Conflict, match="no publication left"):
        publish.revert(p, SYSTEM)


def test_a_revert_to_a_number_is_a_publication_that_can_be_taken_back(tmp_path: Path) -> None:
    p = house(tmp_path)
    apply(p, floor(name="one"))
    apply(p, overlay("require: note", name="two"))
    publish.revert(p, SYSTEM, 1)
    assert p.current.overlays == ()
    publish.revert(p, SYSTEM)
    assert [one.name for one in p.current.overlays] == ["one", "two"]
    with pytest.raises(NotFound):
        publish.revert(p, SYSTEM, 99)
    assert [(one.kind, one.reverts) for one in publish.listed(p)] == [
        ("plugins", None),
        ("overlay", None),
        ("overlay", None),
        ("revert", 1),
        ("revert", 3),
    ]


def test_two_departments_may_use_one_name_for_two_fields(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor("integer", department="north"), floor("date", department="south"))
    assert column(p, "floor__north", "north") not in ("", column(p, department="south")) and column(p, department="south")
    assert column(p) == ""


@pytest.mark.parametrize("kind", ["integer", "date"])
def test_what_was_written_into_one_department_s_field_is_never_read_as_another_s(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    clock = FixedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))
    p = house(tmp_path, database_url, clock=clock)
    apply(p, floor("integer", department="north"))
    clock.advance(minutes=1)
    box = create(p, code="A", floor=3)
    then = clock.now()
    clock.advance(minutes=1)
    change(p, box.id, floor=4)
    entry = looking.history(p, SYSTEM, "things.box", box.id).items[0]
    clock.advance(minutes=1)
    apply(p, floor(kind, department="south"))  # from now on "floor" is south's and north's is "floor__north"
    clock.advance(minutes=1)
    told = looking.history(p, SYSTEM, "things.box", box.id).items[0].changes
    assert [(one.field, one.before, one.after) for one in told] == [("floor__north", 3, 4)]
    record = past.as_of(p, SYSTEM, "things.box", box.id, then)
    assert (record["floor__north"], record["floor"]) == (3, None)
    assert undo.revert(p, SYSTEM, "things.box", box.id, entry.id).done
    assert (get(p, box.id)["floor__north"], get(p, box.id)["floor"]) == (3, None)


def test_each_department_sees_and_writes_its_own_field_of_a_shared_name(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    world = World(p, p.clock)
    north, south = (world.sample("directory.department", code=code).id for code in ("NO-1", "SOUTH"))
    clerks = {code: world.actor("things.keeper", department=one) for code, one in (("NO-1", north), ("SOUTH", south))}
    grown = "add_field: {{name: more, type: computed, as: integer, formula: floor + {}}}"
    northern = overlay("add_field: {name: floor, type: integer, label: Northern}", department="NO-1")
    apply(p, northern, overlay(grown.format(1), department="NO-1", name="grown"))
    box = records.create(p, clerks["NO-1"], "things.box", {"code": "A", "floor": 3})
    said = apply(p, overlay("add_field: {name: floor, type: integer, label: Southern}", department="SOUTH")).difference.words
    assert not [one for one in said if "Northern" in one or "goes" in one]
    apply(p, overlay(grown.format(100), department="SOUTH", name="grown"))
    page = world.client(clerks["NO-1"]).get(f"/things/box/{box.id}/edit").text
    assert 'name="floor__NO_1"' in page and 'name="floor"' not in page and 'value="3"' in page
    records.change(p, clerks["SOUTH"], "things.box", box.id, {"floor": 7})
    records.change(p, clerks["NO-1"], "things.box", box.id, {"floor__NO_1": 4})
    shown = {code: world.client(one).get(f"/things/box/{box.id}").text for code, one in clerks.items()}
    assert "Northern" in shown["NO-1"] and "Southern" not in shown["NO-1"] and ">5<" in shown["NO-1"] and "107" not in shown["NO-1"]
    assert "Southern" in shown["SOUTH"] and ">107<" in shown["SOUTH"]
    records.change(p, clerks["NO-1"], "things.box", box.id, {"floor": 5})
    stored = get(p, box.id)
    assert (stored["floor__NO_1"], stored["floor"], stored["more__NO_1"], stored["more"]) == (5, 7, 6, 107)
    publish.revert(p, SYSTEM, 2)
    assert get(p, box.id)["floor"] == 5


def test_a_field_that_stepped_aside_is_filtered_by_and_changed_in_its_department_s_pages(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    world = World(p, p.clock)
    clerk = world.actor("things.keeper", department=world.sample("directory.department", code="NO-1").id)
    apply(p, overlay("add_field: {name: floor, type: integer}", department="NO-1"))
    boxes = [records.create(p, clerk, "things.box", {"code": code, "floor": high}).id for code, high in (("Low", 3), ("High", 4))]
    apply(p, overlay("add_field: {name: floor, type: integer}", department="SOUTH"))
    pages = world.client(clerk)

    def listed(query: str) -> list[str]:
        return [code for code in ("Low", "High") if f">{code}<" in pages.get(f"/things/box?{query}").text]

    assert listed("floor__NO_1=3") == ["Low"] and listed("floor__NO_1__ge=4") == ["High"] and listed("floor__NO_1__ne=3") == ["High"]
    assert "cannot be read" in pages.get("/things/box?floor__NO_1=much").text
    form = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', pages.get(f"/things/box/{boxes[0]}/edit").text))
    assert form["floor__NO_1"] == "3"
    assert pages.post(f"/things/box/{boxes[0]}/edit", data={**form, "floor__NO_1": "9"}).status_code == 303
    assert (get(p, boxes[0])["floor__NO_1"], get(p, boxes[0])["floor"]) == (9, None)


def test_departments_whose_codes_differ_in_signs_alone_keep_fields_of_their_own(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    world = World(p, p.clock)
    codes = ("NO-1", "NO_1", "SOUTH")
    clerks = {code: world.actor("things.keeper", department=world.sample("directory.department", code=code).id) for code in codes}
    for code in codes:
        apply(p, overlay("add_field: {name: floor, type: integer}", department=code))
    box = records.create(p, clerks["SOUTH"], "things.box", {"code": "A"}).id
    for number, code in enumerate(codes):
        records.change(p, clerks[code], "things.box", box, {"floor": number})
    assert [get(p, box)[name] for name in ("floor__NO_1", "floor__NO_1x", "floor")] == [0, 1, 2]


def test_records_are_written_while_a_formula_reads_a_field_that_has_left(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    apply(p, overlay("add_field: {name: more, type: computed, as: integer, formula: floor + 1}", name="grown"))
    box = create(p, code="A", floor=3)
    apply(p, overlay("relabel: {field: note, label: Remarks}"))
    assert change(p, box.id, note="said")["more"] == 4 and create(p, code="B")["more"] is None
    apply(p, floor())
    assert change(p, box.id, floor=5)["more"] == 6


def test_what_a_field_of_another_type_held_is_not_read_as_the_new_one_s(tmp_path: Path, database_url: str) -> None:
    clock = FixedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))
    p = house(tmp_path, database_url, clock=clock)
    lines = "add_field: {{name: rows, type: lines, fields: {{what: {{type: text}}, size: {{type: {}}}}}}}"
    apply(p, floor("integer"), overlay(lines.format("date"), name="lines"))
    clock.advance(minutes=1)
    box = create(p, code="A", floor=3, rows=[{"what": "a", "size": date(2026, 6, 1)}])
    clock.advance(minutes=1)
    apply(p, floor("date"), overlay(lines.format("integer"), name="lines"))
    clock.advance(minutes=1)
    change(p, box.id, floor=date(2026, 6, 2))
    changed, made = looking.history(p, SYSTEM, "things.box", box.id).items
    assert [(one.field, one.before, one.after) for one in changed.changes] == [("floor", None, date(2026, 6, 2))]
    assert "floor" not in {one.field for one in made.changes} and made.hidden == 1
    assert [line.keys() & {"what", "size"} for one in made.changes if one.field == "rows" for line in one.after] == [{"what"}]
    clock.advance(minutes=1)
    apply(p, floor("integer"))
    changed, made = looking.history(p, SYSTEM, "things.box", box.id).items
    assert changed.hidden == 1 and ("floor", 3) in {(one.field, one.after) for one in made.changes if one.field == "floor"}


def test_a_refused_overlay_changes_nothing_and_says_why(tmp_path: Path) -> None:
    p = house(tmp_path)
    with pytest.raises(publish.Refused) as caught:
        apply(p, floor(), overlay("require: no_such_field", name="bad"))
    assert "no_such_field" in str(caught.value) and p.current.number == 1
    assert publish.plan(p, SYSTEM, [overlay("require: no_such_field")]).refused


def test_only_administrators_publish(tmp_path: Path) -> None:
    p = house(tmp_path)
    with pytest.raises(Forbidden):
        publish.apply(p, Actor(roles=frozenset({"things.keeper"})), [floor()])


def test_a_plan_tells_and_changes_nothing(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    plan = publish.plan(p, SYSTEM, [floor(department="north")])
    assert any("Floor" in line for line in plan.difference.words)
    assert any("ADD COLUMN" in step for step in plan.steps)
    assert p.current.number == 1 and publish.head(p) == 1
    apply(p, floor(department="north"))
    assert not publish.plan(p, SYSTEM, [floor(department="north")]).difference
    plan = publish.plan(p, SYSTEM, [floor("date", department="north")])
    assert any("ADD COLUMN" in step for step in plan.steps)
    assert plan.difference.words == apply(p, floor("date", department="north")).difference.words


def test_exported_overlays_read_as_they_were_published(tmp_path: Path) -> None:
    p = house(tmp_path)
    published = [floor(department="north"), overlay("require: note", name="two")]
    apply(p, *published)
    files = publish.exported(p)
    assert len({name for name, _ in files}) == 2 and all(name.endswith(".yaml") for name, _ in files)
    from_files = publish.read_overlay("---\n".join(text for _, text in files))[0]
    assert [one.identity for one in from_files] == [one.identity for one in published]
    assert not publish.apply(p, SYSTEM, from_files).changed


def test_an_overlay_waits_while_its_plugin_is_away(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    apply(p, floor())
    box = create(p, code="A", floor=7)
    away = house(tmp_path, database_url, things="")
    assert "things.box" not in away.current.entities
    back = house(tmp_path, database_url)
    assert get(back, box.id)["floor"] == 7


def test_a_plugins_field_of_another_type_is_a_new_field_and_comes_back_with_its_values(
    tmp_path: Path, database_url: str
) -> None:
    box = create(house(tmp_path, database_url), code="A", note="hello")
    changed = THINGS.replace("note: {type: long_text}", "note: {type: integer}")
    newer = house(tmp_path, database_url, things=changed)
    assert get(newer, box.id)["note"] is None
    change(newer, box.id, note=5)
    again = house(tmp_path, database_url)
    assert get(again, box.id)["note"] == "hello"
    assert get(house(tmp_path, database_url, things=changed), box.id)["note"] == 5


def test_two_processes_see_each_others_publications(tmp_path: Path, database_url: str) -> None:
    one, two = house(tmp_path, database_url), house(tmp_path, database_url)
    apply(one, floor(name="one"))
    apply(two, overlay("require: note", name="two"))
    assert [each.name for each in two.current.overlays] == ["one", "two"]
    assert one.generation().number == 3
    assert one.generation().fingerprint("things.box") == two.current.fingerprint("things.box")


@pytest.mark.parametrize("publications", [64, pytest.param(192, marks=pytest.mark.soak)])
def test_many_publications_keep_nothing_in_memory(tmp_path: Path, publications: int) -> None:
    p = house(tmp_path)
    box = create(p, code="A")
    counted = []
    for number in range(1, publications + 1):
        if number % 2:
            apply(p, overlay(f"add_field: {{name: f{number}, type: integer}}", name="growing"))
        else:
            apply(p, overlay(f"relabel: {{field: size, label: Size {number}}}", name="words", department="north"))
        change(p, box.id, note=f"{number}")
        looking.page(p, SYSTEM, "things.box", Query())
        if number in (publications // 2, publications):
            gc.collect()
            counted.append(len(gc.get_objects()))
    print(f"{counted} objects, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most")
    # What is kept of a publication is its line in the list of documents; tables and statements would be thousands of objects.
    assert counted[1] - counted[0] < publications // 2 * 200
    assert p.current.number == publications + 1 and len(p.memory.overlays) <= 500


def test_a_field_of_an_overlay_may_call_what_a_plugin_adds_to_expressions(tmp_path: Path) -> None:
    @hookimpl
    def expression_functions() -> list[Function]:
        return [Function("shout", ("text",), "text", lambda text: text.upper() + "!")]

    code = ModuleType("things_code")
    code.expression_functions = expression_functions  # type: ignore[attr-defined]
    p = Platform(
        Settings.for_tests(tmp_path / "data"),
        FixedClock(datetime(2026, 6, 1, 9, tzinfo=UTC)),
        find=lambda _: discover.of([directory(), plugin(THINGS)], {"things": code}),
    )
    OPEN.append(p)
    p.start()
    loud = overlay('add_field: {name: loud, type: computed, formula: "shout(code)"}')
    assert not publish.plan(p, SYSTEM, [loud]).refused
    apply(p, loud)
    assert get(p, create(p, code="a").id)["loud"] == "A!"
    with pytest.raises(publish.Refused, match="whisper"):
        apply(p, overlay('add_field: {name: quiet, type: computed, formula: "whisper(code)"}', name="quiet"))
