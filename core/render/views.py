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
    columns, parts = [], []
    title = spots["display_title"].index
    if not names:
        names = ["display_title"]
    main = _main(entity, names)
    link = str(escape(url))
    for name in names:
        spot = spots[name]
        column = Column(
            name,
            words.field_label(spot.shown if spot.name == spot.shown.name else _declared(entity, name, spot)),
            cells.numeric(spot.shown),
            name == main,
        )
        columns.append(column)
        parts.append(_part(column, cells.column(spot, entity, said), link))
    box = '<td class="c-sel"><input type="checkbox" name="id" form="bulk" value="{0}" aria-label="Select {1}"></td>' if pick else ""
    more = (
        f'<td class="c-act"><a class="btn quiet small icon" id="m{{0}}" href="{link}/{{0}}/actions" data-menu '
        f'aria-label="Actions for {{1}}"><svg class="i"><use href="{escape(icons)}#dots"/></svg></a></td></tr>\n'
    )
    opening = '<tr id="r{0}" data-id="{0}">' + box

    def write_rows(rows: Sequence[Sequence[Any]], ids: Sequence[int]) -> str:
        titles = cells.escaped([row[title] or number for row, number in zip(rows, ids, strict=True)])
        written = [
            [opening.format(number, name) for number, name in zip(ids, titles, strict=True)],
            *(part(rows, ids, titles) for part in parts),
            [more.format(number, name) for number, name in zip(ids, titles, strict=True)],
        ]
        return "".join(["".join(row) for row in zip(*written, strict=True)])

    return Compiled(tuple(columns), write_rows)


Part = Callable[[Sequence[Sequence[Any]], Sequence[int], Sequence[str]], list[str]]
"""The cells of one column for these rows, their ids and their titles as HTML."""


def _part(column: Column, write: Callable[[Sequence[Sequence[Any]]], list[str]], link: str) -> Part:
    if column.main:
        return lambda rows, ids, titles: [
            f'<td class="main"><a href="{link}/{number}">{text or name}</a></td>'
            for number, name, text in zip(ids, titles, write(rows), strict=True)
        ]
    opening = f'<td class="num" data-l="{escape(column.label)}">' if column.numeric else f'<td data-l="{escape(column.label)}">'
    return lambda rows, ids, titles: [f"{opening}{text}</td>" if text else '<td class="x"></td>' for text in write(rows)]


def _main(entity: Entity, names: Sequence[str]) -> str:
    """The column that leads to the record: its number where one is shown, else the first."""
    numbers = {field.name for field in entity.fields if field.type == "sequence"}
    return next((name for name in names if name in numbers), names[0])


def _declared(entity: Entity, name: str, spot: Spot) -> Any:
    return entity.field(name) or spot.shown
