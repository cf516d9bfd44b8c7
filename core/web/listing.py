"""From a list's address to its query and to the typed page that shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from markupsafe import Markup

from core.access.grant import Grant
from core.errors import BadRequest, NotFound
from core.facts import SYSTEM_FIELDS, Value
from core.fields import Parsing, effective, kind
from core.render import actions, words
from core.render.pages import Chip, Crumb, Head, ListPage, Tab
from core.render.views import compiled
from core.services import desk, looking
from core.services.looking import reader
from core.storage.query import Condition, Group, Query, field_of, parse_filters, parse_sort
from core.storage.reading import Rows, default_view
from core.web import showing
from core.web.addresses import CURSORS, Pairs, address, less, pairs, with_, without
from core.web.asking import Asking
from schemas.model import Entity, Field, View

SIZES = (25, 50, 100, 200)
ICONS = {
    "list": "layout-list",
    "board": "layout-kanban",
    "calendar": "calendar",
    "timeline": "activity",
    "tree": "hierarchy",
    "gallery": "layout-grid",
}
OWN = frozenset(
    {"q", "sort", "view", "after", "before", "page", "size", "cols", "month", "saved", "limit", "count", "fields", "expand", "format"}
)
MADE = View("all", columns=())
MOST_REMEMBERED = 2000
_Labels = list[tuple[str, str]]
_remembered: dict[tuple[int, int, frozenset[str]], tuple[Entity, _Labels, _Labels]] = {}
_ANY = re.compile(r"any([1-9])\.(.+)\Z")
_UNLISTED = frozenset({"lines", "json", "secret", "rich_text", "long_text", "signature", "image", "file", "location"})


@dataclass
class Wanted:
    """A list as its address asks for it."""

    asking: Asking
    entity: Entity
    shape: Entity
    rights: Grant
    url: str
    view: View
    found: Pairs
    query: Query
    columns: tuple[str, ...]
    size: int
    visible: frozenset[str]

    @property
    def fields(self) -> dict[str, Field]:
        return {field.name: field for field in self.shape.fields}


def wanted(asking: Asking, plugin: str, name: str, given: Pairs | None = None, **changes: Any) -> Wanted:
    """Read the address. Unknown and invisible names are ignored; Forbidden when the entity may not be read at all."""
    entity = asking.entity(plugin, name)
    rights = asking.grant(entity)
    if not rights.may("read"):
        with asking.platform.read(asking.actor, asking.generation) as unit:
            reader(unit, entity.full_name)
    shape = asking.shape(entity)
    found = pairs() if given is None else given
    args = dict(found)
    view = next((one for one in shape.views if one.name == args.get("view")), None) or default_view(shape) or MADE
    visible = frozenset(rights.visible())
    columns = _columns(shape, view, args.get("cols", ""), visible)
    size = int(args["size"]) if args.get("size") in {str(one) for one in SIZES} else min(max(view.page_size, 1), 200)
    query = Query(
        where=conditions(asking, entity, shape, visible, found),
        expression=view.where,
        q=args.get("q", "")[:200],
        # What was searched for comes newest first, unless somebody chose an order: along a view's own, all hits would be gathered.
        sort=parse_sort(args.get("sort", ""), shape, visible, False) or (_view_sort(view, shape, visible) if not args.get("q") else ()),
        limit=size,
        after=args.get("after"),
        before=args.get("before"),
        last=args.get("page") == "last",
        fields=columns,
    )
    return Wanted(asking, entity, shape, rights, f"/{plugin}/{name}", view, found, replace(query, **changes), columns, size, visible)


def parsing(asking: Asking) -> Parsing:
    """How this person's texts are read."""
    return Parsing(zone=asking.actor.zone, locale=asking.actor.locale, today=asking.platform.clock.now().astimezone(asking.fmt.zone).date())


def conditions(asking: Asking, entity: Entity, shape: Entity, visible: frozenset[str], found: Pairs) -> Group | None:
    """The filters of an address. ``anyN.field__op`` parameters of one number are joined by or, all else by and."""

    def shown(field: Field) -> Field:
        return effective(field, asking.generation.entities, entity)

    ctx = parsing(asking)
    plain: Pairs = []
    groups: dict[str, Pairs] = {}
    for name, text in found:
        match = _ANY.match(name)
        if match:
            groups.setdefault(match[1], []).append((match[2], text))
        elif name not in OWN:
            plain.append((name, text))
    parts: list[Condition | Group] = []
    base = parse_filters(plain, shape, visible, ctx, False, shown)
    parts += base.parts if base is not None else ()
    for _, mine in sorted(groups.items()):
        alternatives = [part for pair in mine if (one := parse_filters([pair], shape, visible, ctx, False, shown)) for part in one.parts]
        if alternatives:
            parts.append(Group(True, tuple(alternatives)))
    return Group(False, tuple(parts)) if parts else None


def _view_sort(view: View, shape: Entity, visible: frozenset[str]) -> tuple[tuple[str, bool], ...]:
    return parse_sort(",".join(view.sort), shape, visible, False)


def _columns(shape: Entity, view: View, chosen: str, visible: frozenset[str]) -> tuple[str, ...]:
    names = [one for one in chosen.split(",") if one] if chosen else list(view.columns)
    good = [name for name in dict.fromkeys(names) if listable(shape, name, visible)]
    if good:
        return tuple(good[:24])
    marked = [one.name for one in shape.fields if one.in_list and listable(shape, one.name, visible)]
    if not marked:
        marked = [one.name for one in shape.fields if one.type not in _UNLISTED and listable(shape, one.name, visible)][:6]
    if shape.workflow is not None and "state" not in marked:
        marked.append("state")
    return tuple(marked or ["display_title"])


def listable(shape: Entity, name: str, visible: frozenset[str]) -> bool:
    field = field_of(shape, name)
    if field is None or field.hidden or field.type in ("secret", "json"):
        return False
    if name == "state":
        return shape.workflow is not None
    return name in SYSTEM_FIELDS or name in visible


def rows(want: Wanted) -> Rows:
    """The page's plain rows. A sort that cannot be made or a cursor of another list is left out."""
    who, name, query = want.asking, want.entity.full_name, want.query
    for _ in range(2):
        try:
            return looking.rows(who.platform, who.actor, name, query)
        except BadRequest:
            if query.after or query.before or query.last:
                query = replace(query, after=None, before=None, last=False)
            else:
                query = replace(query, sort=())
    return looking.rows(who.platform, who.actor, name, replace(query, sort=()))


def page(want: Wanted) -> ListPage:
    """The list as a page."""
    asking, shape, url, found = want.asking, want.shape, want.url, want.found
    pick = bool(want.rights.writable()) or want.rights.may("delete") or want.rights.may("export")
    table = rows(want)
    made = compiled(
        (asking.generation.number, want.entity.full_name, id(shape)),
        shape,
        table.cells,
        want.columns,
        url,
        asking.actor.locale,
        asking.actor.zone,
        _sprite(),
        pick,
    )
    heads = [_head(want, column) for column in made.columns]
    plural, singular = words.plural(shape), words.singular(shape)
    shell = showing.shell(plural, crumbs=_crumbs(asking, shape), here=url)
    current = address(url, found)
    listed = ListPage(
        shell=shell,
        entity=want.entity.full_name,
        singular=singular,
        plural=plural,
        help=shape.help,
        url=url,
        here=current,
        tabs=_tabs(want),
        saved=_saved(want),
        kind=want.view.kind,
        q=want.query.q,
        chips=chips(want),
        heads=heads,
        rows=Markup(made.write(table.rows, table.ids)),  # noqa: S704 - every cell escapes
        shown=len(table.ids),
        pick=pick,
        icon=shape.icon or "list",
        view=want.view.name,
    )
    _edges(listed, want, table)
    _offers(listed, want)
    return listed


def frame(want: Wanted) -> ListPage:
    """The list's surroundings without its rows, for boards, calendars and trees."""
    shape, url = want.shape, want.url
    shell = showing.shell(words.plural(shape), crumbs=_crumbs(want.asking, shape), here=url)
    listed = ListPage(
        shell=shell,
        entity=want.entity.full_name,
        singular=words.singular(shape),
        plural=words.plural(shape),
        help=shape.help,
        url=url,
        here=address(url, want.found),
        tabs=_tabs(want),
        saved=_saved(want),
        kind=want.view.kind,
        q=want.query.q,
        chips=chips(want),
        heads=[],
        rows=Markup(""),
        shown=0,
        icon=shape.icon or "list",
        view=want.view.name,
    )
    _offers(listed, want)
    return listed


def _sprite() -> str:
    return str(showing.screens().sprite)


def _crumbs(asking: Asking, shape: Entity) -> list[Crumb]:
    plugin = asking.generation.plugins.get(shape.plugin)
    return [Crumb(words.plugin_label(plugin) if plugin else shape.plugin, f"/{shape.plugin}"), Crumb(words.plural(shape))]


def _head(want: Wanted, column: Any) -> Head:
    field = field_of(want.shape, column.name)
    if field is None:
        return Head(column)
    shown = effective(field, want.asking.generation.entities, want.entity)
    if not kind(shown).sortable or kind(shown).family in ("lines", "references", "choices", "json", "none", "any_reference", "file"):
        return Head(column)
    first = want.query.sort[0] if want.query.sort else ("", False)
    state = ("descending" if first[1] else "ascending") if first[0] == column.name else ""
    turned = f"-{column.name}" if state == "ascending" else column.name
    return Head(column, address(want.url, with_(want.found, sort=turned)), state)


def _tabs(want: Wanted) -> list[Tab]:
    views = want.shape.views or (MADE,)
    keep = [pair for pair in want.found if pair[0] not in OWN or pair[0] == "q"]
    return [
        Tab(
            words.view_label(view),
            address(want.url, [("view", view.name), *keep] if view is not default_view(want.shape) else keep),
            ICONS.get(view.kind, "layout-list") if view.kind != "list" else "",
            view.name == want.view.name and "saved" not in dict(want.found),
        )
        for view in views
    ]


def _saved(want: Wanted) -> list[Tab]:
    current = dict(want.found).get("saved", "")
    return [
        Tab(
            one.label,
            f"{want.url}?{one.query}&saved={one.id}" if one.query else f"{want.url}?saved={one.id}",
            "bookmark" if one.mine else "users",
            str(one.id) == current,
            one.id,
            one.mine,
        )
        for one in desk.saved_views(want.asking.platform, want.asking.actor, want.entity.full_name)
    ]


def chips(want: Wanted) -> list[Chip]:
    """The filters in force, each with the address without it."""
    said: list[Chip] = []
    for name, text in want.found:
        match = _ANY.match(name)
        bare = match[2] if match else name
        if name in OWN:
            continue
        visible = want.visible
        group = conditions(want.asking, want.entity, want.shape, visible, [(bare, text)])
        if group is None or not isinstance(group.parts[0], Condition):
            continue
        one = group.parts[0]
        field = field_of(want.shape, one.field)
        assert field is not None
        shown = effective(field, want.asking.generation.entities, want.entity)
        family = kind(shown).family
        value = "" if one.op == "empty" else ", ".join(_value(want, shown, one.field, value) for value in one.values)
        if family in ("date", "datetime") and one.op != "empty" and not text[:4].isdecimal():
            value = f"{text} ({value})"  # such as today-30d, which is another day tomorrow
        operator = words.operator_label(one.op, family) if one.op != "empty" or one.values[0] else "is not empty"
        said.append(
            Chip(words.field_label(field), operator, value, address(want.url, less(want.found, name, text)), match[1] if match else "")
        )
    return said


def _value(want: Wanted, field: Field, name: str, value: Value) -> str:
    if name == "state":
        return words.state_label(want.shape, value)
    if field.type in ("choice", "choices"):
        return words.option_label(field, value)
    if kind(field).family in ("reference", "references") and isinstance(value, int):
        return titles(want.asking, field, [value]).get(value, f"#{value}")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return kind(field).display(field, value, want.asking.fmt)


def titles(asking: Asking, field: Field, numbers: list[int]) -> dict[int, str]:
    """Readable titles of what a reference points to."""
    targets = asking.generation.targets(field)
    if len(targets) != 1 or targets[0] not in asking.generation.entities or not numbers:
        return {}
    if not asking.grant(asking.generation.entities[targets[0]]).may("read"):
        return {}
    found = looking.get_many(asking.platform, asking.actor, targets[0], numbers, ())
    return {number: str(record.get("display_title") or f"#{number}") for number, record in found.items()}


def _edges(listed: ListPage, want: Wanted, table: Rows) -> None:
    url, kept = want.url, [pair for pair in want.found if pair[0] not in CURSORS]
    listed.older = address(url, [*kept, ("after", table.next)]) if table.next else ""
    listed.newer = address(url, [*kept, ("before", table.prev)]) if table.prev else ""
    moved = any(name in CURSORS for name, _ in want.found)
    listed.first = address(url, kept) if table.prev or moved else ""
    listed.last = address(url, [*kept, ("page", "last")]) if table.next else ""
    listed.total, listed.total_is_capped, listed.notes = table.total, table.total_is_capped, table.notes
    listed.count_url = address(f"{url}/count", kept) if table.total is None else ""


def _offers(listed: ListPage, want: Wanted) -> None:
    rights, shape, url, found = want.rights, want.shape, want.url, want.found
    visible = want.visible
    listed.can_create = rights.may("create") and shape.kind != "settings"
    listed.can_delete, listed.can_export = rights.may("delete"), rights.may("export")
    listed.can_import = rights.may("import") and shape.kind not in ("settings", "ledger")
    moves = [(one.name, words.move_label(one)) for one in shape.workflow.transitions if not one.approval] if shape.workflow else []
    offered = actions.of_list(
        shape,
        url,
        create=listed.can_create,
        delete=listed.can_delete,
        export=listed.can_export,
        write=bool(rights.writable()),
        moves=moves if rights.writable() or shape.workflow else (),
    )
    listed.bulk = [one for one in offered if "bulk" in one.where]
    chosen, listed.filterable = _fields(want, visible)
    listed.columns = [(name, label, name in want.columns) for name, label in chosen]
    listed.sizes = [(size, address(url, with_(found, size=str(size))), size == want.size) for size in SIZES]
    state = [pair for pair in found if pair[0] not in CURSORS]
    listed.hidden = [pair for pair in state if pair[0] != "q"]
    listed.query = address("", state).removeprefix("?")
    if listed.can_export:
        listed.exports = [
            (kind_.upper(), address(f"{url}/export", [*without(state, "format"), ("format", kind_)])) for kind_ in ("csv", "xlsx", "json")
        ]
    listed.filtered, listed.narrow = bool(listed.chips or listed.q), bool(want.view.where)
    view = [pair for pair in found if pair[0] in ("view", "size", "cols", "sort")]
    listed.clear = address(url, view)
    listed.changed = bool(listed.filtered or any(name in ("sort", "cols", "size") for name, _ in found))
    listed.facets_url = address(f"{url}/facets", state) if shape.kind != "settings" else ""


def _fields(want: Wanted, visible: frozenset[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(name, label) of what can be a column, and of what can be filtered by."""
    shape = want.shape
    key = (want.asking.generation.number, id(shape), visible)
    found = _remembered.get(key)
    if found is None or found[0] is not shape:
        listed = [field for field in (*shape.fields, *_system(shape)) if listable(shape, field.name, visible)]
        if len(_remembered) > MOST_REMEMBERED:
            _remembered.clear()
        found = _remembered[key] = (
            shape,
            [(field.name, words.field_label(field)) for field in listed],
            [(field.name, words.field_label(field)) for field in listed if _filterable(want, field)],
        )
    return found[1], found[2]


def _system(shape: Entity) -> list[Field]:
    names = ["state"] if shape.workflow is not None else []
    return [field for name in (*names, "id", "created_at", "created_by", "updated_at", "updated_by") if (field := field_of(shape, name))]


def _filterable(want: Wanted, field: Field) -> bool:
    shown = effective(field, want.asking.generation.entities, want.entity)
    return bool(kind(shown).operators) and kind(shown).family not in ("lines", "json", "file", "none")


def saved(want: Wanted, number: int) -> str:
    """The address of a saved view. NotFound."""
    for one in desk.saved_views(want.asking.platform, want.asking.actor, want.entity.full_name):
        if one.id == number:
            return f"{want.url}?{one.query}&saved={one.id}"
    raise NotFound("There is no such view.")


def parsed(query: str) -> Pairs:
    """A query string as pairs."""
    try:
        return parse_qsl(query[:4000], max_num_fields=100)
    except ValueError:
        return []
