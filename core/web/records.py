"""One record: its page, what was done to it, what points to it, and what is said beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from flask import Response, request
from markupsafe import Markup, escape

from core.access.grant import RowRights
from core.errors import BackofficeError
from core.facts import Record
from core.fields import effective
from core.fields.texts import sanitised
from core.hooks import Link, Panel
from core.render import actions, cells, words
from core.render.actions import Action
from core.render.pages import Attached, Crumb, Fact, FactSection, MoveButton, Plain, RecordPage, Related, Said, Toast
from core.services import desk, files, looking, opened, records, undo
from core.services.desk import Beside
from core.services.work import Work
from core.storage.history import Event
from core.storage.query import Condition, Group, Query, field_of
from core.web import showing, telling
from core.web.asking import Asking, asking, entered
from core.web.listing import listable
from core.web.routing import Routes
from core.web.showing import go, respond
from core.workflow.machine import Move
from schemas.model import Entity, Field
from schemas.overlays import made_form

MOST_RELATED = 12
MOST_MADE = 12
"""Fields that a history tells of the making of a record."""
SHOWN_RELATED = 5
WIDE = frozenset({"long_text", "rich_text", "lines", "json"})
OPERATIONS = {
    "create": "made",
    "update": "changed",
    "write": "changed",
    "change": "changed",
    "trash": "moved to the trash",
    "restore": "restored",
    "move": "moved",
    "purge": "removed for good",
    "derive": "recomputed",
}


def routes(made: Routes) -> None:
    """The routes of every entity's records."""
    here = "/<name:plugin>/<name:entity>/<number:number>"
    made.get(here)(show)
    made.get(here + "/actions")(menu)
    made.get(here + "/history")(history)
    made.get(here + "/related")(related)
    made.post(here + "/comments")(comment)
    made.post(here + "/comments/<number:which>/remove")(uncomment)
    made.post(here + "/revert/<number:entry>")(revert)


@entered
def show(plugin: str, entity: str, number: int) -> Response:
    """The record's page; with ``layout=peek`` what stands beside a list."""
    page = page_of(asking(), plugin, entity, number)
    if request.args.get("layout") == "peek" and showing.wants_part():
        return respond("peek.html", page, block="peek")
    return respond("record.html", page, block="main")


def page_of(who: Asking, plugin: str, entity: str, number: int) -> RecordPage:
    """One record as a page. Raises NotFound."""
    found = who.entity(plugin, entity)
    seen = opened.opened(who.platform, who.actor, found.full_name, number)
    record = seen.record
    shape = who.shape(found)
    url = f"/{plugin}/{entity}"
    legal = _moves(seen.moves, f"{url}/{number}")
    offered = offers(who, found, record, seen.rights, url, legal)
    title = str(record.get("display_title") or f"#{number}")
    plugin_entity = who.generation.plugins.get(plugin)
    crumbs = [
        Crumb(words.plugin_label(plugin_entity) if plugin_entity else plugin, f"/{plugin}"),
        Crumb(words.plural(shape), url),
        Crumb(title),
    ]
    page = RecordPage(
        showing.shell(title, crumbs=crumbs, here=url),
        words.singular(shape),
        words.plural(shape),
        f"{url}/{number}",
        url,
        number,
        record.version,
        title,
        _key(shape, record, title),
        Markup(cells.pill(shape, record["state"], large=True)) if record.get("state") else Markup(""),
        legal,
        sections(who, found, shape, record),
        _rail(who, found, shape, record),
        offered,
        [],
        panels=_panels(who, found, record),
    )
    page.can_write = any(one.id == "edit" for one in offered)
    page.attachments = _attachments(who, seen.files, f"{url}/{number}/attachments")
    return page


def offers(who: Asking, entity: Entity, record: Record, rights: RowRights, url: str, legal: list[MoveButton]) -> list[Action]:
    """Everything that can be done with the record, as actions."""
    links = []
    for _, given in who.generation.hooks.call("record_actions", entity=entity.full_name, record=record, actor=who.actor):
        links += [(one.label, one.url, one.icon) for one in given if isinstance(one, Link)] if isinstance(given, list | tuple) else []
    writes = bool(rights.writable) and entity.kind != "ledger"
    return actions.of_record(
        entity,
        url,
        record.id,
        write=writes,
        delete=rights.may_delete and entity.kind != "ledger",
        create=who.grant(entity).may("create"),
        print_=rights.printable,
        moves=[(one.name, one.label, one.why_not) for one in legal],
        links=links,
    )


def _moves(legal: Iterable[Move], here: str) -> list[MoveButton]:
    found = []
    for place, one in enumerate(legal):
        step = one.transition
        asks = bool(step.form or step.requires or step.reason or step.confirm)
        found.append(
            MoveButton(
                step.name,
                words.move_label(step),
                f"{here}/move/{step.name}",
                one.allowed,
                one.why_not,
                asks,
                step.confirm,
                str(place + 1) if place < 9 else "",
            )
        )
    return found


def _key(shape: Entity, record: Record, title: str) -> str:
    names = shape.key or tuple(field.name for field in shape.fields if field.type == "sequence")[:1]
    key = " / ".join(str(record[name]) for name in names if record.get(name) is not None and isinstance(record.get(name), str))
    return key if key and key != title else f"#{record.id}"


def sections(who: Asking, entity: Entity, shape: Entity, record: Record) -> list[FactSection]:
    """The record's fields in the order of its fullest form, then the rest."""
    record = telling.titled(who, entity, shape, record)
    forms = sorted(shape.forms, key=lambda form: -len(form.field_names))
    form = forms[0] if forms else made_form(shape)
    fields = {field.name: field for field in shape.fields if not field.hidden}
    shown: set[str] = set()
    made = []
    for tab in form.tabs:
        for part in tab.sections:
            names = [item.value for item in part.items if item.kind == "field" and item.value in fields and item.value not in shown]
            facts = [fact for name in names if (fact := _fact(who, entity, fields[name], record)) is not None]
            shown.update(names)
            if facts:
                made.append(FactSection(part.label or tab.label, facts))
    rest = [
        fact for name, field in fields.items() if name not in shown and (fact := _fact(who, entity, field, record, empty=False)) is not None
    ]
    if rest:
        made.append(FactSection("More" if made else "", rest))
    return made


def _fact(who: Asking, entity: Entity, field: Field, record: Record, empty: bool = True) -> Fact | None:
    name = field.name
    if name in record.masked:
        return Fact(
            name,
            words.field_label(field),
            Markup('<span class="withheld">{}hidden from your roles</span>').format(showing.screens().icon("lock")),
        )
    if name not in record:
        return None
    value = record.get(name)
    if not empty and value in (None, (), False):
        return None
    return Fact(name, words.field_label(field), shown(who, entity, field, record), field.type in WIDE)


def shown(who: Asking, entity: Entity, field: Field, record: Record) -> Markup:
    """A field's value as ready HTML; references lead to what they point to, and files of a stored record to their bytes."""
    declared = effective(field, who.generation.entities, entity)
    value, label = record.get(field.name), record.labels.get(field.name)
    if value is None or value == () or field.type == "secret":
        return cells.NONE
    if declared.type in ("reference", "person", "department"):
        return _link(who, declared, value, label)
    if declared.type == "references":
        labels = label if isinstance(label, list | tuple) else [None] * len(value)
        return Markup(", ").join(_link(who, declared, one, text) for one, text in zip(value, labels, strict=False))
    if declared.type == "any_reference":
        return _to(value.entity, value.id, label)
    if declared.type in telling.FILES:
        return _file(entity, record, field.name, label)
    if declared.type == "rich_text":
        return Markup('<div class="rich">{}</div>').format(Markup(sanitised(value)))
    if declared.type == "url" and str(value).startswith(("http://", "https://")):
        return Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(value)
    if declared.type == "email":
        return Markup('<a href="mailto:{0}">{0}</a>').format(value)
    if declared.type == "boolean":
        return escape("Yes" if value else "No")
    if declared.type == "lines":
        return _lines(who, entity, field, record)
    return Markup(cells.show(declared, value, who.texts))


def _link(who: Asking, field: Field, value: Any, label: Any) -> Markup:
    if label is None:
        return cells.WITHHELD
    targets = who.generation.targets(field)
    return _to(targets[0], value, label) if len(targets) == 1 else Markup("{}").format(label)


def _to(target: str, number: int, label: Any) -> Markup:
    if label is None:
        return cells.WITHHELD
    plugin, _, name = target.partition(".")
    return Markup('<a href="/{}/{}/{}">{}</a>').format(plugin, name, number, label)


def _file(entity: Entity, record: Record, place: str, label: Any) -> Markup:
    """A file's name, leading to its bytes where the record holds it today: what is no more or not yet there has no address."""
    stands = record.get("id") is not None and place.partition(".")[0] not in record.extra.get("changed", ())
    if not stands:
        return Markup("{}").format(label or "A file")
    here = f"/{entity.plugin}/{entity.name}/{record.id}/files/{place}"
    return Markup('<a href="{}">{}</a>').format(here, label or "Open the file")


def _lines(who: Asking, entity: Entity, field: Field, record: Record) -> Markup:
    lines, named = record.get(field.name), record.labels.get(field.name)
    columns = [child for child in field.fields if not child.hidden and child.type != "secret"]
    heads = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="num"') if cells.numeric(child) else "", words.field_label(child))
        for child in columns
    )
    body = Markup("")
    for place, line in enumerate(lines or ()):
        # Titles of what the lines point to stand beside them, one mapping for each line; what may not be read has none.
        titles = named[place] if isinstance(named, list | tuple) and place < len(named) else {}
        body += Markup("<tr>")
        for child in columns:
            value = line.get(child.name)
            declared = effective(child, who.generation.entities, entity)
            if value is not None and declared.type in ("reference", "person", "department"):
                html = _link(who, declared, value, titles.get(child.name))
            elif value is not None and declared.type == "any_reference":
                html = _to(value.entity, value.id, titles.get(child.name))
            elif value is not None and declared.type in telling.FILES:
                html = _file(entity, record, files.in_line(field.name, line.get("id"), child.name), titles.get(child.name))
            elif value and declared.type == "rich_text":
                html = Markup('<div class="rich">{}</div>').format(Markup(sanitised(value)))
            elif titles.get(child.name) is not None:
                html = Markup("{}").format(titles[child.name])
            else:
                html = Markup(cells.show(declared, value, who.texts))
            body += Markup("<td{}>{}</td>").format(Markup(' class="num"') if cells.numeric(child) else "", html)
        body += Markup("</tr>")
    return Markup(
        '<div class="tablebox free" tabindex="0" role="region" aria-label="{}">'
        '<table class="table plain"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(words.field_label(field), heads, body)


def _rail(who: Asking, entity: Entity, shape: Entity, record: Record) -> list[Fact]:
    names = [name for name in (shape.owner, shape.due) if name and name in record]
    facts = [Fact(name, words.field_label(field), shown(who, entity, field, record)) for name in names if (field := field_of(shape, name))]
    for name in ("created_at", "created_by", "updated_at", "updated_by"):
        field = field_of(shape, name)
        if field is not None and record.get(name) is not None:
            facts.append(Fact(name, words.field_label(field), shown(who, entity, field, record)))
    return facts


def _panels(who: Asking, entity: Entity, record: Record) -> list[Panel]:
    hooks = who.generation.hooks
    if not hooks.implementations("record_panels", entity.full_name):
        return []
    found: list[Panel] = []
    with who.platform.read(who.actor, who.generation) as unit:
        for _, given in hooks.call(
            "record_panels", entity=entity.full_name, record=record, work=Work(unit, who.actor, entity.plugin, writing=False, own=True)
        ):
            found += [one for one in given if isinstance(one, Panel)] if isinstance(given, list | tuple) else []
    return found


def _attachments(who: Asking, beside: Iterable[Beside], here: str) -> list[Attached]:
    return [
        Attached(
            one.name,
            f"{here}/{one.id}",
            size(one.size),
            one.who,
            who.texts.stamp(one.at),
            f"{here}/{one.id}/remove" if one.mine else "",
            one.type.startswith("image/"),
        )
        for one in beside
    ]


def size(number: int) -> str:
    """Bytes as people say them."""
    for unit, most in (("B", 1), ("KB", 1024), ("MB", 1024**2)):
        if number < most * 1024:
            return f"{number / most:.0f} {unit}" if most == 1 else f"{number / most:.1f} {unit}"
    return f"{number / 1024**3:.1f} GB"


@entered
def menu(plugin: str, entity: str, number: int) -> Response:
    """What can be done with a record: a menu beside its row, or a page of its own."""
    who = asking()
    found = who.entity(plugin, entity)
    seen = opened.opened(who.platform, who.actor, found.full_name, number, ())
    record, url = seen.record, f"/{plugin}/{entity}"
    offered = [
        Action("open", "Open", f"{url}/{number}", "arrow-right", "Enter"),
        Action("peek", "Look beside", f"{url}?peek={number}", "eye", "Space"),
        *offers(who, found, record, seen.rights, url, _moves(seen.moves, f"{url}/{number}")),
    ]
    title = str(record.get("display_title") or number)
    page = Plain(
        showing.shell(title, crumbs=[Crumb(words.plural(found), url), Crumb(title, f"{url}/{number}"), Crumb("Actions")], here=url),
        {"actions": offered, "title": title},
    )
    return respond("menu.html", page, block="menu")


@entered
def history(plugin: str, entity: str, number: int) -> Response:
    """What happened to the record, in sentences, with what was said about it."""
    who = asking()
    found = who.entity(plugin, entity)
    shape = who.shape(found)
    past = looking.history(who.platform, who.actor, found.full_name, number, after=request.args.get("after"))
    rights = records.rights(who.platform, who.actor, found.full_name, number)
    url = f"/{plugin}/{entity}/{number}"
    names = _names(who, {event.person for event in past.items if event.person})
    # Only who did it is offered to take all of it back: what else it reached is nobody else's to know.
    mine = {event.operation for event in past.items if event.person and event.person == who.actor.person}
    wide = looking.of_several(who.platform, who.actor, mine)
    beside = _beside(who, found, shape, past.items)
    entries = [(event.at, _event(who, found, shape, event, url, bool(rights.writable), names, wide, beside)) for event in past.items]
    if not request.args.get("after"):
        remarks = desk.comments(who.platform, who.actor, found.full_name, number)
        entries += [
            (
                one.at,
                Said(
                    "comment",
                    one.who,
                    who.texts.stamp(one.at),
                    one.at.isoformat(),
                    "commented",
                    body=one.body,
                    remove=f"{url}/comments/{one.id}/remove" if one.mine else "",
                ),
            )
            for one in remarks
        ]
    entries.sort(key=lambda pair: pair[0], reverse=True)
    more = f"{url}/history?after={past.next}" if past.next else ""
    title = f"#{number}"
    if not showing.wants_part():
        title = str(looking.get(who.platform, who.actor, found.full_name, number, ()).get("display_title") or title)
    page = Plain(
        showing.shell(
            "History",
            crumbs=[Crumb(words.plural(shape), f"/{plugin}/{entity}"), Crumb(title, url), Crumb("History")],
            here=f"/{plugin}/{entity}",
        ),
        {"entries": [one for _, one in entries], "more": more, "url": url, "id": number, "title": title},
    )
    return respond("history.html", page, block="entries")


def _beside(who: Asking, entity: Entity, shape: Entity, events: Iterable[Event]) -> telling.Names:
    """The names of files and the titles within lines that these events tell of; a history has the titles of all else itself."""
    values = []
    for one in (change for event in events for change in event.changes):
        field = field_of(shape, one.field)
        if field is not None and not field.hidden and field.type in (*telling.FILES, "lines"):
            values += [(field, one.before), (field, one.after)]
    return telling.Names(who, entity, values)


def _event(
    who: Asking,
    entity: Entity,
    shape: Entity,
    event: Event,
    url: str,
    may: bool,
    names: dict[int, str],
    wide: set[str],
    beside: telling.Names,
) -> Said:
    changes: list[tuple[str, Markup, Markup]] = []
    moved = ""
    for one in event.changes:
        if one.field == "state":
            moved = f"moved it from {words.state_label(shape, one.before)} to {words.state_label(shape, one.after)}" if one.before else ""
            continue
        field = field_of(shape, one.field)
        if field is None or field.hidden or field.type in ("secret",):
            continue
        own = field.type in telling.FILES or field.type == "lines"
        labels = (beside.of(field, one.before), beside.of(field, one.after)) if own else (one.before_label, one.after_label)
        changes.append((words.field_label(field), *telling.pair(who, entity, field, one.before, one.after, labels)))
    step = shape.workflow.transition(event.transition) if shape.workflow and event.transition else None
    if step is not None and moved:
        moved = f"{moved} ({words.move_label(step)})"
    verb = moved or {"create": "made it", "trash": "moved it to the trash", "restore": "took it out of the trash"}.get(
        event.action, "changed " + (changes[0][0] if len(changes) == 1 else f"{len(changes)} fields" if changes else "it")
    )
    kind = "move" if moved else event.action
    if event.action == "create" and not moved and len(changes) > MOST_MADE:
        changes[MOST_MADE:] = [("", cells.NONE, escape(f"and {len(changes) - MOST_MADE} more"))]
    return Said(
        kind,
        names.get(event.person or 0) or event.actor or "Somebody",
        who.texts.stamp(event.at),
        event.at.isoformat(),
        verb,
        changes,
        event.reason,
        f"{url}/revert/{event.id}" if may and event.action not in ("create", "derive") else "",
        event.hidden,
        then=f"{url}/as-of?at={quote(event.at.isoformat())}",
        whole=f"/undo/{event.operation}" if event.operation in wide else "",
    )


def _names(who: Asking, numbers: set[int]) -> dict[int, str]:
    """Readable names of people of the directory."""
    provider = who.generation.provider("person")
    if provider is None or not numbers or not who.grant(provider).may("read"):
        return {}
    found = looking.get_many(who.platform, who.actor, provider.full_name, numbers, ())
    return {number: str(record.get("display_title") or "") for number, record in found.items()}


@entered
def related(plugin: str, entity: str, number: int) -> Response:
    """The records that point here: a short list for each field that does, with how many there are."""
    who = asking()
    found = who.entity(plugin, entity)
    looking.get(who.platform, who.actor, found.full_name, number, ())
    lists = []
    for source, field in who.generation.referrers(found.full_name):
        rights = who.grant(source)
        if not rights.may("read") or field.hidden or field.name not in rights.visible():
            continue
        query = Query(
            where=Group(False, (Condition(field.name, "eq", (number,)),)),
            limit=SHOWN_RELATED,
            fields=("state",) if source.workflow else (),
            sort=(("id", True),),
        )
        try:
            page = looking.page(who.platform, who.actor, source.full_name, query)
            total = (page.total, False) if page.total is not None else looking.count(who.platform, who.actor, source.full_name, query)
        except BackofficeError:
            continue
        if not total[0]:
            continue
        there = f"/{source.plugin}/{source.name}"
        rows = [
            (
                f"{there}/{one.id}",
                str(one.get("display_title") or one.id),
                Markup(cells.pill(source, one["state"])) if one.get("state") else Markup(""),
            )
            for one in page.items
        ]
        label = (
            words.plural(source)
            if len([1 for other, _ in who.generation.referrers(found.full_name) if other is source]) == 1
            else (f"{words.plural(source)} · {words.field_label(field)}")
        )
        lists.append(
            (
                Related(label, f"{there}?{field.name}={number}", "", f"{there}/new?{field.name}={number}" if rights.may("create") else ""),
                who.texts.number(total[0]) + ("+" if total[1] else ""),
                rows,
            )
        )
        if len(lists) >= MOST_RELATED:
            break
    page_ = Plain(
        showing.shell("Related", crumbs=[Crumb(words.plural(found), f"/{plugin}/{entity}"), Crumb("Related")], here=f"/{plugin}/{entity}"),
        {"lists": lists},
    )
    return respond("related.html", page_, block="main")


@entered
def comment(plugin: str, entity: str, number: int) -> Response:
    """Say something about the record."""
    who = asking()
    found = who.entity(plugin, entity)
    desk.comment(who.platform, who.actor, found.full_name, number, request.form.get("body", ""))
    return go(f"/{plugin}/{entity}/{number}#stream", toast=Toast("Comment added."))


@entered
def uncomment(plugin: str, entity: str, number: int, which: int) -> Response:
    """Take an own comment back."""
    who = asking()
    desk.uncomment(who.platform, who.actor, who.entity(plugin, entity).full_name, number, which)
    return go(f"/{plugin}/{entity}/{number}#stream", toast=Toast("Comment removed."))


@entered
def revert(plugin: str, entity: str, number: int, entry: int) -> Response:
    """Take back one entry of the history, as a new change."""
    who = asking()
    result = undo.revert(who.platform, who.actor, who.entity(plugin, entity).full_name, number, entry)
    said = " ".join((["Reverted."] if result.done else ["Nothing was reverted."]) + result.sentences)
    return go(f"/{plugin}/{entity}/{number}", toast=Toast(said, bad=not result.done))


__all__ = ["listable", "routes", "sections", "shown", "size"]
