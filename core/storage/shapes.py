"""The shape of a row that was selected: which cells hold which field, and turning cells into values and records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from core.facts import SYSTEM_FIELDS, Money, Record, Value
from core.fields import FieldKind, kind
from core.held import making
from core.storage.labels import Beside, beside
from core.storage.query import unknown
from core.storage.remembering import Remembered
from core.storage.sight import Sight
from schemas.model import Field

ALWAYS = ("id", "version", "display_title", "department_id", "state")
"""What every record carries, whatever fields were asked for."""
MANY = frozenset({"references", "lines"})
"""Families whose values lie in tables of their own and are fetched for a whole page at once."""
Convert = Callable[[Sequence[object]], Value]


@dataclass(frozen=True)
class Cell:
    """One field of the shape. ``index`` is the field's place in a finished row, ``label`` its label's, -1 without.

    ``shown`` is the effective field (what a computed or looked-up field shows). ``faces`` names the faces of the
    sight that show it, None when every readable row does.
    """

    name: str
    field: Field
    shown: Field
    family: str
    index: int
    label: int = -1
    faces: frozenset[int] | None = None


class Shape:
    """Cells to select and how to read them back. A finished row is a list of values and labels."""

    def __init__(self, sight: Sight, fields: Iterable[str] | None) -> None:
        self.at = sight.at
        self.entity = sight.entity.full_name
        self.dialect = sight.unit.database.dialect
        self.bits = 0 if sight.alike else len(sight.faces)
        self.expressions: list[ColumnElement[Any]] = []
        self.width = 0
        self._reads: list[tuple[int, int, int, Convert | None]] = []
        self._never: set[int] = set()
        self._withheld: dict[tuple[bool, ...], tuple[tuple[int, ...], frozenset[str], tuple[str, ...]]] = {}
        names = tuple(dict.fromkeys((*ALWAYS, *(everything(sight) if fields is None else fields))))
        self.cells = tuple(cell for name in names if (cell := self._add(sight, name, name not in ALWAYS)) is not None)
        read = {index for index, *_ in self._reads}
        self.by_name = {cell.name: cell for cell in self.cells}
        self.beside: tuple[Beside, ...] = tuple(
            beside(sight, cell.field, cell.index) for cell in self.cells if cell.family in MANY
        )
        self.late = tuple(cell for cell in self.cells if cell.field.type == "computed" and cell.index not in read)
        """Volatile formulas that the database cannot compute."""
        self.sensitive = tuple(cell for cell in self.cells if cell.field.sensitive)
        self.anywhere = tuple(cell for cell in self.cells if cell.family == "any_reference")
        self._masked = tuple(face.masked if fields is None else face.masked & set(names) for face in sight.faces)
        self._masks = tuple(sorted(frozenset().union(*self._masked)))
        self.columns = [*(sight.within((number,)) for number in range(self.bits)), *self.expressions]
        """What to select: one boolean for each face when rows differ, then the cells."""
        self._pairs = tuple((cell.name, cell.index) for cell in self.cells)
        self._labels = tuple((cell.name, cell.label) for cell in self.cells if cell.label >= 0)

    @property
    def weight(self) -> int:
        """What keeping it costs, in columns: a wide entity's shape is as large as ten of a narrow one."""
        return 8 + len(self.columns)

    def finish(self, raw: Sequence[Any]) -> list[Any]:
        """A selected row (from its first face on) as values; what its reader may not see there is None."""
        base = self.bits
        done: list[Any] = [None] * self.width
        for index, start, width, convert in self._reads:
            start += base
            if convert is None:
                done[index] = raw[start]
            elif width == 1 and raw[start] is None and index not in self._never:
                done[index] = None
            else:
                done[index] = convert(raw[start : start + width])
        if base:
            self.withhold(raw, done)
        return done

    def withhold(self, raw: Sequence[Any], done: list[Any]) -> None:
        """Empty what this row hides from its reader."""
        for index in self._here(raw)[0]:
            done[index] = None

    def record(self, raw: Sequence[Any], done: list[Any]) -> Record:
        """The record of one finished row."""
        record = Record(self.entity)
        if self.bits:
            _, visible, masked = self._here(raw)
            for name, index in self._pairs:
                if name in visible:
                    record[name] = done[index]
            record.masked = masked
        else:
            for name, index in self._pairs:
                record[name] = done[index]
            record.masked = self._masks
        for name in record.masked:
            record[name] = None
        record.labels = {name: done[label] for name, label in self._labels if done[label] is not None or name in record}
        return record

    def shows(self, raw: Sequence[Any], name: str) -> bool:
        """Whether this row shows the field to its reader."""
        cell = self.by_name.get(name)
        return cell is not None and (not self.bits or name in self._here(raw)[1])

    def _here(self, raw: Sequence[Any]) -> tuple[tuple[int, ...], frozenset[str], tuple[str, ...]]:
        """For the faces that hold on this row: places to empty, visible names, masked names."""
        bits = tuple(bool(bit) for bit in raw[: self.bits])
        found = self._withheld.get(bits)
        if found is None:
            holding = {number for number, bit in enumerate(bits) if bit}
            visible = frozenset(cell.name for cell in self.cells if cell.faces is None or cell.faces & holding)
            hidden = [
                place
                for cell in self.cells
                if cell.name not in visible
                for place in (cell.index, cell.label)
                if place >= 0
            ]
            masked = frozenset().union(*(self._masked[number] for number in holding)) - visible
            kept = visible | {"display_title"}
            found = self._withheld[bits] = (tuple(hidden), kept, tuple(sorted(masked)))
        return found

    def _add(self, sight: Sight, name: str, asked: bool) -> Cell | None:
        if name == "department_id":
            declared: Field | None = Field(name, "integer")
        else:
            declared = sight.field(name)
        showing = sight.showing(name) if name != "department_id" else tuple(range(len(sight.faces)))
        if declared is None or not showing:
            if name == "display_title":
                # A title whose fields nobody shows this reader stays empty; the key is there.
                self._place(
                    Cell(name, Field(name, "text"), Field(name, "text"), "text", self.width), (sa.null(),), None
                )
                return Cell(name, Field(name, "text"), Field(name, "text"), "text", self.width - 1)
            if asked and name not in SYSTEM_FIELDS:
                raise unknown(name)
            return None
        shown = sight.effective(declared)
        family = kind(shown).family
        everywhere = len(showing) == len(sight.faces)
        cell = Cell(name, declared, shown, family, self.width, faces=None if everywhere else frozenset(showing))
        if kind(shown).name == "secret":
            return None
        cells = (sight.at.c.department_id,) if name == "department_id" else sight.cells(declared)
        if family in MANY:
            self.width += 2
            return replace(cell, label=cell.index + 1)
        if not cells:
            self.width += 1  # computed after reading
            return cell
        if family == "choices":
            self._never.add(cell.index)  # without a choice the value is an empty tuple
        convert = self._converter(shown, family)
        if family == "money" and len(cells) == 1 and shown.currency:
            named = sight.formula(shown.currency) if declared.type == "money" else sa.null()
            cells, convert = (*cells, named), amount_reader(shown, self.dialect)
        self._place(cell, cells, convert)
        if family == "any_reference":
            self.width += 1
            return replace(cell, label=cell.index + 1)
        target = sight.target(shown)
        if family == "reference" and target:
            self._place(replace(cell, index=self.width), (sight.title(target, cells[0]),), None)
            return replace(cell, label=cell.index + 1)
        return cell

    def _place(self, cell: Cell, cells: tuple[ColumnElement[Any], ...], convert: Convert | None) -> None:
        self._reads.append((cell.index, len(self.expressions), len(cells), convert))
        self.expressions.extend(cells)
        self.width = cell.index + 1

    def _converter(self, shown: Field, family: str) -> Convert | None:
        if type(kind(shown)).from_row is FieldKind.from_row:
            return None  # stands on disk as it is
        reader, dialect = kind(shown), self.dialect
        return lambda cells: reader.from_row(shown, cells, dialect)


def amount_reader(shown: Field, dialect: str) -> Convert:
    """Reads an amount whose currency stands elsewhere: the second cell is what its source says."""
    reader = kind(shown)

    def read(cells: Sequence[object]) -> Value:
        amount = reader.from_row(shown, cells[:1], dialect)
        return None if amount is None else Money(amount.amount, str(cells[1] or ""))

    return read


def everything(sight: Sight) -> tuple[str, ...]:
    """All field names that show on at least one row, in the order of declaration, system fields after them."""
    declared = tuple(field.name for field in sight.entity.fields if sight.showing(field.name))
    system = tuple(name for name in SYSTEM_FIELDS if sight.field(name) is not None)
    return declared + system


_SHAPES: Remembered[Shape] = Remembered(3_072, lambda one: one.weight)


def shape_of(sight: Sight, fields: tuple[str, ...] | None) -> Shape:
    """The shape for such a sight, over an alias of its own (``Shape.at``); made once for all statements that select it."""
    key = (sight.key, fields)
    found = _SHAPES.get(key)
    if found is not None:
        return found
    with making:
        found = _SHAPES.get(key)
        if found is None:
            fresh = Sight(sight.unit, sight.entity, sight.rights)
            found = Shape(fresh, fields)
            if fresh.moving:
                sight.watched()
            else:
                _SHAPES.put(key, found)
        return found


def forget() -> None:
    """Forget the shapes made for a generation."""
    _SHAPES.clear()
