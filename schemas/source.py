"""YAML 1.2 core text to plain values that know where they stand; unreadable text is a Problem, never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from schemas.model import Place, Problem
from schemas.values import NUMBER, Number

MAX_CHARACTERS = 4_000_000
MAX_DEPTH = 40
MAX_VALUES = 400_000
"""Values of a document, those that aliases repeat counted each time."""

_OTHER_INTEGER = re.compile(r"(?:0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_KNOWN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
) | {"!"}

Spot = tuple[int, int]
"""Line and column, both from 1; (0, 0) is unknown."""


class Mapped(dict[str, Any]):
    """A mapping of a document. ``place`` is where it stands; ``spots`` gives key and value of each member."""

    __slots__ = ("place", "spots", "name")

    def __init__(self, place: Place = Place(), name: str = "") -> None:
        super().__init__()
        self.name = name
        self.spots: dict[str, tuple[Spot, Spot]] = {}
        self.place = Place(place.file, place.line, place.column, place.path, self.spots)


class Listed(list[Any]):
    """A list of a document with the place of each member."""

    __slots__ = ("place", "spots")

    def __init__(self, place: Place = Place()) -> None:
        super().__init__()
        self.place = place
        self.spots: list[Spot] = []


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read: its members so far as (value, spot), keys and values in turn."""

    mapping: bool
    spot: Spot
    anchor: str | None
    members: list[tuple[Any, Spot]] = field(default_factory=list)
    size: int = 1


@dataclass(frozen=True, slots=True)
class _Tree:
    """What a collection was read as, before places and paths are given; ``size`` counts all values in it."""

    mapping: bool
    members: tuple[tuple[Any, Spot], ...]
    size: int


class _Unreadable(Exception):
    def __init__(self, spot: Spot, message: str, remedy: str) -> None:
        super().__init__(message)
        self.spot, self.message, self.remedy = spot, message, remedy


def read_documents(text: str, file: str = "") -> tuple[list[Any], list[Problem]]:
    """The YAML documents of ``text`` as Mapped, Listed, text, :class:`Number`, bool or None, and all problems.

    With an error among the problems the documents before it are still given.
    """
    problems: list[Problem] = []
    documents: list[Any] = []
    if len(text) > MAX_CHARACTERS:
        return [], [
            Problem(
                Place(file),
                f"The document has {len(text):,} characters; {MAX_CHARACTERS:,} are read at most.",
                "Split it into several.",
            )
        ]
    try:
        for tree, spot in _trees(text):
            documents.append(_placed(tree, spot, file, "", "", problems))
    except _Unreadable as error:
        problems.append(Problem(Place(file, *error.spot), error.message, error.remedy))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        said = " ".join(part for part in (error.context, error.problem) if part)
        problems.append(
            Problem(
                Place(file, *spot), f"This is not readable as YAML: {said}.", "Check indentation, quotes and brackets."
            )
        )
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        problems.append(
            Problem(
                Place(file),
                f"This is not readable as YAML: {_first_line(error)}.",
                "Only printable characters of UTF-8 may stand in it.",
            )
        )
    return documents, problems


def given(value: Any, file: str = "") -> Any:
    """Python values (mappings, lists, numbers, text) as if they had been read from a document, without line numbers."""
    return _given(value, file, "", "", 0)


def _given(value: Any, file: str, path: str, name: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"The declaration is nested deeper than {MAX_DEPTH} levels at {path}.")
    place = Place(file, 0, 0, path)
    if isinstance(value, Mapping):
        mapped = Mapped(getattr(value, "place", None) or place, name)
        mapped.spots.update(getattr(value, "spots", {}))
        for key, inner in value.items():
            mapped[str(key)] = _given(inner, file, _join(path, str(key)), str(key), depth + 1)
        return mapped
    if isinstance(value, list | tuple | set | frozenset):
        listed = Listed(place)
        for index, inner in enumerate(sorted(value) if isinstance(value, set | frozenset) else value):
            listed.append(_given(inner, file, _join(path, str(index)), "", depth + 1))
        return listed
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return Number(format(value, "f"))
    return Number(value) if isinstance(value, int | float) else str(value)


def _trees(text: str) -> Iterator[tuple[Any, Spot]]:
    """Each document's root, read event by event: nesting never becomes recursion."""
    loader = _Parser(text)
    try:
        anchors: dict[str, Any] = {}
        stack: list[_Open] = []
        root: tuple[Any, Spot] | None = None
        total = 0
        while True:
            event = loader.get_event()
            if event is None:
                return
            if isinstance(event, StreamEndEvent):
                return
            if isinstance(event, DocumentStartEvent):
                anchors, stack, root, total = {}, [], None, 0
                continue
            if isinstance(event, DocumentEndEvent):
                if root is not None:
                    yield root
                continue
            done = _value(event, stack, anchors)
            if done is None:
                continue
            value, spot, size = done
            total = total + (1 if not isinstance(event, AliasEvent) else size)
            if total > MAX_VALUES:
                raise _Unreadable(
                    spot, f"The document holds more than {MAX_VALUES:,} values.", "Split it, or repeat less by aliases."
                )
            if stack:
                stack[-1].members.append((value, spot))
                stack[-1].size += size
            else:
                root = (value, spot)
    finally:
        loader.dispose()


def _value(event: Event, stack: list[_Open], anchors: dict[str, Any]) -> tuple[Any, Spot, int] | None:
    mark = event.start_mark
    spot = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    if isinstance(event, MappingStartEvent | SequenceStartEvent):
        _refuse_tag(event.tag, spot)
        if len(stack) >= MAX_DEPTH:
            raise _Unreadable(
                spot, f"The document is nested deeper than {MAX_DEPTH} levels.", "A declaration never needs that."
            )
        stack.append(_Open(isinstance(event, MappingStartEvent), spot, event.anchor))
        return None
    if isinstance(event, MappingEndEvent | SequenceEndEvent):
        done = stack.pop()
        tree = _Tree(done.mapping, tuple(done.members), done.size)
        if done.anchor:
            anchors[done.anchor] = tree
        return tree, done.spot, done.size
    if isinstance(event, AliasEvent):
        if event.anchor not in anchors:
            raise _Unreadable(
                spot,
                f"The alias *{event.anchor} stands for nothing that was named before it.",
                f"Write &{event.anchor} at the value that it repeats.",
            )
        value = anchors[event.anchor]
        return value, spot, value.size if isinstance(value, _Tree) else 1
    if isinstance(event, ScalarEvent):
        _refuse_tag(event.tag, spot)
        scalar = _scalar(event, spot)
        if event.anchor:
            anchors[event.anchor] = scalar
        return scalar, spot, 1
    return None


def _scalar(event: ScalarEvent, spot: Spot) -> Any:
    text: str = event.value
    tag = (event.tag or "").rpartition(":")[2]
    plain = not event.style and event.implicit[0] and not tag
    if not plain and tag not in ("int", "float", "bool", "null"):
        return text
    if text in _NOTHING:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if NUMBER.match(text):
        return Number(text)
    if _OTHER_INTEGER.match(text):
        return Number(int(text, 0))
    if _NOT_FINITE.match(text):
        raise _Unreadable(
            spot, f"{text} is not a number that can be declared.", "Write digits, or quotes around a text."
        )
    return text


def _refuse_tag(tag: str | None, spot: Spot) -> None:
    if tag and tag not in _KNOWN_TAGS:
        raise _Unreadable(
            spot, f"The tag {tag} is not understood here.", "Declarations hold plain values only; leave the tag out."
        )


def _placed(tree: Any, spot: Spot, file: str, path: str, name: str, problems: list[Problem]) -> Any:
    if not isinstance(tree, _Tree):
        return tree
    place = Place(file, spot[0], spot[1], path)
    if not tree.mapping:
        listed = Listed(place)
        for index, (value, where) in enumerate(tree.members):
            listed.append(_placed(value, where, file, _join(path, str(index)), "", problems))
            listed.spots.append(where)
        return listed
    mapped = Mapped(place, name)
    for (key, at), (value, where) in zip(tree.members[::2], tree.members[1::2], strict=True):
        if isinstance(key, _Tree):
            problems.append(
                Problem(
                    Place(file, *at, path), "A list or a mapping cannot be a key.", "Write one word before the colon."
                )
            )
            continue
        word = {None: "null", True: "true", False: "false"}.get(key, key) if not isinstance(key, str) else str(key)
        inner = _join(path, word)
        if word in mapped:
            first = mapped.spots[word][0]
            problems.append(
                Problem(
                    Place(file, *at, inner),
                    f'"{word}" is given twice; it stands in line {first[0]} already.',
                    "Keep one of the two.",
                )
            )
            continue
        mapped[word] = _placed(value, where, file, inner, word, problems)
        mapped.spots[word] = (at, where)
    return mapped


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _Parser(CParser):
        """libyaml's events alone: no resolver, no constructor."""
else:  # pragma: no cover - wheels of PyYAML carry libyaml

    class _Parser(yaml.parser.Parser, yaml.scanner.Scanner, yaml.reader.Reader):  # type: ignore[no-redef]
        def __init__(self, stream: str) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)
