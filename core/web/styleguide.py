"""The style page: every component in every state, so that a change of the styles is seen at once."""

from __future__ import annotations

from flask import Response

from core.render.actions import Action
from core.render.pages import Crumb, Plain
from core.web import showing
from core.web.asking import entered
from core.web.routing import Routes
from core.web.showing import respond


def routes(made: Routes) -> None:
    """The style page."""
    made.get("/styleguide")(styleguide)


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
            "colours": colours,
            "icons": sorted(showing.screens().known),
            "states": ("new", "progress", "waiting", "done", "cancelled"),
            "errors": [("sg-bad", "Subject", "Please fill this in."), ("", "", "The dates overlap with another booking.")],
        },
    )
    return respond("styleguide.html", page, block="main")
