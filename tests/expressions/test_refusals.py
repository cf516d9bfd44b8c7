"""What is no expression is refused with a place, a sentence and a remedy; size and depth have limits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.expressions import ExpressionError, check, names_of, parse
from tests.expressions.desk import ENTITIES, ITEM
from tests.soak import rounds

NAMES = names_of(ITEM, {one.full_name: one for one in ENTITIES})


@pytest.mark.parametrize(
    ("source", "column", "part"),
    [
        ("", 0, "empty"),
        ("word =", 6, "not an expression"),
        ("word = 'a'", 0, "not an expression"),
        ("wrod == 'a'", 1, 'Did you mean "word"'),
        ("open and wrod == 'a'", 10, "no field"),
        ("open and todai() > start", 10, "today"),
        ("start > today", 9, "Write today()"),
        ("start == 3", 1, "do not go together"),
        ("start + 30", 1, "days(30)"),
        ("start < now()", 1, "today() with dates"),
        ("at > '2026-01-01'", 1, "time zone"),
        ("start == '2026-02-30'", 1, "no date"),
        ("word + 1", 1, "cannot be added"),
        ("cost * paid", 1, "cannot be multiplied"),
        ("cost + 1", 1, "cannot be added"),
        ("rate * rate * price", 1, "Round one side"),
        ("size == 'hihg'", 1, 'Did you mean "high"'),
        ("state == 'open'", 1, "The options are"),
        ("'d' in tags", 1, "none of the options"),
        ("word == ''", 1, "== None"),
        ("word > None", 1, "None"),
        ("word in ['a', None]", 15, "None"),
        ("word in []", 9, "empty"),
        ("'a' in word", 1, "contains"),
        ("who == site", 1, "different entities"),
        ("site in seen", 1, "different entities"),
        ("who in below(my_department())", 1, "another entity"),
        ("count in my_team()", 1, "references"),
        ("my_team()", 1, "right of in"),
        ("site.keeper.home == 1", 1, "one reference only"),
        ("word.city == 'a'", 1, "does not lead"),
        ("site.town == 'a'", 1, "no field"),
        ("days(0.5)", 6, "hours(12)"),
        ("round(price, count)", 14, "written out"),
        ("len()", 1, "takes 1 argument"),
        ("changed(1)", 9, "name of a field"),
        ("1e3 > 2", 1, "plain digits"),
        ("0x10 > 2", 1, "plain digits"),
        ("1_000 > 2", 1, "plain digits"),
        ("1234567890.1234567", 1, "too many digits"),
        ("word is None", 1, "== None"),
        ("count % 2 == 0", 1, "no %"),
        ("count ** 2", 1, "no **"),
        ("[1, 2]", 1, "right of in"),
        ("word[0] == 'a'", 1, "square brackets"),
        ("lambda: 1", 1, "not part"),
        ("f'{word}' == 'a'", 1, "without f"),
        ("{1: 2}", 1, "not part"),
        ("[x for x in seen]", 1, "not part"),
        ("word.upper() == 'A'", 1, "by name"),
        ("round(number=1)", 1, "by name"),
        ("__import__('os')", 1, "no function"),
        ("(lambda: 1)()", 1, "by name"),
        ("price and open", 1, "!= 0"),
        ("hour < '25:00'", 1, "no time"),
        ("b'a' == word", 1, "not part"),
        ("word == 'a\x00'", 0, "cannot be kept"),
        ("coalesce(tags, tags)", 1, "does not take"),
    ],
)  # fmt: skip
def test_it_is_refused_at_its_place(source: str, column: int, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        check(source, NAMES)
    assert part in f"{caught.value.message} {caught.value.remedy}"
    if column:
        assert caught.value.column == column


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("count", "boolean"),
        ("1", "boolean"),
        ("word", "date"),
        ("start", "datetime"),
        ("open", "integer"),
        ("cost", "decimal"),
        ("site", "person"),
    ],
)
def test_another_kind_is_refused(source: str, kind: str) -> None:
    with pytest.raises(ExpressionError):
        check(source, NAMES, kind)


@pytest.mark.parametrize(
    ("source", "kind"),
    [("count", "decimal"), ("end - start", "integer"), ("end - start", "duration"), ("today()", "date"), ("me()", "person"),
     ("size", "text"),
     ("None", "date"), ("price * 2", "percent"), ("my_department()", "department")],
)  # fmt: skip
def test_what_fits_a_kind_is_accepted(source: str, kind: str) -> None:
    assert check(source, NAMES, kind).source == source


@pytest.mark.parametrize(
    "source",
    ["(" * 60 + "1" + ")" * 60, "not " * 60 + "open", "-" * 60 + "1", "1 + " * 2_000 + "1", "'" + "a" * 4_000 + "'",
     "word in [" + "'a', " * 300 + "]",
     "(" * 3_000, "a." * 900 + "a", "when(open, 1, " * 55 + "1" + ")" * 55, " or ".join(["open"] * 900)],
)  # fmt: skip
def test_size_and_depth_have_limits(source: str) -> None:
    with pytest.raises(ExpressionError):
        check(source, NAMES)


def test_expressions_of_everyday_size_are_within_the_limits() -> None:
    check(" or ".join(f"word == 'w{number}'" for number in range(80)), NAMES, "boolean")
    check(" + ".join(["count"] * 40), NAMES)
    check("word in [" + ", ".join(f"'w{number}'" for number in range(200)) + "]", NAMES)


@settings(max_examples=rounds(150), deadline=None, database=None, derandomize=True)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="()[]'\"+-*/<>=.,1 aeinotrdw_", max_size=60)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        check(parse(text), NAMES)
    except ExpressionError as error:
        assert error.message and 0 <= error.column <= len(text) + 1
