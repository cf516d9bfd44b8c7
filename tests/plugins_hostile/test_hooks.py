"""A plugin that fails in a hook is counted, named and switched off; the others are called all the same."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import Link, Record, Refusal, hookimpl, on
from core.hooks import HOOK_NAMES, RETURNS
from core.registry.calls import LIMIT, Ledger, collect
from core.registry.slot import Slot, running


def plugin(**functions: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function) for name, function in functions.items()})


def exits(**_: Any) -> None:
    sys.exit(1)


class Base(BaseException):
    """Not even an Exception."""


def raises_base() -> None:
    raise Base


def recurses() -> None:
    recurses()


@pytest.mark.parametrize(
    "fault", [exits, raises_base, recurses, lambda: 1 / 0], ids=["exits", "base", "recurses", "divides"]
)
def test_whatever_a_hook_raises_the_others_are_called_and_the_culprit_is_named(fault: Any) -> None:
    hooks, problems = collect({"bad": plugin(navigation=fault), "good": plugin(navigation=lambda: [Link("Go", "/go")])})
    assert not problems
    assert hooks.call("navigation", actor=None) == [("good", [Link("Go", "/go")])]
    (failure,) = hooks.ledger.failures["bad"]
    assert failure.hook == "navigation" and failure.reason


def test_after_three_failures_the_plugins_hooks_are_off() -> None:
    calls: list[int] = []

    def counts() -> None:
        calls.append(1)
        raise ValueError("again")

    hooks, _ = collect({"bad": plugin(navigation=counts, search_text=lambda: "words")})
    for _ in range(LIMIT + 2):
        hooks.call("navigation", actor=None)
    assert len(calls) == LIMIT and hooks.ledger.is_off("bad")
    assert hooks.call("search_text", record=Record("a.b")) == []
    hooks.ledger.replace([])
    assert hooks.call("search_text", record=Record("a.b")) == [("bad", "words")]


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_rubbish_is_not_handed_on(hook: str) -> None:
    if hook == "declare":
        pytest.skip("declare may return anything that reads as a declaration; discovery judges it")
    hooks, _ = collect({"bad": plugin(**{hook: lambda: object()})})
    assert hooks.call(hook) == []
    assert RETURNS[hook][0] in hooks.ledger.failures["bad"][0].reason


def test_a_refusal_is_a_veto_not_a_failure() -> None:
    def refuses() -> None:
        raise Refusal("Not on a Sunday.", "due")

    hooks, _ = collect({"strict": plugin(check_record=refuses)})
    with pytest.raises(Refusal, match="Sunday") as caught:
        hooks.call("check_record", entity="a.b", record=Record("a.b"))
    assert caught.value.field == "due" and not hooks.ledger.failures


def test_mutated_arguments_reach_nobody_else() -> None:
    def spoils(record: Record, before: Record) -> None:
        record["name"] = "spoiled"
        before.clear()
        raise ValueError

    seen = []

    def looks(record: Record, before: Record) -> None:
        seen.append((record["name"], dict(before)))

    for hook in ("before_save", "check_record", "after_save"):
        record, before = Record("a.b", {"name": "fine"}), Record("a.b", {"name": "old"})
        hooks, _ = collect({"bad": plugin(**{hook: spoils}), "good": plugin(**{hook: looks})})
        hooks.call(hook, entity="a.b", record=record, before=before, change=None, work=None)
        assert record == {"name": "fine"} and before == {"name": "old"}
        assert seen.pop() == ("fine", {"name": "old"})


def test_what_a_plugin_changes_within_values_spoils_nothing_either() -> None:
    def spoils(record: Record, before: Record) -> None:
        for one in (record, before):
            one["rows"][0]["n"] = 9
            one["data"]["more"].append(9)
        raise ValueError

    for hook in ("before_save", "check_record", "after_save"):
        values = {"rows": ({"n": 1},), "data": {"more": [1]}}
        record, before = (Record("a.b", {"rows": ({"n": 1},), "data": {"more": [1]}}) for _ in range(2))
        hooks, _ = collect({"bad": plugin(**{hook: spoils})})
        hooks.call(hook, entity="a.b", record=record, before=before, change=None, work=None)
        assert hooks.ledger.failures["bad"] and record == values and before == values


def test_before_save_may_set_fields() -> None:
    def sets(record: Record) -> None:
        record["due"] = 5

    record = Record("a.b", {})
    hooks, _ = collect({"good": plugin(before_save=sets)})
    hooks.call("before_save", entity="a.b", record=record, before=None, change=None, work=None)
    assert record == {"due": 5}


def test_an_implementation_limited_with_on_is_called_for_its_entity_only() -> None:
    seen = []

    @on("a.b")
    def looks(record: Record) -> None:
        seen.append(record.entity)

    hooks, _ = collect({"good": plugin(before_save=looks)})
    for entity in ("a.b", "a.c"):
        hooks.call("before_save", entity=entity, record=Record(entity), before=None, change=None, work=None)
    assert seen == ["a.b"]


def test_misspelled_hooks_and_unknown_arguments_are_problems() -> None:
    _, misspelled = collect({"bad": plugin(befor_save=lambda record: None)})
    assert "befor_save" in str(misspelled[0]) and "before_save" in str(misspelled[0])
    _, unknown = collect({"bad": plugin(before_save=lambda recrod: None)})
    assert "does not fit" in str(unknown[0])


def test_a_running_hook_can_be_seen_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "1.slot"
    ledger = Ledger(slot=Slot(path))
    seen = []

    def looks() -> None:
        seen.extend(running(path))

    hooks, _ = collect({"slow": plugin(demo=looks)}, ledger)
    hooks.call("demo", work=None)
    assert [(one.plugin, one.hook) for one in seen] == [("slow", "demo")]
    assert running(path) == []


def test_time_is_kept_for_each_plugin_and_hook() -> None:
    hooks, _ = collect({"good": plugin(navigation=lambda: [])})  # noqa: PIE807 - a hook needs a signature
    hooks.call("navigation", actor=None)
    assert hooks.ledger.timings[("good", "navigation")].calls == 1
