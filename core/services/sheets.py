"""Reading tables that people bring: CSV, XLSX and JSON as headings and rows, with bounds on what a file may unfold to."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any, BinaryIO, NoReturn

from core.errors import BadRequest, TooLarge, WrongType
from core.services import workbooks

MOST_BYTES = 512 * 1024 * 1024
"""What a file may unfold to."""
MOST_RATIO = 200
"""How many times larger than itself a workbook may unfold to."""
MOST_CELL = 1_000_000
MOST_COLUMNS = 2_000


class Numeral(str):
    """The text of a cell that holds a number: how it was written there is not known."""

    __slots__ = ()

    @property
    def is_cut(self) -> bool:
        """Whether the number has more than the 15 digits that worksheets keep."""
        return len(self.removeprefix("-").partition(".")[0]) > 15


@dataclass(frozen=True)
class Table:
    """A file's headings and its rows: texts by heading (CSV, XLSX; :class:`Numeral` for a number) or JSON values (``is_json``)."""

    headings: tuple[str, ...]
    rows: Iterator[Mapping[str, Any]]
    is_json: bool = False
    is_csv: bool = False


def format_of(name: str) -> str:
    """The format of a file by its name. Raises WrongType."""
    ending = PurePath(name).suffix.lower().removeprefix(".")
    if ending not in ("csv", "xlsx", "json"):
        raise WrongType("An import reads .csv, .xlsx and .json files.")
    return ending


def read(source: BinaryIO, format: str) -> Table:
    """The table in a file; rows come as they are read. Raises BadRequest with a sentence for what cannot be read."""
    if format == "csv":
        return _csv(source)
    if format == "xlsx":
        return _xlsx(source)
    if format == "json":
        return _json(source)
    raise WrongType("An import reads csv, xlsx and json.")


def lines_of(text: str) -> tuple[Any, ...]:
    """Line items from a cell, where they stand as a JSON array of objects. Raises ValueError with a sentence."""
    if not text.strip():
        return ()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("Line items stand in a cell as a JSON array of objects.")
    return tuple(found)


class _Text(io.TextIOWrapper):
    """Text of a stream that belongs to the caller: when this goes away, the stream stays open."""

    def __del__(self) -> None:
        with contextlib.suppress(ValueError):
            self.detach()


def _csv(source: BinaryIO) -> Table:
    csv.field_size_limit(MOST_CELL)
    lines = csv.reader(_Text(source, encoding="utf-8-sig", newline=""), strict=True)
    try:
        headings = _headings(next(lines, []))
    except (UnicodeDecodeError, csv.Error):
        _broken("The file is not CSV in UTF-8.")

    def rows() -> Iterator[Mapping[str, Any]]:
        try:
            for number, cells in enumerate(lines, start=1):
                if len(cells) > len(headings):
                    _broken(f"Row {number} has more cells than there are headings.")
                if cells:
                    yield dict(zip(headings, [*cells, *[""] * (len(headings) - len(cells))], strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            _broken(f"The file is not CSV in UTF-8: {error}.")

    return Table(headings, rows(), is_csv=True)


def _xlsx(source: BinaryIO) -> Table:
    import python_calamine  # heavy, and rarely asked for

    raw = source.read(MOST_BYTES + 1)
    _refuse_bursting(raw)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError, OSError, ValueError):
        _broken(workbooks.UNREADABLE)
    headings = _headings([_text(cell) for cell in sheet[0]] if sheet else [])

    def rows() -> Iterator[Mapping[str, Any]]:
        for cells in sheet[1:]:
            texts = [_text(cell) for cell in cells[: len(headings)]]
            if any(texts):
                yield dict(zip(headings, [*texts, *[""] * (len(headings) - len(texts))], strict=True))

    return Table(headings, rows())


def _refuse_bursting(raw: bytes) -> None:
    if len(raw) > MOST_BYTES:
        raise TooLarge("The workbook is too large.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
            unfolded = sum(part.file_size for part in parts)
            if len(parts) > 10_000 or unfolded > MOST_BYTES or unfolded > MOST_RATIO * max(len(raw), 50_000):
                raise TooLarge("The workbook unfolds to far more than it is. Save the sheet anew, or bring it as CSV.")
            workbooks.refuse_spread(packed)
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        _broken(workbooks.UNREADABLE)


def _json(source: BinaryIO) -> Table:
    raw = source.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise TooLarge("The file is too large for JSON. Bring it as CSV.")
    try:
        found = json.loads(raw.decode("utf-8-sig"), parse_constant=_broken)
    except (ValueError, RecursionError):
        _broken("The file is not JSON that can be read.")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        _broken("The file has to be a JSON array of objects.")
    headings = dict.fromkeys(name for one in found for name in one)
    return Table(tuple(headings), iter(found), is_json=True)


def _headings(cells: list[str]) -> tuple[str, ...]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names or not all(names) or len(names) > MOST_COLUMNS:
        _broken("The first row has to hold the names of the columns.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        _broken(f"The column “{twice[0][:80]}” stands there twice.")
    return tuple(names)


def _text(cell: Any) -> str:
    """A workbook's cell as CSV would hold it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and not cell.is_integer():
        return Numeral(repr(cell) if "e" not in repr(cell) else f"{cell:.10f}".rstrip("0").rstrip("."))
    if isinstance(cell, int | float):
        return Numeral(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep="T", timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(int(cell.total_seconds()))
    return str(cell)


def _broken(sentence: str) -> NoReturn:
    raise BadRequest(sentence)
