"""Documents on paper: any record, or a document composed by a function, as PDF in a font that knows Latin, Greek and Cyrillic."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.facts import Record
from core.fields import Formatter, effective, kind
from core.fields.texts import plain
from core.hooks import Document, Table
from core.render.forms import line_fields
from schemas.model import Entity, Field

_NUMBERS = frozenset({"number", "money"})
_MOST_ROWS = 5_000
_MOST_TEXT = 20_000


def of_record(shape: Entity, record: Record, entities: Mapping[str, Entity], fmt: Formatter, foot: str = "") -> Document:
    """A record as its reader sees it: filled fields in their declared order, line items as tables. Masked fields say so."""
    facts: list[tuple[str, str]] = []
    tables: list[Table] = []
    if record.get("state") and shape.workflow is not None:
        state = shape.workflow.state(record["state"])
        facts.append(("State", state.label or state.name if state is not None else str(record["state"])))
    for one in shape.fields:
        if one.hidden or (one.name not in record and one.name not in record.masked):
            continue
        label = one.label or one.name.replace("_", " ").capitalize()
        shown = effective(one, entities, shape)
        if one.name in record.masked:
            facts.append((label, "(not shown)"))
        elif kind(shown).name == "secret" or record.get(one.name) in (None, "", ()):
            continue
        elif kind(shown).family == "lines":
            tables.append(_lines(one, label, record, entities, shape, fmt))
        else:
            facts.append((label, text_of(shown, one.name, record, fmt)))
    title = str(record.get("display_title") or shape.label or shape.name)
    return Document(title, shape.label or shape.name, tuple(facts), tuple(tables), foot)


def text_of(shown: Field, name: str, record: Record, fmt: Formatter) -> str:
    """A field's value as people read it; references by their readable titles."""
    value, family = record.get(name), kind(shown).family
    label = record.labels.get(name)
    if family in ("reference", "any_reference"):
        return str(label) if isinstance(label, str) else ""
    if family == "references":
        return ", ".join(str(one) for one in label if one) if isinstance(label, Sequence) and not isinstance(label, str) else ""
    if shown.type == "rich_text":
        return plain(value or "")
    return kind(shown).display(shown, value, fmt)


def pdf(document: Document, at: datetime) -> bytes:
    """The document as PDF (A4, numbered pages). ``at`` is the instant it was made; equal documents of one instant are equal."""
    from font_roboto import Roboto, RobotoBold
    from fpdf import FPDF
    from fpdf.enums import XPos, YPos
    from fpdf.fonts import FontFace

    clean = _writable(Roboto)

    class Paper(FPDF):
        def footer(self) -> None:
            self.set_y(-14)
            self.set_font("roboto", size=8)
            self.set_text_color(110)
            self.cell(0, 5, clean(document.foot)[:140])
            self.set_y(-14)
            self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")

    paper = Paper(format="A4")
    paper.set_creation_date(at)
    paper.set_title(clean(document.title))
    paper.set_lang("en")
    paper.add_font("roboto", "", Roboto)
    paper.add_font("roboto", "B", RobotoBold)
    paper.set_auto_page_break(True, margin=20)
    paper.set_margin(18)
    paper.add_page()
    next_line: dict[str, Any] = {"new_x": XPos.LMARGIN, "new_y": YPos.NEXT}
    if document.subtitle:
        paper.set_font("roboto", size=9)
        paper.set_text_color(110)
        paper.multi_cell(0, 5, clean(document.subtitle), **next_line)
    paper.set_text_color(20)
    paper.set_font("roboto", "B", 17)
    paper.multi_cell(0, 8, clean(document.title), **next_line)
    paper.ln(4)
    bold = FontFace(emphasis="BOLD")
    short = [(label, text) for label, text in document.facts if not _long(text)]
    if short:
        paper.set_font("roboto", size=10)
        with paper.table(col_widths=(32, 68), first_row_as_headings=False, borders_layout="HORIZONTAL_LINES", line_height=6,
                         text_align="LEFT") as grid:
            for label, text in short:
                row = grid.row()
                row.cell(clean(label), style=bold)
                row.cell(clean(text))
    for label, text in document.facts:
        if _long(text):
            paper.ln(4)
            paper.set_font("roboto", "B", 10)
            paper.multi_cell(0, 6, clean(label), **next_line)
            paper.set_font("roboto", size=10)
            paper.multi_cell(0, 5.5, clean(text[:_MOST_TEXT]), **next_line)
    for table in document.tables:
        paper.ln(6)
        paper.set_font("roboto", "B", 12)
        paper.multi_cell(0, 7, clean(table.label), **next_line)
        paper.set_font("roboto", size=9)
        aligned = tuple("RIGHT" if right else "LEFT" for right in table.right) or "LEFT"
        with paper.table(borders_layout="HORIZONTAL_LINES", line_height=5.5, text_align=aligned, headings_style=bold) as grid:
            for cells in (table.headings, *table.rows):
                row = grid.row()
                for text in cells:
                    row.cell(clean(_fitting(text, len(cells))))
    return bytes(paper.output())


def _long(text: str) -> bool:
    """Whether a text is no fact for a row but something to read: a row has to fit on one page."""
    return len(text) > 900 or text.count("\n") > 12


def _fitting(text: str, columns: int) -> str:
    """A cell's text, cut where its row would no longer fit on one page."""
    plain_text, most = " ".join(text.split()), max(2_000 // max(columns, 1), 40)
    return plain_text if len(plain_text) <= most else plain_text[: most - 1] + "…"


def _lines(one: Field, label: str, record: Record, entities: Mapping[str, Entity], shape: Entity, fmt: Formatter) -> Table:
    children = [(child, effective(child, entities, shape)) for child in line_fields(one)]
    children = [(child, shown) for child, shown in children if kind(shown).name not in ("secret", "rich_text")]
    named = record.labels.get(one.name)
    rows = []
    for number, line in enumerate((record.get(one.name) or ())[:_MOST_ROWS]):
        here = Record(shape.full_name, dict(line))
        if isinstance(named, Sequence) and number < len(named) and isinstance(named[number], Mapping):
            here.labels = dict(named[number])
        rows.append(tuple(text_of(shown, child.name, here, fmt) for child, shown in children))
    headings = tuple(child.label or child.name.replace("_", " ").capitalize() for child, _ in children)
    return Table(label, headings, tuple(rows), tuple(kind(shown).family in _NUMBERS for _, shown in children))


@lru_cache(maxsize=4)
def _known(font: str) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _writable(font: str) -> Callable[[str], str]:
    """Texts as the font can write them: what it does not know is taken apart, and else stands as ``?``."""
    known = _known(font)

    def one(sign: str) -> str:
        if ord(sign) in known or sign in "\n\t":
            return sign
        apart: Any = [part for part in unicodedata.normalize("NFKD", sign) if ord(part) in known]
        return "".join(apart) or ("" if unicodedata.category(sign)[0] in "CM" else "?")

    return lambda text: "".join(map(one, text.replace("\t", "    ")))
