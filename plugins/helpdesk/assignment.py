"""Who gets the next ticket of a queue: in turn, whoever has the fewest open ones, or who knows the subject (HD-R09)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def eligible(members: Sequence[int], load: Mapping[int, int], most: int | None) -> list[int]:
    """The members below the queue's limit of open tickets, in the team's order."""
    return [person for person in members if most is None or load.get(person, 0) < most]


def next_in_turn(members: Sequence[int], last: int | None, load: Mapping[int, int], most: int | None = None) -> int | None:
    """The member after ``last`` who is below the limit; None when nobody is."""
    fit = set(eligible(members, load, most))
    start = members.index(last) + 1 if last in members else 0
    return next((person for person in [*members[start:], *members[:start]] if person in fit), None)


def least_open(members: Sequence[int], load: Mapping[int, int], most: int | None = None) -> int | None:
    """The member with the fewest open tickets, the earliest in the team's order among equals; None when nobody is fit."""
    fit = eligible(members, load, most)
    return min(fit, key=lambda person: load.get(person, 0), default=None)


def knows(skills: str | None, subjects: Sequence[str]) -> bool:
    """Whether somebody's skills name one of the subjects; without subjects everybody will do."""
    told = (skills or "").casefold()
    return not subjects or any(one.casefold() in told for one in subjects)
