"""Cells: for each field of a view one function from a plain row to escaped HTML, made once and called for every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from markupsafe import Markup, escape

from core.facts import SYSTEM_FIELDS, EntityRef
from core.fields import kind, plain
from core.fields.numbers import is_year
from core.render import words
from core.render.texts import Texts
from schemas.model import Entity, Field

Row = Sequence[Any]
Cell = Callable[[Row], str]
NUMERIC = frozenset({"integer", "decimal", "money", "percent", "duration", "rating"})
_COLOURS = frozenset({"ok", "warn", "bad", "info", "green", "orange", "yellow", "red", "blue"})
BRIEF = 160
"""Characters of a long text that a cell shows."""
NONE = Markup('<span class="none">–</span>')


class Spot(Protocol):
    """Where a field lies in a plain row (``core.storage.shapes.Cell``)."""

    @property
    def name(self) -> str: ...
    @property
    def shown(self) -> Field: ...
    @property
    def index(self) -> int: ...
    @property
    def label(self) -> int: ...


def pill(entity: Entity, state: object, large: bool = False) -> str:
    """A state as a shape and a word."""
    more = " large" if large else ""
    return f'<span class="pill {words.state_meaning(entity, state)}{more}">{escape(words.state_label(entity, state))}</span>'


def tag(field: Field, name: object) -> str:
    """A choice, tinted where its declaration has a colour."""
    colour = next((one.colour for one in field.options if one.name == name), "")
    label = escape(words.option_label(field, name))
    if not colour:
        return str(label)
    return f'<span class="tag{" " + colour if colour in _COLOURS else ""}">{label}</span>'


def numeric(field: Field) -> bool:
    """Whether the cells of the field stand to the right."""
    return field.type in NUMERIC or (field.type in ("computed", "rollup") and field.as_kind in NUMERIC)


def clipped(text: str, most: int = BRIEF) -> str:
    """The beginning of a text that is too long for its place; the dots say that it goes on."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def cell(spot: Spot, entity: Entity, said: Texts) -> Cell:
    """The function that writes one column. An empty value is an empty cell."""
    at, label, field = spot.index, spot.label, spot.shown
    if spot.name == "state":
        pills = {state.name: pill(entity, state.name) for state in (entity.workflow.states if entity.workflow else ())}
        return lambda row: "" if row[at] is None else pills.get(row[at]) or pill(entity, row[at])
    if field.type == "choice":
        tags = {option.name: tag(field, option.name) for option in field.options}
        return lambda row: "" if row[at] is None else tags.get(row[at]) or str(escape(row[at]))
    if field.type in _REFERENCES:
        return _reference(at, label)
    if field.type in ("references", "any_reference", "file", "image", "signature") and label >= 0:
        return lambda row: _several(row[at], row[label])
    show = _brief(field, said)
    return lambda row: "" if row[at] is None else show(row[at])


def column(spot: Spot, entity: Entity, said: Texts) -> Callable[[Sequence[Row]], list[str]]:
    """The function that writes one column of many rows. An empty value is an empty cell."""
    at, label, field = spot.index, spot.label, spot.shown
    if spot.name != "state" and field.type in _REFERENCES:
        if label < 0:
            return lambda rows: ["" if row[at] is None else WITHHELD for row in rows]
        return lambda rows: [
            text or ("" if row[at] is None else WITHHELD) for row, text in zip(rows, escaped([row[label] for row in rows]), strict=True)
        ]
    if spot.name != "state" and field.type in _TEXTS:
        return lambda rows: escaped([row[at] for row in rows])
    write = cell(spot, entity, said)
    return lambda rows: [write(row) for row in rows]


def escaped(values: Sequence[object]) -> list[str]:
    """Many texts as HTML in one step; None is empty. No stored text holds a NUL."""
    texts = ["" if value is None else str(value) for value in values]
    joined = str(escape("\0".join(texts)))
    return joined.split("\0") if texts else []


def _reference(at: int, label: int) -> Cell:
    def write(row: Row) -> str:
        if row[at] is None:
            return ""
        text = row[label] if label >= 0 else None
        return WITHHELD if text is None else str(escape(text))

    return write


_REFERENCES = frozenset({"reference", "person", "department"})
_TEXTS = frozenset({"text", "sequence", "email", "phone", "url", "barcode"})
WITHHELD = Markup('<span class="withheld" title="You may not read this record">restricted</span>')


def _several(value: Any, labels: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(labels, str):
        return str(escape(labels))
    if isinstance(labels, list | tuple):
        return ", ".join(WITHHELD if one is None else str(escape(one)) for one in labels[:4]) + (" …" if len(labels) > 4 else "")
    return str(escape(f"{len(value)}")) if isinstance(value, tuple) else WITHHELD


def _shower(field: Field, said: Texts) -> Callable[[Any], str]:
    """From a value that is not empty to escaped text."""
    name = field.type
    if name == "datetime":
        return said.stamp if _stamped(field) else said.datetime
    if name == "date":
        return said.date
    if name == "boolean":
        return lambda value: '<span class="ok" title="Yes">✓</span><span class="sr">Yes</span>' if value else '<span class="sr">No</span>'
    if name == "money":
        return lambda value: str(escape(said.money(value)))
    if name in ("decimal",):
        places = 2 if field.places is None else field.places
        return lambda value: said.number(value, places) if isinstance(value, Decimal | int) else str(escape(value))
    if name == "percent":
        return lambda value: str(escape(said.percent(value)))
    if name == "integer" and is_year(field):
        return lambda value: str(escape(value))
    if name == "integer":
        return lambda value: said.number(value) if isinstance(value, int) else str(escape(value))
    if name == "duration":
        return lambda value: str(escape(said.duration(value)))
    if name == "rich_text":
        return lambda value: str(escape(plain(value)))
    if name == "long_text":
        return lambda value: str(escape(value))
    if name == "choices":
        return lambda value: " ".join(f'<span class="tag">{escape(words.option_label(field, one))}</span>' for one in value)
    if name == "colour":
        return lambda value: f"<code>{escape(value)}</code>"
    if name == "lines":
        return lambda value: str(len(value))
    if name == "any_reference":
        return lambda value: str(escape(f"{value.entity} {value.id}")) if isinstance(value, EntityRef) else str(escape(value))
    here = kind(field)
    return lambda value: str(escape(here.display(field, value, said.fmt)))


def _stamped(field: Field) -> bool:
    """Whether the field's instants are the system's own and not a person's, who may have meant the seconds."""
    return field.name in SYSTEM_FIELDS


def _brief(field: Field, said: Texts) -> Callable[[Any], str]:
    """From a value that is not empty to escaped text that fits a cell."""
    if field.type == "rich_text":
        return lambda value: str(escape(clipped(plain(value))))
    if field.type == "long_text":
        return lambda value: str(escape(clipped(value)))
    return _shower(field, said)


def brief(field: Field, value: Any, said: Texts) -> str:
    """As :func:`show`, of long texts the beginning only: for cards, previews and histories."""
    if field.type in ("rich_text", "long_text") and value:
        return _brief(field, said)(value)
    return show(field, value, said)


def show(field: Field, value: Any, said: Texts) -> str:
    """One whole value as escaped HTML, for record pages; empty values are a dash."""
    if value is None or value == () or value == "":
        return NONE
    if field.type == "choice":
        return tag(field, value)
    if isinstance(value, datetime):
        return f'<time datetime="{value.isoformat()}">{(said.stamp if _stamped(field) else said.datetime)(value)}</time>'
    return _shower(field, said)(value)
