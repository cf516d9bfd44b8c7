"""What every field kind answers: how a value is stored, read, written, checked, shown, sorted and found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, ClassVar

import sqlalchemy as sa

from core.facts import Value
from core.fields.formatting import Formatter
from schemas.model import Field

MOST_DIGITS = 15
MOST_MARKS = 64
NOT_TEXT = "This has to be text."


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column of a field: its name on disk and its SQLAlchemy type."""

    name: str
    type: sa.types.TypeEngine[Any]
    nullable: bool = True
    server_default: str | None = None


@dataclass(frozen=True, slots=True)
class Parsing:
    """What reading a value may need: the person's zone and locale, the record's company currency, the clock's day and
    a way from a human key to an id (None when there is no such record). ``comparing``: the value is only compared with
    others, so that an amount may leave its currency open."""

    zone: str = "UTC"
    locale: str = "en"
    currency: str = ""
    today: date | None = None
    resolve_key: Callable[[str, str], int | None] | None = None
    comparing: bool = False


@dataclass(frozen=True, slots=True)
class Showing:
    """What writing a value as JSON may need: ``file(id)`` gives the facts of an uploaded file."""

    zone: str = "UTC"
    locale: str = "en"
    file: Callable[[int], Mapping[str, Any] | None] | None = None
    base_url: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def column_name(one: Field) -> str:
    """The field's identifier on disk: generated for overlay fields, else ``f_<name>``."""
    return one.column or f"f_{one.name}"


def second_column(one: Field) -> str:
    """The identifier of a field's second column (a currency, the entity of an any_reference)."""
    return f"c_{one.column or one.name}"


class FieldKind:
    """One kind of the language; subclasses say what is different. Instances are stateless."""

    name: ClassVar[str] = ""
    family: ClassVar[str] = "none"
    control: ClassVar[str] = "input"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "not_in", "empty")
    sortable: ClassVar[bool] = True

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        """The columns on disk; empty for kinds that have tables of their own or no storage."""
        return (ColumnSpec(column_name(one), text_type(dialect)),)

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        """The value as its columns bind it, one for each of :meth:`columns`."""
        return (value,)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        """The value from its columns, in the order of :meth:`columns`."""
        return cells[0]

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        """The value from parsed JSON; ValueError with a sentence when it is not one."""
        if raw is None or raw == "":
            return None
        if not isinstance(raw, str):
            raise ValueError(NOT_TEXT)
        return self.from_text(one, raw, ctx)

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        """The value as the API shows it."""
        return value

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        """The value from a form control or a CSV cell; empty text is None."""
        return clean(text, one_line=True)

    def to_text(self, one: Field, value: Value) -> str:
        """The value as a CSV cell."""
        return "" if value is None else str(value)

    def refuse(self, one: Field, value: Value) -> list[str]:
        """What the field's own limits say about a value; an empty list when it may stand."""
        return []

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        """What stands in a form control."""
        return self.to_text(one, value)

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        """The text a person reads."""
        return self.to_text(one, value)

    def sort_key(self, one: Field, value: Value) -> str | None:
        """The folded text people expect to sort by, for kinds that sort as text."""
        return None

    def words(self, one: Field, value: Value) -> str:
        """What the search index reads."""
        return ""


def text_type(dialect: str) -> sa.types.TypeEngine[Any]:
    """Text in code-point order on both engines."""
    return sa.Text(collation="C") if dialect == "postgresql" else sa.Text()


def clean(text: str, *, one_line: bool) -> str | None:
    """Text as it is stored: NFC, LF line ends; one-line kinds trimmed and without line breaks. Empty is None.

    Raises ValueError for NUL, lone surrogates, floods of combining marks and, in one-line kinds, line breaks.
    """
    if "\x00" in text:
        raise ValueError("The text holds a NUL character, which cannot be kept.")
    text = text.replace("\r\n", "\n")
    if not text.isascii():
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValueError("The text holds half of a character (a lone surrogate), which cannot be kept.")
        if _flood().search(text):
            raise ValueError(f"The text holds more than {MOST_MARKS} combining marks on one letter, which cannot be kept.")
        text = unicodedata.normalize("NFC", text)
    if one_line:
        text = text.strip()
        if "\n" in text or "\r" in text:
            raise ValueError("This is a single line: please remove the line breaks.")
    return text or None


@cache
def _flood() -> re.Pattern[str]:
    """Finds more combining marks in a row than any writing has.

    Normalisation puts each run in order in the square of its length: a megabyte of marks on one letter takes minutes.
    """
    marks = "".join(re.escape(sign) for sign in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(sign))
    return re.compile(f"[{marks}]{{{MOST_MARKS + 1}}}")


def fold(text: str) -> str:
    """Text for people's order and for matching without regard to case and accents."""
    if text.isascii():
        return text.lower()[:200]
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in plain if not unicodedata.combining(sign))[:200]


def aware(moment: datetime) -> bool:
    """Whether the instant knows its offset."""
    return moment.tzinfo is not None and moment.utcoffset() is not None
