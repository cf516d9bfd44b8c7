"""A house with one entity that has every kind of text twenty times over, and what the contract says becomes of a text there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from core.testing.world import World
from tests import houses

WIDTH = 20
ONE_LINE, LONG = ("text", "barcode"), ("long_text",)
KINDS = (*ONE_LINE, *LONG)
"""Kinds that keep every text; each has WIDTH fields, ``text_0`` to ``text_19``."""
STRICT = {
    "email": "email", "phone": "phone", "url": "url", "colour": "colour", "integer": "integer", "decimal": "decimal", "percent": "percent",
    "money": "money", "date": "date", "time": "time", "datetime": "datetime", "duration": "duration", "location": "location",
    "rating": "rating", "sort": "choice, options: [a, b]", "sorts": "choices, options: [a, b]",
    "other": "reference, to: sheet", "others": "references, to: sheet", "who": "person", "where": "department",
    "any": "any_reference, to: [sheet]", "shape": "entity", "paper": "file",
}
"""Fields that read their text: nearly everything is refused with a sentence."""


def declaration() -> str:
    """The plugin ``naughty`` as YAML."""
    fields = ["      name: {type: text, required: true, in_list: true}"]
    for kind in (*KINDS, "rich_text"):
        fields += [f"      {kind}_{number}: {{type: {kind}}}" for number in range(WIDTH)]
    fields += ["      said: {type: lines, fields: {one: {type: text}, more: {type: long_text}}}", "      data: {type: json}",
               "      hush: {type: secret}"]
    strict = [f"      {name}: {{type: {kind}}}" for name, kind in STRICT.items()]
    columns = ", ".join(f"{kind}_{number}" for kind in ONE_LINE for number in range(WIDTH))
    return "\n".join([
        "plugin: naughty", "label: Naughty", "version: 1.0.0", 'core: ">=1,<2"', "needs: [directory]", "entities:",
        "  sheet:", "    label: Sheet", '    title: "{text_0} {name}"', "    fields:", *fields,
        "    views:", f"      all: {{kind: list, columns: [name, {columns}], sort: -id, default: true}}",
        "    access:", "      clerk: {read: all, create: all, write: all, delete: all, export: all, import: all}",
        "  strict:", "    label: Strict", "    fields:", "      name: {type: text}", *strict,
        "    access:", "      clerk: {read: all, create: all, write: all, delete: all, export: all, import: all}", "",
    ])


@contextmanager
def house(folder: Path, url: str, text: str = "", name: str = "naughty") -> Iterator[World]:
    """The started house; ``url`` is its database, ``text`` another plugin of that name."""
    with houses.house(folder, name, text or declaration(), url) as world:
        wrong = [one.message for one in world.platform.current.problems if one.severity == "error" and one.plugin == name]
        assert not wrong, wrong
        yield world


class Refused(Exception):
    """The contract does not keep this text."""


def kept(kind: str, text: str) -> str | None:
    """The text as a field of the kind keeps it; None is empty. Raises Refused."""
    run = most = 0
    for sign in text:
        run = run + 1 if unicodedata.combining(sign) else 0
        most = max(most, run)
    if "\x00" in text or any(0xD800 <= ord(sign) <= 0xDFFF for sign in text) or most > 64:
        raise Refused
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    if kind not in LONG:
        text = text.strip()
        if "\n" in text or "\r" in text:
            raise Refused
    if len(text) > 1_000_000:
        raise Refused
    return text or None


def is_kept(kind: str, text: str) -> bool:
    try:
        kept(kind, text)
    except Refused:
        return False
    return True


class Seen(HTMLParser):
    """A page as a browser reads it: what stands in its controls, its texts, and whatever could run."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.controls: dict[str, str] = {}
        self.texts: list[str] = []
        self.runs: list[str] = []
        self._area = ""
        self._select = ""
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        for name, value in named.items():
            follows = name in ("href", "src", "action", "formaction", "data", "hx-get", "hx-post")
            runs = follows and value.strip().lower().startswith(("javascript:", "vbscript:", "data:text/html"))
            if runs or name == "srcdoc" or name.startswith(("on", "hx-on")):
                self.runs.append(f"<{tag} {name}={value[:60]!r}>")
        if tag in ("iframe", "object", "embed", "base", "math") or (tag == "script" and "nonce" not in named and "src" not in named):
            self.runs.append(f"<{tag} {named}>")
        if tag == "input" and named.get("type", "text") not in ("checkbox", "radio", "hidden", "submit", "file"):
            self.controls[named.get("name", "")] = named.get("value", "")
        if tag == "textarea":
            self._area = named.get("name", "")
            self.controls[self._area] = ""
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # A browser drops one line break right after the start tag.
            self.controls[self._area] = self.controls[self._area].removeprefix("\n")
            self._area = ""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.controls[self._area] += data
        elif self._inside not in ("script", "style"):
            self.texts.append(data)
