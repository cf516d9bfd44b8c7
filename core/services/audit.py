"""The log as administrators read and verify it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.access.actor import Actor
from core.errors import Forbidden
from core.storage import log
from core.storage.log import Entry

if TYPE_CHECKING:
    from core.services.platform import Platform


def newest(p: Platform, actor: Actor, *, limit: int = 100, before: int | None = None, entity: str = "", by: str = "",
           operation: str = "") -> list[Entry]:
    """The newest entries without values: who did what to which record when. Administrators only."""
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("The log is read by administrators (core.admin). Ask one of them.")
    with p.read(actor) as unit:
        return log.newest(unit, limit=limit, before=before, entity=entity, actor=by, operation=operation)
