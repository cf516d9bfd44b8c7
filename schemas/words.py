"""The small parts of the grammar: what may stand behind a word, as marshmallow fields with our own sentences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from schemas.source import Mapped
from schemas.values import NUMBER, Number, freeze, qualified

PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
MAX_NAME = 40
MAX_FIELD_NAME = 60
MAX_TEXT = 2000
ROW_SCOPES = ("none", "own", "team", "department", "department_tree", "company", "all")


class Fault(str):
    """A sentence of a mistake with its ``remedy``; ``at_key`` marks mistakes of the word itself, not of its value."""

    remedy: str
    at_key: bool

    def __new__(cls, message: str, remedy: str = "", at_key: bool = False) -> Fault:
        made = super().__new__(cls, message)
        made.remedy, made.at_key = remedy, at_key
        return made


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known while a document is read: the plugin whose names may stand without it."""

    plugin: str = ""


NOTHING_KNOWN = Reading()
READING: ContextVar[Reading] = ContextVar("reading", default=NOTHING_KNOWN)


def fault(message: str, remedy: str = "", at_key: bool = False) -> ValidationError:
    """The error that carries one sentence and its remedy."""
    return ValidationError([Fault(message, remedy, at_key)])


def meant(word: str, known: Iterable[str]) -> str:
    """``Did you mean "x"?`` for a near word, else the known words when they are few, else nothing."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{near[0]}"?'
    if 0 < len(words) <= 12:
        return "Known are " + ", ".join(words) + "."
    return ""


def bad_name(name: str, longest: int = MAX_NAME) -> Fault | None:
    """What is wrong with a name, or None."""
    if not PLAIN_NAME.match(name):
        return Fault(
            f'"{name}" is no name.',
            "Names begin with a small letter and hold small letters, digits and underscores.",
            True,
        )
    if len(name) > longest:
        return Fault(
            f'"{name}" has {len(name)} characters; a name here has at most {longest}.',
            "Give it a shorter name and a label.",
            True,
        )
    return None


class Part(Schema):
    """A block of the language: unknown words are explained, and a missing block is said to be one."""

    class Meta:
        unknown = EXCLUDE

    what = "here"

    def load(self, data: Any, **more: Any) -> Any:
        """The finished part. Raises ValidationError with sentences."""
        if not isinstance(data, Mapping):
            raise fault("A block of words and values must stand here.", "Write `{word: value}` or indent lines below.")
        return super().load(data, **more)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def only_known_words(self, data: Any, original: Any, **_: Any) -> None:
        known = self.__dict__.setdefault("known_words", [one.data_key or name for name, one in self.fields.items()])
        errors = {
            word: [Fault(f'There is no word "{word}" {self.what}.', meant(word, known), True)]
            for word in original
            if word not in known
        }
        if errors:
            raise ValidationError(errors)


class Word(fields.Field[Any]):
    """The base: the sentences for a missing value and for a word without one."""

    default_error_messages = {
        "required": Fault("This word is missing.", "Add it."),
        "null": Fault("Nothing stands behind this word.", "Give a value, or leave the word out."),
    }

    def make_error(self, key: str, **kwargs: Any) -> ValidationError:
        """The same error, with its remedy kept."""
        found = self.error_messages.get(key)
        return ValidationError([found]) if isinstance(found, Fault) else super().make_error(key, **kwargs)


class Text(Word):
    """Text; a number's source text is text too."""

    def __init__(self, *, longest: int = MAX_TEXT, lines: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.longest, self.lines = longest, lines

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str):
            raise fault("A text must stand here.", "Put quotes around it." if isinstance(value, bool) else "")
        if len(value) > self.longest:
            raise fault(f"This text has {len(value):,} characters; {self.longest:,} are the most.")
        if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
            raise fault("This text holds a character that cannot be stored.")
        return str(value)


class Source(Word):
    """An expression's source text; ``true`` and ``false`` and numbers are expressions too."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if isinstance(value, bool):
            return "True" if value else "False"
        if not isinstance(value, str):
            raise fault("An expression must stand here.", "Write it as one text in quotes.")
        return " ".join(value.split()) if "\n" in value else str(value)


class Flag(Word):
    """``true`` or ``false``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if isinstance(value, bool):
            return value
        remedy = (
            "Only true and false are booleans." if str(value).lower() in ("yes", "no", "on", "off", "y", "n") else ""
        )
        if (
            not remedy
            and isinstance(value, str)
            and attr in ("required", "read_only")
            and not isinstance(value, Number)
        ):
            remedy = f"A condition belongs to `{attr}_if`."
        raise fault("true or false must stand here.", remedy)


class Count(Word):
    """A whole number within bounds."""

    def __init__(self, low: int = 0, high: int = 1_000_000_000, **more: Any) -> None:
        super().__init__(**more)
        self.low, self.high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"[-+]?[0-9]{1,12}", value):
            raise fault("A whole number must stand here.")
        number = int(value)
        if not self.low <= number <= self.high:
            raise fault(f"{number} is outside {self.low} to {self.high}.")
        return number


class Limit(Word):
    """A bound of a value: a number, or a date or time as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if isinstance(value, str):
            return Number(value) if NUMBER.match(value) else str(value)
        raise fault("A number, a date or a time must stand here.")


class Name(Word):
    """One name of the pattern, such as the name of a field."""

    def __init__(self, longest: int = MAX_NAME, **more: Any) -> None:
        super().__init__(**more)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str) or isinstance(value, Number):
            raise fault("One name must stand here.")
        wrong = bad_name(value, self.longest)
        if wrong:
            raise fault(str(wrong), wrong.remedy)
        return str(value)


class Path(Word):
    """A name, or two with a point between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str) or isinstance(value, Number):
            raise fault("One name must stand here.")
        parts = value.split(".")
        if len(parts) > 2 or any(bad_name(part, MAX_FIELD_NAME) for part in parts):
            raise fault(
                f'"{value}" is no name.', "Write a name, or two with a point between them, such as plugin.entity."
            )
        return str(value)


class Owned(Path):
    """The name of an entity or role; without a plugin it is this plugin's."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        return qualified(super()._deserialize(value, attr, data, **more), READING.get().plugin)


class OneOf(Word):
    """One of a few known words."""

    def __init__(self, *known: str, what: str = "word", **more: Any) -> None:
        super().__init__(**more)
        self.known, self.what_it_is = known, what

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if isinstance(value, str) and value in self.known:
            return str(value)
        shown = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
        if not isinstance(shown, str):
            raise fault(f"One {self.what_it_is} must stand here.", meant("", self.known))
        raise fault(f'There is no {self.what_it_is} "{shown}".', meant(shown, self.known))


class Many(Word):
    """A list of ``inner``; one value may stand alone. Gives a tuple."""

    def __init__(self, inner: Word, **more: Any) -> None:
        super().__init__(**more)
        self.inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            return (self.inner.deserialize(value, attr, data),)
        made, errors = [], {}
        for index, one in enumerate(value):
            try:
                made.append(self.inner.deserialize(one, attr, data))
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)


class Each(Word):
    """A list of blocks, read by a schema. Gives a tuple."""

    def __init__(self, part: Schema, alone: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.part, self.alone = part, alone

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Any, ...]:
        if isinstance(value, Mapping) and self.alone:
            return (self.part.load(value),)
        if not isinstance(value, list):
            raise fault("A list must stand here.", "Begin each member with `- `.")
        made, errors = [], {}
        for index, one in enumerate(value):
            try:
                made.append(self.part.load(one))
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)


class Inside(Word):
    """One block, read by a schema."""

    def __init__(self, part: Schema, **more: Any) -> None:
        super().__init__(**more)
        self.part = part

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        try:
            return self.part.load(value)
        except ValidationError as error:
            # Without the part that could be read: nobody shall take it for the finished block.
            raise ValidationError(error.messages) from error


class Named(Word):
    """A mapping from names to blocks. Gives a tuple in its order; a name without a block has an empty one."""

    def __init__(self, part: Schema, what: str, longest: int = MAX_NAME, pattern: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.part, self.what_it_is, self.longest, self.pattern = part, what, longest, pattern

    def wrong(self, name: str) -> Fault | None:
        """What is wrong with this name here, or None."""
        return bad_name(name, self.longest) if self.pattern else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Any, ...]:
        if not isinstance(value, Mapped):
            raise fault(
                f"A mapping from the name of each {self.what_it_is} to its block must stand here.",
                f"Write `name: {{...}}` for each {self.what_it_is}.",
            )
        made: list[Any] = []
        errors: dict[str, Any] = {}
        for name, block in value.items():
            wrong = self.wrong(name)
            if wrong:
                errors[name] = [wrong]
                continue
            if block is None:
                block = Mapped(value.place, name)
            try:
                made.append(self.part.load(block))
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)


class Given(Word):
    """Any plain value, kept as read and frozen."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return freeze(value)


class RawBlock(Word):
    """A block (or list of blocks) whose engine comes later, kept as read and frozen."""

    def __init__(self, blocks_only: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.blocks_only = blocks_only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if not isinstance(value, Mapping | list):
            raise fault("A block of words and values must stand here.")
        if self.blocks_only and isinstance(value, list):
            return freeze({"list": value})
        return freeze(value)


class RowScope(Word):
    """A row scope: one of the keywords or an expression."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str) or isinstance(value, Number) or not value.strip():
            raise fault("A row scope must stand here.", "Write " + ", ".join(ROW_SCOPES) + " or an expression.")
        return " ".join(value.split())


__all__ = [
    "MAX_FIELD_NAME",
    "MAX_NAME",
    "READING",
    "ROW_SCOPES",
    "Count",
    "Each",
    "Fault",
    "Flag",
    "Given",
    "Inside",
    "Limit",
    "Many",
    "Name",
    "Named",
    "OneOf",
    "Owned",
    "Part",
    "Path",
    "RawBlock",
    "Reading",
    "RowScope",
    "Source",
    "Text",
    "bad_name",
    "fault",
    "meant",
]
