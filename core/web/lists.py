"""Lists of records: the page, its counts, its filters and the views people save of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

from flask import Response, request

from core.errors import BadRequest, NotFound
from core.fields import effective, kind
from core.render import words
from core.render.pages import Crumb, Plain, Toast
from core.services import desk, exporting, looking, printing, records
from core.storage.query import field_of, split
from core.web import boards, listing, showing
from core.web import records as records_pages
from core.web.addresses import PEEK, address, pairs, with_
from core.web.asking import Asking, asking, entered
from core.web.routing import Routes
from core.web.showing import go, respond

MOST_FACETS = 8
MOST_VALUES = 8
"""How many values of a quick filter stand open; the others fold out."""
MOMENTS = ("ge", "lt")
"""How moments are compared with a day, which stands for its beginning: nothing happens exactly then."""
DAYS = (
    ("today", "Today"),
    ("tomorrow", "Tomorrow"),
    ("today-7d", "A week ago"),
    ("today-30d", "30 days ago"),
    ("today-1y", "A year ago"),
    ("today+7d", "In a week"),
    ("eom", "The end of this month"),
    ("eoy", "The end of this year"),
)
"""Days that move with today, as the filter box offers them."""


def routes(made: Routes) -> None:
    """The routes of every entity's list."""
    made.get("/<name:plugin>/<name:entity>")(show)
    made.get("/<name:plugin>/<name:entity>/")(entered(_slash))
    made.get("/<name:plugin>/<name:entity>/count")(count)
    made.get("/<name:plugin>/<name:entity>/export")(export)
    made.get("/<name:plugin>/<name:entity>/<number:number>/print.pdf")(pdf)
    made.get("/<name:plugin>/<name:entity>/facets")(facets)
    made.get("/<name:plugin>/<name:entity>/filter")(filter_control)
    made.post("/<name:plugin>/<name:entity>/views")(save_view)
    made.post("/<name:plugin>/<name:entity>/views/<number:number>/remove")(remove_view)
    made.get("/<name:plugin>")(overview)


def _slash(plugin: str, entity: str) -> Response:
    return go(address(f"/{plugin}/{entity}", pairs()))


@entered
def show(plugin: str, entity: str) -> Response:
    """The list, as a table, a board, a calendar, a tree or a gallery."""
    who = asking()
    url = f"/{plugin}/{entity}"
    who.entity(plugin, entity)
    again = _canonical(url)
    if again:
        return go(again)
    want = listing.wanted(who, plugin, entity)
    if want.shape.kind == "settings":
        records.settings(who.platform, who.actor, want.entity.full_name)
    if want.view.kind in boards.BODIES:
        page = boards.page(want)
    else:
        page = listing.page(want)
    page.notes = (*page.notes, *_left_out(want))
    peeked = request.args.get(PEEK, "")
    if peeked.isdecimal() and len(peeked) < 17 and not showing.wants_part():
        with suppress(NotFound):  # it is gone, or was never theirs: the list stands alone
            page.peek = records_pages.page_of(who, plugin, entity, int(peeked))
    return respond("list.html", page, block="list", push=page.here if showing.wants_part() else "")


def _left_out(want: listing.Wanted) -> list[str]:
    """What to say of filters whose value cannot be read: the list is shown without them, and nobody takes it for filtered."""
    said = []
    for name, text in want.found:
        bare = name.partition(".")[2] if name.startswith("any") and "." in name else name
        field = field_of(want.shape, split(bare, want.shape)[0])
        if field is None or name in listing.OWN or not listing.listable(want.shape, field.name, want.visible):
            continue
        if listing.conditions(want.asking, want.entity, want.shape, want.visible, [(bare, text)]) is None:
            said.append(f"“{text[:60]}” cannot be read as {words.field_label(field)}: the list is shown without this filter.")
    return said


def _canonical(url: str) -> str:
    """Where the filter's and the columns' forms lead: the same list with one more filter, or with other columns."""
    found = pairs()
    chosen = request.args.getlist("_col")
    if chosen:
        return address(url, with_(found, cols=",".join(chosen[:24])))
    name = request.args.get("_field", "")
    if not name:
        return ""
    op = request.args.get("_op", "eq")
    values = [text for text in request.args.getlist("_value") if text]
    if op == "empty":
        values = ["1"]
    elif op == "filled":
        op, values = "empty", ["0"]
    if not values:
        return address(url, with_(found))
    group = request.args.get("_group", "")
    named = (f"any{group}." if group.isdecimal() else "") + f"{name}__{op}"
    text = ",".join(values) if op in ("in", "not_in", "between") else values[0]
    return address(url, [*with_(found), (named, text)])


@entered
def overview(plugin: str) -> Response:
    """What a plugin offers."""
    who = asking()
    found = next((group for group in showing.shell("").nav if group.name == plugin), None)
    if found is None:
        raise NotFound("There is no such page.")
    helps = {f"/{entity.plugin}/{entity.name}": entity.help for entity in who.generation.entities.values()}
    page = Plain(showing.shell(found.label, crumbs=[Crumb(found.label)]), {"group": found, "helps": helps})
    return respond("overview.html", page)


@entered
def count(plugin: str, entity: str) -> Response:
    """How many records match, as a part of the list's foot."""
    who = asking()
    want = listing.wanted(who, plugin, entity)
    total, capped = looking.count(who.platform, who.actor, want.entity.full_name, want.query)
    said = who.texts.number(total) + ("+" if capped else "")
    noun = words.singular(want.shape) if total == 1 else words.plural(want.shape)
    page = Plain(showing.shell(noun), {"text": f"{said} {noun.lower()}"})
    return respond("count.html", page, block="main")


@entered
def export(plugin: str, entity: str) -> Response:
    """This list as a file: its filter, search, sort and columns, ``id`` first."""
    who = asking()
    want = listing.wanted(who, plugin, entity)
    query = replace(want.query, after=None, before=None, last=False)
    made = exporting.listed(who.platform, who.actor, want.entity.full_name, query, want.columns, request.args.get("format", "csv"))
    answer = Response(made.blocks, content_type=made.type)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(made.name, safe='')}"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@entered
def pdf(plugin: str, entity: str, number: int) -> Response:
    """A record on paper."""
    who = asking()
    name, body = printing.record_pdf(who.platform, who.actor, who.entity(plugin, entity).full_name, number)
    answer = Response(body, content_type="application/pdf")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@entered
def facets(plugin: str, entity: str) -> Response:
    """The values of the quick filters with their counts; each leads to the list narrowed to it, or back."""
    who = asking()
    want = listing.wanted(who, plugin, entity)
    shown = []
    for facet in looking.facets(who.platform, who.actor, want.entity.full_name, want.query)[:MOST_FACETS]:
        field = field_of(want.shape, facet.field)
        if field is None or field.hidden or not facet.values:
            continue
        declared = effective(field, who.generation.entities, want.entity)
        values = []
        for one in facet.values:
            text = str(int(one.value)) if isinstance(one.value, bool) else str(one.value)
            text = {"True": "true", "False": "false"}.get(str(one.value), text)
            pressed = (facet.field, text) in want.found
            label = _facet_label(want, facet.field, declared, one)
            if label is None:
                continue
            url = address(want.url, with_(want.found, **{facet.field: None if pressed else text}))
            values.append((label, who.texts.number(one.count), url, pressed))
        # A pressed one stands among the first, so that it can be taken back.
        values.sort(key=lambda value: not value[3])
        shown.append((words.field_label(field), values[:MOST_VALUES], values[MOST_VALUES:], facet.capped, facet.more))
    page = Plain(showing.shell(words.plural(want.shape)), {"facets": shown})
    return respond("facets.html", page, block="main")


def _facet_label(want: listing.Wanted, name: str, field: object, one: object) -> str | None:
    value, label = one.value, one.label  # type: ignore[attr-defined]
    if name == "state":
        return words.state_label(want.shape, value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if kind(field).family in ("reference", "references"):  # type: ignore[arg-type]
        return label if label is None else str(label)
    return words.option_label(field, value)  # type: ignore[arg-type]


@entered
def filter_control(plugin: str, entity: str) -> Response:
    """The operator and the value of one field, for the filter's form."""
    who = asking()
    want = listing.wanted(who, plugin, entity)
    name = request.args.get("_field", "")
    field = field_of(want.shape, name)
    if field is None or field.hidden or not listing.listable(want.shape, name, want.visible):
        raise BadRequest("There is no such field here to filter by.")
    declared = effective(field, who.generation.entities, want.entity)
    here = kind(declared)
    offered_by = MOMENTS if here.family == "datetime" else here.operators
    operators = [(op, words.operator_label(op, here.family)) for op in offered_by if op != "empty"]
    operators += [("empty", "is empty"), ("filled", "is not empty")]
    options = [(option.name, option.label or option.name) for option in declared.options]
    if name == "state" and want.shape.workflow is not None:
        options = [(state.name, words.state_label(want.shape, state.name)) for state in want.shape.workflow.states]
    control = "select" if options else here.control
    targets = who.generation.targets(declared)
    if not options and len(targets) == 1 and here.family in ("reference", "references"):
        offered = looking.lookup(who.platform, who.actor, targets[0], "", 100) if _readable(who, targets[0]) else []
        options = [(str(number), title or f"#{number}") for number, title in offered]
        control = "select"
    page = Plain(
        showing.shell("Filter"),
        {
            "field": words.field_label(field),
            "operators": operators,
            "options": options,
            "control": control,
            "url": want.url,
            "name": name,
            "family": here.family,
            "days": DAYS,
        },
    )
    return respond("filter.html", page, block="controls")


def _readable(who: Asking, target: str) -> bool:
    entity = who.generation.entities.get(target)
    return entity is not None and who.grant(entity).may("read")


@entered
def save_view(plugin: str, entity: str) -> Response:
    """Keep this list under a name."""
    who = asking()
    found = who.entity(plugin, entity)
    query = request.form.get("query", "")
    kept = address(
        "", [(name, text) for name, text in listing.parsed(query) if name not in ("saved", "after", "before", "page")]
    ).removeprefix("?")
    number = desk.save_view(
        who.platform, who.actor, found.full_name, request.form.get("label", ""), kept, shared=request.form.get("shared") == "1"
    )
    return go(f"/{plugin}/{entity}?{kept}{'&' if kept else ''}saved={number}", toast=Toast("View saved."))


@entered
def remove_view(plugin: str, entity: str, number: int) -> Response:
    """Forget one of the own views."""
    who = asking()
    who.entity(plugin, entity)
    desk.forget_view(who.platform, who.actor, number)
    return go(f"/{plugin}/{entity}", toast=Toast("View removed."))
