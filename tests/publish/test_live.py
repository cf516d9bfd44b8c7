"""Publications while people work: nobody is refused what they may do, and every acknowledged value stays where it belongs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from core.fields import kind
from core.registry import discover
from core.services import publish
from core.services.platform import Platform
from core.settings import Settings
from core.storage import schema
from core.storage.models import FieldColumn
from core.storage.tables import entity_table
from tests.cli.server import House, Server
from tests.publish import clients
from tests.publish.world import OPEN, SYSTEM, directory, overlay, plugin

WRITERS, READERS = 8, 2
PUBLICATIONS = 14
LOOKS = 3
"""Requests between two publications, so that clients work under every generation."""
THINGS = """\
plugin: things
label: Things
entities:
  box:
    title: "{code}"
    fields:
      code: {type: text, required: true, unique: true}
      size: {type: choice, options: [small, large], default: small, open: true}
      count: {type: integer, default: 0}
      note: {type: long_text}
""" + "".join(f"      w{number}: {{type: text}}\n" for number in range(WRITERS)) + """\
    access:
      core.everyone: {read: all, create: all, write: all}
"""


@dataclass
class World:
    """A server with a publisher beside it that has the same database, as the command line has."""

    server: Server
    publisher: Platform
    token: str
    shared: int

    def publish(self, number: int) -> None:
        """One publication of every sort in turn, and what it added shows in the next answer of whichever worker."""
        block, sort = divmod(number, len(SORTS))
        shows = SORTS[sort](self.publisher, block)
        for _ in range(LOOKS):
            status, record = self.server.ask("GET", f"{clients.PATH}/{self.shared}", token=self.token)
            assert status == 200 and shows(record), (number, status, record)


Shows = Callable[[dict[str, Any]], bool]


def _doc(name: str, *verbs: str) -> Callable[[Platform, int], None]:
    def do(p: Platform, block: int) -> None:
        publish.apply(p, SYSTEM, [overlay(*(verb.replace("#", str(block)) for verb in verbs), name=f"{name}{block}")])

    return do


def _has(name: str, do: Callable[[Platform, int], Any], *, gone: bool = False) -> Callable[[Platform, int], Shows]:
    def sort(p: Platform, block: int) -> Shows:
        do(p, block)
        return lambda record: (f"{name}{block}" in record) is not gone

    return sort


def _back(p: Platform, _block: int) -> None:
    publish.revert(p, SYSTEM)


SORTS: tuple[Callable[[Platform, int], Shows], ...] = (
    _has("t", _doc("text", "add_field: {name: t#, type: text}")),
    _has("n", _doc("number", "add_field: {name: n#, type: integer, indexed: true}")),
    _has("t", _doc("words", "relabel: {field: t#, label: 'Words #'}")),
    _has("d", _doc("price", "add_field: {name: d#, type: decimal}")),
    _has("r", _doc("gone", "add_field: {name: r#, type: text}")),
    _has("t", _doc("text", "relabel: {field: size, label: 'Size #'}"), gone=True),
    _has("n", _doc("wider", "add_option: {field: size, name: 'o#', label: 'Option #'}")),
    _has("d", _doc("price", "add_field: {name: d#, type: decimal, places: 3}")),
    _has("t", _doc("text", "add_field: {name: t#, type: text}", "relabel: {field: note, label: 'Note #'}")),
    _has("r", _doc("away", "remove_field: r#"), gone=True),
    _has("r", _doc("anew", "add_field: {name: r#, type: text}")),
    _has("r", _back, gone=True),
    _has("d", _doc("sums", "add_field: {name: c#, type: computed, formula: 'count + 1', as: integer}")),
    _has("n", _doc("number", "add_field: {name: n#, type: integer, label: 'Renamed #'}")),
)


@contextlib.contextmanager
def world(folder: Path, url: str) -> Iterator[World]:
    """A house with one account, one shared record, and a server of two workers."""
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "things.yaml").write_text(THINGS)
    house = House(folder / "data", database_url=url, plugins_dir=str(folder / "plugins"))
    house.run("user", "add", "ann@example.org", "--name", "Ann Example", "--password-stdin", given="correct horse\n")
    token = house.run("token", "create", "--user", "ann@example.org", "--name", "test").splitlines()[-1]
    with house.serving(workers=2) as server:
        publisher = Platform(
            Settings.for_tests(folder / "data", url), find=lambda _: discover.of([directory(), plugin(THINGS)])
        )
        publisher._generation = publisher.generation()
        OPEN.append(publisher)
        status, record = server.ask("POST", clients.PATH, {"code": "shared"}, token)
        assert status == 201, record
        yield World(server, publisher, token, record["id"])


@contextlib.contextmanager
def busy(world: World, seen: list[dict[str, Any]]) -> Iterator[None]:
    """Eight writers and two readers for as long as the block lasts; what they saw is put into ``seen``."""
    roles = [("writer", number) for number in range(WRITERS)] + [("reader", number) for number in range(READERS)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.publish.clients", role, str(world.server.port), world.token, str(number), str(world.shared)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for role, number in roles
    ]
    try:
        yield
        for one in started:
            assert one.stdin is not None
            one.stdin.close()
        for (role, number), one in zip(roles, started, strict=True):
            assert one.stdout is not None
            seen.append({"role": role, "number": number, **json.loads(one.stdout.read())})
    finally:
        for one in started:
            one.kill()
            one.wait()
            assert one.stdin is not None and one.stdout is not None
            one.stdin.close()
            one.stdout.close()


def judge(world: World, seen: list[dict[str, Any]]) -> None:
    """Compare what was promised with what the table holds now."""
    assert [line for one in seen for line in one["refused"]] == []
    assert [line for one in seen for line in one["misplaced"]] == []
    p = world.publisher
    generation = p.generation()
    made = entity_table(generation.entity("things.box"), p.database.dialect)
    with p.database.begin(writing=False) as connection:
        rows = {row["id"]: dict(row) for row in connection.execute(sa.select(made.table)).mappings()}
        registry = connection.execute(sa.select(FieldColumn.name, FieldColumn.column)).all()
        there = schema.read(connection).tables[made.table.name]
        every = sa.table(made.table.name, *(sa.column(column) for _, column in registry if column in there))
        cells = connection.execute(sa.select(every)).mappings().all()
    # Not only what is in force: also columns that are dormant or removed hold nothing that was meant for another field.
    for name, column in registry:
        if name[0] in "tnr" and column in there:
            assert [row[column] for row in cells if not clients.belongs(name, row[column])] == [], name
    fields = {one.name: one for one in generation.shape("things.box").fields}
    lost = []
    for one in seen:
        for id, promised in one["acknowledged"].items():
            row = rows.get(int(id))
            if row is None:
                lost.append(f"record {id}")
                continue
            for name, value in promised.items():
                if name not in fields or name[0] == "r":
                    continue
                cells_ = [row[column.name] for column in made.columns[name]]
                found = kind(fields[name]).from_row(fields[name], cells_, p.database.dialect)
                wanted = Decimal(value) if name[0] == "d" else value
                if found != wanted:
                    lost.append(f"{id}.{name}: {found!r} is not {wanted!r}")
    assert lost == []
    shared = rows[world.shared]
    last = {name: value for one in seen for name, value in one["shared"].items()}
    assert {name: shared[made.columns[name][0].name] for name in last} == last
    assert shared[made.columns["count"][0].name] == sum(one["counted"] for one in seen)


def told(seen: list[dict[str, Any]]) -> dict[str, int]:
    """How often each answer was given."""
    total: dict[str, int] = {}
    for one in seen:
        for status, times in one["statuses"].items():
            total[status] = total.get(status, 0) + times
    return dict(sorted(total.items()))


def test_publications_under_eight_writers_lose_nothing_and_refuse_nobody(tmp_path: Path, database_url: str) -> None:
    seen: list[dict[str, Any]] = []
    with world(tmp_path, database_url) as here:
        with busy(here, seen):
            for number in range(PUBLICATIONS):
                here.publish(number)
        print(told(seen))
        judge(here, seen)
        answers = told(seen)
        assert not any(status.endswith("503") for status in answers), answers
        assert answers.get("POST 201", 0) > WRITERS and answers.get("PATCH 200", 0) > WRITERS and answers.get("GET 200", 0) > WRITERS


class Moment(NamedTuple):
    """From when to when (seconds of the machine's clock) there were publications, or none."""

    begin: float
    end: float
    moved: bool


def _slowest(seen: list[dict[str, Any]], moments: list[Moment], *, moved: bool) -> float:
    """The readers' 99th percentile, in seconds, of the requests that ended in such moments."""
    of = [(begin, end) for begin, end, sort in moments if sort is moved]
    seconds = sorted(
        second
        for one in seen
        if one["role"] == "reader"
        for second, at in zip(one["seconds"], one["ended"], strict=True)
        if any(begin <= at <= end for begin, end in of)
    )
    return float(seconds[int(len(seconds) * 0.99)])


def measured(folder: Path, url: str, blocks: int = 10) -> tuple[float, float, dict[str, int]]:
    """The readers' 99th percentile with and without publications, in seconds, and how often each answer was given.

    Twenty publications a block, with a pause after each, so that both are compared on a machine that is equally busy.
    """
    seen: list[dict[str, Any]] = []
    moments: list[Moment] = []
    with world(folder, url) as here:
        with busy(here, seen):
            for block in range(blocks):
                start = time.monotonic()
                for number in range(20):
                    here.publish(block * 20 + number)
                calm = time.monotonic()
                moments.append(Moment(start, calm, moved=True))
                while time.monotonic() - calm < (calm - start) / 2:
                    here.server.ask("GET", f"{clients.PATH}/{here.shared}", token=here.token)
                moments.append(Moment(calm, time.monotonic(), moved=False))
        judge(here, seen)
    return _slowest(seen, moments, moved=True), _slowest(seen, moments, moved=False), told(seen)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_readers_hardly_notice_two_hundred_publications(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    ratios = []
    for turn in range(3):
        folder = tmp_path / str(turn)
        url = request.getfixturevalue("postgres").fresh() if engine == "postgresql" else f"sqlite:///{folder / 'backoffice.db'}"
        with_, without, answers = measured(folder, url)
        assert not any(status.endswith("503") for status in answers), answers
        ratios.append(with_ / without)
        figures = f"{with_:.3f} s, {without:.3f} s: {ratios[-1]:.1f} times"
        record_property(f"readers' p99 with and without publications, {turn + 1}", figures)
        record_property(f"answers, {turn + 1}", answers)
    assert median(ratios) <= 3, ratios
