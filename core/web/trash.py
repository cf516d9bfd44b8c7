"""Deleting and taking back: the preview of what goes along, the trash of an entity, and undo."""

from __future__ import annotations

from uuid import uuid4

from flask import Response, request

from core.errors import BackofficeError, Forbidden
from core.render import words
from core.render.pages import Crumb, Plain, Toast
from core.services import looking, records, undo
from core.storage.query import Query
from core.web import showing
from core.web.asking import Asking, asking, entered
from core.web.routing import Routes
from core.web.showing import go, nothing, respond


def routes(made: Routes) -> None:
    """The routes of every entity's trash, and the one of undo."""
    here = "/<name:plugin>/<name:entity>"
    made.route(here + "/<number:number>/delete", methods=["GET", "POST"])(delete)
    made.get(here + "/trash")(trash)
    made.post(here + "/<number:number>/restore")(restore)
    made.post("/undo/<string(length=32):operation>")(take_back)


@entered
def delete(plugin: str, entity: str, number: int) -> Response:
    """Say what deleting takes along, and do it."""
    who = asking()
    found = who.entity(plugin, entity)
    record = looking.get(who.platform, who.actor, found.full_name, number, ())
    url = f"/{plugin}/{entity}"
    if request.method == "POST":
        operation = uuid4().hex
        version = request.form.get("_v", "")
        records.delete(
            who.platform,
            who.actor,
            found.full_name,
            number,
            int(version) if version.isdecimal() and len(version) < 10 else None,
            operation=operation,
        )
        return go(url, toast=Toast(f"{record.get('display_title')} moved to the trash.", undo=operation))
    rights = records.rights(who.platform, who.actor, found.full_name, number)
    if not rights.may_delete:
        deleters = sorted(rule.role for rule in found.access if rule.delete != "none")
        raise Forbidden("You may not delete this record. " + (f"Roles that may: {', '.join(deleters)}." if deleters else "No role may."))
    preview = records.preview_delete(who.platform, who.actor, found.full_name, number)
    title = str(record.get("display_title") or number)
    page = Plain(
        showing.shell(
            f"Delete {title}", crumbs=[Crumb(words.plural(found), url), Crumb(title, f"{url}/{number}"), Crumb("Delete")], here=url
        ),
        {
            "title": title,
            "noun": words.singular(found).lower(),
            "url": f"{url}/{number}",
            "version": record.version,
            "along": _named(who, preview.along, number),
            "cleared": _named(who, preview.cleared, number),
            "refusing": _named(who, preview.refusing, number),
            "hidden": preview.hidden,
        },
    )
    return respond("delete.html", page, block="main")


def _named(who: Asking, found: list[tuple[str, str, int]], target: int) -> list[tuple[str, str, int, str]]:
    """(noun, field, how many, the list of them) of the records that point to ``target``; no list of a field nobody filters by."""
    named = []
    for name, field, number in found:
        entity = who.generation.entities.get(name)
        declared = entity.field(field) if entity else None
        if entity is None or declared is None:
            named.append((name, field, number, ""))
            continue
        noun = words.singular(entity) if number == 1 else words.plural(entity)
        listed = declared.type in ("reference", "references", "person", "department") and not declared.hidden
        url = f"/{entity.plugin}/{entity.name}?{field}={target}" if listed and who.grant(entity).may("read") else ""
        named.append((noun, words.field_label(declared), number, url))
    return named


@entered
def trash(plugin: str, entity: str) -> Response:
    """What lies in the trash."""
    who = asking()
    found = who.entity(plugin, entity)
    url = f"/{plugin}/{entity}"
    if not who.grant(found).may("delete"):
        raise Forbidden(f"The trash of {words.plural(found).lower()} is for those who may delete them.")
    table = looking.page(
        who.platform,
        who.actor,
        found.full_name,
        Query(trashed=True, fields=("updated_at", "updated_by"), sort=(("updated_at", True),), limit=50, after=request.args.get("after")),
    )
    rows = [
        (
            one.id,
            str(one.get("display_title") or one.id),
            who.texts.stamp(one["updated_at"]) if one.get("updated_at") else "",
            one.labels.get("updated_by") or "",
        )
        for one in table.items
    ]
    page = Plain(
        showing.shell("Trash", crumbs=[Crumb(words.plural(found), url), Crumb("Trash")], here=url),
        {"rows": rows, "url": url, "plural": words.plural(found), "older": f"{url}/trash?after={table.next}" if table.next else ""},
    )
    return respond("trash.html", page, block="main")


@entered
def restore(plugin: str, entity: str, number: int) -> Response:
    """Take a record out of the trash."""
    who = asking()
    operation = uuid4().hex
    done = records.restore(who.platform, who.actor, who.entity(plugin, entity).full_name, number, operation=operation)
    return go(f"/{plugin}/{entity}/{number}", toast=Toast(f"{done.get('display_title')} restored.", undo=operation))


@entered
def take_back(operation: str) -> Response:
    """Take back what an operation did."""
    who = asking()
    outcome = undo.undo(who.platform, who.actor, operation)
    said = [one for result in outcome.results for one in result.sentences]
    text = " ".join(
        ([f"Taken back{f' ({outcome.done} records)' if outcome.done > 1 else ''}."] if outcome.done else ["Nothing could be taken back."])
        + said[:4]
    )
    toast = Toast(text, undo=outcome.operation if outcome.done else "", bad=not outcome.done)
    if showing.wants_part():
        return nothing(toast=toast, refresh=True)
    return go(_back(who, outcome), toast=toast)


def _back(who: Asking, outcome: undo.Outcome) -> str:
    referrer = request.headers.get("Referer", "")
    here = f"{request.host_url}"
    if referrer.startswith(here):
        path = "/" + referrer[len(here) :]
        if not path.startswith("//"):
            gone = next((result for result in outcome.results if result.entity), None)
            if gone is not None and path.rstrip("/").endswith(f"/{gone.id}"):
                try:
                    looking.get(who.platform, who.actor, gone.entity, gone.id, ())
                except BackofficeError:  # it is gone again: its list is the place to be
                    return "/" + gone.entity.replace(".", "/")
            return path
    return "/"
