"""Moves along a workflow: one press where nothing has to be told, else a small form."""

from __future__ import annotations

from uuid import uuid4

from flask import Response, request

from core.errors import BadRequest, Busy, Conflict, Invalid, NotFound
from core.facts import Record
from core.render import words
from core.render.actions import Action
from core.render.forms import Entry, entry
from core.render.pages import Crumb, FormPage, Plain, Toast
from core.services import looking, moves, records
from core.web import showing
from core.web.asking import Asking, asking, entered
from core.web.controls import fill_choices, form_parsing
from core.web.doors import inside
from core.web.routing import Routes
from core.web.showing import go, nothing, respond
from core.workflow.documents import workflow_of
from schemas.model import Entity, Field, Transition


def routes(made: Routes) -> None:
    """The routes of every entity's moves."""
    made.route("/<name:plugin>/<name:entity>/<number:number>/move/<name:transition>", methods=["GET", "POST"])(move)
    made.route("/<name:plugin>/<name:entity>/<number:number>/set/<name:field>", methods=["GET", "POST"])(set_field)


@entered
def move(plugin: str, entity: str, number: int, transition: str) -> Response:
    """Make a move, or ask for what it needs first."""
    who = asking()
    found = who.entity(plugin, entity)
    record = looking.get(who.platform, who.actor, found.full_name, number)
    shape = who.shape(found)
    workflow = workflow_of(shape)
    step = workflow.transition(transition) if workflow else None
    if step is None:
        raise NotFound("There is no such move.")
    url = f"/{plugin}/{entity}"
    names = tuple(dict.fromkeys([*step.form, *step.requires]))
    made = _entry(who, found, shape, record, names, request.form if request.method == "POST" else None)
    page = _page(who, shape, record, step, made, url)
    if request.method == "GET":
        return respond("form.html", page, block="main")
    operation = uuid4().hex
    try:
        if not made.validate():
            raise Invalid({slot.declared.name: [str(one) for one in slot.errors] for slot in made if slot.errors})
        values = {
            name: value for name, value in made.values().items() if name in request.form or name in request.form.get("_multi", "").split()
        }
        version = request.form.get("_v", "")
        done = moves.move(
            who.platform,
            who.actor,
            found.full_name,
            number,
            transition,
            values,
            request.form.get("reason", ""),
            int(version) if version.isdecimal() and len(version) < 10 else None,
            operation=operation,
        )
    except Invalid as problem:
        said = {slot.declared.name: set(slot.errors) for slot in made}
        made.take(
            {name: rest for name, one in problem.errors.items() if (rest := [text for text in one if text not in said.get(name, set())])}
        )
        page.tabs = made.layout(lambda source: None)
        page.errors = made.errors
        return respond("form.html", page, block="main", status=422)
    except (Conflict, Busy) as problem:
        if showing.wants_part():
            raise
        made.take({"": [problem.detail]})
        page.errors = made.errors
        return respond("form.html", page, block="main", status=problem.status)
    said_ = f"{done.get('display_title')}: {words.state_label(shape, done.get('state'))}."
    toast = Toast(said_, undo=operation)
    if request.args.get("part") and showing.wants_part():
        return nothing(toast=toast, refresh=True)
    return go(_back(f"{url}/{done.id}"), toast=toast)


def _entry(who: Asking, entity: Entity, shape: Entity, record: Record, names: tuple[str, ...], sent: object) -> Entry:
    with who.platform.read(who.actor, who.generation) as unit:
        parsing = form_parsing(unit, shape, record)
        made = entry(shape, None, parsing, visible=names, writable=names, record=record, formdata=sent, only=names)
    fill_choices(who, entity, made)
    return made


def _page(who: Asking, shape: Entity, record: Record, step: Transition, made: Entry, url: str) -> FormPage:
    title = str(record.get("display_title") or record.id)
    label = words.move_label(step)
    here = f"{url}/{record.id}"
    page = FormPage(
        showing.shell(f"{label} {title}", crumbs=[Crumb(words.plural(shape), url), Crumb(title, here), Crumb(label)], here=url),
        f"{label}: {title}",
        f"{here}/move/{step.name}",
        here,
        label,
        made.layout(lambda source: None),
        version=record.version,
        reason=step.reason,
        reason_text=request.form.get("reason", ""),
        confirm=step.confirm,
    )
    for slot in made:
        slot.required = slot.declared.name in step.requires
    return page


@entered
def set_field(plugin: str, entity: str, number: int, field: str) -> Response:
    """Set one field of one record to a text: what a board does when a card is put into another column.

    GET offers the values there are: the way of keys, and of browsers without scripts.
    """
    who = asking()
    found = who.entity(plugin, entity)
    shape = who.shape(found)
    declared = shape.field(field)
    record = looking.get(who.platform, who.actor, found.full_name, number)
    if declared is None or field not in record or not declared.options:
        raise BadRequest("There is no such choice here.")
    if request.method == "GET":
        return _choose(who, shape, record, declared, f"/{plugin}/{entity}")
    value = request.form.get("value", request.args.get("value", ""))
    if value and value not in {option.name for option in declared.options}:
        raise Invalid({field: ["This is none of its values."]})
    made = _entry(who, found, shape, record, (field,), {field: [value]})
    if not made.validate():
        raise Invalid({field: [str(one) for slot in made for one in slot.errors]})
    operation = uuid4().hex
    done = records.change(who.platform, who.actor, found.full_name, number, made.values(), operation=operation)
    said = words.option_label(declared, value) if value else "none"
    toast = Toast(
        f"{done.get('display_title')}: {words.field_label(declared)} is {said}.", undo=operation if done.version != record.version else ""
    )
    return nothing(toast=toast, refresh=True) if showing.wants_part() else go(_back(f"/{plugin}/{entity}/{number}"), toast=toast)


def _choose(who: Asking, shape: Entity, record: Record, field: Field, url: str) -> Response:
    """The values that a field may be set to, as a menu."""
    here = f"{url}/{record.id}"
    title = str(record.get("display_title") or record.id)
    offered = [
        Action("peek", "Look beside", f"{url}?peek={record.id}", "eye"),
        Action("open", "Open", here, "arrow-right"),
        *(
            Action(
                f"put-{name or 'none'}",
                f"{words.field_label(field)}: {label}",
                f"{here}/set/{field.name}?value={name}",
                "arrow-right",
                post=True,
            )
            for name, label in [
                *((one.name, one.label or words.human(one.name)) for one in field.options),
                *([] if field.required else [("", "none")]),
            ]
            if name != (record.get(field.name) or "")
        ),
    ]
    page = Plain(
        showing.shell(title, crumbs=[Crumb(words.plural(shape), url), Crumb(title, here), Crumb(words.field_label(field))], here=url),
        {"actions": offered, "title": title},
    )
    return respond("menu.html", page, block="menu")


def _back(url: str) -> str:
    """Where to go on to: the list or board that the form came from, else ``url``."""
    came = request.form.get("_back", "")
    return came if came and inside(came) == came else url
