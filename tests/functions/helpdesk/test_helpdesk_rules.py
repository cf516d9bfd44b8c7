"""The helpdesk's rules that need no database."""

from __future__ import annotations

import pytest

from plugins.helpdesk import assignment, priority, risk

MATRIX = {
    ("1", "1"): "P1",
    ("1", "2"): "P2",
    ("2", "1"): "P2",
    ("1", "3"): "P3",
    ("2", "2"): "P3",
    ("3", "1"): "P3",
    ("2", "3"): "P4",
    ("3", "2"): "P4",
    ("3", "3"): "P5",
}


@pytest.mark.parametrize(("impact", "urgency"), list(MATRIX))
def test_hd_r01_the_matrix(impact: str, urgency: str) -> None:
    assert priority.priority(impact, urgency) == MATRIX[impact, urgency]


def test_hd_r09_round_robin_is_fair_and_skips_who_is_full() -> None:
    members, load = [1, 2, 3], {1: 0, 2: 5, 3: 1}
    assert assignment.next_in_turn(members, None, load) == 1
    assert assignment.next_in_turn(members, 1, load, most=5) == 3
    assert assignment.next_in_turn(members, 3, load) == 1
    assert assignment.next_in_turn(members, 1, {1: 5, 2: 5, 3: 5}, most=5) is None
    assert assignment.next_in_turn(members, 99, load) == 1


def test_hd_r09_the_least_loaded_gets_the_next() -> None:
    assert assignment.least_open([3, 1, 2], {3: 2, 1: 1, 2: 1}) == 1
    assert assignment.least_open([], {}) is None


@pytest.mark.parametrize(("points", "word"), [([], "low"), ([1, 1, 1], "low"), ([3], "medium"), ([2, 2], "medium"), ([3, 3, 1], "high")])
def test_the_questionnaire_decides_the_risk(points: list[int], word: str) -> None:
    assert risk.risk(points) == word
