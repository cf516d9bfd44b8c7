"""An empty value allows nothing: what is true with empties stays true whatever they turn out to be."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.expressions import Env, ExpressionError, Typed, evaluate
from tests.expressions.desk import ACTOR, NOBODY, NOW, TODAY, Desk
from tests.soak import rounds

PAIRS = {
    "text": ("word", "other", "'a'", "'Zoo'"),
    "number": ("count", "price", "rate", "2", "0.05", "(price + rate)", "(count * 2)", "(price / 3)"),
    "money": ("cost", "paid", "(cost + paid)", "100"),
    "date": ("start", "end", "today()", "(start + days(3))"),
    "datetime": ("at", "until", "now()"),
    "person": ("who", "created_by", "me()"),
}


def rule(dice: random.Random, depth: int) -> str:
    """A condition without any test of emptiness."""
    if depth and dice.random() < 0.7:
        shape = dice.randrange(3)
        first, second = rule(dice, depth - 1), rule(dice, depth - 1)
        return f"(not {first})" if shape == 0 else f"({first} {'and' if shape == 1 else 'or'} {second})"
    kind = dice.choice(tuple(PAIRS))
    left, right = dice.sample(PAIRS[kind], 2)
    if kind == "person":
        return dice.choice(
            (f"{left} == {right}", f"{left} != {right}", f"{left} in [{right}, 4]", f"{left} not in my_team()", "site.team in my_team()")
        )
    if kind == "text" and dice.random() < 0.3:
        return f"{left} {dice.choice(('in', 'not in'))} [{right}, 'b']"
    if left in ("100", "'a'", "'Zoo'", "2", "0.05") and right in ("100", "'a'", "'Zoo'", "2", "0.05"):
        right = PAIRS[kind][0]
    return f"{left} {dice.choice(('==', '!=', '<', '<=', '>', '>='))} {right}"


@settings(max_examples=rounds(400), deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_taking_values_away_never_allows_more(sqlite_desk: Desk, seed: int) -> None:
    dice = random.Random(seed)
    typed = sqlite_desk.check(rule(dice, 3), "boolean")
    for at in dice.sample(sorted(sqlite_desk.items), 12):
        full = sqlite_desk.env(at)
        emptied = {name: value for name, value in full.values.items() if dice.random() < 0.6}
        actor = dice.choice((ACTOR, NOBODY))
        if _true(typed, emptied, full, actor):
            assert _true(typed, full.values, full, ACTOR), (typed.source, at)


def _true(typed: Typed, values: Any, like: Env, actor: Any) -> bool:
    return evaluate(typed, Env(values, like.path, actor, NOW, TODAY)) is True


def test_the_property_can_fail(sqlite_desk: Desk) -> None:
    typed = sqlite_desk.check("word == None or who == me()", "boolean")
    env = sqlite_desk.env(1)
    assert _true(typed, {}, env, NOBODY) and not _true(typed, {"word": "a", "who": 4}, env, ACTOR)


def test_a_broken_rule_is_no_rule(sqlite_desk: Desk) -> None:
    for source in ("who ==", "nobody == me()", "who == 'me'"):
        try:
            sqlite_desk.check(source, "boolean")
        except ExpressionError:
            continue
        raise AssertionError(source)
