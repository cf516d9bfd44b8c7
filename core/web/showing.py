"""From a typed page to an answer: the templates' environment, the shell around pages, and the one way to build responses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from babel import Locale
from flask import Response, g, redirect, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.render import navigation
from core.render.navigation import Group
from core.render.pages import Crumb, Message, Shell, Toast
from core.web.asking import LOOK, flash, visitor_cookie
from core.web.assets import Assets
from core.web.guards import csrf_field

ICONS = "vendor/tabler-icons-3.51.0/icons.svg"
_RTL = frozenset({"ar", "fa", "he", "ur"})
_MOST_NAVS = 1000
_MOST_ICONS = 2000
_THEMES = frozenset({"light", "dark"})
_DENSITIES = frozenset({"compact", "relaxed"})


class Screens:
    """The templates with what all of them may use."""

    def __init__(self, assets: Assets, debug: bool) -> None:
        self.assets = assets
        self.sprite = assets.url(ICONS)
        self.env = Environment(
            loader=FileSystemLoader(str(files("templates"))),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=debug,
            trim_blocks=True,
            lstrip_blocks=True,
            enable_async=False,
        )
        self.known = frozenset(part.split('"')[1] for part in assets.all[ICONS].body.decode().split("<symbol ")[1:])
        self._icons: dict[tuple[str, str], Markup] = {}
        self._navs: dict[tuple[int, str, bool], tuple[tuple[Group, ...], Markup]] = {}
        self.env.globals.update(nav=self.nav, static=assets.url, icon=self.icon, config=_HTMX, instance="Backoffice")
        # As globals, macros serve whole pages and single blocks alike; later ones use those before them.
        for name in ("parts", "controls", "beside"):
            self.env.globals[name] = self.env.get_template(f"{name}.html").module

    def icon(self, name: str, more: str = "") -> Markup:
        """A picture from the sprite; a dot list for a name it does not have."""
        found = self._icons.get((name, more))
        if found is None:
            known = name if name in self.known else "list"
            found = Markup('<svg class="i {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(more, self.sprite, known)
            if len(self._icons) < _MOST_ICONS:
                self._icons[(name, more)] = found
        return found

    def nav(self, around: Shell) -> Markup:
        """The menu, written once for what it holds and where the page stands in it."""
        key = (id(around.nav), around.here, around.is_admin)
        found = self._navs.get(key)
        if found is not None and found[0] is around.nav:
            return found[1]
        made = Markup(self.env.get_template("nav.html").render(shell=around))  # noqa: S704 - the template escapes
        if len(self._navs) > _MOST_NAVS:
            self._navs.clear()
        self._navs[key] = (around.nav, made)
        return made

    def html(self, template: str, page: Any, block: str = "") -> str:
        """The page, or one block of its template."""
        found = self.env.get_template(template)
        if not block:
            return found.render(page=page, shell=getattr(page, "shell", None))
        context = found.new_context({"page": page, "shell": getattr(page, "shell", None)})
        return "".join(found.blocks[block](context))


_HTMX = json.dumps(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "selfRequestsOnly": True,
        "scrollBehavior": "instant",
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "40[39]|422", "swap": True},
            {"code": "[45]..", "swap": False, "error": True},
        ],
    }
)


def screens() -> Screens:
    """The templates of this process."""
    found: Screens = g.screens
    return found


def shell(title: str, *, crumbs: Iterable[Crumb] = (), here: str = "") -> Shell:
    """The shell of this request."""
    look = (request.cookies.get(LOOK) or "").split(".")
    made = Shell(
        title,
        csrf_field(),
        here=here or request.path,
        crumbs=tuple(crumbs),
        theme=next((one for one in look if one in _THEMES), ""),
        density=next((one for one in look if one in _DENSITIES), ""),
        rail="rail" in look,
    )
    asking = g.get("asking")
    if asking is None:
        return made
    actor = asking.actor
    made.nav = navigation.groups(asking.generation, actor)
    made.name, made.email = actor.name, actor.email
    made.initials = "".join(part[0] for part in actor.name.split()[:2]).upper() or "?"
    made.is_admin = asking.is_admin
    made.lang = actor.locale.replace("_", "-")
    made.direction = "rtl" if made.lang.split("-")[0] in _RTL else "ltr"
    made.toasts = tuple(Toast(**toast) for toast in asking.toasts)
    return made


def wants_part() -> bool:
    """Whether htmx asked, for a part of the page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def respond(
    template: str,
    page: Any,
    *,
    block: str = "",
    status: int = 200,
    oob: Iterable[str] = (),
    toast: Toast | None = None,
    focus: str = "",
    push: str = "",
    close: bool = False,
) -> Response:
    """An answer with a page or, for htmx, the named block of it.

    ``oob`` is further HTML swapped elsewhere; ``toast``, ``focus`` (an element's id) and ``close`` (the dialog) go to the
    page's script; ``push`` is the address to show.
    """
    part = bool(block) and wants_part()
    body = screens().html(template, page, block if part else "") + "".join(oob)
    answer = Response(body, status, content_type="text/html; charset=utf-8")
    return _dressed(answer, toast=toast, focus=focus, push=push, close=close)


def part(html: str, *, status: int = 200, toast: Toast | None = None, focus: str = "", close: bool = False) -> Response:
    """An answer that is only ever a fragment."""
    return _dressed(Response(html, status, content_type="text/html; charset=utf-8"), toast=toast, focus=focus, close=close)


def nothing(*, toast: Toast | None = None, refresh: bool = False, close: bool = False, picked: tuple[int, str] | None = None) -> Response:
    """An answer without a body, for what only has to be told; ``picked`` is a new record (id, title) for the picker that asked for it."""
    answer = _dressed(Response(status=204), toast=toast, close=close, picked=picked)
    if refresh:
        answer.headers["HX-Refresh"] = "true"
    return answer


def go(url: str, *, toast: Toast | None = None) -> Response:
    """303 to another page of ours, which tells ``toast``; for htmx the browser is sent there."""
    answer: Response
    if wants_part():
        answer = Response(status=204, headers={"HX-Redirect": url})
    else:
        answer = redirect(url, 303)  # type: ignore[assignment]
    answer.headers["Vary"] = "HX-Request"
    answer.headers["Cache-Control"] = "no-store"
    if toast is not None:
        flash(answer, g.platform.settings, {"text": toast.text, "undo": toast.undo, "bad": toast.bad})
    return answer


def _dressed(
    answer: Response,
    *,
    toast: Toast | None = None,
    focus: str = "",
    push: str = "",
    close: bool = False,
    picked: tuple[int, str] | None = None,
) -> Response:
    events: dict[str, Any] = {}
    if toast is not None:
        events["ops:toast"] = {"text": toast.text, "undo": toast.undo, "bad": toast.bad}
    if focus:
        events["ops:focus"] = focus
    if close:
        events["ops:close"] = True
    if picked is not None:
        events["ops:picked"] = {"value": picked[0], "title": picked[1]}
    if events:
        answer.headers["HX-Trigger"] = json.dumps(events)
    if push:
        answer.headers["HX-Push-Url"] = push
    answer.headers["Vary"] = "HX-Request"
    answer.headers["Cache-Control"] = "no-store"
    if g.get("flashed"):
        answer.delete_cookie("flash")
    if g.get("asking") is None and "visitor" in g:
        visitor_cookie(answer, g.platform.settings)
    return answer


def message(
    status: int,
    title: str,
    sentence: str,
    *,
    hint: str = "",
    links: Iterable[tuple[str, str]] = (),
    typed: Mapping[str, str] | None = None,
    request_id: str = "",
) -> Response:
    """A page that says something."""
    page = Message(shell(title), status, title, sentence, hint, list(links), request_id, list((typed or {}).items()))
    return respond("message.html", page, block="main", status=status)


def language(name: str) -> str:
    """What a locale calls itself."""
    found = Locale.parse(name.replace("-", "_"))
    return found.get_display_name() or name
