"""Reading what was dumped gives an equal model, whatever was declared."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plugins
from schemas import dump_overlay, dump_plugin, read_overlay, read_plugin
from schemas.kinds import KINDS
from tests.language.examples import BUILDING, FACILITIES, WARSAW
from tests.soak import rounds

SHIPPED = sorted(path for folder in plugins.__path__ for path in Path(folder).glob("*/*.yaml"))

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "true",
            "null",
            "~",
            "1.50",
            "0x1F",
            "yes",
            "2026-01-01",
            "a: b",
            "- a",
            "#c",
            "'",
            '"',
            "ü",
            "*a",
            "&a",
            "!t",
            " x ",
            "a\nb",
            "%",
            "@",
            "`",
            "{a}",
            "[a]",
            "1e3",
            ".5",
            "0o7",
            "\\",
            "me()",
            "other.name",
            "other",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=20),
)
LABELS = TEXTS.filter(lambda text: len(text) <= 200)
EXPRESSIONS = st.sampled_from(["a == None", "other.a > 1", "not flag", "state in ['x', \"y\"]", "a != 'é'"])


@st.composite
def fields(draw: Any, lines: bool = False) -> dict[str, Any]:
    kind = draw(st.sampled_from([name for name in KINDS if not lines or name not in ("lines", "sequence")]))
    flags = KINDS[kind].flags
    made: dict[str, Any] = {"type": kind}
    values: dict[str, Any] = {
        "label": LABELS,
        "help": TEXTS,
        "max_length": st.integers(1, 500),
        "pattern": TEXTS,
        "places": st.integers(0, 10),
        "options": st.one_of(
            st.just(["low", "High one"]), st.just({"1": {"label": "One", "colour": "bad"}, "true": {}, "two": "Two"})
        ),
        "show_if": EXPRESSIONS,
        "required_if": EXPRESSIONS,
        "warn_if": EXPRESSIONS,
        "provides": st.just("number"),
        "on_delete": st.sampled_from(["clear", "with_parent"]),
        "formula": EXPRESSIONS,
        "as": st.just("decimal"),
        "currency": st.sampled_from(["cur", "other.cur"]),
        "where": EXPRESSIONS,
        "how": st.just("count"),
        "number": st.sampled_from(["A{seq:4}", [{"when": "a > 1", "pattern": "B{seq}"}, {"pattern": "C{seq}"}]]),
        "default": st.one_of(
            TEXTS,
            st.booleans(),
            st.integers(),
            st.sampled_from([["low"], {"a": "1"}, {"literal": "x"}, {"expression": "a"}]),
        ),
        "min": st.sampled_from(["1.50", 3, "2026-01-01"]),
        "unique": st.sampled_from([True, "a", ["a", "b"]]),
    }
    for flag in (
        "required",
        "read_only",
        "set_once",
        "no_copy",
        "indexed",
        "searchable",
        "in_list",
        "sensitive",
        "open",
        "many",
        "zoned",
        "gap_free",
    ):
        values[flag] = st.booleans()
    for flag, strategy in values.items():
        if flag in flags and (flag in KINDS[kind].needs or draw(st.booleans())):
            made[flag] = draw(strategy)
    fixed = {"to": "other.thing", "via": "ref", "of": "name", "from": "order"}
    made.update({flag: value for flag, value in fixed.items() if flag in flags and kind != "computed"})
    if kind == "lines":
        made["fields"] = draw(
            st.dictionaries(st.sampled_from(["a", "flag", "other"]), fields(lines=True), min_size=1, max_size=2)
        )
    return made


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "fields": draw(
            st.dictionaries(st.sampled_from(["a", "other", "flag", "from", "x9"]), fields(), min_size=1, max_size=4)
        ),
        "kind": draw(st.sampled_from(["normal", "document", "ledger"])),
        "workflow": {
            "states": draw(st.sampled_from([["draft", "b"], {"draft": {"label": "D"}, "b": {"meaning": "waiting"}}])),
            "transitions": {
                "go": {
                    "from": "any",
                    "to": "b",
                    "role": draw(st.sampled_from(["x", "y.z", ["x", "shop.w"]])),
                    "label": draw(LABELS),
                    "reason": draw(st.booleans()),
                    "approval": {"by": ["a", {"n": 2}]},
                }
            },
        },
        "forms": {
            "one": ["a"],
            "two": {
                "sections": [
                    {
                        "label": draw(LABELS),
                        "open": draw(st.sampled_from([True, False, "a == 1"])),
                        "fields": ["a", {"text": draw(TEXTS)}],
                    }
                ]
            },
            "three": {draw(st.sampled_from(["tabs", "steps"])): [{"label": "T", "fields": ["a"]}]},
        },
        "views": {
            "v": {
                "kind": "board",
                "by": "state",
                "sort": ["-a", "b"],
                "page_size": draw(st.integers(1, 200)),
                "label": draw(LABELS),
            }
        },
        "access": {
            "x": {
                "read": draw(EXPRESSIONS),
                "write": draw(st.sampled_from(["all", ["a"], {"all_but": ["a"]}, "none"])),
                "import": "all",
                "print": "none",
                "create": draw(st.sampled_from(["all", "one", ["one", "two"]])),
            }
        },
        "constraints": [
            {"unique": ["a"], "where": "a > 1"},
            {"no_overlap": {"key": "a", "from": "b", "to": "c"}, "message": draw(TEXTS)},
            {"sum_at_most": {"of": "a", "by": "b", "max": draw(st.sampled_from(["10.0", "b.c"]))}},
            {"acyclic": "a"},
            {"check": "a > 1"},
        ],
        "sla": draw(st.sampled_from([{"respond": "4h"}, [{"a": 1}]])),
        "effective": {"by": "a", "from": "b", "to": "c"},
        "label": draw(LABELS),
        "plural": draw(LABELS),
        "title": draw(TEXTS),
    }
    return {
        "plugin": "shop",
        "label": draw(LABELS),
        "version": draw(st.sampled_from(["1.0", "2.1.3"])),
        "segregation": [["x", "y.z"]],
        "needs": "y",
        "roles": {"x": {"label": draw(LABELS)}, "unused": {}},
        "entities": {"order": entity},
    }


@settings(max_examples=rounds(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_whatever_is_declared_comes_back_equal(document: dict[str, Any]) -> None:
    plugin, problems = read_plugin(document)
    if plugin is None:
        assert problems
        return
    text = dump_plugin(plugin)
    again, problems = read_plugin(text)
    assert not problems, f"{problems[0]}\n{text}"
    assert again == plugin, text
    assert dump_plugin(again) == text
    for one, other in zip(plugin.entities[0].fields, again.entities[0].fields, strict=True):
        assert type(one.default) is type(other.default)
    from_model, problems = read_plugin(plugin)
    assert not problems and from_model is not None and len(from_model.entities) == 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_plugin_comes_back_equal(path: Path) -> None:
    plugin, problems = read_plugin(path.read_text("utf-8"), path.name)
    assert plugin is not None, "\n".join(map(str, problems))
    assert read_plugin(dump_plugin(plugin)) == (plugin, [])
    assert read_plugin(plugin) == (plugin, [])


def test_the_examples_come_back_equal() -> None:
    plugin, _ = read_plugin(FACILITIES + BUILDING)
    assert plugin and read_plugin(dump_plugin(plugin)) == (plugin, [])
    (overlay,), _ = read_overlay(WARSAW)
    assert read_overlay(dump_overlay(overlay)) == ([overlay], [])
