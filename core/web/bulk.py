"""Bulk work: what would change is shown first, then done as one operation that can be taken back as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, request
from markupsafe import Markup

from core.errors import BadRequest, Forbidden, Invalid, NotFound
from core.facts import Value
from core.render import cells, words
from core.render.forms import Entry, entry
from core.render.pages import Crumb, Plain, Toast
from core.services import bulk
from core.services.bulk import Outcome, Selection
from core.web import listing, showing, telling
from core.web.asking import Asking, asking, entered
from core.web.controls import fill_choices, form_parsing
from core.web.routing import Routes
from core.web.showing import go, respond
from schemas.model import Entity, Field

MOST_SHOWN = 50


def routes(made: Routes) -> None:
    """The routes of bulk work; each is a page that shows, and a POST that does."""
    here = "/<name:plugin>/<name:entity>/bulk"
    made.route(here + "/delete", methods=["GET", "POST"])(delete)
    made.route(here + "/edit", methods=["GET", "POST"])(edit)
    made.route(here + "/move/<name:transition>", methods=["GET", "POST"])(move)


def _selection(who: Asking, entity: Entity) -> Selection:
    if request.values.get("all") == "1":
        want = listing.wanted(who, entity.plugin, entity.name, listing.parsed(request.values.get("query", "")))
        return Selection(query=replace(want.query, after=None, before=None, last=False))
    ids = tuple(dict.fromkeys(int(text) for text in request.values.getlist("id") if text.isdecimal() and len(text) < 17))[:1000]
    if not ids:
        raise BadRequest("Select some records first.")
    return Selection(ids)


def _page(
    who: Asking,
    entity: Entity,
    title: str,
    action: str,
    outcome: Outcome | None,
    *,
    fields: Any = None,
    submit: str = "",
    danger: bool = False,
    reason: bool = False,
    errors: list[tuple[str, str, str]] | None = None,
    status: int = 200,
    preview: bool = False,
) -> Response:
    url = f"/{entity.plugin}/{entity.name}"
    kept = [(name, text) for name in ("id", "all", "query") for text in request.values.getlist(name)]
    rows = []
    first = outcome.rows[:MOST_SHOWN] if outcome else ()
    names = telling.Names(
        who, entity, [(_field(entity, name), value) for row in first for name, values in row.changes.items() for value in values]
    )
    for row in first:
        changes = [(_label(entity, name), *_shown(who, entity, name, values, names)) for name, values in row.changes.items()]
        rows.append((row.title, f"{url}/{row.id}", changes, row.why_not))
    refused = len(outcome.refused) if outcome else 0
    page = Plain(
        showing.shell(title, crumbs=[Crumb(words.plural(entity), url), Crumb(title)], here=url),
        {
            "title": title,
            "action": action,
            "rows": rows,
            "total": outcome.total if outcome else 0,
            "refused": refused,
            "kept": kept,
            "fields": fields,
            "submit": submit,
            "danger": danger,
            "reason": reason,
            "errors": errors or [],
            "back": url,
            "preview": preview,
            "more": max(0, (outcome.total if outcome else 0) - len(rows)),
            "reason_text": request.values.get("reason", ""),
        },
    )
    return respond("bulk.html", page, block="main", status=status)


def _label(entity: Entity, name: str) -> str:
    field = entity.field(name)
    return words.field_label(field) if field else words.human(name)


def _field(entity: Entity, name: str) -> Field:
    return entity.field(name) or Field(name, "text")


def _shown(who: Asking, entity: Entity, name: str, values: tuple[Value, Value], names: telling.Names) -> tuple[Markup, Markup]:
    before, after = values
    if name == "state":
        return Markup(cells.pill(entity, before)), Markup(cells.pill(entity, after))
    field = _field(entity, name)
    return telling.pair(who, entity, field, before, after, (names.of(field, before), names.of(field, after)))


def _done(who: Asking, entity: Entity, outcome: Outcome, verb: str) -> Response:
    said = f"{outcome.done} of {outcome.total} {verb}."
    if outcome.refused:
        first = outcome.refused[0]
        said += f" {len(outcome.refused)} were left: {first.title}: {first.why_not}" + (" …" if len(outcome.refused) > 1 else "")
    return go(_list(entity), toast=Toast(said, undo=outcome.operation if outcome.done else "", bad=not outcome.done))


def _list(entity: Entity) -> str:
    query = request.values.get("query", "")
    return f"/{entity.plugin}/{entity.name}" + (f"?{query}" if query else "")


@entered
def delete(plugin: str, entity: str) -> Response:
    """Move the selected records to the trash."""
    who = asking()
    found = who.entity(plugin, entity)
    selection = _selection(who, found)
    if not who.grant(found).may("delete"):
        raise Forbidden(f"You may not delete {words.plural(found).lower()}.")
    if request.method == "POST":
        return _done(who, found, bulk.delete(who.platform, who.actor, found.full_name, selection), "moved to the trash")
    outcome = bulk.preview_delete(who.platform, who.actor, found.full_name, selection)
    return _page(
        who,
        found,
        f"Delete {outcome.total} {words.plural(found).lower()}?",
        request.path,
        outcome,
        submit="Move to the trash",
        danger=True,
        preview=True,
    )


def _entry(who: Asking, entity: Entity, names: tuple[str, ...], sent: object) -> Entry:
    with who.platform.read(who.actor, who.generation) as unit:
        parsing = form_parsing(unit, who.shape(entity), None)
        made = entry(who.shape(entity), None, parsing, visible=names, writable=names, formdata=sent, only=names)
    fill_choices(who, entity, made)
    return made


def _given(made: Entry) -> dict[str, Value]:
    chosen = set(request.form.getlist("_set"))
    return {name: value for name, value in made.values().items() if name in chosen}


@entered
def edit(plugin: str, entity: str) -> Response:
    """Set fields of the selected records: choose, look at the difference, do."""
    who = asking()
    found = who.entity(plugin, entity)
    selection = _selection(who, found)
    writable = who.grant(found).writable()
    shape = who.shape(found)
    names = tuple(
        field.name
        for field in shape.fields
        if field.name in writable
        and not field.hidden
        and not field.read_only
        and field.type not in ("lines", "file", "image", "signature", "secret", "computed", "lookup", "rollup", "sequence")
    )
    if not names:
        raise Forbidden(f"There is no field of {words.plural(shape).lower()} that you may write.")
    made = _entry(who, found, names, request.form if request.method == "POST" else None)
    title = f"Edit {words.plural(shape).lower()}"
    if request.method == "GET":
        return _page(who, found, title, request.path, None, fields=list(made), submit="Look at what changes")
    good = made.validate()
    values = _given(made)
    if not values:
        return _page(
            who,
            found,
            title,
            request.path,
            None,
            fields=list(made),
            submit="Look at what changes",
            status=422,
            errors=[("", "", "Tick at least one field and give its new value.")],
        )
    if not good and any(slot.errors for slot in made if slot.declared.name in request.form.getlist("_set")):
        return _page(
            who, found, title, request.path, None, fields=list(made), submit="Look at what changes", errors=made.errors, status=422
        )
    for slot in made:
        slot.errors = []
    if request.form.get("_go") == "do":
        return _done(who, found, bulk.edit(who.platform, who.actor, found.full_name, selection, values), "changed")
    try:
        outcome = bulk.preview_edit(who.platform, who.actor, found.full_name, selection, values)
    except Invalid as problem:
        made.take(problem.errors)
        return _page(
            who, found, title, request.path, None, fields=list(made), submit="Look at what changes", errors=made.errors, status=422
        )
    return _page(
        who,
        found,
        title,
        request.path,
        outcome,
        fields=list(made),
        submit=f"Change {outcome.total - len(outcome.refused)} of {outcome.total}",
        preview=True,
    )


@entered
def move(plugin: str, entity: str, transition: str) -> Response:
    """Make one move with the selected records."""
    who = asking()
    found = who.entity(plugin, entity)
    selection = _selection(who, found)
    step = found.workflow.transition(transition) if found.workflow else None
    if step is None:
        raise NotFound("There is no such move.")
    names = tuple(dict.fromkeys([*step.form, *step.requires]))
    sent = request.form if request.method == "POST" else None
    made = _entry(who, found, names, sent)
    label = words.move_label(step)
    values: Mapping[str, Value] = {name: value for name, value in made.values().items() if name in request.form} if sent is not None else {}
    reason = request.form.get("reason", "")
    if request.method == "POST" and request.form.get("_go") == "do":
        outcome = bulk.move(who.platform, who.actor, found.full_name, selection, transition, values, reason=reason)
        return _done(who, found, outcome, label.lower())
    needs = bool(names or step.reason)
    outcome_ = None
    if not needs or sent is not None:
        outcome_ = bulk.preview_move(who.platform, who.actor, found.full_name, selection, transition, values, reason)
    submit = f"{label} {outcome_.total - len(outcome_.refused)} of {outcome_.total}" if outcome_ else "Look at what changes"
    return _page(
        who,
        found,
        f"{label}: {words.plural(found).lower()}",
        request.path,
        outcome_,
        fields=list(made) if names else None,
        submit=submit,
        reason=step.reason,
        preview=outcome_ is not None,
    )
