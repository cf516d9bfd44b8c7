"""Notifications: the page of what somebody was told, having read it, and the pulse that open pages ask for news."""

from __future__ import annotations

from flask import Response, jsonify, request

from core.effects.notices import Notice
from core.errors import BackofficeError
from core.render import words
from core.render.pages import Crumb, Plain, Toast
from core.services import looking, notices
from core.services import pulse as pulses
from core.web import showing
from core.web.asking import Asking, asking, entered
from core.web.routing import Routes
from core.web.showing import go, nothing, respond

PLACE = "/inbox/notifications"


def routes(made: Routes) -> None:
    """Notifications and the pulse."""
    made.get(PLACE)(show)
    made.post(PLACE + "/read")(read)
    made.get("/pulse")(pulse)


@entered
def show() -> Response:
    """What the person was told, newest first."""
    who = asking()
    listed = notices.listed(who.platform, who.actor)
    titles = _titles(who, listed)
    told = []
    for one in listed:
        title = titles.get((one.entity, one.record), "")
        url = f"/{one.entity.replace('.', '/')}/{one.record}" if title else ""
        told.append((one.id, one.text, title, url, who.texts.stamp(one.at), one.at.isoformat(), one.read))
    page = Plain(
        showing.shell("Notifications", crumbs=[Crumb("Inbox", "/inbox"), Crumb("Notifications")], here="/inbox"),
        {"told": told, "unread": sum(1 for one in told if not one[-1])},
    )
    return respond("notifications.html", page, block="main")


def _titles(who: Asking, listed: list[Notice]) -> dict[tuple[str, int | None], str]:
    """What the records are called that the person may still read; the others are not named."""
    found: dict[tuple[str, int | None], str] = {}
    for name in {one.entity for one in listed}:
        entity = who.generation.entities.get(name)
        if entity is None or not who.grant(entity).may("read"):
            continue
        numbers = {one.record for one in listed if one.entity == name and one.record}
        for number, record in looking.get_many(who.platform, who.actor, name, numbers, ()).items():
            found[name, number] = str(record.get("display_title") or f"{words.singular(entity)} #{number}")
    return found


@entered
def read() -> Response:
    """The person has read one notification, or all of them."""
    who = asking()
    chosen = [int(text) for text in request.form.getlist("id") if text.isdecimal() and len(text) < 17]
    if not chosen and request.form.get("all") != "1":
        return go(PLACE)
    notices.read(who.platform, who.actor, chosen or None)
    if showing.wants_part():
        return nothing()
    return go(PLACE, toast=Toast("Marked as read."))


@entered
def pulse() -> Response:
    """News for an open page: unread notifications and, for a list, what changed since a mark.

    ``of`` names the entity of the list, ``since`` the mark of the last answer. 204 when there is nothing to tell.
    """
    who = asking()
    unread = notices.unread(who.platform, who.actor)
    news = pulses.News(0)
    name, text = request.args.get("of", ""), request.args.get("since", "")
    if name in who.generation.entities:
        try:
            news = pulses.since(who.platform, who.actor, name, int(text) if text.isdecimal() and len(text) < 17 else None)
        except BackofficeError:
            news = pulses.News(0)  # read no longer: there is nothing to tell
    known = request.args.get("unread", "")
    if text == str(news.mark or "") and known == str(unread) and not news.changed and not news.gone:
        answer = Response(status=204)
    else:
        answer = jsonify(unread=unread, mark=news.mark, changed=list(news.changed), gone=list(news.gone), more=news.more)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Generation"] = str(who.generation.number)
    return answer
