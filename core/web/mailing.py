"""The mail page of the administration: where mail goes, and a message to try it."""

from __future__ import annotations

from datetime import UTC

from flask import Response, request

from core.errors import BackofficeError, Invalid
from core.render.pages import Crumb, Plain, Toast
from core.services import mailing
from core.web import showing
from core.web.asking import admin, asking
from core.web.routing import Routes
from core.web.showing import go, respond

SAID = {"waiting": "Waiting for the worker", "running": "Being sent", "done": "Handed to the mail server", "dead": "Failed"}


def routes(made: Routes) -> None:
    """The mail page."""
    made.route("/admin/mail", methods=["GET", "POST"])(mail)


@admin
def mail() -> Response:
    """Say whether mail is on, send a message to try it, and tell what became of the last ones."""
    who = asking()
    to = request.form.get("to", who.actor.email)[:400]
    errors: list[tuple[str, str, str]] = []
    status = 200
    if request.method == "POST":
        try:
            mailing.test(who.platform, who.actor, to)
            return go("/admin/mail", toast=Toast(f"A message to {to.strip()} is in the outbox. What becomes of it is told below."))
        except Invalid as problem:
            errors, status = [(name, "", one) for name, said in problem.errors.items() for one in said], 422
        except BackofficeError as problem:
            errors, status = [("", "", problem.detail)], problem.status
    server, wrong = None, ""
    try:
        server = mailing.server(who.platform)
    except ValueError as error:
        wrong = str(error)
    facts = (
        [
            ("Server", f"{server.host}, port {server.port}"),
            ("Encryption", "TLS from the start" if server.encrypted else "STARTTLS when the server offers it"),
            ("Signs in as", server.user or "nobody: the server takes mail without it"),
            ("Sender", server.sender),
        ]
        if server is not None
        else []
    )
    tries = [
        (
            one["to"],
            one["state"],
            SAID.get(str(one["state"]), str(one["state"])),
            who.texts.stamp(one["created_at"].replace(tzinfo=UTC)),  # type: ignore[attr-defined]
            one["attempts"],
            one["error"],
        )
        for one in mailing.tried(who.platform, who.actor)
    ]
    page = Plain(
        showing.shell("Mail", crumbs=[Crumb("Administration", "/admin"), Crumb("Mail")], here="/admin"),
        {
            "title": "Mail",
            "facts": facts,
            "wrong": wrong,
            "to": to,
            "errors": errors,
            "tries": tries,
            "open": any(one[1] in ("waiting", "running") for one in tries),
        },
    )
    return respond("admin/mail.html", page, block="tries" if request.args.get("part") else "main", status=status)
