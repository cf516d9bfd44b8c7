"""When two people saved: which fields both changed, shown as mine and theirs, and what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

from core.errors import StaleVersion
from core.facts import Record, Value
from core.render import words
from core.render.pages import Crumb, Plain
from core.storage.query import field_of
from core.web import showing, telling
from core.web.records import shown
from core.web.showing import respond

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from core.web.entering import Work

TAKE = "_take."


def taken(values: dict[str, Value], sent: MultiDict[str, str]) -> dict[str, Value]:
    """The values less those for which theirs was chosen."""
    return {name: value for name, value in values.items() if sent.get(TAKE + name) != "theirs"}


def conflict(work: Work, stale: StaleVersion) -> Response:
    """The page that asks, field by field, whose value is to stand."""
    record = stale.current
    sent = work.sent
    assert sent is not None
    names = list(stale.fields) or [name for name in work.made.values() if name in sent]
    mine = {name: slot.data for name in names if (slot := work.made.slot(name)) is not None and field_of(work.shape, name) is not None}
    sides = _sides(work, stale, mine)
    asked = []
    for name in mine:
        declared = field_of(work.shape, name)
        assert declared is not None
        own, theirs, was = (shown(work.asking, work.entity, declared, side) for side in sides)
        asked.append((name, words.field_label(declared), own, theirs, was if name in stale.base_values else None))
    kept = [(name, text) for name, text in sent.items(multi=True) if name not in ("csrf_token", "_v") and not name.startswith(TAKE)]
    title = str(record.get("display_title") or record.id) if record is not None else "The record"
    version = record.version if record is not None else 0
    page = Plain(
        showing.shell("Whose change stands?", crumbs=[Crumb(words.plural(work.shape), work.url), Crumb(title)], here=work.url),
        {
            "title": title,
            "asked": asked,
            "kept": kept,
            "version": version,
            "action": work.action,
            "back": f"{work.url}/{record.id if record else ''}",
            "who": record.get("updated_by") is not None if record is not None else False,
        },
    )
    return respond("conflict.html", page, block="main", status=409)


def _sides(work: Work, stale: StaleVersion, mine: dict[str, Value]) -> tuple[Record, Record, Record]:
    """Mine, theirs and what both began with, as records that are shown like the record's own page."""
    who, entity, shape = work.asking, work.entity, work.shape
    theirs = stale.current.copy() if stale.current is not None else Record(entity.full_name)
    sides = [Record(entity.full_name, mine), Record(entity.full_name, dict(stale.base_values))]
    fields = [(name, declared) for name in mine if (declared := field_of(shape, name)) is not None]
    names = telling.Names(who, entity, [(declared, side.get(name)) for side in sides for name, declared in fields])
    # The id of a file is what a form says: only one's own and those that stood here already are named.
    stood = telling.Names(who, entity, [(declared, side.get(name)) for side in (theirs, sides[1]) for name, declared in fields])
    names.files = {number: one for number, one in names.files.items() if number in stood.files or one.account == who.actor.account}
    for side in sides:
        side.labels = {name: names.of(declared, side.get(name)) for name, declared in fields}
    return sides[0], telling.titled(who, entity, shape, theirs), sides[1]
