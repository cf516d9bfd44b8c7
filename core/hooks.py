"""The hooks a plugin may implement, told in the order of life, and the two marks an implementation carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pluggy

from core.facts import Record, Value

PROJECT = "backoffice"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of a hook: ``@hookimpl`` or ``@hookimpl(specname="before_save")``."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
ON = "backoffice_on"


def on(*entities: str) -> Callable[[_Function], _Function]:
    """Limit a hook implementation to records of the named entities: ``@on("facilities.request")``.

    Without it an implementation is called for every entity.
    """
    for name in entities:
        if not isinstance(name, str) or name.count(".") != 1:
            raise TypeError(f'@on takes names such as "library.book", not {name!r}.')

    def mark(function: _Function) -> _Function:
        setattr(function, ON, frozenset(entities))
        return function

    return mark


class Refusal(Exception):
    """Raised by a hook to veto what is being done; ``sentence`` is shown to the person, beside ``field`` if given."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = str(sentence)
        self.field = field


class Change(Protocol):
    """What is about to happen, or has happened, to a record."""

    at: Any
    """The instant of the write, aware, in UTC."""
    actor: Any
    """Who writes: has ``person``, ``email``, ``name``, ``department``, ``roles``."""
    is_new: bool
    before: Mapping[str, Value] | None
    transition: str
    """The move under way, "" for a plain save."""
    reason: str

    def touches(self, field: str) -> bool:
        """Whether the field's value differs from the one before (always true for given fields of a new record)."""
        ...


class Work(Protocol):
    """A plugin's only way to data: in the name of whoever caused the call, not held back by that person's rights."""

    @property
    def now(self) -> Any: ...
    @property
    def today(self) -> Any: ...

    def get(self, entity: str, id: int | None) -> Record | None: ...
    def find(self, entity: str, *, limit: int = 100, **conditions: Value) -> list[Record]: ...
    def first(self, entity: str, **conditions: Value) -> Record | None: ...
    def count(self, entity: str, **conditions: Value) -> int: ...
    def lock(self, entity: str, *ids: int) -> None: ...
    def create(self, entity: str, **values: Value) -> Record: ...
    def change(self, entity: str, id: int, **values: Value) -> Record: ...
    def move(self, entity: str, id: int, transition: str, **values: Value) -> Record: ...
    def delete(self, entity: str, id: int) -> None: ...
    def forget(self, entity: str, id: int) -> Record:
        """Empty the record's personal fields, and erase what they held in its history."""
        ...

    def effect(self, kind: str, payload: Mapping[str, Any], key: str | None = None) -> None: ...
    def tell(self, persons: int | Iterable[int | None] | None, text: str, about: Record) -> None: ...


class DemoWork(Work, Protocol):
    """What the hook ``demo`` writes with: it can make up the past."""

    now_really: Any
    size: str
    """small or full."""

    def at(self, moment: Any) -> None:
        """Write as if it were then; None is now again."""
        ...

    def by(self, person: int | None) -> None:
        """Write as this person of the directory; None is the system again."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go: a menu entry or a button. ``url`` is a path of this site such as ``/facilities/request``."""

    label: str
    url: str
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A block beside a record: a title and rows of a label, a text and, optionally, a path to go to."""

    title: str
    rows: tuple[tuple[str, str] | tuple[str, str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of a document. ``right`` tells which columns are numbers."""

    label: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What stands on paper: a title, facts as (label, text), tables, and a line at the foot of each page."""

    title: str
    subtitle: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    foot: str = ""


class Specifications:
    """Every hook. An implementation names only the arguments it needs."""

    # Starting -------------------------------------------------------------------------------------------------

    @hookspec
    def declare(self) -> Any:
        """Called once when plugins are found. Return a ``schemas.Plugin``, or the text of a plugin document.

        For declarations that are computed. A plugin that has a YAML document needs no ``declare``. It may not veto.
        """

    @hookspec
    def commands(self) -> Any:
        """Called when the command line starts. Return a list of click commands, shown under the plugin's name."""

    @hookspec
    def expression_functions(self) -> Any:
        """Called when a generation is built. Return a list of ``schemas.expressions.Function``: pure functions that
        expressions may use, each saying whether SQL can do it."""

    # Writing --------------------------------------------------------------------------------------------------

    @hookspec
    def check_record(self, record: Record, before: Record | None, change: Change, work: Work) -> Any:
        """Called while a write is prepared, before anything is stored. Return None, or a mapping from field names
        (``""`` for the whole record) to a sentence or a list of them. ``record`` is a copy; raise Refusal to veto.
        ``work`` only reads here."""

    @hookspec
    def before_save(self, record: Record, before: Record | None, change: Change, work: Work) -> None:
        """Called while a write is prepared; may set fields of ``record``. What a failed call had set is taken back.
        Runs outside any lock and may run again when the write has to be prepared again. Raise Refusal to veto.
        ``change.transition`` names the move under way, "" for a plain save; ``work`` only reads here."""

    @hookspec
    def after_save(self, record: Record, before: Record | None, change: Change, work: Work) -> None:
        """Called when a record was written. May write other records and put effects through ``work``."""

    # Moving ---------------------------------------------------------------------------------------------------

    @hookspec
    def allow_transition(self, record: Record, transition: str, change: Change, work: Work) -> Any:
        """Called before a move is offered or made. Return None to allow, or a sentence that says why not. Only reads."""

    @hookspec
    def after_transition(self, record: Record, transition: str, change: Change, work: Work) -> None:
        """Called when a record was moved; ``record`` is already in its new state. May write through ``work``."""

    # After commit ---------------------------------------------------------------------------------------------

    @hookspec
    def perform_effect(self, effect: Any) -> Any:
        """Called by the worker for an effect put with ``work.effect``; ``effect`` has ``kind``, ``payload``, ``key``
        and ``attempt``. Return True when this plugin performed it; raise to have it tried again later."""

    # Looking --------------------------------------------------------------------------------------------------

    @hookspec
    def record_panels(self, entity: str, record: Record, work: Work) -> Any:
        """Called when a record's page is built. Return a list of ``Panel``. Only reads."""

    @hookspec
    def record_actions(self, entity: str, record: Record, actor: Any) -> Any:
        """Called when a record's page is built. Return a list of ``Link`` shown among its actions. Only looks."""

    @hookspec
    def navigation(self, actor: Any) -> Any:
        """Called when the menu is built. Return a list of ``Link`` added under the plugin's name."""

    @hookspec
    def print_document(self, entity: str, record: Record, fmt: Any, work: Work) -> Any:
        """Called when a record of the plugin's own entities is printed. Return a ``Document``, or None for the usual one.
        ``record`` holds what its reader may see and nothing else; ``fmt`` writes dates, numbers and money as that reader
        reads them. Only reads."""

    @hookspec
    def cell(self, entity: str, field: str, value: Value) -> Any:
        """Called for cells of fields of the plugin's own entities. Return a text to show instead, or None."""

    # Searching ------------------------------------------------------------------------------------------------

    @hookspec
    def search_text(self, record: Record) -> Any:
        """Called when a record is indexed. Return more words by which every reader of the record may find it."""

    # Trying out -----------------------------------------------------------------------------------------------

    @hookspec
    def demo(self, work: DemoWork) -> None:
        """Called once when demo data is made, in the order of ``needs``. Write example records through ``work``."""


def _none(value: object) -> bool:
    return value is None


def _list_of(*kinds: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list | tuple) and all(isinstance(one, kinds) for one in value)


def _problems(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and (isinstance(said, str) or _list_of(str)(said)) for name, said in value.items()
    )


def _text(value: object) -> bool:
    return isinstance(value, str)


def _anything_listed(value: object) -> bool:
    return isinstance(value, list | tuple)


RETURNS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "declare": ("a schemas.Plugin or a text", lambda value: value is not None),
    "commands": ("a list of click commands", _anything_listed),
    "expression_functions": ("a list of functions", _anything_listed),
    "check_record": ("None or a mapping from field names to sentences", _problems),
    "before_save": ("None", _none),
    "after_save": ("None", _none),
    "allow_transition": ("None or a sentence", _text),
    "after_transition": ("None", _none),
    "perform_effect": ("True, False or None", lambda value: isinstance(value, bool)),
    "record_panels": ("a list of Panel", _list_of(Panel)),
    "record_actions": ("a list of Link", _list_of(Link)),
    "navigation": ("a list of Link", _list_of(Link)),
    "print_document": ("a Document", lambda value: isinstance(value, Document)),
    "cell": ("a text or None", _text),
    "search_text": ("a text or None", _text),
    "demo": ("None", _none),
}
"""What each hook may return besides None: in words, and as a test."""

HOOK_NAMES: Sequence[str] = tuple(RETURNS)
