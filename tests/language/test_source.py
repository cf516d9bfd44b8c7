"""YAML is read by the 1.2 core schema, keeps its places, and is never an exception."""

from decimal import Decimal

import pytest

from schemas.source import MAX_DEPTH, Mapped, read_documents
from schemas.values import Number


def test_only_true_and_false_are_booleans_and_dates_stay_text() -> None:
    (document,), problems = read_documents("a: yes\nb: true\nc: 2026-01-01\nd: 12:30\ne: off\nf: ~\ng: null\n")
    assert not problems
    assert document == {"a": "yes", "b": True, "c": "2026-01-01", "d": "12:30", "e": "off", "f": None, "g": None}


def test_numbers_keep_their_source_text() -> None:
    (document,), _ = read_documents('a: 1.50\nb: 0.1\nc: "3"\nd: 0x1F\ne: 0o17\nf: 1e3\ng: 00012\nh: 1_000\n')
    numbers = {key: value for key, value in document.items() if isinstance(value, Number)}
    assert numbers == {"a": "1.50", "b": "0.1", "d": "31", "e": "15", "f": "1e3", "g": "00012"}
    assert Decimal(document["a"]) == Decimal("1.50") and document["c"] == "3"


def test_a_key_given_twice_is_a_problem_at_its_place() -> None:
    _, (problem,) = read_documents("a: 1\nb:\n  c: 2\n  c: 3\n", "x.yaml")
    assert str(problem.place) == "x.yaml:4:3  b.c"
    assert "given twice" in problem.message and "line 3" in problem.message


def test_every_word_knows_its_line_and_column() -> None:
    (document,), _ = read_documents("plugin: x\nentities:\n  a: {label:   Thing}\n", "x.yaml")
    entity = document["entities"]["a"]
    assert isinstance(entity, Mapped)
    assert str(entity.place) == "x.yaml:3:6  entities.a"
    assert str(entity.place.at("label")) == "x.yaml:3:16  entities.a.label"


def test_aliases_repeat_a_value_and_keep_the_names_of_both_places() -> None:
    (document,), problems = read_documents("a: &one {x: 1}\nb: *one\n")
    assert not problems and document["a"] == document["b"] == {"x": "1"}
    assert document["b"].place.path == "b"


@pytest.mark.parametrize(
    "text",
    [
        "a: *nothing",
        "a: 'open",
        "{" * 5000,
        "[" * (MAX_DEPTH + 5),
        "a: !!python/object:os.system {}",
        "a: \x00",
        "a: .inf",
        "? [a]\n: b",
        "\t- x",
        "a: \ud800",
        "%YAML 9.9\n---\na: 1\n...\n@",
    ],
)
def test_unreadable_text_is_a_problem_and_no_exception(text: str) -> None:
    _, problems = read_documents(text, "x.yaml")
    assert problems and all(one.place.file == "x.yaml" and one.message for one in problems)


def test_aliases_of_aliases_do_not_grow_without_bound() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15)]
    _, (problem,) = read_documents("\n".join(lines))
    assert "more than" in problem.message


def test_several_documents_are_several() -> None:
    documents, _ = read_documents("a: 1\n---\nb: 2\n")
    assert documents == [{"a": "1"}, {"b": "2"}]
