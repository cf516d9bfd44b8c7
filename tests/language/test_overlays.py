"""An overlay adds, relabels, rearranges and tightens; it never loosens what the author promised."""

import pytest

from schemas import Entity, Plugin, Problem, amend, check, read_overlay, read_plugin, refusals
from tests.language.examples import BUILDING, FACILITIES, PEOPLE, WARSAW


def world() -> dict[str, Entity]:
    opened = FACILITIES.replace("options: [low, normal, urgent]", "open: true, options: [low, normal, urgent]")
    plugins: list[Plugin] = []
    for text in (opened + BUILDING, PEOPLE):
        plugin, problems = read_plugin(text)
        assert plugin and not problems
        plugins.append(plugin)
    return {entity.full_name: entity for plugin in plugins for entity in plugin.entities}


def amended(changes: str, entity: Entity | None = None) -> Entity:
    (overlay,), problems = read_overlay(f"overlay: facilities.request\ndepartment: berlin\nchanges:\n{changes}\n")
    assert not problems
    return amend(entity or world()["facilities.request"], overlay, {"floor": "x_7"})


def refused(changes: str) -> list[Problem]:
    (overlay,), problems = read_overlay(
        f"overlay: facilities.request\ndepartment: berlin\nchanges:\n{changes}\n", "o.yaml"
    )
    assert not problems, problems
    entities = world()
    return refusals(entities["facilities.request"], overlay, entities)


def test_the_overlay_of_the_design_is_accepted_and_applied() -> None:
    (overlay,), _ = read_overlay(WARSAW, "o.yaml")
    entities = world()
    request = entities["facilities.request"]
    assert [one.severity for one in refusals(request, overlay, entities)] == ["warning"]
    made = amend(request, overlay, {"floor": "x_7"})
    floor = made.field("floor")
    assert floor and (floor.scope, floor.overlay, floor.column) == (
        "warsaw-office",
        "facilities.request-warsaw-office",
        "x_7",
    )
    assert [one.name for one in made.fields][3:5] == ["building", "floor"]
    assert made.form("report") and made.forms[0].field_names == ("summary", "building", "urgency", "details", "floor")
    assert made.field("details").required and made.field("urgency").label == "How soon?"  # type: ignore[union-attr]
    assert made.view("by_floor") is None, "reports come later"
    assert request.field("floor") is None, "the base stays as it is"


def test_each_verb_does_what_it_says() -> None:
    made = amended("""\
  - add_field: {name: floor, type: integer, before: urgency}
  - show: {form: report, field: floor, after: building}
  - show_if: {field: details, when: urgency == 'urgent'}
  - add_option: {field: urgency, name: critical, label: At once, after: normal}
  - add_state: {name: on_hold, meaning: waiting, after: assigned}
  - add_transition: {name: hold, from: assigned, to: on_hold, role: dispatcher}
  - add_approval: {transition: finish, by: manager}
  - add_view: {name: mine, where: assignee == me(), default: true}
  - hide: due""")
    assert [one.name for one in made.fields] == [
        "code",
        "summary",
        "details",
        "building",
        "floor",
        "urgency",
        "assignee",
        "due",
    ]
    assert made.forms[0].field_names == ("summary", "building", "floor", "urgency", "details")
    fields = {one.name: one for one in made.fields}
    assert fields["details"].show_if == "urgency == 'urgent'"
    assert [(one.name, one.label) for one in fields["urgency"].options][2] == ("critical", "At once")
    assert fields["due"].hidden and made.view("board").card == ("code", "summary", "urgency")  # type: ignore[union-attr]
    flow = made.workflow
    assert flow and [one.name for one in flow.states] == ["new", "assigned", "on_hold", "done"]
    assert flow.transition("hold").roles == ("facilities.dispatcher",)  # type: ignore[union-attr]
    assert flow.transition("finish").approval == {"by": "manager"}  # type: ignore[union-attr]
    assert [view.name for view in made.views if view.default] == ["mine"]


def test_removing_takes_back_only_what_an_overlay_added() -> None:
    grown = amended(
        "  - add_field: {name: floor, type: integer}\n  - show: {form: report, field: floor}\n"
        "  - add_view: {name: v, columns: [floor, code]}"
    )
    shrunk = amended("  - remove_field: floor\n  - remove_field: summary", grown)
    assert shrunk.field("floor") is None and "floor" not in shrunk.forms[0].field_names
    assert shrunk.view("v").columns == ("code",) and shrunk.field("summary")  # type: ignore[union-attr]


def test_what_is_gone_since_is_left_out_in_silence() -> None:
    base = world()["facilities.request"]
    gone = "  - require: nothing\n  - show: {form: nothing, field: code}\n"
    gone += "  - add_option: {field: nothing, name: x}\n  - hide: nothing"
    made = amended(gone)
    assert made.fields == base.fields and made.forms == base.forms


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("- add_field: {name: code, type: text}", 'has a field "code" of its own'),
        ("- add_field: {name: f, type: text, after: cod}", 'There is no field "cod" to stand after.'),
        ("- add_field: {name: f, type: reference, to: facilities.bulding}", 'There is no entity "facilities.bulding".'),
        ("- add_field: {name: f, type: text, show_if: urgenci == 'low'}", 'There is no field "urgenci"'),
        ("- add_field: {name: f, type: department, owner_department: true}", 'cannot be flagged "owner_department"'),
        ("- remove_field: summary", "Hide it instead"),
        ("- remove_field: nothing", 'has no field "nothing"'),
        ("- relabel: {field: urgncy, label: x}", 'Did you mean "urgency"?'),
        ("- require: due", "is read-only"),
        ("- require: code", "cannot be required"),
        ("- require: assignee", 'No form offers "assignee"'),
        ("- hide: building", "nobody could save a record"),
        ("- show: {form: reprot, field: details}", 'Did you mean "report"?'),
        ("- show_if: {field: summary, when: urgency == 'low'}", "overlay loosens nothing"),
        ("- show_if: {field: details, when: urgncy == 'low'}", 'Did you mean "urgency"?'),
        ("- add_option: {field: summary, name: x}", "not a choice"),
        ("- add_option: {field: urgency, name: low}", "already"),
        ("- add_state: {name: done}", 'There is a state "done" already.'),
        ("- add_state: {name: lost}", "never reached"),
        ("- add_state: {name: first, before: new}", "the author's choice"),
        ("- add_transition: {name: quick, from: new, to: done, role: requester}", "overlay loosens nothing"),
        ("- add_transition: {name: quick, from: new, to: done}", "overlay loosens nothing"),
        ("- add_transition: {name: again, from: done, to: assigned, role: dispatcher}", "requires assignee"),
        (
            "- add_transition: {name: note, from: new, to: new, role: requester, form: urgency}",
            'would let facilities.requester write "urgency"',
        ),
        ("- add_transition: {name: odd, from: nowhere, to: new, role: requester}", 'There is no state "nowhere".'),
        ("- add_transition: {name: finish, from: new, to: done}", "already"),
        ("- add_approval: {transition: finsh}", 'Did you mean "finish"?'),
        ("- add_view: {name: board, kind: list}", "already"),
        ("- add_view: {name: v, where: x > 1}", 'There is no field "x"'),
        ("- add_view: {name: v, kind: report, group: flor}", 'has no field "flor"'),
    ],
)
def test_what_would_loosen_or_names_nothing_is_refused_at_its_verb(changes: str, said: str) -> None:
    problems = [one for one in refused(f"  {changes}") if one.severity == "error"]
    assert any(said in f"{one.message} {one.remedy}" for one in problems), problems
    assert all(one.place.line == 4 for one in problems)


@pytest.mark.parametrize(
    "changes",
    [
        "- add_option: {field: urgency, name: critical}",
        "- hide: due",
        "- require: details",
        "- relabel: {field: code, label: Number}",
        "- show: {form: report, field: assignee}",
        "- add_transition: {name: close, from: new, to: done, role: technician}",
        "- add_state: {name: on_hold}\n"
        "  - add_transition: {name: hold, from: assigned, to: on_hold, role: dispatcher}\n"
        "  - add_transition: {name: resume, from: on_hold, to: assigned, role: dispatcher, requires: assignee}",
        "- add_field: {name: f, type: choice, options: [a]}\n  - add_option: {field: f, name: b}\n"
        "  - require: assignee",
        "- add_field: {name: f, type: lines, fields: {a: {type: integer}}}",
    ],
)
def test_what_adds_and_tightens_is_accepted(changes: str) -> None:
    problems = [one for one in refused(f"  {changes}") if one.severity == "error"]
    if "require: assignee" in changes:
        assert len(problems) == 1
    else:
        assert not problems, problems


def test_a_closed_choice_stays_closed() -> None:
    plugin, _ = read_plugin(FACILITIES + BUILDING)
    assert plugin
    entities = {one.full_name: one for one in plugin.entities}
    (overlay,), _ = read_overlay("overlay: facilities.request\nchanges: [{add_option: {field: urgency, name: x}}]\n")
    (problem,) = refusals(entities["facilities.request"], overlay, entities)
    assert "has not opened the choice" in problem.message


def test_a_document_takes_no_way_out_of_its_posted_states() -> None:
    plugin, _ = read_plugin(
        "plugin: shop\nentities: {bill: {kind: document, fields: {a: {type: text}}, "
        "access: {clerk: {read: all, write: all}}}}\n"
    )
    assert plugin and not [one for one in check({"shop": plugin}, {}) if one.severity == "error"]
    entities = {one.full_name: one for one in plugin.entities}
    (overlay,), _ = read_overlay(
        "overlay: shop.bill\nchanges: [{add_transition: {name: open, from: posted, to: draft, role: clerk}}]\n"
    )
    assert any("stay as they are" in one.message for one in refusals(entities["shop.bill"], overlay, entities))
