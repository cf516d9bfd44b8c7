"""What an expression becomes once it is typed: types with scales, and the nodes that all readings share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

MOST_DIGITS = 18
LIMIT = 10**MOST_DIGITS - 1
"""A step whose number needs more than 18 digits, those after the point included, is empty."""
MOST_PLACES = 12
DIVISION_PLACES = 6

PERSON, DEPARTMENT, TEAM = "@person", "@department", "@team"
"""Targets of references into the directory, whoever provides it."""


class ExpressionError(ValueError):
    """An expression that cannot be read or typed: what is wrong, the character where (from 1, 0 unknown), what to do."""

    def __init__(self, message: str, column: int = 0, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a value. ``places`` belongs to numbers and money, ``targets`` to references, ``options`` to choices.

    Families: text, number, money, days (a count of days), duration (seconds), date, datetime, time, boolean, reference,
    any_reference, choices, references, lines, file, opaque (only emptiness can be tested), members (an actor's set of
    references), null.
    """

    family: str
    places: int = 0
    targets: frozenset[str] = frozenset()
    options: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A step. ``column`` is where it begins in the source, from 1."""

    type: Type


@dataclass(frozen=True, slots=True)
class Const(Node):
    """A value known beforehand: numbers are scaled integers, money never, empty is None."""

    value: Any


@dataclass(frozen=True, slots=True)
class Read(Node):
    """A field of the record."""

    name: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A field of the record that a reference field points at; ``via`` may be ``parent`` in lines."""

    via: str
    name: str


@dataclass(frozen=True, slots=True)
class Given(Node):
    """A value of the occasion: now, today, me, my_department, my_team, my_departments (own and below)."""

    what: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """An operation over other steps. ``extra`` is what it needs besides: a number of places, a field's name, a function."""

    op: str
    args: tuple[Node, ...]
    extra: Any = None


@dataclass(frozen=True, slots=True)
class Function:
    """A pure function that a plugin adds to the language.

    ``params`` and ``result`` are kind names (``decimal`` has ``places``); values arrive and leave as field values (docs/internals.md),
    and an empty argument makes the result empty without a call. ``sql``, where the database can do it, takes SQLAlchemy
    expressions of the arguments and gives one; only text, whole numbers, booleans, dates and references travel that way.
    """

    name: str
    params: tuple[str, ...]
    result: str
    call: Callable[..., Any]
    places: int = 2
    sql: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """A proven expression. ``reads`` holds field names and one-hop paths; ``volatile``: it names the clock or the actor;
    ``sql_able``: the database can evaluate it."""

    source: str
    node: Node
    type: Type
    reads: frozenset[str]
    volatile: bool
    sql_able: bool


def _nothing(via: str, name: str) -> Any:
    return None


def _unchanged(name: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Env:
    """What an evaluation looks at. ``values``: field values by name; ``path(reference, name)``: a value of the record pointed at;
    ``actor``: person, department, departments_below and teams; ``now`` (aware) and ``today`` are given, never asked of a machine."""

    values: Mapping[str, Any]
    path: Callable[[str, str], Any] = _nothing
    actor: Any = None
    now: datetime | None = None
    today: date | None = None
    changed: Callable[[str], bool] = _unchanged
    is_new: bool = False
    functions: Mapping[str, Function] = field(default_factory=dict)


TEXT = Type("text")
WHOLE = Type("number")
BOOLEAN = Type("boolean")
DATE, DATETIME, TIME = Type("date"), Type("datetime"), Type("time")
DAYS, DURATION = Type("days"), Type("duration")
NULL = Type("null")


def steps(node: Node) -> Iterator[Node]:
    """The node and every step below it."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, Call):
            waiting.extend(one.args)


def is_constant(node: Node) -> bool:
    """Whether no step reads a record: it can be known before any record is looked at."""
    return not any(isinstance(one, Read | Path) or (isinstance(one, Call) and one.op in ("changed", "is_new")) for one in steps(node))


NAMES_OF_FAMILIES: dict[str, str] = {
    "text": "a text",
    "number": "a number",
    "money": "an amount of money",
    "days": "a number of days",
    "duration": "a length of time",
    "date": "a date",
    "datetime": "a point in time",
    "time": "a time of day",
    "boolean": "a yes or no",
    "reference": "a reference",
    "any_reference": "a reference to any record",
    "choices": "a set of choices",
    "references": "a set of references",
    "lines": "lines",
    "file": "a file",
    "opaque": "a value that cannot be compared",
    "members": "a set",
    "null": "nothing",
}


def in_words(one: Type) -> str:
    """The type as people say it."""
    return NAMES_OF_FAMILIES[one.family]
