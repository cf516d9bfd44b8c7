"""How far a workbook unfolds, told before anything lays it out in memory: cells far apart and long texts named again and again."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from typing import NoReturn
from xml.parsers import expat

from core.errors import BadRequest, TooLarge

FREE_AREA = 4_000_000
"""Cells between the first and the last of a sheet that may be there however few of them hold something."""
MOST_AREA = 30_000_000
MOST_SPREAD = 4
"""How many times more cells may lie between the first and the last than hold something, beyond ``FREE_AREA``."""
MOST_TEXT = 512 * 1024 * 1024
"""Characters that the cells of a sheet may hold together."""
_BLOCK = 1 << 20
_MARK = b"sheetData"
_FURTHEST = 1 << 24
UNREADABLE = "The file is not a workbook that can be read."
SPREAD = "The workbook unfolds to far more than it is: its cells lie far apart. Save the sheet anew, or bring it as CSV."
REPEATED = "The workbook unfolds to far more than it is: long texts stand in many cells. Bring it as CSV."


def refuse_spread(packed: zipfile.ZipFile) -> None:
    """Raise TooLarge where a sheet would fill a table, or its texts memory, far beyond what the file holds.

    Readers lay a sheet out as a full table from its first to its last cell, and repeat a shared text in each cell that names
    it: a kilobyte can ask for a terabyte. Raises BadRequest for what is no workbook of the kind that is read here (xlsx).
    """
    names = [part.filename.replace("\\", "/").lower() for part in packed.infolist()]
    if "xl/workbook.xml" not in names or "content.xml" in names or "xl/workbook.bin" in names:
        raise BadRequest(UNREADABLE)
    try:
        texts: list[int] = []
        for part, name in zip(packed.infolist(), names, strict=True):
            if name.endswith("sharedstrings.xml"):
                texts.extend(_lengths(packed, part))
        for part in packed.infolist():
            if _holds(packed, part, _MARK):
                _Sheet(texts).read(_blocks(packed, part))
    except (zipfile.BadZipFile, expat.ExpatError, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadRequest(UNREADABLE) from error


class _Sheet:
    """Follows the cells of one sheet as a reader would: by their ``r``, and one after the other where there is none."""

    def __init__(self, texts: list[int]) -> None:
        self.texts = texts
        self.row, self.column = 0, 0
        self.rows, self.columns = [_FURTHEST, 0], [_FURTHEST, 0]
        self.filled, self.area, self.length = 0, 0, 0
        self.shared = False
        self.told: list[str] | None = None

    def read(self, blocks: Iterator[bytes]) -> None:
        """Go through the sheet. Raises TooLarge, ExpatError, ValueError."""
        parser = _parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
        if self.area > max(FREE_AREA, MOST_SPREAD * self.filled):
            raise TooLarge(SPREAD)

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "c":
            place = given.get("r")
            if place is None:
                self.column += 1
            else:
                self.row, self.column = _place(place)
            self.shared = given.get("t") == "s"
        elif name == "row":
            place = given.get("r")
            self.row, self.column = (self.row + 1 if place is None else int(place)), 0
        elif name in ("v", "is", "f"):
            self._fill()
            self.told = [] if name == "v" and self.shared else None

    def _end(self, name: str) -> None:
        if self.told is not None and name.rpartition(":")[2] == "v":
            number = "".join(self.told).strip()
            self.told = None
            if number.isascii() and number.isdigit() and len(number) < 10 and int(number) < len(self.texts):
                self._grow(self.texts[int(number)])

    def _text(self, text: str) -> None:
        if self.told is not None:
            self.told.append(text)
        else:
            self._grow(len(text))

    def _fill(self) -> None:
        self.filled += 1
        if not (self.rows[0] <= self.row <= self.rows[1] and self.columns[0] <= self.column <= self.columns[1]):
            self.rows = [min(self.rows[0], self.row), max(self.rows[1], self.row)]
            self.columns = [min(self.columns[0], self.column), max(self.columns[1], self.column)]
            self.area = (self.rows[1] - self.rows[0] + 1) * (self.columns[1] - self.columns[0] + 1)
            if self.area > MOST_AREA:
                raise TooLarge(SPREAD)

    def _grow(self, length: int) -> None:
        self.length += length
        if self.length > MOST_TEXT:
            raise TooLarge(REPEATED)


def _lengths(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> list[int]:
    """The length of each shared text, in characters."""
    made: list[int] = []

    def start(name: str, _given: Mapping[str, str]) -> None:
        if name.rpartition(":")[2] == "si":
            made.append(0)

    def text(said: str) -> None:
        if made:
            made[-1] += len(said)

    parser = _parser()
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    for block in _blocks(packed, part):
        parser.Parse(block, False)
    parser.Parse(b"", True)
    return made


def _parser() -> expat.XMLParserType:
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartDoctypeDeclHandler = _no_entities
    return made


def _no_entities(*_told: object) -> NoReturn:
    # No program that writes workbooks declares a document type; entities are what it would be for.
    raise ValueError("A document type is declared.")


def _place(text: str) -> tuple[int, int]:
    """Row and column of ``BC12``, from 1. ValueError for anything else."""
    letters = text.rstrip("0123456789").upper()
    digits = text[len(letters) :]
    if not (letters.isascii() and letters.isalpha() and 1 <= len(letters) <= 3 and digits.isascii() and 1 <= len(digits) <= 7):
        raise ValueError(text[:20])
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(digits), column


def _holds(packed: zipfile.ZipFile, part: zipfile.ZipInfo, mark: bytes) -> bool:
    tail = b""
    for block in _blocks(packed, part):
        if mark in tail + block:
            return True
        tail = block[-len(mark) :]
    return False


def _blocks(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with packed.open(part) as source:
        while block := source.read(_BLOCK):
            yield block
