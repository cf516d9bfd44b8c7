"""The style page: every component in every state, so that a change of the styles is seen at once."""

from __future__ import annotations

from flask import Response
from markupsafe import Markup

from core.render import cells
from core.render.actions import Action
from core.render.pages import Crumb, Fact, FactSection, MoveButton, Plain, RecordPage
from core.web import showing
from core.web.asking import entered
from core.web.routing import Routes
from core.web.showing import respond


def routes(made: Routes) -> None:
    """The style page."""
    made.get("/styleguide")(styleguide)


def _beside() -> RecordPage:
    """A record as it stands beside a list."""
    facts = [
        Fact("requester", "Requester", Markup('<a href="#p">Ada</a>')),
        Fact("due", "Due", Markup("30 Nov 2026 12:00")),
        Fact("category", "Category", cells.NONE),
    ]
    return RecordPage(
        showing.shell("Ticket"),
        "Ticket",
        "Tickets",
        "#record",
        "#list",
        41,
        1,
        "T2026-000041 Printer on the second floor is down",
        "T2026-000041",
        Markup('<span class="pill large progress">Open</span>'),
        [MoveButton("resolve", "Resolve", "#resolve", True, asks=True)],
        [FactSection("What", facts)],
        [Fact("created_at", "Created", Markup("28 Nov 2026 14:05"))],
        [],
        [],
        notice="This period is closed. Its administrator can open it.",
        can_write=True,
    )


@entered
def styleguide() -> Response:
    """The page."""
    samples = [
        Action("open", "Open", "#open", "arrow-right", "Enter"),
        Action("edit", "Edit", "#edit", "pencil", "e"),
        Action(
            "approve",
            "Approve",
            "#approve",
            "check",
            why_not="Needs approval by Finance: the order is over 5,000. Ask the finance approver.",
        ),
        Action("delete", "Delete…", "#delete", "trash", "#", danger=True),
    ]
    colours = (
        "page",
        "surface",
        "sunken",
        "raised",
        "selected",
        "line",
        "control",
        "text",
        "muted",
        "subtle",
        "accent",
        "accent-soft",
        "ok",
        "ok-soft",
        "warn",
        "warn-soft",
        "bad",
        "bad-soft",
        "info",
        "info-soft",
        "note",
    )
    page = Plain(
        showing.shell("Style page", crumbs=[Crumb("Style page")], here="/styleguide"),
        {
            "actions": samples,
            "beside": _beside(),
            "colours": colours,
            "icons": sorted(showing.screens().known),
            "states": ("new", "progress", "waiting", "done", "cancelled"),
            "errors": [("sg-bad", "Subject", "Please fill this in."), ("", "", "The dates overlap with another booking.")],
        },
    )
    return respond("styleguide.html", page, block="main")
