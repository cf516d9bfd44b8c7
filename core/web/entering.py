"""Forms: making and changing records, in one page or in steps, with everything typed kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from flask import Response, request
from werkzeug.datastructures import MultiDict

from core.access.grant import Grant
from core.errors import BackofficeError, Busy, Conflict, Forbidden, Invalid, NotFound, StaleVersion, Unaccepted
from core.facts import Record, Value
from core.render import words
from core.render.forms import Entry, LaidTab, LinesSlot, Slot, entry
from core.render.pages import Crumb, FormPage, Tab, Toast
from core.services import defaults, desk, files, looking, preparing, records
from core.storage.formulas import Formulas
from core.web import merging, showing
from core.web.asking import Asking, asking, entered
from core.web.controls import fill_choices, form_parsing
from core.web.routing import Routes
from core.web.showing import go, respond
from schemas.model import Entity, Expression, Form, Item, Section
from schemas.model import Tab as DeclaredTab
from schemas.overlays import made_form


def routes(made: Routes) -> None:
    """The routes of every entity's forms."""
    made.route("/<name:plugin>/<name:entity>/new", methods=["GET", "POST"])(new)
    made.route("/<name:plugin>/<name:entity>/<number:number>/edit", methods=["GET", "POST"])(edit)


@dataclass
class Work:
    """One form under way: what it is over, what was sent, and the entry made of it."""

    asking: Asking
    entity: Entity
    shape: Entity
    rights: Grant
    url: str
    form: Form
    action: str
    record: Record | None
    made: Entry
    tabs: list[LaidTab]
    sent: MultiDict[str, str] | None

    @property
    def place(self) -> str:
        """Where this form's draft is kept."""
        return self.action


@entered
def new(plugin: str, entity: str) -> Response:
    """A new record: the form, its parts, and making it."""
    who = asking()
    found = who.entity(plugin, entity)
    rights = who.grant(found)
    if not rights.may("create"):
        looking.visible(who.platform, who.actor, found.full_name)
        makers = sorted(rule.role for rule in found.access if rule.create != "none")
        raise Forbidden(
            f"You may not create {words.plural(found).lower()}. " + (f"Roles that may: {', '.join(makers)}." if makers else "No role may.")
        )
    shape = who.shape(found)
    if shape.kind == "settings":
        raise NotFound("There is no such page.")
    form, others = _create_form(shape, rights, request.args.get("form", ""))
    url = f"/{plugin}/{entity}"
    copied = request.args.get("copy", "")
    asked = {"form": form.name if len(others) > 1 else "", "copy": copied if copied.isdecimal() and len(copied) < 17 else ""}
    query = "&".join(f"{name}={text}" for name, text in asked.items() if text)
    action = f"{url}/new" + (f"?{query}" if query else "")
    sent = _sent() if request.method == "POST" else None
    start = _start(who, found, asked["copy"], sent)
    writable = rights.creatable(form.name if form.name and shape.form(form.name) else None)
    work = _work(who, found, shape, rights, url, form, action, None, sent, writable, start)
    page = _new_page(work, others)
    if sent is None:
        return respond("form.html", page, block="fields" if request.args.get("partial") else _block() if _quick() else "")
    if request.args.get("partial"):
        return respond("form.html", page, block="fields")
    if form.layout == "steps" and "_go" in sent and (moved := _step(work, page)):
        return respond("form.html", page, block=_block(), status=200 if moved == "moved" else 422)
    return _create(work, page)


def _quick() -> bool:
    """Whether the form stands in a dialog over another form, for a picker."""
    return request.args.get("quick") == "1" and showing.wants_part()


def _block() -> str:
    return "quick" if _quick() else "main"


def _create(work: Work, page: FormPage) -> Response:
    who = work.asking
    operation = uuid4().hex
    try:
        if not work.made.validate():
            raise Invalid(_refused(work.made))
        name = work.form.name if work.shape.form(work.form.name) else None
        accepted = _accepted(work)
        record = records.create(
            who.platform, who.actor, work.entity.full_name, _given(work), name, operation=operation, accepted=accepted
        )
    except (Invalid, Conflict, Busy) as problem:
        return _again(work, page, problem)
    said = f"{words.singular(work.shape)} {record.get('display_title') or record.id} made."
    if _quick():
        return showing.nothing(
            toast=Toast(_with_warnings(said, record)), picked=(record.id, str(record.get("display_title") or f"#{record.id}"))
        )
    desk.forget_draft(who.platform, who.actor, work.place)
    return go(f"{work.url}/{record.id}", toast=Toast(_with_warnings(said, record), undo=operation))


def _given(work: Work) -> dict[str, Value]:
    """What a new record is given: a control that began empty and stayed so leaves room for its default, which may wait for others."""
    waiting = {
        slot.declared.name
        for slot in work.made
        if isinstance(slot.declared.default, Expression) and slot.declared.type != "boolean" and defaults.empty(slot.object_data)
    }
    return {name: value for name, value in _values(work).items() if name not in waiting or not defaults.empty(value)}


@entered
def edit(plugin: str, entity: str, number: int) -> Response:
    """A record's form, its parts, and changing the record."""
    who = asking()
    found = who.entity(plugin, entity)
    with who.platform.read(who.actor, who.generation) as unit:
        draft, row = preparing.start_change(unit, who.actor, found.full_name, number)
        writable = frozenset(preparing.writable_now(draft, row))
    record = looking.get(who.platform, who.actor, found.full_name, number)
    rights = who.grant(found)
    shape = who.shape(found)
    url = f"/{plugin}/{entity}"
    visible = row.visible | row.masked
    form = _edit_form(shape, visible, writable)
    sent = _sent() if request.method == "POST" else None
    work = _work(who, found, shape, rights, url, form, f"{url}/{number}/edit", record, sent, writable, {}, visible)
    page = _edit_page(work)
    if sent is None or request.args.get("partial"):
        return respond("form.html", page, block="fields" if request.args.get("partial") else "")
    return _change(work, page)


def _change(work: Work, page: FormPage) -> Response:
    who, sent, record = work.asking, work.sent, work.record
    assert sent is not None and record is not None
    version = sent.get("_v", "")
    base = int(version) if version.isdecimal() and len(version) < 10 else None
    operation = uuid4().hex
    try:
        if not work.made.validate():
            raise Invalid(_refused(work.made))
        values = merging.taken(_values(work), sent)
        done = records.change(
            who.platform,
            who.actor,
            work.entity.full_name,
            record.id,
            values,
            base,
            merge=base is not None,
            operation=operation,
            accepted=_accepted(work),
        )
    except StaleVersion as stale:
        return merging.conflict(work, stale)
    except (Invalid, Conflict, Busy) as problem:
        return _again(work, page, problem)
    desk.forget_draft(who.platform, who.actor, work.place)
    said = "Saved."
    if merged := done.extra.get("merged"):
        fields = {field.name: words.field_label(field) for field in work.shape.fields}
        said = f"Saved. Meanwhile somebody else changed {', '.join(fields.get(name, name) for name in merged)}; that was kept."
    changed = done.version != record.version
    return go(f"{work.url}/{record.id}", toast=Toast(_with_warnings(said, done), undo=operation if changed else ""))


def _again(work: Work, page: FormPage, problem: BackofficeError) -> Response:
    """The form once more, with what was typed and what is wrong with it."""
    if isinstance(problem, Unaccepted):
        page.warned = [(name, one, _token(work, name)) for name, said in problem.errors.items() for one in said]
        page.submit += " anyway"
    elif isinstance(problem, Invalid):
        work.made.take(_not_said(work.made, problem.errors))
        if work.record is None:
            work.made.take(_missing(work.tabs))
    else:
        work.made.take({"": [problem.detail]} if not problem.errors else problem.errors)
    work.tabs = _laid(work)
    page.tabs = work.tabs
    page.errors = work.made.errors
    if page.layout == "steps":
        page.step = next((number for number, tab in enumerate(page.tabs) if tab.errors), page.step)
    answer = respond("form.html", page, block=_block(), status=422 if isinstance(problem, Invalid) else problem.status)
    if isinstance(problem, Busy):
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


def _token(work: Work, name: str) -> str:
    """What accepts a warning about a field: it holds for the value that was typed, and for no other."""
    assert work.sent is not None
    return f"{name}={chr(10).join(work.sent.getlist(name))}"


def _accepted(work: Work) -> set[str]:
    """The fields whose warnings the person accepted as they stand."""
    assert work.sent is not None
    given = [text.partition("=")[0] for text in work.sent.getlist("_accept")]
    return {name for name in given if _token(work, name) in work.sent.getlist("_accept")}


def _not_said(made: Entry, errors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    said = {slot.declared.name: {str(one) for one in slot.errors} for slot in made}
    return {name: rest for name, sentences in errors.items() if (rest := [one for one in sentences if one not in said.get(name, set())])}


def _refused(made: Entry) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {slot.declared.name: [str(one) for one in slot.errors] for slot in made if slot.errors}
    return found or {"": ["Please check the lines."]}


def _with_warnings(said: str, record: Record) -> str:
    warnings = [one for sentences in (record.extra.get("warnings") or {}).values() for one in sentences]
    return " ".join([said, *warnings])


def _sent() -> MultiDict[str, str]:
    """The form as it was sent; uploaded files are kept and stand in it by their ids."""
    sent: MultiDict[str, str] = MultiDict(list(request.form.items(multi=True)))
    who = asking()
    for name, upload in request.files.items():
        if upload.filename and not request.args.get("partial"):
            kept = files.put(who.platform, who.actor, upload.stream, upload.filename)
            sent.setlist(name, [str(kept.id)])
    return sent


def _start(who: Asking, entity: Entity, copied: str, sent: object) -> dict[str, Value]:
    """What a new form begins with where it is to copy a record, also when it comes back: what nobody touched stays as it was.

    A record that went away meanwhile does not take along what was typed.
    """
    if not copied:
        return {}
    try:
        return records.copy(who.platform, who.actor, entity.full_name, int(copied))
    except BackofficeError:
        if sent is None:
            raise
        return {}


def _create_form(shape: Entity, rights: Grant, name: str) -> tuple[Form, list[Form]]:
    offered = [form for form in shape.forms if form.name in rights.forms()]
    if not offered:
        return made_form(shape), []
    chosen = next((form for form in offered if form.name == name), None)
    if chosen is None:
        everything = any(right.create and right.create_forms is None for right in rights.rights)
        chosen = max(offered, key=lambda form: len(form.field_names)) if everything else offered[0]
    return chosen, offered


def _edit_form(shape: Entity, visible: frozenset[str], writable: frozenset[str]) -> Form:
    """The form that offers most of what may be written here, with a section for the rest."""
    forms = sorted(shape.forms, key=lambda form: -len(writable & set(form.field_names)))
    if not forms:
        return made_form(shape)
    form = forms[0]
    rest = [
        field.name
        for field in shape.fields
        if field.name in writable and not field.hidden and not field.read_only and field.name not in form.field_names
    ]
    tabs = form.tabs
    if rest:
        extra = Section(tuple(Item("field", name) for name in rest), label="More", open=False, columns=2)
        tabs = (
            (*tabs[:-1], replace(tabs[-1], sections=(*tabs[-1].sections, extra)))
            if form.layout not in ("tabs",) and tabs
            else (*tabs, DeclaredTab((replace(extra, open=True, label=""),), label="More"))
        )
    return replace(form, tabs=tabs, layout="tabs" if form.layout in ("tabs", "steps") else form.layout)


def _work(
    who: Asking,
    entity: Entity,
    shape: Entity,
    rights: Grant,
    url: str,
    form: Form,
    action: str,
    record: Record | None,
    sent: MultiDict[str, str] | None,
    writable: frozenset[str],
    start: Mapping[str, Value],
    visible: frozenset[str] | None = None,
) -> Work:
    shown = visible if visible is not None else writable
    with who.platform.read(who.actor, who.generation) as unit:
        parsing = form_parsing(unit, shape, record)
        over: Any = record
        if record is None:
            over = dict(start) or _defaults(unit, shape, writable)
            named = MultiDict([(name, text) for name, text in request.args.items(multi=True) if name in writable and text])
            if sent is None and named:
                given = entry(shape, form, parsing, visible=shown, writable=writable, record=over, formdata=named)
                over = {**over, **{name: value for name, value in given.values().items() if name in named}}
        made = entry(shape, form, parsing, visible=shown, writable=writable, record=over, formdata=sent)
        if sent is not None:
            _as_it_was(made, sent)
        truths = _truths(unit, shape, made, record)
    work = Work(who, entity, shape, rights, url, form, action, record, made, [], sent)
    work.tabs = made.layout(lambda source: truths.get(source))
    fill_choices(who, entity, made, record)
    return work


def _as_it_was(made: Entry, sent: MultiDict[str, str]) -> None:
    """Controls that were not sent mean "as it was", not "empty"."""
    for slot in made:
        if not _present(slot, sent):
            slot.process(None, slot.object_data)


def _present(slot: Slot, sent: MultiDict[str, str]) -> bool:
    name = slot.declared.name
    if name in sent.get("_multi", "").split():
        return True
    if isinstance(slot, LinesSlot):
        return any(key.startswith(f"{name}-") for key in sent)
    return name in sent


def _defaults(unit: Any, shape: Entity, writable: frozenset[str]) -> dict[str, Value]:
    """What the engine would put where nothing is entered, so that people see it before they save."""
    formulas = Formulas(unit)
    values: dict[str, Value] = {}
    blank = {field.name: None for field in shape.fields}
    for field in shape.fields:
        if field.name in writable and field.default is not None:
            try:
                values[field.name] = defaults.default(unit, formulas, shape, field, {**blank, **values})
            except BackofficeError:
                continue
    return values


def _truths(unit: Any, shape: Entity, made: Entry, record: Record | None) -> dict[str, bool | None]:
    """Every condition of the form for what stands in it."""
    formulas = Formulas(unit)
    values = {**{field.name: None for field in shape.fields}, **made.view(record)}
    return {source: formulas.truth(shape, source, values, before=record) for source in made.sources()}


def _laid(work: Work) -> list[LaidTab]:
    who = work.asking
    with who.platform.read(who.actor, who.generation) as unit:
        truths = _truths(unit, work.shape, work.made, work.record)
    return work.made.layout(lambda source: truths.get(source))


def _values(work: Work) -> dict[str, Value]:
    """The values that were sent and show; what conditions hide is dropped."""
    sent = work.sent
    assert sent is not None
    hidden = _hidden(work.tabs)
    return {
        name: value
        for name, value in work.made.values().items()
        if name not in hidden and (slot := work.made.slot(name)) is not None and _present(slot, sent)
    }


def _hidden(tabs: Iterable[LaidTab]) -> set[str]:
    shown: set[str] = set()
    every: set[str] = set()
    for tab in tabs:
        for part in tab.sections:
            for item in part.items:
                if item.slot is not None:
                    every.add(item.slot.declared.name)
                    if tab.shown and part.shown and item.shown:
                        shown.add(item.slot.declared.name)
    return every - shown


def _step(work: Work, page: FormPage) -> str:
    """One step on or back; "" when the last step is to be saved."""
    sent = work.sent
    assert sent is not None
    text = sent.get("_step", "0")
    step = min(int(text), len(work.tabs) - 1) if text.isdecimal() and len(text) < 3 else 0
    go_ = sent.get("_go", "")
    page.step = step
    if go_ == "back":
        page.step = max(0, step - 1)
        return "moved"
    if go_ != "next":
        return ""
    work.made.validate()
    here = work.tabs[step]
    work.made.take(_missing([here]))
    for number, tab in enumerate(work.tabs):
        if number != step:
            _forget(tab)
    if here.errors:
        page.errors = work.made.errors
        return "refused"
    page.step = min(step + 1, len(work.tabs) - 1)
    return "moved"


def _missing(tabs: Iterable[LaidTab]) -> dict[str, list[str]]:
    """Required controls that show and are empty, so that they are told together with what cannot be read."""
    found = {}
    for tab in tabs:
        for part in tab.sections:
            for item in part.items:
                slot = item.slot
                if (
                    slot is not None
                    and tab.shown
                    and part.shown
                    and item.shown
                    and slot.required
                    and not slot.read_only
                    and slot.data in (None, ())
                    and slot.sound
                ):
                    found[slot.declared.name] = [preparing.REQUIRED]
    return found


def _forget(tab: LaidTab) -> None:
    for part in tab.sections:
        for item in part.items:
            if item.slot is not None:
                item.slot.errors = []


def _new_page(work: Work, others: list[Form]) -> FormPage:
    singular = words.singular(work.shape)
    crumbs = [*_crumbs(work), Crumb("New")]
    page = FormPage(
        showing.shell(f"New {singular.lower()}", crumbs=crumbs, here=work.url),
        f"New {singular.lower()}",
        work.action,
        work.url,
        f"Create {singular.lower()}",
        work.tabs,
        work.form.layout,
        place=work.place,
        partial=_partial(work),
        help=work.shape.help,
    )
    if len(others) > 1:
        page.forms = [
            Tab(words.form_label(form, work.shape), f"{work.url}/new?form={form.name}", current=form.name == work.form.name)
            for form in others
        ]
    _draft(work, page)
    return page


def _edit_page(work: Work) -> FormPage:
    record = work.record
    assert record is not None
    title = str(record.get("display_title") or record.id)
    here = f"{work.url}/{record.id}"
    page = FormPage(
        showing.shell(f"Edit {title}", crumbs=[*_crumbs(work), Crumb(title, here), Crumb("Edit")], here=work.url),
        title,
        work.action,
        here,
        "Save",
        work.tabs,
        work.form.layout,
        record.version,
        place=work.place,
        partial=_partial(work),
    )
    sent = work.sent.get("_v", "") if work.sent else ""
    if sent.isdecimal() and len(sent) < 10:
        page.version = int(sent)
    _draft(work, page)
    return page


def _crumbs(work: Work) -> list[Crumb]:
    plugin = work.asking.generation.plugins.get(work.shape.plugin)
    label = words.plugin_label(plugin) if plugin else work.shape.plugin
    return [Crumb(label, f"/{work.shape.plugin}"), Crumb(words.plural(work.shape), work.url)]


def _partial(work: Work) -> str:
    """Where to ask what shows now; "" for a form without conditions."""
    if not work.made.sources():
        return ""
    return work.action + ("&" if "?" in work.action else "?") + "partial=1"


def _draft(work: Work, page: FormPage) -> None:
    if work.sent is None and not request.args.get("partial"):
        kept = desk.draft(work.asking.platform, work.asking.actor, work.place)
        if kept is not None:
            page.draft = work.place
            page.draft_at = work.asking.texts.stamp(kept.at)
