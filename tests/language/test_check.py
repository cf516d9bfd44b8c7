"""The static proof finds what cannot work before anybody meets it."""

import pytest

from schemas import Plugin, Problem, check, read_plugin
from tests.language.examples import BUILDING, FACILITIES, PEOPLE


def prove(*texts: str) -> list[Problem]:
    plugins: dict[str, Plugin] = {}
    for text in (*texts, PEOPLE):
        plugin, problems = read_plugin(text, "x.yaml")
        assert plugin is not None, "\n".join(map(str, problems))
        plugins[plugin.name] = plugin
    return check(plugins, {})


SHOP = """\
plugin: shop
entities:
  thing:
    fields:
      name: {type: text, required: true}
      at: {type: datetime}
      amount: {type: decimal}
      kind: {type: choice, options: [low, high], required: true, default: low}
      owner: {type: person}
      above: {type: reference, to: thing}
      secret_pay: {type: decimal, sensitive: true}
%(fields)s
    access: {clerk: {read: all, create: all, write: all}}
%(more)s
"""


def shop(fields: str = "", more: str = "") -> str:
    return SHOP % {
        "fields": "".join(f"      {line}\n" for line in fields.splitlines()),
        "more": "".join(f"    {line}\n" for line in more.splitlines()),
    }


def test_the_example_of_the_design_has_no_problems() -> None:
    assert [str(one) for one in prove(FACILITIES + BUILDING)] == []
    assert prove(shop()) == []


@pytest.mark.parametrize(
    ("fields", "more", "path", "said"),
    [
        # references and names
        ("r: {type: reference, to: thign}", "", "r.to", 'There is no entity "shop.thign". Did you mean "shop.thing"?'),
        ("r: {type: reference, to: gone.thing}", "", "r.to", 'There is no entity "gone.thing".'),
        ("r: {type: any_reference, chosen_by: name}", "", "r.chosen_by", '"name" is no field of the kind entity.'),
        ("r: {type: lookup, via: name, of: x}", "", "r.via", '"name" is no reference of shop.thing.'),
        ("r: {type: lookup, via: above, of: nmae}", "", "r.of", 'shop.thing has no field "nmae". Did you mean "name"?'),
        (
            "r: {type: rollup, from: thing, via: owner, how: count}",
            "",
            "r.via",
            '"owner" of shop.thing does not point to shop.thing.',
        ),
        ("r: {type: rollup, from: thing, via: above, of: name, how: sum}", "", "r.of", '"name" cannot be added up.'),
        ("m: {type: money, currency: curr}", "", "m.currency", 'There is no field "curr" that holds a currency.'),
        ("m: {type: money, currency: parent.name}", "", "m.currency", "Only line items have a parent."),
        ("u: {type: text, unique: nmae}", "", "u.unique", 'There is no field "nmae" to be unique within.'),
        ("l: {type: lines, fields: {a: {type: text}}, form: b}", "", "l.form", 'The lines have no field "b".'),
        ("", "title: '{name} {nothing}'", "title", 'shop.thing has no field "nothing".'),
        ("", "key: nmae", "key", 'shop.thing has no field "nmae".'),
        ("", "owner: name", "owner", '"name" names no person.'),
        ("", "due: name", "due", '"name" is no date.'),
        ("", "kind: tree", "", "A tree needs a parent."),
        ("", "kind: tree\nparent: owner", "parent", '"owner" does not point to shop.thing.'),
        ("", "parent: above", "parent", "Only a tree has a parent."),
        ("", "kind: ledger\nworkflow: {states: [a]}", "workflow", "so they have no workflow"),
        ("", "effective: {by: name, from: at, to: amount}", "effective", '"at" and "amount" are no span of time.'),
        # literals
        ("i: {type: integer, default: 1.5}", "", "i.default", "1.5 is no whole number."),
        ("i: {type: integer, min: 5, max: 3}", "", "i.min", "no value would do"),
        ("d: {type: date, min: 2026-13-01}", "", "d.min", "2026-13-01 is no date of ISO 8601."),
        ("c: {type: choice, options: [low, high], default: hihg}", "", "c.default", 'Did you mean "high"?'),
        ("c: {type: choices, options: [low, high], default: [hi]}", "", "c.default", '"hi" is no option of c.'),
        ("b: {type: boolean, default: 5}", "", "b.default", "5 is neither true nor false."),
        ("p: {type: text, pattern: '(a'}", "", "p.pattern", "The pattern is no regular expression"),
        ("p: {type: text, pattern: 'a(?=b)'}", "", "p.pattern", "cannot be matched in linear time"),
        ("s: {type: sequence, number: 'A-{YYYY}'}", "", "s.number", "holds no running number"),
        ("s: {type: sequence, number: 'A-{YYYYY}-{seq}'}", "", "s.number", 'Did you mean "YYYY"?'),
        # expressions, with their place
        (
            "x: {type: text, show_if: amuont > 1}",
            "",
            "x.show_if",
            'There is no field "amuont" (character 1 of "amuont > 1"). Did you mean "amount"?',
        ),
        ("x: {type: text, required_if: name > 1}", "", "x.required_if", "(character"),
        ("x: {type: computed, formula: 'amount +', as: decimal}", "", "x.formula", "This is not an expression"),
        ("x: {type: computed, formula: name, as: decimal}", "", "x.formula", "is needed here"),
        ("x: {type: date, default: name}", "", "x.default", "is needed here"),
        (
            "l: {type: lines, fields: {a: {type: decimal, show_if: parent.nothing > 1}}}",
            "",
            "l.fields.a.show_if",
            "nothing",
        ),
        ("", "constraints: {check: amount > }", "constraints.check", "This is not an expression"),
        ("", "views: {v: {where: changed(name)}}", "views.v.where", "the database cannot decide it"),
        # constraints and views
        ("", "constraints: {acyclic: owner}", "constraints.acyclic", "cannot go in a circle"),
        (
            "",
            "constraints: {sum_at_most: {of: name, by: above, max: above.amount}}",
            "constraints.sum_at_most",
            '"name" cannot be summed.',
        ),
        (
            "l: {type: lines, fields: {a: {type: text}}}",
            "constraints: {unique: [name, l]}",
            "constraints.unique",
            '"l" has no value of its own in the record',
        ),
        (
            "",
            "constraints: {sum_at_most: {of: amount, by: above, max: above.amuont}}",
            "constraints.sum_at_most",
            'Did you mean "amount"?',
        ),
        (
            "",
            "constraints: {no_overlap: {key: name, from: at, to: name}}",
            "constraints.no_overlap",
            "are no span of time",
        ),
        ("", "views: {v: {sort: -nmae}}", "views.v.sort", 'has no field "nmae"'),
        ("", "views: {v: {columns: [name, owner.nmae]}}", "views.v.columns", 'directory.person has no field "nmae"'),
        ("", "views: {v: {kind: board, by: amount}}", "views.v.by", 'A board cannot be divided by "amount"'),
        ("", "views: {v: {kind: board}}", "views.v", 'needs "by"'),
        ("", "views: {v: {kind: calendar, start: name}}", "views.v.start", '"name" is no date.'),
        ("", "views: {v: {kind: tree}}", "views.v.kind", "shop.thing is no tree."),
        ("", "views: {v: {default: true}, w: {default: true}}", "views.w.default", "Two views are the default"),
        ("", "forms: {f: [name, nmae]}", "forms.f.fields", 'has no field "nmae"'),
        ("", "forms: {f: [name, name]}", "forms.f.fields", "stands twice"),
        # workflow
        (
            "",
            "workflow: {states: [a, b], transitions: {go: {from: a, to: c}}}",
            "workflow.transitions.go.to",
            'There is no state "c".',
        ),
        (
            "",
            "workflow: {states: [a, b], transitions: {go: {from: a, to: b, role: hr.boss}}}",
            "workflow.transitions.go.role",
            'There is no plugin "hr"',
        ),
        (
            "",
            "workflow: {states: [a, b], transitions: {go: {from: a, to: b, requires: nmae}}}",
            "workflow.transitions.go.requires",
            "nmae",
        ),
        (
            "",
            "workflow: {states: [a, b], transitions: {go: {from: a, to: b, guard: amount > 'x'}}}",
            "workflow.transitions.go.guard",
            "(character",
        ),
    ],
)
def test_what_cannot_work_is_an_error_at_its_place(fields: str, more: str, path: str, said: str) -> None:
    problems = [one for one in prove(shop(fields, more)) if one.severity == "error"]
    assert any(
        said in f"{one.message} {one.remedy}" and one.place.path.endswith(path) and one.place.line for one in problems
    ), problems
    assert all(one.plugin == "shop" for one in problems)


@pytest.mark.parametrize(
    ("fields", "circle"),
    [
        ("a: {type: computed, formula: a + 1, as: decimal}", "a -> a"),
        ("a: {type: computed, formula: b, as: decimal}\nb: {type: computed, formula: a, as: decimal}", "a -> b -> a"),
        ("a: {type: text, default: b}\nb: {type: text, default: a}", "a -> b -> a"),
        ("a: {type: text, show_if: b == 'x'}\nb: {type: text, show_if: a == 'x'}", "a -> b -> a"),
        ("a: {type: decimal, default: b}\nb: {type: computed, formula: a * 2, as: decimal}", "a -> b -> a"),
        (
            "l: {type: lines, fields: {a: {type: computed, formula: b, as: text}, "
            "b: {type: computed, formula: a, as: text}}}",
            "l.a -> l.b -> l.a",
        ),
    ],
)
def test_rules_that_go_in_a_circle_are_named(fields: str, circle: str) -> None:
    assert any(circle in one.message for one in prove(shop(fields)) if one.severity == "error")


def test_a_circle_through_another_entity_is_found() -> None:
    other = """\
plugin: other
needs: shop
entities:
  part:
    fields: {thing: {type: reference, to: shop.thing}, share: {type: computed, formula: thing.total, as: decimal}}
    access: {clerk: {read: all}}
"""
    text = shop("total: {type: rollup, from: other.part, via: thing, of: share, how: sum}").replace(
        "plugin: shop", "plugin: shop\nuses: other"
    )
    assert any("total -> other.part.share -> total" in one.message for one in prove(text, other))


@pytest.mark.parametrize(
    ("fields", "more", "said"),
    [
        (
            "",
            "workflow: {states: [a, b], transitions: {go: {from: a, to: b, approval: {by: boss}}}}",
            "approval: declared, not performed",
        ),
        ("", "sla: {respond: 4h}", "sla: declared, not performed"),
        ("", "kind: settings", "The one record of settings is made by itself"),
        ("", "kind: ledger", "may write or delete, but a ledger's entries never change"),
        ("x: {type: text, required: true}", "forms: {f: [name]}", "no form offers it"),
        (
            "",
            "workflow: {states: [a, b, c], transitions: {go: {from: a, to: b}, on: {from: c, to: b}}}",
            'The state "c" is never reached from "a".',
        ),
        (
            "",
            "workflow: {states: [a, b], transitions: {go: {from: a, to: b, role: guest}}}",
            'Nobody may take "go": shop.guest may not read the record.',
        ),
        ("", "automations: [{when: created}]", "automations: declared"),
        ("", "reports: {r: {}}", "reports: declared"),
        ("", "print: {p: {}}", "print: declared"),
        ("", "views: {v: {where: amount != 3}}", 'Where "amount" is empty, `!=`'),
        ("", "views: {v: {where: not (amount > 3)}}", 'Where "amount" is empty, `not`'),
        (
            "c: {type: computed, formula: secret_pay * 2, as: decimal}",
            "",
            "see what they may not read at its source shop.thing.secret_pay",
        ),
        (
            "",
            "workflow: {states: {a: , b: {meaning: waiting}}, transitions: {go: {from: a, to: b}}}",
            'No transition leaves the state "b"',
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(fields: str, more: str, said: str) -> None:
    problems = prove(shop(fields, more))
    assert [one.severity for one in problems if said in one.message] == ["warning"], problems
    assert not [one for one in problems if one.severity == "error"]


@pytest.mark.parametrize(
    "where",
    [
        "amount == None or amount == 3",
        "kind != 'low'",
        "name != 'x'",
        "not is_empty(amount)",
        "differs(amount, 3)",
        "amount != None",
        "created_by != me()",
    ],
)
def test_tests_that_are_never_unknown_raise_no_warning(where: str) -> None:
    assert prove(shop(more=f'views: {{v: {{where: "{where}"}}}}')) == []


def test_without_access_there_is_a_warning() -> None:
    (problem,) = prove("plugin: shop\nentities: {thing: {fields: {a: {type: text}}}}\n")
    assert problem.severity == "warning" and "only core.everything" in problem.message


def test_rules_of_access_name_what_exists() -> None:
    text = shop(more="").replace(
        "{clerk: {read: all, create: all, write: all}}",
        "{clerk: {read: owner == you(), create: [frm], write: nmae, hide: x, move: go, unmask: name}}",
    )
    told = " ".join(f"{one.place.path} {one.message}" for one in prove(text))
    for said in (
        "clerk.read",
        'no form "frm"',
        'no field "nmae"',
        'no field "x"',
        'no transition "go"',
        '"name" is not sensitive',
    ):
        assert said in told


def test_needs_are_known_and_go_in_no_circle() -> None:
    one, other = "plugin: one\nneeds: other\nentities: {}\n", "plugin: other\nneeds: one\nentities: {}\n"
    problems = prove(one, other)
    assert [one.message for one in problems] == ["The needs go in a circle: one -> other -> one."]
    assert "which is not here" in prove("plugin: one\nneeds: directoy\nentities: {}\n")[0].message


def test_segregation_names_roles_that_exist() -> None:
    text = shop().replace("plugin: shop", "plugin: shop\nsegregation: [[clerk, boss]]\nroles: [clerk]")
    assert [one.message for one in prove(text)] == ['There is no role "shop.boss" to keep apart.']


def test_a_part_of_the_directory_is_provided_once() -> None:
    assert any('provides "person" already' in one.message for one in prove(shop(more="provides: person")))
