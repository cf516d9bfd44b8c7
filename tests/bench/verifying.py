"""How fast the log is verified: entries a second on each engine, over a log made for it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.facts import Value
from core.storage import later, log, seal
from core.storage.verify import Verdict, verify
from tests import postgres
from tests.storage.house import House

ENTRIES = 100_000
EDITS = 3
"""Each record was created with five values and edited that often, one value at a time."""
RECORDS_AT_ONCE = 500
SEALED_EACH = 20_000
TARGET = 100_000
TIMES = 3
"""The quickest of so many counts: others may be using the machine."""
KEY = seal.key_of("a key of the bench")


def run(entries: int = ENTRIES) -> list[dict[str, object]]:
    """The figures of each engine that is installed, printed as they come."""
    print(f"\nverify, a log of {entries:,} entries with two values each on average")
    found: list[dict[str, object]] = []
    for name, opened in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        if name == "postgresql" and postgres.binaries() is None:
            print("    postgresql is not installed")
            continue
        with opened() as house:
            fill(house, entries)
            found.append({"step": "verify", "engine": name, **measured(house, entries)})
    return found


def fill(house: House, entries: int) -> None:
    """Write that many entries, sealed now and then, as a worker would."""
    entity, table = house.generation.entity("shop.item"), house.table().table
    open_ = 0
    for first in range(1, entries // (EDITS + 1) + 1, RECORDS_AT_ONCE):
        with house.writing(reason="bench") as unit:
            gathered = later.gather(unit)
            rows = []
            for number in range(first, min(first + RECORDS_AT_ONCE, entries // (EDITS + 1) + 1)):
                made: list[tuple[str, Value, Value]] = [
                    ("name", None, f"Item {number}"), ("price", None, number), ("sold", None, False), ("code", None, f"IT-{number}"),
                    ("tags", None, (1, 2))]  # fmt: skip
                head = log.append(unit, entity, number, (None, 0), made, action="create", version=1)
                for edit in range(EDITS):
                    head = log.append(unit, entity, number, head, [("price", edit, edit + 1)], action="write", version=edit + 2)
                rows.append({"id": number, "version": EDITS + 1, "created_at": unit.now.replace(tzinfo=None),
                             "updated_at": unit.now.replace(tzinfo=None), "f_name": f"Item {number}", "chain_hash": head[0],
                             "chain_length": head[1]})  # fmt: skip
            later.taken(unit)
            log.flush(unit, gathered.entries)
            unit.connection.execute(table.insert(), rows)
            open_ += len(gathered.entries)
        if open_ >= SEALED_EACH:
            seal.seal(house.database, KEY, house.folder, house.clock.now())
            open_ = 0
    seal.seal(house.database, KEY, house.folder, house.clock.now())


def measured(house: House, entries: int) -> dict[str, object]:
    """Entries a second by this process's own time and by the clock on the wall; RuntimeError when the log is not whole."""
    cpu = wall = float("inf")
    for _ in range(TIMES):
        began = time.process_time(), time.perf_counter()
        verdict = _verified(house)
        cpu, wall = min(cpu, time.process_time() - began[0]), min(wall, time.perf_counter() - began[1])
        if not verdict.good or verdict.entries != entries:
            raise RuntimeError("The log of the bench is not whole: " + " ".join(verdict.sentences))
    name = house.database.dialect
    verdict_text = "" if entries / cpu >= TARGET else f"   below {TARGET:,}"
    print(f"    {name:12} {entries / cpu:10,.0f} entries a second of this process, {entries / wall:10,.0f} on the wall{verdict_text}")
    return {"cpu": entries / cpu, "wall": entries / wall}


def _verified(house: House) -> Verdict:
    with house.database.begin(writing=False) as connection:
        return verify(connection, house.generation.entities.values(), KEY, house.clock.now(), [house.folder / seal.ANCHORS])


@contextmanager
def _sqlite() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        house = House(f"sqlite:///{folder}/backoffice.db", Path(folder))
        yield house
        house.close()


@contextmanager
def _postgresql() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        house = House(server.fresh(), Path(folder))
        yield house
        house.close()
