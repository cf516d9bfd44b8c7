"""Random expressions mean the same in Python, on SQLite and on PostgreSQL, row by row."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.expressions import ExpressionError
from tests.expressions.desk import ACTOR, NOBODY, Desk
from tests.expressions.sources import LEAVES, source
from tests.soak import rounds

KINDS = tuple(LEAVES)
REFUSED = ("places after the point", "none of the options")
"""What a random source may be refused for."""


def disagreements(desk: Desk, text: str, nobody: bool) -> list[str]:
    """Rows on which the two readings differ."""
    actor = NOBODY if nobody else ACTOR
    try:
        typed = desk.check(text)
    except ExpressionError as error:
        assert any(part in error.message for part in REFUSED), f"{text}: {error.message}"
        return []
    assert typed.sql_able, text
    expected, found = desk.in_python(typed, actor), desk.in_sql(typed, actor)
    return [f"{text} on {at}: {expected[at]!r} in Python, {found[at]!r} in SQL" for at in expected if expected[at] != found[at]]


@settings(max_examples=rounds(350), deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.booleans())
def test_the_readings_agree(desks: tuple[Desk, Desk], seed: int, kind: str, nobody: bool) -> None:
    text = source(random.Random(seed), kind, 3)
    for desk in desks:
        assert disagreements(desk, text, nobody) == []


def test_a_negation_is_one_value_wherever_it_stands(desks: tuple[Desk, Desk]) -> None:
    for desk in desks:
        for one in ("late", "site.public == late", "site.public", "open"):
            for other in ("late", "site.public", "open", "end < today()"):
                for text in (f"differs({one}, not {other})", f"differs(not {other}, {one})", f"({one}) == (not {other})"):
                    assert disagreements(desk, text, nobody=False) == []


def test_a_constant_of_many_digits_is_divided_and_multiplied_exactly(desks: tuple[Desk, Desk]) -> None:
    for desk in desks:
        for large in ("round(10000000000001.4)", "abs(-999999999999999)", "max(1, 99999999999999)"):
            for text in (f"{large} / (len(word) - 1)", f"{large} * len(word)", f"{large} + len(word)"):
                assert disagreements(desk, text, nobody=False) == []


def test_an_empty_value_equals_no_text_not_even_one_without_letters(desks: tuple[Desk, Desk]) -> None:
    for desk in desks:
        for text in ("differs(word, '')", "differs('', word)", "differs(word + '', '')", "differs(coalesce(word, ''), '')"):
            assert disagreements(desk, text, nobody=False) == []
        assert all(desk.in_sql(desk.check("differs(word, '')")).values())
        empty = [at for at, row in desk.items.items() if row.get("word") is None]
        assert empty and not any(desk.in_sql(desk.check("differs(coalesce(word, ''), '')"))[at] for at in empty)
