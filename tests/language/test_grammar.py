"""Declarations become one model, and every mistake in them is explained at its place."""

import pytest

from schemas import Entity, Expression, Field, Number, Plugin, Problem, Role, read_overlay, read_plugin
from tests.language.examples import BUILDING, FACILITIES, WARSAW


def read(text: str) -> Plugin:
    plugin, problems = read_plugin(text, "x.yaml")
    assert plugin is not None, "\n".join(map(str, problems))
    assert not problems
    return plugin


def mistakes(text: str) -> list[Problem]:
    plugin, problems = read_plugin(text, "x.yaml")
    assert plugin is None and problems
    return problems


def field(flags: str, before: str = "") -> Field:
    plugin = read(f"plugin: shop\nentities:\n  thing:\n    fields:\n{before}      it: {{{flags}}}\n")
    found = plugin.entities[0].field("it")
    assert found is not None
    return found


def test_the_example_of_the_design_reads_cleanly() -> None:
    plugin = read(FACILITIES)
    request = plugin.entities[0]
    assert request.full_name == "facilities.request" and request.plural == "Requests"
    assert [role.name for role in plugin.roles] == ["requester", "dispatcher", "technician"]
    flow = request.workflow
    assert flow is not None and [state.meaning for state in flow.states] == ["new", "progress", "done"] or flow
    assert flow.transitions[0].roles == ("facilities.dispatcher",) and flow.transitions[0].requires == ("assignee",)
    assert request.access[0].role == "facilities.requester" and request.access[0].create == ("report",)


def test_a_list_of_states_means_first_new_no_exit_done_else_progress() -> None:
    flow = read(FACILITIES.replace("        reopen: {from: done, to: new, role: requester}\n", "")).entities[0].workflow
    assert flow is not None and [state.meaning for state in flow.states] == ["new", "progress", "done"]


def test_the_overlay_of_the_design_reads_cleanly() -> None:
    (overlay,), problems = read_overlay(WARSAW, "o.yaml")
    assert not problems
    assert overlay.identity == ("facilities.request", "warsaw-office", "facilities.request-warsaw-office")
    assert [verb.kind for verb in overlay.changes] == ["add_field", "show", "require", "relabel", "add_view"]
    assert overlay.changes[2].args == {"field": "details"}


def test_all_mistakes_are_told_at_once_with_place_meaning_and_remedy() -> None:
    text = (
        FACILITIES.replace("type: choice", "type: choise")
        .replace("role: dispatcher", "rolle: dispatcher")
        .replace("required: true, max_length", "required: yes, max_length")
    )
    told = [str(one) for one in mistakes(text)]
    assert told == [
        "x.yaml:11:40  entities.request.fields.summary.required\n"
        "    true or false must stand here. Only true and false are booleans.",
        "x.yaml:14:24  entities.request.fields.urgency.type\n"
        '    There is no field kind "choise". Did you mean "choice"?',
        "x.yaml:20:43  entities.request.workflow.transitions.assign.rolle\n"
        '    There is no word "rolle" in a transition. Did you mean "role"?',
    ]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("type: text, places: 2", 'The kind text takes no "places".'),
        ("type: reference", 'The kind reference needs "to".'),
        ("type: choice", 'The kind choice needs "options".'),
        ("type: rollup, from: x, via: y, how: sum", 'To sum, the kind rollup needs "of".'),
        ("type: any_reference", 'needs either "to" or "chosen_by"'),
        ("type: text, required: status", "A condition belongs to `required_if`."),
        ("type: text, max_length: long", "A whole number must stand here."),
        ("type: decimal, places: 11", "11 is outside 0 to 10."),
        ("type: choice, options: [a, a]", 'The option "a" is given twice.'),
        ("type: choice, options: [a, true]", "An option is a text."),
        ("type: text, label: ~", "Nothing stands behind this word."),
        ("label: It", "This word is missing."),
        ("type: lines, fields: {a: {type: lines, fields: {b: {type: text}}}}", "Line items cannot hold lines."),
        ("type: lines, fields: {a: {type: references, to: thing}}", "Line items cannot hold references."),
        ("type: lines, fields: {a: {type: lookup, via: b, of: c}}", "Line items cannot hold lookup."),
        ("type: lines, fields: {a: {type: rollup, from: b, via: c, how: count}}", "Line items cannot hold rollup."),
        ("type: lines, fields: {a: {type: person, many: true}}", "A line points to one record at most."),
        ("type: lines, fields: {a: {type: reference, to: thing, many: true}}", "A line points to one record at most."),
        ("type: lines, fields: {position: {type: integer}}", "every line has that already"),
        ("type: text, on_delete: clear", 'The kind text takes no "on_delete".'),
        ("type: reference, to: thing, on_delete: cascade", 'There is no rule of deletion "cascade".'),
        ("type: computed, formula: a, as: rollup", "A formula cannot make the kind rollup."),
    ],
)
def test_a_wrong_flag_is_explained(flags: str, said: str) -> None:
    problems = mistakes(f"plugin: shop\nentities:\n  thing:\n    fields:\n      it: {{{flags}}}\n")
    assert any(said in f"{one.message} {one.remedy}" for one in problems), problems
    assert all(one.place.line == 5 for one in problems)


@pytest.mark.parametrize(
    "name", ["id", "version", "created_at", "updated_by", "display_title", "a__b", "a_", "Big", "1st", "x" * 61]
)
def test_a_field_cannot_have_a_reserved_or_malformed_name(name: str) -> None:
    (problem,) = mistakes(f"plugin: shop\nentities:\n  thing:\n    fields: {{{name}: {{type: text}}}}\n")
    assert problem.place.path.endswith(name) and problem.place.line == 4


@pytest.mark.parametrize("name", ["from", "order", "class", "q", "sort", "x" * 60, "user"])
def test_keywords_and_parameters_are_honest_field_names(name: str) -> None:
    assert read(f"plugin: shop\nentities:\n  thing:\n    fields: {{{name}: {{type: text}}}}\n").entities[0].field(name)


def test_state_is_reserved_only_where_there_is_a_workflow() -> None:
    text = "plugin: shop\nentities:\n  thing:\n    fields: {state: {type: text}}\n"
    assert read(text)
    assert "has that already" in mistakes(text + "    workflow: {states: [a]}\n")[0].message
    assert "has that already" in mistakes(text + "    kind: document\n")[0].message


@pytest.mark.parametrize("name", ["api", "core", "studio", "Shop", "x" * 41, "a-b"])
def test_a_plugin_cannot_have_a_reserved_or_malformed_name(name: str) -> None:
    assert mistakes(f"plugin: {name}\nentities: {{}}\n")[0].place.path == "plugin"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just text",
        "- a\n- b",
        "plugin: [a]",
        "plugin: x\nentities: 3",
        "plugin: x\nentities: {a: }",
        "plugin: x\nentities: {a: 1}",
        "plugin: x\nentities: {a: {fields: [x]}}",
        "plugin: x\n---\nplugin: y",
        "plugin: x\nroles: 5",
        "plugin: x\nsegregation: [a]",
        'plugin: x\ncore: "about 1"',
    ],
)
def test_documents_of_the_wrong_shape_are_problems(text: str) -> None:
    assert mistakes(text)


def test_one_name_may_stand_for_a_list_and_names_without_a_plugin_are_this_plugins() -> None:
    entity = read("""
plugin: shop
entities:
  order:
    key: number
    fields: {number: {type: text}, of: {type: reference, to: order}, who: {type: reference, to: directory.person}}
    workflow: {states: [a, b], transitions: {go: {from: a, to: b, role: [clerk, hr.officer], form: number}}}
    views: {all: {sort: -number, columns: number}}
    access: {clerk: {read: all, write: number, create: all}, hr.officer: {read: all, write: {all_but: number}}}
    constraints: {unique: number}
""").entities[0]
    assert entity.key == ("number",) and entity.views[0].sort == ("-number",)
    assert [one.to for one in entity.fields[1:]] == [("shop.order",), ("directory.person",)]
    assert entity.workflow and entity.workflow.transitions[0].roles == ("shop.clerk", "hr.officer")
    assert entity.access[0].write == ("number",) and entity.access[1].role == "hr.officer"
    assert (entity.access[1].write, entity.access[1].write_except) == ("all", ("number",))
    assert entity.constraints[0].fields == ("number",)


@pytest.mark.parametrize(
    ("flags", "default"),
    [
        ("type: choice, options: [low, high], default: low", "low"),
        ("type: choice, options: {'1': {label: One}}, default: 1", "1"),
        ("type: choice, options: [low, high], default: other.level", Expression("other.level")),
        ("type: choices, options: [low, high], default: [low]", ("low",)),
        ("type: choices, options: [low, high], default: low", ("low",)),
        ("type: text, default: UTC", "UTC"),
        ("type: text, default: other", Expression("other")),
        ("type: text, default: other.name", Expression("other.name")),
        ("type: text, default: example.org", "example.org"),
        ("type: text, default: Standard (net)", "Standard (net)"),
        ("type: text, default: 'coalesce(other, \"x\")'", Expression('coalesce(other, "x")')),
        ("type: text, default: 5", "5"),
        ("type: text, default: {literal: other}", "other"),
        ("type: entity, default: directory.person", "directory.person"),
        ("type: integer, default: 0", Number("0")),
        ("type: integer, default: '7'", Number("7")),
        ("type: decimal, default: 1.50", Number("1.50")),
        ("type: decimal, default: other * 2", Expression("other * 2")),
        ("type: boolean, default: true", True),
        ("type: date, default: 2026-01-01", "2026-01-01"),
        ("type: date, default: 'today() + days(14)'", Expression("today() + days(14)")),
        ("type: time, default: 09:00", "09:00"),
        ("type: person, default: me()", Expression("me()")),
        ("type: money, default: {amount: '1.00', currency: EUR}", {"amount": "1.00", "currency": "EUR"}),
        ("type: json, default: {a: [1, true]}", {"a": ("1", True)}),
    ],
)
def test_a_default_is_a_literal_or_an_expression(flags: str, default: object) -> None:
    it = field(flags, before="      other: {type: reference, to: thing}\n")
    assert it.default == default
    assert isinstance(it.default, Expression) == isinstance(default, Expression)
    assert isinstance(it.default, Number) == isinstance(default, Number)


def test_labels_are_made_from_names() -> None:
    plugin = read(
        "plugin: two_words\nentities:\n  work_day:\n    fields: {first_seen_at: {type: datetime}}\n"
        "    access: {team_lead: {}}\n"
    )
    entity = plugin.entities[0]
    assert (plugin.label, entity.label, entity.plural) == ("Two words", "Work day", "Work days")
    assert entity.fields[0].label == "First seen at" and plugin.roles == (Role("team_lead", "Team lead"),)


def test_a_document_has_its_life_built_in_and_the_author_restricts_it() -> None:
    flow = (
        read("""
plugin: shop
entities:
  bill:
    kind: document
    fields: {total: {type: money}}
    workflow:
      states: {draft: {label: Being written}, approved: }
      transitions:
        approve: {from: draft, to: approved, role: boss}
        post: {from: approved, role: clerk, guard: total > 0}
        reverse: {role: boss}
""")
        .entities[0]
        .workflow
    )
    assert flow is not None
    assert [(state.name, state.meaning) for state in flow.states] == [
        ("draft", "new"),
        ("posted", "done"),
        ("reversed", "cancelled"),
        ("cancelled", "cancelled"),
        ("approved", "progress"),
    ]
    assert flow.states[0].label == "Being written"
    moves = {one.name: (one.from_states, one.to, one.roles) for one in flow.transitions}
    assert moves == {
        "post": (("approved",), "posted", ("shop.clerk",)),
        "reverse": (("posted",), "reversed", ("shop.boss",)),
        "cancel": (("draft",), "cancelled", ()),
        "amend": (("reversed", "cancelled"), "draft", ()),
        "approve": (("draft",), "approved", ("shop.boss",)),
    }
    plain = (
        read("plugin: shop\nentities:\n  bill:\n    kind: document\n    fields: {a: {type: text}}\n")
        .entities[0]
        .workflow
    )
    assert plain is not None and plain.initial == "draft" and len(plain.transitions) == 4


def test_forms_have_one_layout_and_items_of_four_kinds() -> None:
    forms = (
        read("""
plugin: shop
entities:
  thing:
    fields: {a: {type: text}, b: {type: image}}
    forms:
      plain: {fields: [a, {text: Read this}, {action: go, show_if: a == None}, {image: b}]}
      bare: [a, b]
      parts: {sections: [{label: One, columns: 2, open: false, fields: [a]}, {help: More, open: a == None, fields: b}]}
      tabbed: {tabs: [{label: T, show_if: a != None, sections: [{fields: [a]}]}, {label: U, fields: [b]}]}
      wizard: {steps: [{label: First, fields: [a]}, {label: Then, fields: [b]}]}
""")
        .entities[0]
        .forms
    )
    assert [form.layout for form in forms] == ["plain", "plain", "sections", "tabs", "steps"]
    assert [item.kind for item in forms[0].tabs[0].sections[0].items] == ["field", "text", "action", "image"]
    assert forms[2].tabs[0].sections[1].open == "a == None" and forms[3].field_names == ("a", "b")
    problems = mistakes(
        "plugin: s\nentities:\n  t:\n    fields: {a: {type: text}}\n"
        "    forms: {x: {fields: [a], tabs: []}, y: {label: Z}}\n"
    )
    assert ["Give one of" in one.remedy for one in problems] == [True, True]


def test_declarations_may_be_python_mappings_or_the_models_themselves() -> None:
    as_mapping, problems = read_plugin(
        {"plugin": "shop", "entities": {"thing": {"fields": {"n": {"type": "integer", "default": 3, "min": 0}}}}}
    )
    assert as_mapping and not problems
    as_model, problems = read_plugin(
        Plugin(
            "shop",
            entities=(Entity("shop", "thing", fields=(Field("n", "integer", default=Number("3"), min=Number("0")),)),),
        )
    )
    assert as_model == as_mapping and not problems
    assert as_model.entities[0].fields[0].label == "N"
    broken, problems = read_plugin(
        Plugin("shop", entities=(Entity("shop", "thing", fields=(Field("n", "nothing"),)),)), "shop.py"
    )
    assert broken is None and str(problems[0].place) == "shop.py  entities.thing.fields.n.type"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("- dance: a", 'There is no verb "dance".'),
        ("- add_filed: {name: a, type: text}", 'Did you mean "add_field"?'),
        ("- add_field: a", "add_field needs a block of words and values."),
        ("- add_field: {name: id, type: text}", "every record has that already"),
        ("- add_field: {name: a, type: choice}", 'The kind choice needs "options".'),
        ("- relabel: {field: a}", "This word is missing."),
        ("- require: {field: a, why: b}", 'There is no word "why"'),
        ("- add_state: {name: a, meaning: odd}", 'There is no meaning of a state "odd".'),
        ("- {require: a, hide: b}", "One change must stand here."),
        ("- add_transition: {name: a, from: b}", "This word is missing."),
    ],
)
def test_a_wrong_change_is_explained(changes: str, said: str) -> None:
    overlays, problems = read_overlay(f"overlay: facilities.request\nchanges:\n  {changes}\n", "o.yaml")
    assert not overlays
    assert any(said in f"{one.message} {one.remedy}" for one in problems), problems
    assert all(one.place.line == 3 for one in problems)


def test_an_overlay_file_may_hold_several_documents() -> None:
    overlays, problems = read_overlay(WARSAW + "---\n" + WARSAW.replace("warsaw-office", "berlin"), "o.yaml")
    assert not problems and [one.department for one in overlays] == ["warsaw-office", "berlin"]


def test_the_example_with_its_building_reads_cleanly() -> None:
    assert len(read(FACILITIES + BUILDING).entities) == 2
