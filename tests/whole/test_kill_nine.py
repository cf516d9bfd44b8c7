"""A server killed hard at any moment under writing clients: what was acknowledged is there, and nothing is half."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.facts import FixedClock
from core.services import audit
from core.services.platform import Platform
from core.settings import Settings
from core.storage import search
from core.storage.models import ChangeRow, Outbox
from core.storage.tables import entity_table
from core.testing.world import World
from tests.cli.server import House, Server
from tests.soak import SOAK, amount, lengthened

SEED = 20260601
CLIENTS = 6
READY_WITHIN = 10.0
"""Seconds in which a killed server is ready again, here of the processor: others may keep the machine busy."""
AT_LAST = 45.0
"""Seconds on the wall that the long form allows, however busy the machine is: a start that hangs takes no processor."""
NOTE = "jotter.note"
PATH = "/api/v1/jotter/note"
DOCUMENT = """\
plugin: jotter
label: Jotter
entities:
  note:
    label: Note
    title: "{text}"
    fields:
      number: {type: sequence, number: "N-{seq:5}", gap_free: true, unique: true}
      text: {type: text, required: true, unique: true}
      size: {type: integer}
      parts:
        type: lines
        fields:
          label: {type: text, required: true}
          place: {type: integer}
    access:
      core.everyone: {read: all, create: all, write: all}
"""
CODE = """\
from core import hookimpl, on

@hookimpl(specname="after_save")
@on("jotter.note")
def tells(record, work):
    work.effect("jotter.told", {"note": record.id})

@hookimpl
def perform_effect(effect):
    return True if effect.kind == "jotter.told" else None
"""


@dataclass
class Written:
    """What one note's writer knows: the newest version that was acknowledged, and the values of each version it sent."""

    version: int
    sent: dict[int, dict[str, Any]] = field(default_factory=dict)


class Clients:
    """Clients that write until the server is gone, and what they were told."""

    def __init__(self, port: int, token: str, name: str) -> None:
        self.notes: dict[int, Written] = {}
        self.strange: list[tuple[int, object]] = []
        self._port, self._token, self._name = port, token, name
        self._told = threading.Condition()
        self._count = 0
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def wait(self, answers: int) -> None:
        """Until so many writes were acknowledged, or an answer was none that a healthy server gives."""
        with self._told:
            assert self._told.wait_for(lambda: self._count >= answers or bool(self.strange), 120)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        number = 0
        try:
            while True:
                number += 1
                values = _values(f"{self._name}-{client}-{number}", 2)
                made = self._send(connection, "POST", PATH, values)
                note = self.notes[made["id"]] = Written(made["version"], {made["version"]: values})
                for edit in range(2):
                    values = _values(f"{self._name}-{client}-{number}-{edit}", 3 - edit)
                    note.sent[note.version + 1] = values
                    note.version = self._send(connection, "PATCH", f"{PATH}/{made['id']}", values)["version"]
        except (OSError, http.client.HTTPException, _Strange):
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, method: str, path: str, values: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(values), headers)
        answer = connection.getresponse()
        text = answer.read()
        with self._told:
            if answer.status not in (200, 201):
                self.strange.append((answer.status, text))
            self._count += 1
            self._told.notify_all()
        if answer.status not in (200, 201):
            raise _Strange
        return json.loads(text)


class _Strange(Exception):
    pass


def _values(text: str, size: int) -> dict[str, Any]:
    return {"text": text, "size": size, "parts": [{"label": f"{text} {place}", "place": place} for place in range(size)]}


@pytest.fixture
def jotter(tmp_path: Path, database_url: str) -> Iterator[tuple[House, Platform, str]]:
    """The command for a house with one plugin of its own, a platform in this process to look with, and a token."""
    place = tmp_path / "plugins" / "jotter"
    place.mkdir(parents=True)
    (place / "jotter.yaml").write_text(DOCUMENT)
    (place / "__init__.py").write_text(CODE)
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url, plugins_dir=tmp_path / "plugins",
                        secret_key="for-tests-only-0123456789-abcdefgh").completed()  # fmt: skip
    platform = Platform(settings)
    platform.start()
    world = World(platform, FixedClock(datetime.now(UTC)))
    token = world.token(world.actor())["Authorization"].split()[1]
    house = House(settings.data_dir, database_url=settings.database_url, plugins_dir=str(settings.plugins_dir),
                  secret_key=settings.secret_key)  # fmt: skip
    yield house, platform, token
    platform.close()


@contextmanager
def served(house: House, starts: list[tuple[float, float]]) -> Iterator[Server]:
    """A server; ``starts`` is told in how many seconds it was ready, and how much of the processor that took."""
    began = time.monotonic()
    with house.serving(workers=2) as server:
        starts.append((time.monotonic() - began, server.processor_seconds()))
        if SOAK:
            assert starts[-1][0] < AT_LAST
        yield server


@lengthened
def test_killed_at_any_moment_it_has_every_acknowledged_write_and_no_half_one(
    jotter: tuple[House, Platform, str], record_property: Callable[[str, object], None]
) -> None:
    house, platform, token = jotter
    starts: list[tuple[float, float]] = []
    dice = random.Random(SEED)
    notes: dict[int, Written] = {}
    known: dict[int, Written] = {}
    for number in range(amount(3 if platform.database.dialect == "sqlite" else 2, 60)):
        with served(house, starts) as server:
            there(server, token, known)
            whole(platform)
            clients = Clients(server.port, token, f"round{number}")
            clients.wait(dice.randint(1, 80))
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait()
            clients.join()
            assert clients.strange == []
        known = clients.notes
        notes |= known
    with served(house, starts) as server:
        there(server, token, notes)
        whole(platform)
        server.until(lambda: effects(platform) == {"done"})
    assert notes
    waited, used = (max(numbers[1:]) for numbers in zip(*starts, strict=True))
    record_property("seconds to be ready after a kill, at most", f"{waited:.1f}, {used:.1f} of the processor; {len(starts) - 1} kills")
    assert used < READY_WITHIN


def there(server: Server, token: str, notes: dict[int, Written]) -> None:
    """Every acknowledged version, or the one its writer had sent after it, is what the API answers."""
    for number, note in notes.items():
        status, found = server.ask("GET", f"{PATH}/{number}", token=token)
        assert status == 200 and found["version"] in (note.version, note.version + 1), (number, note, found)
        sent = note.sent[found["version"]]
        parts = [{name: part[name] for name in ("label", "place")} for part in found["parts"]]
        assert (found["text"], found["size"], parts) == (sent["text"], sent["size"], sent["parts"])


def whole(platform: Platform) -> None:
    """Records, line items, numbers, entries of the log, words of the index and effects belong together, and the log is whole."""
    entity = platform.current.entity(NOTE)
    made = entity_table(entity, platform.database.dialect)
    table, lines = made.table, made.lines["parts"].table
    change, outbox = ChangeRow.__table__, Outbox.__table__
    with platform.database.begin(writing=False) as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.version, table.c.f_size, table.c.f_number)).all()
        sizes = counted(connection, lines.c.owner_id)
        logged = counted(connection, change.c.record, change.c.entity == NOTE)
        told = connection.execute(sa.select(outbox.c.payload).where(outbox.c.kind == "jotter.told")).scalars().all()
        words = connection.execute(sa.select(sa.func.count()).select_from(sa.table(search.layout(entity).name))).scalar()
    assert sizes == {row.id: row.f_size for row in rows}
    assert logged == {row.id: row.version for row in rows}
    assert sorted(json.loads(text)["note"] for text in told) == sorted(row.id for row in rows for _ in range(row.version))
    assert sorted(row.f_number for row in rows) == [f"N-{number:05}" for number in range(1, len(rows) + 1)]
    assert words == len(rows)
    verdict = audit.verify(platform)
    assert verdict.good, verdict.sentences


def counted(connection: sa.Connection, by: sa.Column[int], *where: sa.ColumnElement[bool]) -> dict[int, int]:
    return {int(key): int(count) for key, count in connection.execute(sa.select(by, sa.func.count()).where(*where).group_by(by))}


def effects(platform: Platform) -> set[str]:
    outbox = Outbox.__table__
    with platform.database.begin(writing=False) as connection:
        return set(connection.execute(sa.select(outbox.c.state).where(outbox.c.kind == "jotter.told")).scalars())
