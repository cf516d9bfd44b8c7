"""What a person sees when something is refused or fails: a sentence, what to do, and everything they had typed."""

from __future__ import annotations

import logging
import re
import secrets

import sqlalchemy as sa
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from core.errors import UNKEEPABLE, BackofficeError, BadRequest, Busy, NotSignedIn
from core.render import words
from core.render.pages import Toast
from core.storage.database import busy
from core.web import showing

_log = logging.getLogger("backoffice.web")
TITLES = {
    400: "That address does not work",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Conflict",
    412: "The record has changed",
    413: "Too large",
    415: "Unsupported type",
    422: "Please check what you entered",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Busy",
}
HINTS = {
    403: "If you need this, ask an administrator for the role that the sentence names.",
    404: "It may have been moved to the trash, or it is not yours to see. Both look the same on purpose.",
    409: "Nothing was changed. Go back, look at the record as it is now, and try again.",
    429: "Wait a moment. Nothing is lost.",
    500: "It was noted with the number below. Nothing was half-written.",
    503: "Nothing was changed. Try again in a few seconds; what you typed is below.",
}
_QUIET = frozenset({"csrf_token", "password", "old", "new", "secret", "token", "_v"})
_MOST_TYPED = 60
_ROLE = re.compile(r"\b[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\b")


def install(app: Flask) -> None:
    """Answer every refusal of a page (the API answers its own)."""

    @app.errorhandler(BackofficeError)
    def refused(error: BackofficeError) -> Response:
        if isinstance(error, NotSignedIn):
            return _signed_out(error)
        said = error.detail
        extra = [one for sentences in error.errors.values() for one in sentences]
        if extra:
            said = " ".join(dict.fromkeys([said, *extra]))
        answer = told(error.status, error.title, _named(said))
        wait = getattr(error, "retry_after", None)
        if wait is not None:
            answer.headers["Retry-After"] = str(wait)
        return answer

    @app.errorhandler(HTTPException)
    def plain(error: HTTPException) -> Response:
        status = error.code or 500
        sentences = {
            404: "There is no such page.",
            405: "This address does not take that kind of request.",
            413: "This is more than may be sent at once.",
        }
        answer = told(status, TITLES.get(status, error.name), sentences.get(status, error.description or error.name))
        if status == 405 and getattr(error, "valid_methods", None):
            answer.headers["Allow"] = ", ".join(error.valid_methods or ())  # type: ignore[attr-defined]
        return answer

    @app.errorhandler(sa.exc.OperationalError)
    def away(error: sa.exc.OperationalError) -> Response:
        _log.warning("The database did not answer: %s", error.orig)
        return refused(busy(error) or Busy("The database is busy or away."))

    @app.errorhandler(sa.exc.DataError)
    def unkeepable(error: sa.exc.DataError) -> Response:
        # What no field's rules looked at, such as a NUL in a search; the transaction is rolled back.
        _log.warning("The database refused a value: %s %a: %a", request.method, request.path, str(error.orig))
        return refused(BadRequest(UNKEEPABLE))

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        number = secrets.token_hex(6)
        _log.exception("Request %s failed: %s %a", number, request.method, request.path, exc_info=error)
        return told(500, TITLES[500], "The page could not be made.", request_id=number)


def _named(sentence: str) -> str:
    """A sentence with roles called as people know them: ``helpdesk.agent`` becomes Agent (Helpdesk)."""
    asking = g.get("asking")
    if asking is None:
        return sentence
    roles, plugins = asking.generation.roles(), asking.generation.plugins

    def label(found: re.Match[str]) -> str:
        role = found[0]
        if role not in roles:
            return role
        plugin = plugins.get(role.partition(".")[0])
        return f"{roles[role]} ({words.plugin_label(plugin)})" if plugin is not None else roles[role]

    return _ROLE.sub(label, sentence)


def told(status: int, title: str, sentence: str, *, request_id: str = "") -> Response:
    """The page of a refusal, with what was typed; a toast for htmx where nothing would be swapped."""
    if "screens" not in g:
        return Response(f"{title}: {sentence}\n", status, content_type="text/plain; charset=utf-8")
    typed = {}
    if request.method == "POST" and status != 413:
        for name, values in _sent()[:_MOST_TYPED]:
            text = "\n".join(values)
            if name not in _QUIET and "password" not in name and text.strip():
                typed[name] = text
    if showing.wants_part():
        return showing.part("", status=status if status != 422 else 409, toast=Toast(sentence, bad=True))
    return showing.message(
        status,
        title,
        sentence,
        hint=HINTS.get(status, ""),
        links=[("Home", "/"), ("Back", "javascript-back")],
        typed=typed,
        request_id=request_id,
    )


def _sent() -> list[tuple[str, list[str]]]:
    """What came with the request; nothing where it is too large to be read, whatever it was refused for."""
    try:
        return list(request.form.lists())
    except HTTPException:
        return []


def _signed_out(error: NotSignedIn) -> Response:
    if "screens" in g and showing.wants_part():
        answer = showing.part("", status=401)
        answer.headers["HX-Trigger"] = '{"ops:login": true}'
        return answer
    return told(401, "Please sign in", error.detail)
