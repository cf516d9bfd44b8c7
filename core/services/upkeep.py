"""What has to be done now and then: seal the log, forget what is over, remove files that nothing names."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import sqlalchemy as sa

from core.services.instants import naive
from core.storage import idempotency, jobs, outbox
from core.storage import seal as seals
from core.storage.models import Attempt, FileRow, Invitation, ReadLog, Session
from core.storage.seal import Seal

if TYPE_CHECKING:
    from core.services.platform import Platform

GRACE = timedelta(hours=24)
"""How long bytes without a row may lie in the file store: their upload may still be under way."""


def seal(p: Platform) -> Seal | None:
    """Seal the log's new entries and anchor the checkpoint in the data directory."""
    return seals.seal(p.database, seals.key_of(p.settings.secret_key), p.settings.data_dir, p.clock.now())


def tidy(p: Platform) -> None:
    """Forget expired sessions, links, attempts, kept answers and old effects; remove bytes that no row names."""
    now = p.clock.now()
    with p.database.begin(writing=True) as connection:
        over = naive(now - timedelta(seconds=p.settings.session_limit))
        connection.execute(sa.delete(Session).where(Session.created_at < over))
        connection.execute(sa.delete(Invitation).where(Invitation.expires_at < naive(now - timedelta(days=30))))
        connection.execute(sa.delete(Attempt).where(Attempt.at < naive(now - timedelta(days=30))))
        connection.execute(sa.delete(ReadLog).where(ReadLog.at < naive(now - timedelta(days=3 * 365))))
    idempotency.tidy(p.database, now)
    outbox.tidy(p.database, now)
    jobs.tidy(p.database, now)
    sweep_files(p)


def sweep_files(p: Platform) -> int:
    """Remove bytes older than a day that no row names; answers how many."""
    removed = 0
    batch: list[str] = []
    for key in p.files.old_keys(p.clock.now() - GRACE):
        batch.append(key)
        if len(batch) == 500:
            removed += _remove_unnamed(p, batch)
            batch = []
    return removed + _remove_unnamed(p, batch)


def host(base_url: str) -> str:
    """The host people know this installation by."""
    return urlsplit(base_url).hostname or "localhost"


def _remove_unnamed(p: Platform, keys: list[str]) -> int:
    if not keys:
        return 0
    with p.database.begin(writing=False) as connection:
        named = set(connection.execute(sa.select(FileRow.key).where(FileRow.key.in_(keys))).scalars())
    for key in keys:
        if key not in named:
            p.files.delete(key)
    return len(set(keys) - named)
