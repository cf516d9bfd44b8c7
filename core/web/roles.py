"""The roles there are: who holds each, and what it may do to which records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from flask import Response
from markupsafe import Markup, escape

from core.access.grant import Grant, Right, Scope, grant
from core.errors import NotFound
from core.render import words
from core.render.pages import Crumb, Plain
from core.services import accounts
from core.web import showing
from core.web.asking import admin, asking
from core.web.routing import Routes
from core.web.showing import respond
from schemas.model import Entity

PLACE = "/admin/roles"
ROWS = {
    "own": "their own",
    "team": "their team’s",
    "department": "their department’s",
    "department_tree": "their department’s and those below",
    "company": "their company’s",
}
ACTIONS = ("read", "create", "write", "delete", "export", "import")


@dataclass
class Reach:
    """What a role may do to one entity: a cell for each action, and what it may not see."""

    label: str
    url: str
    cells: list[tuple[str, Markup]]
    said: list[str] = field(default_factory=list)


def routes(made: Routes) -> None:
    """The list of roles and the page of each."""
    made.get(PLACE)(listed)
    made.get(PLACE + "/<name:plugin>/<name:role>")(one)


@admin
def listed() -> Response:
    """Every declared role with how many hold it."""
    who = asking()
    held: dict[str, int] = {}
    for row in accounts.listed(who.platform, who.actor):
        for role in row.roles if row.enabled else ():
            held[role] = held.get(role, 0) + 1
    groups: dict[str, list[tuple[str, str, str, int, int]]] = {}
    for full, label in who.generation.roles().items():
        plugin, _, name = full.partition(".")
        reached = sum(1 for entity in who.generation.entities.values() if any(rule.role == full for rule in entity.access))
        group = words.plugin_label(who.generation.plugins[plugin])
        groups.setdefault(group, []).append((label, full, f"{PLACE}/{plugin}/{name}", held.get(full, 0), reached))
    shell = showing.shell("Roles", crumbs=[Crumb("Administration", "/admin"), Crumb("Roles")], here="/admin")
    return respond("admin/roles.html", Plain(shell, {"groups": groups}), block="main")


@admin
def one(plugin: str, role: str) -> Response:
    """One role: who holds it and what it reaches. NotFound for an unknown one."""
    who = asking()
    full = f"{plugin}.{role}"
    label = who.generation.roles().get(full)
    if label is None:
        raise NotFound("There is no such role.")
    actor = replace(who.actor, roles=frozenset({full}))  # asked about, never acted as
    reached = []
    for entity in who.generation.entities.values():
        given = grant(entity, actor)
        right = next((one for one in given.rights if one.lens.role == full), None)
        if right is not None:
            reached.append(_reach(entity, given, right))
    holders = [(row.name or row.email, f"/admin/people/{row.id}", row.enabled) for row in accounts.listed(who.platform, who.actor)
               if full in row.roles]
    crumbs = [Crumb("Administration", "/admin"), Crumb("Roles", PLACE), Crumb(label)]
    facts = {"label": label, "full": full, "actions": ACTIONS, "reached": sorted(reached, key=lambda one: one.label), "holders": holders}
    return respond("admin/role.html", Plain(showing.shell(label, crumbs=crumbs, here="/admin"), facts), block="main")


def _reach(entity: Entity, given: Grant, right: Right) -> Reach:
    some = ", ".join(sorted(right.create_forms or ()))
    cells = [
        ("Read", _rows(right.lens.rows)),
        ("Create", Markup("with {}").format(some) if right.create and some else _yes(right.create)),
        ("Change", _rows(right.write_rows) if right.writable else _yes(False)),
        ("Delete", _rows(right.delete)),
        ("Export", _rows(right.export)),
        ("Import", _yes(right.import_)),
    ]
    said = []
    fields = [one for one in entity.fields if one.type != "secret"]
    unseen = [words.field_label(one) for one in fields if one.name not in right.lens.visible and one.name not in right.lens.masked]
    masked = [words.field_label(one) for one in fields if one.name in right.lens.masked]
    if unseen:
        said.append(f"Does not see {', '.join(unseen)}.")
    if masked:
        said.append(f"Sees only that there is something in {', '.join(masked)}.")
    steps = entity.workflow.transitions if entity.workflow is not None else ()
    made = [words.move_label(step) for step in steps if right.lens.role in step.roles or step.name in right.moves]
    if made:
        said.append(f"Moves: {', '.join(made)}.")
    return Reach(words.plural(entity), f"/{entity.plugin}/{entity.name}", cells, said)


def _yes(may: bool) -> Markup:
    return Markup('<span class="ok">yes</span>') if may else Markup('<span class="none" title="no">–</span>')


def _rows(scope: Scope) -> Markup:
    if scope.is_all:
        return Markup('<span class="ok">all</span>')
    if scope.is_none:
        return _yes(False)
    return Markup(" or ").join(
        escape(ROWS[source]) if source in ROWS else Markup("<code>{}</code>").format(source) for source in scope.sources
    )
