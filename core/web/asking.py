"""Who asks: the session's actor, the generation pinned for the request, and what the person likes to look at."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Request, Response, g, redirect, request

from core.access.actor import Actor
from core.access.grant import Grant, grant
from core.errors import NotFound, NotSignedIn
from core.fields.formatting import Formatter, formatter
from core.registry.generation import Generation
from core.render.texts import Texts, texts
from core.services import accounts
from core.services.platform import Platform
from core.settings import Settings
from core.web import guards
from schemas.model import Entity

View = TypeVar("View", bound=Callable[..., Any])
COOKIE = "session"
FLASH = "flash"
LOOK = "look"


@dataclass
class Asking:
    """One request of somebody who is signed in."""

    platform: Platform
    actor: Actor
    generation: Generation
    session: int
    csrf: str
    fmt: Formatter
    texts: Texts
    toasts: list[dict[str, Any]] = field(default_factory=list)

    def entity(self, plugin: str, name: str) -> Entity:
        """The stored shape. NotFound for an unknown one."""
        return self.generation.entity(f"{plugin}.{name}")

    def shape(self, entity: Entity) -> Entity:
        """The entity as the actor's department is shown it."""
        return self.generation.shape(entity.full_name, self.actor.department_code)

    def grant(self, entity: Entity) -> Grant:
        """What the actor may do with the entity."""
        return grant(entity, self.actor)

    @property
    def is_admin(self) -> bool:
        """Whether the pages of administration are theirs."""
        return bool(self.actor.roles & {"core.admin", "core.everything"})


def platform() -> Platform:
    """The platform of this application."""
    found: Platform = g.platform
    return found


def asking() -> Asking:
    """Who asks. NotSignedIn when nobody is signed in."""
    found: Asking | None = g.get("asking")
    if found is None:
        raise NotSignedIn("Please sign in.")
    return found


def look(p: Platform, asked: Request) -> None:
    """Find out who asks. Called before every page, also for addresses that do not exist."""
    g.platform, g.asking, g.csrf, g.visitor = p, None, "", ""
    token = asked.cookies.get(COOKIE, "")
    found = accounts.signed_in(p, token) if token else None
    if found is not None:
        actor = found.actor
        g.csrf = found.csrf
        g.asking = Asking(
            p,
            actor,
            p.pin(p.generation(found.head), found.head),
            found.session,
            found.csrf,
            formatter(actor.locale, actor.zone),
            texts(actor.locale, actor.zone),
            _flashes(asked),
        )
    else:
        g.visitor = asked.cookies.get(guards.DOOR, "") or secrets.token_urlsafe(18)
        g.csrf = guards.door_token(p.settings, g.visitor)


def begin(p: Platform, asked: Request) -> None:
    """Refuse a forged unsafe request. Called before every page, after :func:`look`."""
    if asked.method not in guards.SAFE:
        if g.asking is None and asked.cookies.get(COOKIE) and asked.endpoint not in DOORS:
            raise NotSignedIn("Your session has ended. Sign in again; what you typed is kept.")
        guards.refuse_forgery(p.settings, asked, g.csrf)


DOORS: set[str] = set()
"""Endpoints that need nobody to be signed in."""


def door(view: View) -> View:
    """Mark a page that anybody may open."""
    view.open_door = True  # type: ignore[attr-defined]
    return view


def entered(view: View) -> View:
    """A page for somebody who is signed in; others are sent to the sign-in page and come back."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if g.asking is None:
            if request.method in guards.SAFE and "HX-Request" not in request.headers:
                return redirect("/login?next=" + quote(request.full_path.rstrip("?"), safe=""), 303)
            raise NotSignedIn("Your session has ended. Sign in again; what you typed is kept.")
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def admin(view: View) -> View:
    """A page of the administration; for everybody else it does not exist."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if g.asking is not None and not g.asking.is_admin:
            raise NotFound("There is no such page.")
        return view(*args, **kwargs)

    return entered(guarded)  # type: ignore[return-value]


def visitor_cookie(answer: Response, settings: Settings) -> None:
    """Let the browser keep what a visitor's form token is bound to."""
    if g.get("visitor"):
        answer.set_cookie(guards.DOOR, g.visitor, httponly=True, samesite="Lax", secure=settings.secure, max_age=86400)


def session_cookie(answer: Response, settings: Settings, token: str) -> None:
    """Sign the browser in."""
    answer.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=settings.secure, max_age=settings.session_limit, path="/")


def flash(answer: Response, settings: Settings, toast: dict[str, Any]) -> None:
    """Have the next page tell something."""
    text = base64.urlsafe_b64encode(json.dumps(toast).encode()).decode()
    if len(text) < 3000:
        answer.set_cookie(FLASH, text, httponly=True, samesite="Lax", secure=settings.secure, max_age=60)


def _flashes(asked: Request) -> list[dict[str, Any]]:
    text = asked.cookies.get(FLASH)
    if not text or asked.method != "GET" or "HX-Request" in asked.headers:
        return []
    try:
        read = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, binascii.Error, RecursionError):
        return []
    g.flashed = True
    if not isinstance(read, dict) or not isinstance(read.get("text"), str):
        return []
    undo = read.get("undo")
    return [{"text": read["text"][:500], "undo": undo if isinstance(undo, str) and undo.isalnum() else "", "bad": bool(read.get("bad"))}]
