"""Whether mail goes out: a message to try it, sent like every other through the outbox."""

from __future__ import annotations

from uuid import uuid4

from core.access.actor import Actor
from core.effects.mail import Server
from core.errors import Conflict, Forbidden, Invalid
from core.services import upkeep
from core.services.instants import again_when_moved
from core.services.platform import Platform
from core.storage import outbox

PREFIX = "mail-test:"
OFF = "Mail is off: BACKOFFICE_SMTP_URL is not set. Nothing was sent; set it, restart, and try again."


def server(p: Platform) -> Server | None:
    """Where mail goes; None when mail is off. Raises ValueError when the setting is no address of a server."""
    return Server.read(p.settings.smtp_url, p.settings.mail_from or f"backoffice@{upkeep.host(p.settings.base_url)}")


@again_when_moved
def test(p: Platform, actor: Actor, to: str) -> str:
    """Put a message to ``to`` into the outbox; answers its key. Administrators only. Raises Conflict when mail is off, Invalid."""
    _require(actor)
    to = to.strip()
    if not to or "@" not in to or len(to) > 320 or any(sign.isspace() for sign in to):
        raise Invalid({"to": ["Please give one mail address."]})
    try:
        there = server(p)
    except ValueError as error:
        raise Conflict(f"Mail is off: {error} Nothing was sent.") from error
    if there is None:
        raise Conflict(OFF)
    key = PREFIX + uuid4().hex
    text = "This message tries whether mail goes out. It was asked for on the mail page of the administration; nobody has to answer it."
    with p.write(actor, p.generation(), reason="mail tried") as unit:
        outbox.put(unit, "mail", {"to": to, "subject": "A message to try the mail", "text": text}, key=key)
    return key


def tried(p: Platform, actor: Actor, limit: int = 5) -> list[dict[str, object]]:
    """The last tries, newest first: ``to``, ``state`` (waiting, running, done, dead), ``error``, ``created_at``, ``attempts``."""
    _require(actor)
    with p.read(actor) as unit:
        found = [one for one in outbox.listed(unit, limit=500) if str(one["key"]).startswith(PREFIX)]
    return [{**one, "to": one["payload"]["to"]} for one in found[:limit]]


def _require(actor: Actor) -> None:
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("Mail is tried by administrators (core.admin). Ask one of them.")
