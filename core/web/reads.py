"""The log of reads: who was shown, exported or printed sensitive values of which records."""

from __future__ import annotations

from flask import Response, request

from core.render import words
from core.render.pages import Crumb, Plain
from core.services import audit
from core.web import showing
from core.web.asking import admin, asking
from core.web.routing import Routes
from core.web.showing import respond

MOST_ENTRIES = 100
MOST_LINKS = 12


def routes(made: Routes) -> None:
    """The one page of the log of reads."""
    made.get("/admin/reads")(reads)


@admin
def reads() -> Response:
    """The newest entries, of one kind of record, one person or one record where that was asked for."""
    who = asking()
    given = {name: request.args.get(name, "").strip() for name in ("entity", "by", "record", "before")}
    number, before = (int(given[name]) if given[name].isdecimal() and len(given[name]) < 17 else None for name in ("record", "before"))
    found = audit.reads(
        who.platform, who.actor, limit=MOST_ENTRIES, before=before, entity=given["entity"], by=given["by"], record=number
    )
    rows = []
    for one in found:
        shape = who.generation.entities.get(one.entity)
        named = [shape.field(name) if shape is not None else None for name in one.fields]
        labels = [words.field_label(field) if field is not None else name for name, field in zip(one.fields, named, strict=True)]
        noun = (words.singular(shape) if one.number == 1 else words.plural(shape)) if shape is not None else one.entity
        links = [(f"/{one.entity.replace('.', '/')}/{id}", id) for id in one.records[:MOST_LINKS]]
        rows.append((one, who.texts.stamp(one.at), noun, ", ".join(labels), links, one.number - len(links)))
    entities = sorted(
        (f"{words.plural(shape)} ({words.plugin_label(who.generation.plugins[shape.plugin])})", name)
        for name, shape in who.generation.entities.items()
        if any(field.sensitive for field in shape.fields)
    )
    page = Plain(
        showing.shell(
            "Log of reads", crumbs=[Crumb("Administration", "/admin"), Crumb("Log", "/admin/audit"), Crumb("Log of reads")], here="/admin"
        ),
        {
            "rows": rows,
            "given": given,
            "entities": entities,
            "older": found[-1].id if len(found) == MOST_ENTRIES else None,
        },
    )
    return respond("admin/reads.html", page, block="main")
