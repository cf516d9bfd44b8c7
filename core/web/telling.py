"""Values told in few words: with the titles and file names behind their ids, and as a pair that shows where both differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from markupsafe import Markup, escape

from core.facts import EntityRef, Record, Value
from core.fields import effective, plain
from core.render import cells, words
from core.services import files, looking
from core.storage.uploads import KINDS as FILES
from core.web.asking import Asking
from schemas.model import Entity, Field

MOST_LINES = 20
"""Lines of one side that a history tells."""
AROUND = 40
"""Characters that both sides share and that stand before the first difference of two long texts."""
ONE = frozenset({"reference", "person", "department"})


class Names:
    """Titles of records and names of files behind many values, one statement for each entity. What the reader may not read
    has none."""

    def __init__(self, who: Asking, entity: Entity, values: Iterable[tuple[Field, Value]]) -> None:
        self._who, self._entity = who, entity
        wanted: dict[str, set[int]] = {}
        held: set[int] = set()
        for field, value in values:
            for target, number in self._pointed(field, value):
                if target:
                    wanted.setdefault(target, set()).add(number)
                else:
                    held.add(number)
        self.titles: dict[tuple[str, int], str] = {}
        for target, numbers in wanted.items():
            there = who.generation.entities.get(target)
            if there is not None and who.grant(there).may("read"):
                for number, record in looking.get_many(who.platform, who.actor, target, numbers, ()).items():
                    if "display_title" in record:
                        self.titles[target, number] = str(record["display_title"] or f"#{number}")
        self.files = files.facts(who.platform, who.actor, held)

    def of(self, field: Field, value: Value) -> Any:
        """What stands beside the value, as in ``Record.labels``; beside lines one mapping for each, beside a file its name."""
        declared = effective(field, self._who.generation.entities, self._entity)
        if declared.type == "lines":
            return tuple({child.name: self.of(child, line.get(child.name)) for child in declared.fields} for line in value or ())
        if isinstance(value, EntityRef):
            return self.titles.get((value.entity, value.id))
        if declared.type in FILES:
            return self.files[value].name if value in self.files else None
        target = next(iter(self._who.generation.targets(declared)), "")
        if declared.type == "references" or isinstance(value, tuple):
            return tuple(self.titles.get((target, one)) for one in value or ())
        return self.titles.get((target, value)) if declared.type in ONE else None

    def _pointed(self, field: Field, value: Value) -> Iterator[tuple[str, int]]:
        """Entities and ids behind a value; files have no entity."""
        declared = effective(field, self._who.generation.entities, self._entity)
        if declared.type == "lines":
            for line in value or ():
                for child in declared.fields:
                    yield from self._pointed(child, line.get(child.name))
        elif isinstance(value, EntityRef):
            yield value.entity, value.id
        elif declared.type in FILES and isinstance(value, int):
            yield "", value
        elif declared.type in ONE or declared.type == "references":
            target = next(iter(self._who.generation.targets(declared)), "")
            for one in value if isinstance(value, tuple | list) else (value,):
                if target and isinstance(one, int):
                    yield target, one


def titled(who: Asking, entity: Entity, shape: Entity, record: Record) -> Record:
    """The record with what its reading leaves without a label: names of files, and what stands in lines beside ids."""
    open_ = [field for field in shape.fields if record.get(field.name) and not field.hidden and _unnamed(who, entity, field)]
    if not open_:
        return record
    names = Names(who, entity, [(field, record[field.name]) for field in open_])
    made = record.copy()
    made.extra = record.extra
    for field in open_:
        found, known = names.of(field, record[field.name]), record.labels.get(field.name)
        if field.type == "lines" and isinstance(known, list | tuple) and len(known) == len(found):
            found = tuple({**new, **old} for new, old in zip(found, known, strict=True))
        made.labels[field.name] = found
    return made


def _unnamed(who: Asking, entity: Entity, field: Field) -> bool:
    if field.type == "lines":
        return any(child.type in FILES or child.type == "any_reference" for child in field.fields)
    return effective(field, who.generation.entities, entity).type in FILES


def told(who: Asking, entity: Entity, field: Field, value: Value, label: Any) -> Markup:
    """One value in few words, without links. ``label`` is what stands beside it; where it is missing, the id is not told either."""
    declared = effective(field, who.generation.entities, entity)
    if value is None or value == ():
        return cells.NONE
    if isinstance(label, str):
        return escape(label)
    if declared.type in FILES:
        return Markup("a file")
    if isinstance(label, tuple) and declared.type != "lines":
        return Markup(", ").join(cells.WITHHELD if one is None else escape(one) for one in label)
    if declared.type in ONE or declared.type in ("references", "any_reference"):
        return cells.WITHHELD
    if declared.type == "boolean":
        return escape("Yes" if value else "No")
    return Markup(cells.brief(declared, value, who.texts))


def pair(who: Asking, entity: Entity, field: Field, before: Value, after: Value, labels: tuple[Any, Any]) -> tuple[Markup, Markup]:
    """A value before and after: of lines those that came, went or changed; of long texts what stands around the first difference."""
    declared = effective(field, who.generation.entities, entity)
    if declared.type == "lines":
        return _lines(who, entity, declared, before or (), after or (), labels)
    if declared.type in ("long_text", "rich_text") and isinstance(before, str) and isinstance(after, str):
        return _texts(declared, before, after)
    return told(who, entity, field, before, labels[0]), told(who, entity, field, after, labels[1])


def _texts(declared: Field, before: str, after: str) -> tuple[Markup, Markup]:
    one, two = (plain(before), plain(after)) if declared.type == "rich_text" else (before, after)
    form = Markup("{}")
    if one == two:
        # The words are the same: what differs is how they are set, or where a link leads.
        one, two, form = before, after, Markup("<code>{}</code>") if declared.type == "rich_text" else form
    first = next((at for at, (here, there) in enumerate(zip(one, two, strict=False)) if here != there), min(len(one), len(two)))
    start = first - AROUND if first > cells.BRIEF - AROUND else 0
    return _cut(form, one, start), _cut(form, two, start)


def _cut(form: Markup, text: str, start: int) -> Markup:
    return form.format(("…" if start else "") + cells.clipped(text[start:])) if text else cells.NONE


def _lines(
    who: Asking, entity: Entity, field: Field, before: Sequence[Any], after: Sequence[Any], labels: tuple[Any, Any]
) -> tuple[Markup, Markup]:
    sides = [
        {line.get("id", -at): (at, line, label) for at, (line, label) in enumerate(zip(lines, named, strict=True), start=1)}
        for lines, named in zip((before, after), labels, strict=True)
    ]
    was, now = sides
    left = [_line(who, entity, field, *was[key]) for key in was if key not in now]
    right = []
    for key, (at, line, label) in now.items():
        if key not in was:
            right.append(_line(who, entity, field, at, line, label))
        elif (found := _changed(who, entity, field, was[key], now[key])) is not None:
            left.append(found[0])
            right.append(found[1])
    if not left and not right:
        left, right = ([_line(who, entity, field, *one) for one in side.values()] for side in sides)
    return _told(left), _told(right)


def _told(lines: list[Markup]) -> Markup:
    more = [escape(f"and {len(lines) - MOST_LINES} more lines")] if len(lines) > MOST_LINES else []
    return Markup("<br>").join([*lines[:MOST_LINES], *more]) if lines else cells.NONE


def _columns(field: Field) -> list[Field]:
    return [child for child in field.fields if not child.hidden]


def _line(who: Asking, entity: Entity, field: Field, at: int, line: Any, label: Any) -> Markup:
    """A line with all that it holds."""
    held = [
        Markup("{}: {}").format(words.field_label(child), told(who, entity, child, line[child.name], label.get(child.name)))
        for child in _columns(field)
        if child.type != "secret" and line.get(child.name) not in (None, (), "", False)
    ]
    return Markup("Line {}: {}").format(at, Markup(", ").join(held) if held else cells.NONE)


def _changed(who: Asking, entity: Entity, field: Field, was: Any, now: Any) -> tuple[Markup, Markup] | None:
    """What differs in a line that stayed, with its first value, by which people know it."""
    (old_at, old, old_label), (at, new, label) = was, now
    columns = _columns(field)
    known = next((child for child in columns if child.type != "secret" and old.get(child.name) not in (None, (), "", False)), None)
    left, right = [], []
    differs = False
    for child in columns:
        one, two, named = old.get(child.name), new.get(child.name), (old_label.get(child.name), label.get(child.name))
        if child.type == "secret":
            both = (cells.NONE, Markup("changed"))
        else:
            both = pair(who, entity, child, one, two, named)
        differs |= one != two
        if one != two or child is known:
            left.append(Markup("{}: {}").format(words.field_label(child), both[0]))
            right.append(Markup("{}: {}").format(words.field_label(child), both[1]))
    if not differs:
        return None
    return Markup("Line {}: {}").format(old_at, Markup(", ").join(left)), Markup("Line {}: {}").format(at, Markup(", ").join(right))


__all__ = ["FILES", "Names", "pair", "titled", "told"]
