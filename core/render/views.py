"""Lists compiled once for a shape, a view, a set of columns and a locale: rows come in plain, HTML goes out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from core.render import cells, words
from core.render.cells import Spot
from core.render.texts import texts
from schemas.model import Entity

MOST = 512


@dataclass(frozen=True)
class Column:
    """One column of a list: its field's name, its heading, and how it stands."""

    name: str
    label: str
    numeric: bool
    main: bool = False


@dataclass(frozen=True)
class Compiled:
    """A list ready to be written. ``write(rows, ids)`` gives the HTML of all table rows."""

    columns: tuple[Column, ...]
    write: Callable[[Sequence[Sequence[Any]], Sequence[int]], str]


class _Memory:
    """Compiled lists by what they depend on; the oldest leaves first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Compiled] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Any, ...], make: Callable[[], Compiled]) -> Compiled:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                return found
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return made


_memory = _Memory()


def compiled(
    key: tuple[Any, ...],
    entity: Entity,
    spots: Mapping[str, Spot],
    names: Sequence[str],
    url: str,
    locale: str,
    zone: str,
    icons: str,
    pick: bool,
) -> Compiled:
    """The list with these columns. ``key`` names the shape (generation, entity) and must change when declarations do.

    ``url`` is the entity's path, ``icons`` the sprite's; ``pick`` gives every row a box to select it.
    """
    shown = tuple((name, spots[name].index, spots[name].label) for name in names if name in spots)
    whole = (*key, shown, spots["id"].index, spots["display_title"].index, url, locale, zone, icons, pick)
    return _memory.get(whole, lambda: _compile(entity, spots, [name for name, _, _ in shown], url, locale, zone, icons, pick))


def _compile(
    entity: Entity, spots: Mapping[str, Spot], names: Sequence[str], url: str, locale: str, zone: str, icons: str, pick: bool
) -> Compiled:
    said = texts(locale, zone)
    columns, writers = [], []
    title = spots["display_title"].index
    if not names:
        names = ["display_title"]
    main = _main(entity, names)
    for name in names:
        spot = spots[name]
        column = Column(
            name,
            words.field_label(spot.shown if spot.name == spot.shown.name else _declared(entity, name, spot)),
            cells.numeric(spot.shown),
            name == main,
        )
        columns.append(column)
        writers.append((column, cells.cell(spot, entity, said)))
    link = escape(url)
    parts: list[Callable[[Sequence[Any], int], str]] = []
    for column, write in writers:
        parts.append(_part(column, write, str(link), title))
    box = '<td class="c-sel"><input type="checkbox" name="id" form="bulk" value="{0}" aria-label="Select {1}"></td>' if pick else ""
    more = (
        f'<td class="c-act"><a class="btn quiet small icon" id="m{{0}}" href="{link}/{{0}}/actions" data-menu '
        f'aria-label="Actions for {{1}}"><svg class="i"><use href="{escape(icons)}#dots"/></svg></a></td>'
    )

    def write_rows(rows: Sequence[Sequence[Any]], ids: Sequence[int]) -> str:
        out: list[str] = []
        for row, number in zip(rows, ids, strict=True):
            name = escape(row[title] or number)
            out.append(f'<tr id="r{number}" data-id="{number}">')
            if box:
                out.append(box.format(number, name))
            for part in parts:
                out.append(part(row, number))
            out.append(more.format(number, name))
            out.append("</tr>\n")
        return "".join(out)

    return Compiled(tuple(columns), write_rows)


def _part(column: Column, write: Callable[[Sequence[Any]], str], link: str, title: int) -> Callable[[Sequence[Any], int], str]:
    if column.main:

        def main(row: Sequence[Any], number: int) -> str:
            text = write(row) or str(escape(row[title] or number))
            return f'<td class="main"><a href="{link}/{number}">{text}</a></td>'

        return main
    opening = f'<td class="num" data-l="{escape(column.label)}">' if column.numeric else f'<td data-l="{escape(column.label)}">'

    def other(row: Sequence[Any], number: int) -> str:
        text = write(row)
        return f"{opening}{text}</td>" if text else '<td class="x"></td>'

    return other


def _main(entity: Entity, names: Sequence[str]) -> str:
    """The column that leads to the record: its number where one is shown, else the first."""
    numbers = {field.name for field in entity.fields if field.type == "sequence"}
    return next((name for name in names if name in numbers), names[0])


def _declared(entity: Entity, name: str, spot: Spot) -> Any:
    return entity.field(name) or spot.shown
