"""When two people saved: which fields both changed, shown as mine and theirs, and what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from markupsafe import Markup

from core.errors import StaleVersion
from core.facts import Record, Value
from core.fields import effective
from core.render import cells, words
from core.render.pages import Crumb, Plain
from core.storage.query import field_of
from core.web import showing
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
    asked = []
    names = list(stale.fields) or [name for name in work.made.values() if name in sent]
    for name in names:
        slot = work.made.slot(name)
        declared = field_of(work.shape, name)
        if slot is None or declared is None:
            continue
        asked.append(
            (
                name,
                words.field_label(declared),
                _shown(work, name, slot.data, dict(getattr(slot, "chosen", []))),
                _theirs(work, name, record),
                _base(work, name, stale),
            )
        )
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


def _theirs(work: Work, name: str, record: Record | None) -> Markup:
    if record is None:
        return cells.NONE
    label = record.labels.get(name)
    return Markup("{}").format(label) if isinstance(label, str) else _shown(work, name, record.get(name), {})


def _base(work: Work, name: str, stale: StaleVersion) -> Markup | None:
    return _shown(work, name, stale.base_values.get(name), {}) if name in stale.base_values else None


def _shown(work: Work, name: str, value: Any, titles: dict[Any, str]) -> Markup:
    declared = field_of(work.shape, name)
    assert declared is not None
    if isinstance(value, int) and value in titles:
        return Markup("{}").format(titles[value])
    return Markup(cells.show(effective(declared, work.asking.generation.entities, work.entity), value, work.asking.texts))
