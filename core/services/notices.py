"""What somebody was told inside the application: their notifications, and having read them."""

from __future__ import annotations

from collections.abc import Iterable

from core.access.actor import Actor
from core.effects import notices
from core.effects.notices import Notice
from core.services.instants import again_when_moved
from core.services.platform import Platform

MOST = 100


def listed(p: Platform, actor: Actor, limit: int = MOST) -> list[Notice]:
    """The actor's notifications, newest first; none for somebody who is no person of the directory."""
    if actor.person is None:
        return []
    with p.read(actor) as unit:
        return notices.of_person(unit, actor.person, limit=limit)


def unread(p: Platform, actor: Actor) -> int:
    """How many of them the actor has not read, at most 100."""
    if actor.person is None:
        return 0
    with p.read(actor) as unit:
        return notices.unread(unit, actor.person)


@again_when_moved
def read(p: Platform, actor: Actor, numbers: Iterable[int] | None = None) -> None:
    """The actor has read these notifications, or all that are listed; those of others stay as they are."""
    if actor.person is None:
        return
    chosen = [one.id for one in listed(p, actor) if not one.read] if numbers is None else list(numbers)
    if chosen:
        with p.write(actor, p.generation(), reason="notifications read") as unit:
            notices.mark_read(unit, actor.person, chosen)
