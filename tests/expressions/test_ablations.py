"""Each rule that keeps the readings together is needed: without it, in one reading, they disagree somewhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from core.storage import compile as compiling
from core.storage import moments
from schemas.expressions import evaluating
from tests.expressions.desk import Desk
from tests.expressions.sources import source
from tests.expressions.test_readings import disagreements

MOST = 500
Patch = Callable[[pytest.MonkeyPatch], None]


def _sql(op: str, step: Callable[[Any, Any], Any]) -> Patch:
    return lambda patch: patch.setitem(compiling._STEPS, op, lambda on, call: compiling.Sql(step(on, call)))  # type: ignore[arg-type]


def _two_valued(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(evaluating._LAZY, "not", lambda call, env: evaluating.run(call.args[0], env) is not True)


def _null_safe(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(
        compiling._STEPS, "eq", lambda on, call: compiling.Sql(on.element(call.args[0]).is_not_distinct_from(on.element(call.args[1])))
    )  # type: ignore[arg-type]


def _unguarded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compiling._Compiler, "guarded", lambda self, element, places: element)


def _one_scale(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(compiling._STEPS, "widen", lambda on, call: on.step(call.args[0]))  # type: ignore[arg-type]


def _native_calendar(patch: pytest.MonkeyPatch) -> None:
    def shifted(start: Any, seconds: Any, *, sqlite: bool) -> Any:
        return sa.func.datetime(start, sa.cast(seconds, sa.Text()).concat(" seconds"), type_=sa.DateTime())

    patch.setattr(moments, "add_seconds", shifted)
    patch.setitem(compiling._STEPS, "add_seconds", lambda on, call: compiling.Sql(shifted(*on.elements(call), sqlite=True)))  # type: ignore[arg-type]


RULES: dict[str, tuple[str, Patch]] = {
    "three-valued not": ("boolean", _two_valued),
    "unknown where an operand is empty": ("boolean", _null_safe),
    "too many digits are empty": ("number", _unguarded),
    "one scale before adding": ("number", _one_scale),
    "exact division": ("number", _sql("div", lambda on, call: on.element(call.args[0]).op("/")(on.element(call.args[1])))),
    "halves away from zero": ("number", _sql("round", lambda on, call: on.element(call.args[0]).op("/")(10**call.extra))),
    "currencies apart": ("money", _sql("add", lambda on, call: on.guarded(on.element(call.args[0]) + on.element(call.args[1]), 2))),
    "no wildcards": ("boolean", _sql("contains", lambda on, call: on.element(call.args[0]).contains(on.element(call.args[1])))),
    "an actor's empty set is unknown": ("boolean", _sql("member", lambda on, call: sa.false())),
    "differs has two values": ("boolean", _sql("differs", lambda on, call: on.element(call.args[0]) != on.element(call.args[1]))),
    "microseconds are kept": ("datetime", _native_calendar),
}


@pytest.mark.parametrize("rule", RULES)
def test_without_the_rule_the_readings_disagree(sqlite_desk: Desk, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, patch = RULES[rule]
    patch(monkeypatch)
    for seed in range(MOST):
        if disagreements(sqlite_desk, source(random.Random(seed), kind, 3), seed % 5 == 0):
            return
    pytest.fail(f"{MOST} expressions agree without the rule: {rule}.")
