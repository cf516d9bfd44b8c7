"""The log as administrators read and verify it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.access.actor import Actor
from core.errors import Forbidden
from core.storage import log, seal, sensitive
from core.storage import verify as verifying
from core.storage.log import Entry
from core.storage.sensitive import Read
from core.storage.verify import Verdict

if TYPE_CHECKING:
    from core.services.platform import Platform


def newest(p: Platform, actor: Actor, *, limit: int = 100, before: int | None = None, entity: str = "", by: str = "",
           operation: str = "") -> list[Entry]:
    """The newest entries without values: who did what to which record when. Administrators only."""
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("The log is read by administrators (core.admin). Ask one of them.")
    with p.read(actor) as unit:
        return log.newest(unit, limit=limit, before=before, entity=entity, actor=by, operation=operation)


def reads(p: Platform, actor: Actor, *, limit: int = 100, before: int | None = None, entity: str = "", by: str = "",
          record: int | None = None) -> list[Read]:
    """Who was shown, exported or printed sensitive values of what, newest first; no values. Administrators only."""
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("The log of reads is for administrators (core.admin). Ask one of them.")
    with p.read(actor) as unit:
        return sensitive.newest(unit, limit=limit, before=before, entity=entity, actor=by, record=record)


def verify(p: Platform, anchor: Path | None = None, *, since: int | None = None) -> Verdict:
    """Read the whole log, or what followed checkpoint ``since``, and say what is wrong with it.

    ``anchor``: a file of anchors kept elsewhere, beside the own one. Raises NotFound when there is no such checkpoint.
    """
    generation = p.generation()
    files = [p.settings.data_dir / seal.ANCHORS, *([anchor] if anchor is not None else [])]
    with p.database.begin(writing=False) as connection:
        return verifying.verify(connection, generation.entities.values(), seal.key_of(p.settings.secret_key), p.clock.now(), files,
                                since=since)  # fmt: skip
