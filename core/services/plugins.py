"""Plugins as an administrator handles them: listed with their health, switched off and on, reloaded; their failures kept."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import signal
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Conflict, Forbidden, NotFound
from core.registry.calls import Failure, Ledger, Timing
from core.services.instants import again_when_moved, naive
from core.storage import head, log
from core.storage.database import Database
from core.storage.models import HookFailure, Setting
from core.storage.unit import Unit
from schemas.model import Problem

if TYPE_CHECKING:
    from core.services.platform import Platform

PLUGIN = "core.plugin"
"""As what plugins stand in the log when they are switched off or on."""
_OFF = "plugins.off"
_LONGEST = 1000
NEVER_OFF = "person"
"""What the plugin that cannot be switched off provides."""


@dataclass(frozen=True, slots=True)
class Health:
    """One plugin as administrators see it. ``state``: serving, off (by an administrator), failing (hooks off) or broken."""

    name: str
    label: str
    version: str
    source: str
    state: str
    problems: tuple[Problem, ...]
    failures: tuple[Failure, ...]
    timings: tuple[tuple[str, Timing], ...]
    entities: int


def listed(p: Platform) -> list[Health]:
    """Every plugin that was seen, with what is wrong with it."""
    off = switched_off(p.database)
    ledger, generation = p.ledger, p.current
    rows = []
    for found in p.discovery.plugins:
        served = generation.plugins.get(found.name)
        state = (
            "off"
            if found.name in off
            else "broken"
            if not found.usable
            else "failing"
            if ledger.is_off(found.name)
            else "serving"
        )
        rows.append(
            Health(
                found.name,
                (served or found.plugin).label if served or found.plugin else found.name,  # type: ignore[union-attr]
                found.plugin.version if found.plugin else "",
                found.source,
                state,
                (
                    *found.problems,
                    *(one for one in generation.problems if one.plugin == found.name and one not in found.problems),
                ),
                tuple(ledger.failures.get(found.name, ())),
                tuple(
                    (hook, timing) for (plugin, hook), timing in sorted(ledger.timings.items()) if plugin == found.name
                ),
                len(served.entities) if served else 0,
            )
        )
    return rows


def disable(p: Platform, actor: Actor, name: str) -> None:
    """Switch a plugin off: its entities and hooks are gone at once, its records stay. Raises NotFound, Conflict."""
    _require_admin(actor)
    served = p.current.plugins.get(name)
    if p.discovery.found(name) is None:
        raise NotFound(f'There is no plugin "{name}".')
    if served is not None and any(entity.provides == NEVER_OFF for entity in served.entities):
        raise Conflict(f'The plugin "{name}" keeps the people everything refers to; it cannot be switched off.')
    needing = sorted(one.name for one in p.current.plugins.values() if name in one.needs)
    if needing:
        raise Conflict(f'The plugin "{name}" is needed by {", ".join(needing)}. Switch those off first.')
    _switch(p, actor, name, off=True)
    p.reload()


def enable(p: Platform, actor: Actor, name: str) -> None:
    """Switch a plugin on again and forget its failures. Raises NotFound."""
    _require_admin(actor)
    if p.discovery.found(name) is None:
        raise NotFound(f'There is no plugin "{name}".')
    _switch(p, actor, name, off=False)
    forget(p, [name])
    p.reload()


def reload(p: Platform, actor: Actor) -> bool:
    """Look for plugins again, publish what changed, forget failures, and let running servers do the same.

    True when a server of this data directory was told.
    """
    _require_admin(actor)
    forget(p)
    p.reload()
    told = False
    for pid in servers(p.settings.data_dir):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
            told = True
    return told


def servers(data_dir: Path) -> list[int]:
    """The process ids of the servers that serve this data directory. Each holds a lock on a file of its own."""
    found = []
    for path in (data_dir / "run").glob("server-*.pid"):
        try:
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    found.append(int(path.stem.rpartition("-")[2]))
                    continue
            path.unlink()
        except (FileNotFoundError, ValueError):
            continue
    return found


def switched_off(database: Database) -> set[str]:
    """The plugins an administrator switched off."""
    with database.begin(writing=False) as connection:
        value = connection.scalar(sa.select(Setting.value).where(Setting.name == _OFF))
    return set(json.loads(value)) if value else set()


def forget(p: Platform, names: Iterable[str] | None = None) -> None:
    """Forget failures, of these plugins or of all: their hooks are called again."""
    with p.database.begin(writing=True) as connection:
        statement = sa.delete(HookFailure)
        connection.execute(statement if names is None else statement.where(HookFailure.plugin.in_(list(names))))
        head.bump(connection)
    read_failures(p.database, p.ledger)


def record_failure(database: Database, failure: Failure, at: datetime) -> None:
    """Store a failure, so that every process counts it."""
    with database.begin(writing=True) as connection:
        connection.execute(
            sa.insert(HookFailure).values(
                plugin=failure.plugin, hook=failure.hook, reason=failure.reason[:_LONGEST], at=naive(at)
            )
        )
        head.bump(connection)


def read_failures(database: Database, ledger: Ledger) -> None:
    """Take over the stored failures."""
    with database.begin(writing=False) as connection:
        _read(connection, ledger, head.both(connection)[1])


def notice_epoch(p: Platform, unit: Unit, epoch: int) -> None:
    """Read the failures again when something changed since: another process may have counted some."""
    if p.ledger.epoch < epoch:
        _read(unit.connection, p.ledger, epoch)


def _read(connection: sa.Connection, ledger: Ledger, epoch: int) -> None:
    rows = connection.execute(
        sa.select(HookFailure.plugin, HookFailure.hook, HookFailure.reason).order_by(HookFailure.id)
    ).all()
    ledger.replace((Failure(row.plugin, row.hook, row.reason) for row in rows), epoch)


class Recorder:
    """Stores failures from a thread of its own: they happen inside units that hold the very lock it needs."""

    def __init__(self, p: Platform) -> None:
        self._p = p
        self._waiting: queue.SimpleQueue[Failure] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, failure: Failure) -> None:
        self._waiting.put(failure)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._store, name="hook-failures", daemon=True)
                self._thread.start()

    def settle(self) -> None:
        """Wait until what was counted so far is stored."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _store(self) -> None:
        while True:
            try:
                failure = self._waiting.get(timeout=0.2)
            except queue.Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._thread = None
                        return
                continue
            record_failure(self._p.database, failure, self._p.clock.now())


@again_when_moved
def _switch(p: Platform, actor: Actor, name: str, *, off: bool) -> None:
    with p.write(actor, p.generation(), reason=f"plugin switched {'off' if off else 'on'}") as unit:
        head.bump_epoch(unit)  # its row is held from here on: one switches after the other
        stored = unit.connection.scalar(sa.select(Setting.value).where(Setting.name == _OFF))
        names = set(json.loads(stored)) if stored else set()
        if (name in names) is off:
            return
        unit.connection.execute(sa.delete(Setting).where(Setting.name == _OFF))
        now = sorted(names | {name} if off else names - {name})
        unit.connection.execute(sa.insert(Setting).values(name=_OFF, value=json.dumps(now)))
        log.note(unit, PLUGIN, 0, [(name, not off, off)])


def _require_admin(actor: Actor) -> None:
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("Plugins are kept by administrators (core.admin). Ask one of them.")
