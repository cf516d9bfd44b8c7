"""Administration: people and roles, why somebody may, plugins and their problems, generations, the log, jobs and health."""

from __future__ import annotations

import platform as machine
import sqlite3
from datetime import UTC
from itertools import groupby
from pathlib import PurePath

from flask import Response, request

from core.errors import BackofficeError, Invalid, NotFound
from core.registry.diff import diff
from core.registry.found import missing_folder
from core.render import words
from core.render.pages import Crumb, Plain, Toast
from core.services import accounts, audit, explain, people, plugins, publish
from core.services import jobs as work
from core.storage.log import Entry
from core.web import showing
from core.web.asking import Asking, admin, asking
from core.web.routing import Routes
from core.web.showing import go, respond
from schemas.model import Problem

PAGES = (
    ("People", "/admin/people", "users", "Who may sign in, and which roles they hold."),
    ("Roles", "/admin/roles", "shield", "What each role may do to which records, and who holds it."),
    ("Why may I?", "/admin/explain", "shield", "The rule chain for one person, one record, one action."),
    ("Plugins", "/admin/plugins", "plug", "What is served, what is wrong with it, and how long its hooks take."),
    ("Generations", "/admin/generations", "versions", "Every published change of shape, readable, and the way back."),
    ("Log", "/admin/audit", "history", "Who did what to which record, sealed against changes."),
    ("Jobs and outbox", "/admin/jobs", "activity", "What waits, what was performed and what failed."),
    ("Mail", "/admin/mail", "mail", "Whether mail goes out, and a message to try it."),
    ("Health", "/admin/health", "gauge", "Versions, database, storage and mail."),
)
MOST_ENTRIES = 100
VERBS = {
    "create": "created",
    "update": "changed",
    "trash": "moved to the trash",
    "restore": "restored",
    "purge": "removed for good",
    "derive": "recomputed",
}


def routes(made: Routes) -> None:
    """The pages of the administration."""
    made.get("/admin")(index)
    made.get("/admin/people")(people_list)
    made.post("/admin/people")(invite)
    made.route("/admin/people/<number:number>", methods=["GET", "POST"])(person)
    made.post("/admin/people/<number:number>/<any(enable,disable,link):verb>")(person_verb)
    made.get("/admin/explain")(why)
    made.get("/admin/plugins")(plugin_list)
    made.post("/admin/plugins/<name:name>/<any(enable,disable):verb>")(plugin_verb)
    made.post("/admin/plugins/reload")(reload)
    made.get("/admin/generations")(generations)
    made.get("/admin/generations/<number:number>")(generation)
    made.post("/admin/generations/revert")(revert)
    made.get("/admin/audit")(log)
    made.get("/admin/jobs")(jobs)
    made.post("/admin/outbox/<number:number>/again")(again)
    made.get("/admin/health")(health)


def _shell(title: str, *, sub: str = "") -> object:
    inside = [Crumb("Administration", "/admin"), *([Crumb(sub, f"/admin/{sub.lower()}")] if sub else []), Crumb(title)]
    crumbs = inside if title != "Administration" else [Crumb(title)]
    return showing.shell(title, crumbs=crumbs, here="/admin")


def _respond(name: str, title: str, facts: dict[str, object], *, status: int = 200, sub: str = "") -> Response:
    page = Plain(_shell(title, sub=sub), facts | {"title": title})  # type: ignore[arg-type]
    return respond(f"admin/{name}.html", page, block="main", status=status)


@admin
def index() -> Response:
    """Everything there is to administer."""
    who = asking()
    health_ = plugins.listed(who.platform)
    wrong = sum(1 for one in health_ if one.state in ("broken", "failing"))
    said = [f"{one.label} is {one.state}." for one in health_ if one.state in ("broken", "failing")]
    warned = sum(len(one.problems) for one in health_ if one.state not in ("broken", "failing"))
    if warned:
        said.append(f"{warned} {'warning' if warned == 1 else 'warnings'} about what plugins declare.")
    safe = who.platform.discovery.safe_mode
    if safe:
        said.insert(0, "Safe mode: no plugin’s code is run until the server is started without it.")
    return _respond(
        "index",
        "Administration",
        {
            "pages": PAGES,
            "problems": safe or any(one.problems or one.failures for one in health_),
            "told": " ".join(said) or "Hooks of plugins failed.",
            "wrong": wrong,
        },
    )


@admin
def people_list() -> Response:
    """All accounts."""
    return _people()


def _people(errors: list[tuple[str, str, str]] | None = None, told: str = "", status: int = 200) -> Response:
    who = asking()
    labels = who.generation.roles()
    rows = [
        (
            one,
            [labels.get(role) or accounts.BUILT_IN.get(role, role) for role in one.roles],
            who.texts.stamp(one.signed_in_at) if one.signed_in_at else "never",
        )
        for one in accounts.listed(who.platform, who.actor)
    ]
    q = request.args.get("q", "").casefold()
    rows = [row for row in rows if q in f"{row[0].email} {row[0].name}".casefold()] if q else rows
    return _respond(
        "people",
        "People",
        {
            "rows": rows,
            "errors": errors or [],
            "told": told,
            "q": request.args.get("q", ""),
            "given": {name: request.form.get(name, "") for name in ("email", "name", "department")},
        },
        status=status,
    )


@admin
def invite() -> Response:
    """Make an account and its person, and an invitation."""
    who = asking()
    try:
        account = people.add(
            who.platform,
            who.actor,
            email=request.form.get("email", ""),
            name=request.form.get("name", ""),
            department=request.form.get("department") or None,
        )
        told = people.invite(who.platform, who.actor, account)
    except Invalid as problem:
        return _people([(name, "", one) for name, said in problem.errors.items() for one in said], status=422)
    except BackofficeError as problem:
        return _people([("", "", problem.detail)], status=problem.status)
    return _people(told=told)


def _found(who: Asking, number: int) -> accounts.AccountRow:
    found = next((one for one in accounts.listed(who.platform, who.actor) if one.id == number), None)
    if found is None:
        raise NotFound("There is no such account.")
    return found


@admin
def person(number: int) -> Response:
    """One account: its roles."""
    who = asking()
    errors: list[tuple[str, str, str]] = []
    status = 200
    if request.method == "POST":
        try:
            accounts.set_roles(who.platform, who.actor, number, request.form.getlist("role"))
            return go(f"/admin/people/{number}", toast=Toast("Roles saved. They hold from the next request on."))
        except Invalid as problem:
            errors, status = [("", "", one) for said in problem.errors.values() for one in said], 422
        except BackofficeError as problem:
            errors, status = [("", "", problem.detail)], problem.status
    row = _found(who, number)
    held = set(row.roles) if request.method == "GET" else set(request.form.getlist("role"))
    groups: dict[str, list[tuple[str, str, bool]]] = {
        "System": [(role, label, role in held) for role, label in accounts.BUILT_IN.items() if role != "core.everyone"]
    }
    for role, label in sorted(who.generation.roles().items()):
        plugin = who.generation.plugins[role.partition(".")[0]]
        groups.setdefault(words.plugin_label(plugin), []).append((role, label, role in held))
    return _respond("person", row.name or row.email, {"row": row, "groups": groups, "errors": errors}, status=status, sub="People")


@admin
def person_verb(number: int, verb: str) -> Response:
    """Enable, disable, or make a link to choose a password."""
    who = asking()
    row = _found(who, number)
    if verb == "link":
        return _people(told=people.invite(who.platform, who.actor, number))
    (accounts.enable if verb == "enable" else accounts.disable)(who.platform, who.actor, number)
    return go(f"/admin/people/{number}", toast=Toast(f"{row.email} is {verb}d."))


@admin
def why() -> Response:
    """Why somebody may or may not: the rules in sentences."""
    who = asking()
    asked = {name: request.args.get(name, "").strip() for name in ("user", "entity", "id", "action", "field")}
    said: explain.Explanation | None = None
    error = ""
    if asked["user"] and asked["entity"]:
        number = int(asked["id"]) if asked["id"].isdecimal() and len(asked["id"]) < 17 else None
        try:
            said = explain.explain(
                who.platform,
                who.actor,
                asked["user"],
                asked["entity"],
                number,
                action=asked["action"] or "read",
                field=asked["field"] or None,
            )
        except BackofficeError as problem:
            error = problem.detail
    entities = sorted((name, f"{words.singular(one)} ({name})") for name, one in who.generation.entities.items())
    users = [(one.email, one.name or one.email) for one in accounts.listed(who.platform, who.actor)]
    return _respond(
        "explain",
        "Why may I?",
        {"asked": asked, "said": said, "error": error, "entities": entities, "users": users, "actions": explain.ACTIONS},
    )


@admin
def plugin_list() -> Response:
    """Every plugin that was seen."""
    who = asking()
    rows = [
        (one, [_reported(problem) for problem in one.problems], [(failure.hook, failure.reason) for failure in one.failures])
        for one in plugins.listed(who.platform)
    ]
    return _respond("plugins", "Plugins", {"rows": rows, "absent": missing_folder(who.platform.settings.plugins_dir)})


def _reported(problem: Problem) -> tuple[str, str, str]:
    """A problem's severity, its sentence, and its place without the machine's folders."""
    place = problem.place
    file = "/".join(PurePath(place.file).parts[-2:]) if place.file else "declaration"
    where = f"{file}:{place.line}" if place.line else file
    return problem.severity, f"{problem.message} {problem.remedy}".strip(), f"{where}  {place.path}".strip()


@admin
def plugin_verb(name: str, verb: str) -> Response:
    """Switch a plugin on or off."""
    who = asking()
    (plugins.enable if verb == "enable" else plugins.disable)(who.platform, who.actor, name)
    return go("/admin/plugins", toast=Toast(f"{name} is {verb}d."))


@admin
def reload() -> Response:
    """Look for plugins again."""
    who = asking()
    plugins.reload(who.platform, who.actor)
    return go("/admin/plugins", toast=Toast("Plugins were looked for again."))


@admin
def generations() -> Response:
    """Everything that was published, newest first."""
    who = asking()
    entries = publish.listed(who.platform)
    back = publish.standing(entries)
    rows = [(one, who.texts.stamp(one.at)) for one in reversed(entries)]
    overlays = [
        (one.entity, one.department or "everybody", one.name, one.because, [f"{verb.kind}" for verb in one.changes])
        for one in who.generation.overlays
    ]
    return _respond("generations", "Generations", {"rows": rows, "back": back, "current": who.generation.number, "overlays": overlays})


@admin
def generation(number: int) -> Response:
    """What one generation changed, in sentences."""
    who = asking()
    here = publish.at(who.platform, number)
    before = publish.at(who.platform, number - 1) if number > 1 else None
    lines = diff(before, here).lines
    return _respond(
        "generation",
        f"Generation {number}",
        {"groups": [(name, list(some)) for name, some in groupby(lines[:500], lambda one: one.entity)], "more": max(0, len(lines) - 500)},
        sub="Generations",
    )


@admin
def revert() -> Response:
    """Take the last publication back, or return to the overlays of a generation."""
    who = asking()
    text = request.form.get("to", "")
    outcome = publish.revert(
        who.platform, who.actor, int(text) if text.isdecimal() and len(text) < 8 else None, because=request.form.get("because", "")[:500]
    )
    return go(
        "/admin/generations", toast=Toast(f"Generation {outcome.number} is in force." if outcome.changed else "Nothing had to change.")
    )


@admin
def log() -> Response:
    """The newest entries of the log."""
    who = asking()
    before = request.args.get("before", "")
    entity, by = request.args.get("entity", ""), request.args.get("by", "")
    found = audit.newest(
        who.platform,
        who.actor,
        limit=MOST_ENTRIES,
        before=int(before) if before.isdecimal() and len(before) < 18 else None,
        entity=entity,
        by=by,
    )
    rows = [(one, who.texts.stamp(one.at), *_concerned(who, one), _done(who, one)) for one in found]
    verdict = audit.verify(who.platform) if request.args.get("verify") == "1" else None
    return _respond(
        "audit",
        "Log",
        {
            "rows": rows,
            "older": found[-1].id if len(found) == MOST_ENTRIES else None,
            "entity": entity,
            "by": by,
            "verdict": verdict,
            "entities": sorted(
                (f"{words.plural(shape)} ({words.plugin_label(who.generation.plugins[shape.plugin])})", name)
                for name, shape in who.generation.entities.items()
            )
            + [("Accounts and their roles", accounts.ACCOUNT), ("Plugins", plugins.PLUGIN)],
        },
    )


def _concerned(who: Asking, one: Entry) -> tuple[str, str]:
    """What an entry of the log is about, and the address where that is seen."""
    if one.entity == accounts.ACCOUNT:
        return f"Account {one.record}", f"/admin/people/{one.record}"
    if one.entity == plugins.PLUGIN:
        return "Plugins", "/admin/plugins"
    shape = who.generation.entities.get(one.entity)
    noun = words.singular(shape) if shape is not None else one.entity
    return f"{noun} {one.record}", f"/{one.entity.replace('.', '/')}/{one.record}"


def _done(who: Asking, one: Entry) -> str:
    """What an entry of the log says was done, in words."""
    shape = who.generation.entities.get(one.entity)
    step = shape.workflow.transition(one.transition) if shape is not None and shape.workflow is not None and one.transition else None
    if one.transition:
        return f"moved: {words.move_label(step) if step is not None else words.human(one.transition)}"
    return VERBS.get(one.action, one.action)


@admin
def jobs() -> Response:
    """What waits to be performed, and what failed."""
    who = asking()
    own = [
        (one.id, one.verb, one.state, one.attempts, who.texts.stamp(one.created_at), one.progress)
        for one in work.listed(who.platform, who.actor)
    ]
    effects = [
        (
            one["id"],
            words.human(one["kind"]),
            one["state"],
            one["attempts"],
            who.texts.stamp(one["created_at"].replace(tzinfo=UTC)),
            one["error"],
        )
        for one in work.effects(who.platform, who.actor)
    ]
    return _respond("jobs", "Jobs and outbox", {"jobs": own, "outbox": effects})


@admin
def again(number: int) -> Response:
    """Have an effect tried again."""
    who = asking()
    work.again(who.platform, who.actor, number)
    return go("/admin/jobs", toast=Toast("It will be tried again at once."))


@admin
def health() -> Response:
    """Versions, sizes and what is off."""
    who = asking()
    settings = who.platform.settings
    facts = [
        ("Python", machine.python_version()),
        ("Database", f"SQLite {sqlite3.sqlite_version}" if who.platform.database.dialect == "sqlite" else "PostgreSQL"),
        ("Plugins", "safe mode: their code is not run" if who.platform.discovery.safe_mode else "their code is run"),
        ("Generation", str(who.generation.number)),
        ("Entities", str(len(who.generation.entities))),
        ("Data directory", str(settings.data_dir)),
        ("Base URL", settings.base_url or "not set: links in mail name 127.0.0.1"),
        ("Mail", "configured; sent by the worker" if settings.smtp_url else "off: invitations show their link instead"),
        ("Files", f"{sum(1 for _ in who.platform.files.keys())} kept"),  # noqa: SIM118 - a store, no dict
    ]
    warnings = settings.refusals("0.0.0.0") if settings.secure else []  # noqa: S104 - asked, not bound
    return _respond("health", "Health", {"facts": facts, "warnings": warnings})
