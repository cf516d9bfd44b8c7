"""Importing in the browser: choose a file, look at what would happen, do it; and a file of headings to begin with."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from flask import Response, request

from core.errors import BackofficeError, BadRequest, Forbidden, NotFound
from core.render import words
from core.render.pages import Crumb, Plain, Toast
from core.services import files, importing, looking, preparing, sheets
from core.services.importing import Report
from core.web import showing
from core.web.asking import Asking, asking, entered
from core.web.routing import Routes
from core.web.showing import go, respond
from schemas.model import Entity

LARGEST = 10_000_000
"""Bytes of a file that is imported in the browser; larger ones go through ``backoffice import``."""
SHOWN = 100
_KEYS = frozenset({"text", "email", "sequence", "integer", "barcode"})


def routes(made: Routes) -> None:
    """The import of every entity."""
    made.route("/<name:plugin>/<name:entity>/import", methods=["GET", "POST"])(run)
    made.get("/<name:plugin>/<name:entity>/import.csv")(headings)


@dataclass
class Tried:
    """What the page knows of the file: its name and id, how it is to be read, and what would happen."""

    upsert: str = ""
    whole: bool = False
    kept: int = 0
    name: str = ""
    report: Report | None = None
    errors: list[tuple[str, str, str]] = field(default_factory=list)


@entered
def run(plugin: str, entity: str) -> Response:
    """The first POST tries the file and tells what would happen; the second, with ``_do``, does it."""
    who = asking()
    found = who.entity(plugin, entity)
    _require(who, found)
    tried = Tried(request.form.get("upsert", ""), request.form.get("whole") == "1")
    if tried.upsert and tried.upsert not in dict(_keys(who.shape(found))):
        tried.upsert = ""
    if request.method == "GET":
        return _page(who, found, tried)
    try:
        _keep(who, tried)
        doing = request.form.get("_do") == "1"
        facts = files.facts(who.platform, who.actor, [tried.kept])[tried.kept]
        with files.open_bytes(who.platform, facts) as source:
            tried.report = importing.run(
                who.platform,
                who.actor,
                found.full_name,
                source,
                sheets.format_of(facts.name),
                upsert=tried.upsert or None,
                dry_run=not doing,
                all_or_nothing=doing and tried.whole,
            )
    except BackofficeError as problem:
        tried.errors = [("file", "", problem.detail)]
        return _page(who, found, tried, status=problem.status)
    if doing and tried.report.written:
        return go(f"/{plugin}/{entity}", toast=Toast(_said(tried.report), undo=tried.report.operation))
    return _page(who, found, tried, status=422 if doing else 200)


def _require(who: Asking, entity: Entity) -> None:
    if entity.kind in ("settings", "ledger"):
        raise NotFound("There is no such page.")
    if not who.grant(entity).may("import"):
        looking.visible(who.platform, who.actor, entity.full_name)
        with who.platform.read(who.actor, who.generation) as unit:
            raise Forbidden(preparing.who_may(unit, entity, "import"))


def _keep(who: Asking, tried: Tried) -> None:
    """The uploaded file, or the one that was uploaded for the look before. Raises BadRequest, NotFound."""
    upload = request.files.get("file")
    if upload is not None and upload.filename:
        sheets.format_of(upload.filename)
        kept = files.put(who.platform, who.actor, upload.stream, upload.filename)
        tried.kept, tried.name = kept.id, kept.name
    else:
        text = request.form.get("kept", "")
        number = int(text) if text.isdecimal() and len(text) < 17 else 0
        known = files.facts(who.platform, who.actor, [number]).get(number) if number else None
        if known is None or known.account != who.actor.account:
            raise BadRequest("Choose a file first.")
        kept = known
        tried.kept, tried.name = known.id, known.name
    if kept.size > LARGEST:
        tried.kept = 0
        raise BadRequest("This file is larger than 10 MB. An administrator imports it with “backoffice import”.")


def _page(who: Asking, entity: Entity, tried: Tried, status: int = 200) -> Response:
    shape = who.shape(entity)
    url = f"/{entity.plugin}/{entity.name}"
    plural = words.plural(shape)
    fields = {one.name: words.field_label(one) for one in shape.fields}
    report = tried.report
    refusals = [
        (one.row, [(fields.get(name, name), sentence) for name, said in one.reasons.items() for sentence in said])
        for one in (report.refusals[:SHOWN] if report else [])
    ]
    title = f"Import {plural.lower()}"
    page = Plain(
        showing.shell(title, crumbs=[Crumb(plural, url), Crumb("Import")], here=url),
        {
            "title": title,
            "url": url,
            "plural": plural,
            "finders": _keys(shape),
            "columns": [(name, fields[name]) for name in _columns(who, entity)],
            "tried": tried,
            "report": report,
            "refusals": refusals,
            "more": report.refused - len(refusals) if report else 0,
            "said": _said(report) if report else "",
        },
    )
    return respond("import.html", page, block="main", status=status)


def _said(report: Report) -> str:
    """``3 created, 2 changed, 1 refused.``"""
    counts = [(report.created, "created"), (report.changed, "changed"), (report.unchanged, "unchanged"), (report.refused, "refused")]
    told = ", ".join(f"{number:,} {word}" for number, word in counts if number) or "No rows"
    return f"{told}."


def _keys(shape: Entity) -> list[tuple[str, str]]:
    """Fields by which a row may find its record, keys first."""
    chosen = [one for one in shape.fields if one.type in _KEYS and (one.unique or one.name in shape.key or one.type == "sequence")]
    return [(one.name, words.field_label(one)) for one in sorted(chosen, key=lambda one: one.name not in shape.key)]


def _columns(who: Asking, entity: Entity) -> list[str]:
    """Fields that a file may give, in the order of the declaration."""
    given = who.grant(entity).creatable()
    return [
        one.name
        for one in who.shape(entity).fields
        if one.name in given and preparing.may_be_given(one) and not one.hidden and one.type not in ("file", "image", "signature", "secret")
    ]


@entered
def headings(plugin: str, entity: str) -> Response:
    """A file with nothing but the headings."""
    who = asking()
    found = who.entity(plugin, entity)
    _require(who, found)
    out = io.StringIO()
    csv.writer(out).writerow(_columns(who, found))
    answer = Response(out.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{entity}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
