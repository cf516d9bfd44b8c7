"""The own account: password, the devices that are signed in, and API tokens."""

from __future__ import annotations

from flask import Response, request

from core.errors import Invalid
from core.render.pages import Crumb, Plain, Toast
from core.services import accounts
from core.web import guards, showing
from core.web.asking import asking, entered, session_cookie
from core.web.routing import Routes
from core.web.showing import go, respond


def routes(made: Routes) -> None:
    """The pages of the own account."""
    made.get("/account")(account)
    made.post("/account/password")(password)
    made.post("/account/devices/<number:number>/end")(end)
    made.post("/account/devices/end")(end_all)
    made.post("/account/tokens")(make_token)
    made.post("/account/tokens/<number:number>/end")(end_token)


def _page(errors: list[tuple[str, str, str]] | None = None, token: str = "", status: int = 200) -> Response:
    who = asking()
    actor = who.actor
    devices = [
        (one.id, agent(one.agent), one.address, who.texts.stamp(one.seen_at), one.id == who.session)
        for one in accounts.my_sessions(who.platform, actor)
    ]
    tokens = [
        (
            one.id,
            one.name,
            ", ".join(one.scopes) or "all your rights",
            who.texts.stamp(one.created_at),
            who.texts.stamp(one.expires_at) if one.expires_at else "never",
        )
        for one in accounts.my_tokens(who.platform, actor)
    ]
    labels = who.generation.roles()
    roles = sorted(f"{who.generation.plugins[role.partition('.')[0]].label}: {labels[role]}" for role in actor.roles if role in labels)
    roles += [label for role, label in accounts.BUILT_IN.items() if role in actor.roles and role != "core.everyone"]
    page = Plain(
        showing.shell("Account", crumbs=[Crumb("Account")], here="/account"),
        {
            "name": actor.name,
            "email": actor.email,
            "roles": roles,
            "devices": devices,
            "tokens": tokens,
            "errors": errors or [],
            "token": token,
            "zone": actor.zone,
            "language": showing.language(actor.locale),
        },
    )
    return respond("account.html", page, block="main", status=status)


def agent(text: str) -> str:
    """A browser's name as people know it."""
    system = next(
        (
            name
            for mark, name in (("Android", "Android"), ("iPhone", "iPhone"), ("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux"))
            if mark in text
        ),
        "",
    )
    browser = next(
        (name for mark, name in (("Edg/", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari")) if mark in text), ""
    )
    return " on ".join(part for part in (browser, system) if part) or text[:60] or "Unknown"


@entered
def account() -> Response:
    """The page."""
    return _page()


@entered
def password() -> Response:
    """Choose another password; this browser stays signed in, all others are signed out."""
    who = asking()
    try:
        if request.form.get("new", "") != request.form.get("again", request.form.get("new", "")):
            raise Invalid({"again": ["The two passwords differ."]})
        accounts.change_password(who.platform, who.actor, request.form.get("old", ""), request.form.get("new", ""))
    except Invalid as problem:
        names = {"password": "new"}
        return _page([(names.get(name, name), "", one) for name, said in problem.errors.items() for one in said], status=422)
    answer = go("/account", toast=Toast("Your password is changed. Every other device is signed out."))
    assert who.actor.account is not None
    session_cookie(
        answer,
        who.platform.settings,
        accounts.open_session(who.platform, who.actor.account, address=guards.address(), agent=request.headers.get("User-Agent", "")[:200]),
    )
    return answer


@entered
def end(number: int) -> Response:
    """Sign one device out."""
    who = asking()
    accounts.revoke_session(who.platform, who.actor, number)
    return go("/account", toast=Toast("That device is signed out."))


@entered
def end_all() -> Response:
    """Sign every other device out."""
    who = asking()
    accounts.close_sessions(who.platform, who.actor, but=who.session)
    return go("/account", toast=Toast("Every other device is signed out."))


@entered
def make_token() -> Response:
    """Make an API token; it is shown this once."""
    who = asking()
    assert who.actor.account is not None
    scopes = [one for one in request.form.get("scopes", "").replace(",", " ").split() if one]
    try:
        token = accounts.create_token(who.platform, who.actor.account, request.form.get("name", ""), scopes, actor=who.actor)
    except Invalid as problem:
        return _page([(f"token-{name}", "", one) for name, said in problem.errors.items() for one in said], status=422)
    return _page(token=token)


@entered
def end_token(number: int) -> Response:
    """End a token."""
    who = asking()
    accounts.revoke_token(who.platform, who.actor, number)
    return go("/account", toast=Toast("The token is ended."))
