"""Kinds whose value is text."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

import nh3

from core.facts import Value
from core.fields.base import NOT_TEXT, FieldKind, Parsing, clean, fold
from core.fields.formatting import Formatter
from core.fields.patterns import matches
from schemas.model import Field

TAGS = {"p", "br", "b", "strong", "i", "em", "u", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h2", "h3", "h4", "hr",
        "table", "thead", "tbody", "tr", "th", "td", "span", "div"}
_LONGEST = 1_000_000
_ELEMENTS = """a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body br
button canvas caption center circle cite code col colgroup data datalist dd defs del details dfn dialog dir div dl dt
ellipse em embed fieldset figcaption figure font footer foreignobject form frame frameset g h1 h2 h3 h4 h5 h6 head
header hgroup hr html i iframe image img input ins isindex kbd keygen label legend li link listing main map mark marquee
math menu menuitem meta meter nav nobr noembed noframes noscript object ol optgroup option output p param path picture
plaintext polygon pre progress q rect rp rt ruby s samp script search section select slot small source span strike
strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video
wbr xmp"""
_NO_TAG = re.compile(
    rf"""<(?!/?(?:{"|".join(_ELEMENTS.split())}|(?:m|o|st1|v|w|x):[a-z0-9]+)"""
    r"""(?:(?:[\s/][^<>]*)?>|(?:\s+[a-z-]+="[^"]{0,2000}"){1,9}\s*/?>)|!--|!doctype|!\[|\?xml)""",
    re.I,
)
"""A sign that begins no markup: of ``a < b``, ``x<y`` and ``Use <name>``, which people type where no script helps them."""
_BLOCK = re.compile(r"</?(?:p|li|ul|ol|h[2-4]|div|table|thead|tbody|tr|td|th|blockquote|pre|br|hr)\b[^<>]*>", re.I)


class Text(FieldKind):
    """One line of text."""

    name: ClassVar[str] = "text"
    family: ClassVar[str] = "text"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "not_in", "contains", "starts", "lt", "le", "gt", "ge", "between", "empty")

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        said = []
        if one.max_length is not None and len(value) > one.max_length:
            said.append(f"At most {one.max_length} characters, not {len(value)}.")
        elif len(value) > _LONGEST:
            said.append(f"At most {_LONGEST} characters.")
        if one.pattern and not matches(one.pattern, value):
            said.append(f"This has to look like {one.help}." if one.help else f"This has to match the pattern {one.pattern}.")
        return said

    def sort_key(self, one: Field, value: Value) -> str | None:
        return fold(value) if value else None

    def words(self, one: Field, value: Value) -> str:
        return value or ""


class LongText(Text):
    """Text of several lines, kept as sent."""

    name: ClassVar[str] = "long_text"
    control: ClassVar[str] = "textarea"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "contains", "starts", "empty")
    sortable: ClassVar[bool] = False

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        return clean(text, one_line=False)

    def sort_key(self, one: Field, value: Value) -> str | None:
        return None


class RichText(LongText):
    """Text with simple markup, cleaned on writing and on reading."""

    name: ClassVar[str] = "rich_text"
    control: ClassVar[str] = "rich"

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        kept = clean(text, one_line=False)
        made = sanitised(kept) if kept else ""
        return made if plain(made) or "<hr" in made else None  # <p> </p> is nothing to read

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return plain(value) if value else ""

    def words(self, one: Field, value: Value) -> str:
        return plain(value) if value else ""


def mail_address(text: str) -> str:
    """The address as it is written everywhere the same. Raises ValueError with the reason."""
    from email_validator import EmailNotValidError, validate_email  # here: no start has to wait for it

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


class Email(Text):
    """A mail address, checked for its form only."""

    name: ClassVar[str] = "email"
    control: ClassVar[str] = "email"

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        value = clean(text, one_line=True)
        if value is None:
            return None
        try:
            return mail_address(value)
        except ValueError:
            raise ValueError("This is not a mail address such as name@example.org.") from None


class Phone(Text):
    """A telephone number, stored as + and digits when it is international."""

    name: ClassVar[str] = "phone"
    control: ClassVar[str] = "tel"

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        value = clean(text, one_line=True)
        if value is None:
            return None
        digits = re.sub(r"[\s().\-/]", "", value)
        if not re.fullmatch(r"\+?[0-9]{3,15}", digits):
            raise ValueError("This is not a telephone number: use digits, with + and the country code in front.")
        return digits


class Url(Text):
    """An address on the web, http or https."""

    name: ClassVar[str] = "url"
    control: ClassVar[str] = "url"

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        value = clean(text, one_line=True)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            whole = False
        if not whole or " " in value:
            raise ValueError("This is not a web address: it begins with http:// or https://.")
        return value


class Colour(Text):
    """A colour as #rrggbb."""

    name: ClassVar[str] = "colour"
    control: ClassVar[str] = "color"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "not_in", "empty")

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        value = clean(text, one_line=True)
        if value is None:
            return None
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise ValueError("A colour is written as #2453c9.")
        return value.lower()


class Barcode(Text):
    """A code that is scanned."""

    name: ClassVar[str] = "barcode"


class EntityName(Text):
    """The name of an entity, ``plugin.entity``."""

    name: ClassVar[str] = "entity"

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        value = clean(text, one_line=True)
        if value is not None and not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", value):
            raise ValueError("This has to be the name of an entity, such as directory.person.")
        return value


class Secret(FieldKind):
    """Text that is kept encrypted and never shown."""

    name: ClassVar[str] = "secret"
    family: ClassVar[str] = "secret"
    control: ClassVar[str] = "password"
    operators: ClassVar[tuple[str, ...]] = ("empty",)
    sortable: ClassVar[bool] = False

    def to_json(self, one: Field, value: Value, ctx: Any) -> Any:
        return None

    def to_text(self, one: Field, value: Value) -> str:
        return ""

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        return clean(text, one_line=False)

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is not None and not isinstance(value, str):
            return [NOT_TEXT]
        return ["At most 10,000 characters."] if value is not None and len(value) > 10_000 else []


class Sequence(Text):
    """A number for people, drawn by the platform."""

    name: ClassVar[str] = "sequence"


def sanitised(markup: str) -> str:
    """Markup without anything that could act: scripts, handlers, styles, foreign schemes. What is no markup stays as text."""
    return nh3.clean(
        _NO_TAG.sub("&lt;", markup),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


def plain(markup: str) -> str:
    """The words of a marked-up text."""
    text = nh3.clean(_BLOCK.sub(" ", markup), tags=set())
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return " ".join(text.split())
