"""Units of work: the fence, one writer at a time, snapshots, refusals in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.util import LRUCache

from core.errors import Busy, Conflict, Invalid
from core.storage import head
from core.storage.unit import HeadMoved, flipping, reading, writing
from schemas.model import Field
from tests.postgres import Server
from tests.storage.house import SHOP, House, with_field


def test_a_write_under_an_older_generation_is_refused(house: House) -> None:
    with flipping(house.database, 1) as connection:
        head.move(connection, 2)
    with pytest.raises(HeadMoved) as caught, house.writing():
        pass
    assert caught.value.number == 2
    house.generation = replace(house.generation, number=2)
    with house.writing() as unit:
        assert house.add(unit, "shop.item", {"name": "Lamp"}) == 1


def test_a_flip_waits_for_writers_and_compares_the_head(house: House) -> None:
    with pytest.raises(HeadMoved), flipping(house.database, 7):
        pass
    began, go = threading.Event(), threading.Event()

    def write() -> None:
        with house.writing() as unit:
            began.set()
            go.wait(30)
            house.add(unit, "shop.item", {"name": "Lamp"})

    writer = threading.Thread(target=write)
    writer.start()
    began.wait(30)
    order: list[str] = []

    def flip() -> None:
        with flipping(house.database, 1) as connection:
            order.append("flipped")
            order.append(str(connection.execute(sa.select(sa.func.count()).select_from(house.table().table)).scalar()))
            head.move(connection, 2)

    flipper = threading.Thread(target=flip)
    flipper.start()
    order.append("released")
    go.set()
    writer.join()
    flipper.join()
    assert order == ["released", "flipped", "1"]


def test_a_reading_unit_is_one_snapshot(house: House) -> None:
    table = house.table().table
    count = sa.select(sa.func.count()).select_from(table)
    with house.reading() as unit:
        assert unit.connection.execute(count).scalar() == 0
        with house.writing() as other:
            house.add(other, "shop.item", {"name": "Lamp"})
        assert unit.connection.execute(count).scalar() == 0
    with house.reading() as unit:
        assert unit.connection.execute(count).scalar() == 1


def test_a_reading_unit_cannot_write_on_postgresql_and_queues_behind_nobody(house: House) -> None:
    began, go = threading.Event(), threading.Event()

    def write() -> None:
        with house.writing() as unit:
            house.add(unit, "shop.item", {"name": "Lamp"})
            began.set()
            go.wait(30)

    writer = threading.Thread(target=write)
    writer.start()
    began.wait(30)
    with house.reading() as unit:
        assert house.values(unit, "shop.item", 1) == {}
    go.set()
    writer.join()


def test_a_failed_unit_leaves_nothing_not_even_tables(house: House) -> None:
    with pytest.raises(ZeroDivisionError), house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Lamp"})
        sa.Table("half", sa.MetaData(), sa.Column("id", sa.Integer)).create(unit.connection)
        raise ZeroDivisionError
    with house.reading() as unit:
        assert house.values(unit, "shop.item", 1) == {}
        assert not sa.inspect(unit.connection).has_table("half")


def test_a_taken_value_is_a_conflict_that_names_nothing(house: House) -> None:
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Lamp"})
    with pytest.raises(Conflict) as caught, house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Lamp"})
    assert caught.value.detail == "The value is not available."


def test_a_statement_that_is_wrong_is_not_taken_for_a_busy_database(house: House) -> None:
    with pytest.raises(sa.exc.DBAPIError), house.reading() as unit:
        unit.connection.execute(sa.select(sa.column("x")).select_from(sa.table("no_such_table")))


def test_a_second_writing_unit_in_one_thread_is_a_mistake_that_is_told(house: House) -> None:
    if house.database.dialect != "sqlite":
        pytest.skip("PostgreSQL has many writers")
    with pytest.raises(RuntimeError, match="open in this thread"), house.writing(), house.writing():
        pass
    with house.writing():
        pass


def test_a_killed_writer_frees_its_turn(house: House, tmp_path: Path) -> None:
    """The lock in front of SQLite, and PostgreSQL's locks, end with their process."""
    program = (
        "import sys, time; from pathlib import Path; from tests.storage.house import House\n"
        f"house = House({house.url!r}, Path({str(house.folder)!r}))\n"
        "with house.writing() as unit:\n"
        "    house.add(unit, 'shop.item', {'name': 'Never'})\n"
        "    print('holding', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              cwd=Path(__file__).parents[2])
    assert holder.stdout is not None and holder.stdout.readline() == "holding\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    for stream in (holder.stdin, holder.stdout):
        assert stream is not None
        stream.close()
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Never"})


def test_what_follows_a_fork_has_connections_of_its_own(house: House) -> None:
    with house.reading() as unit:
        assert house.values(unit, "shop.item", 1) == {}
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with house.writing() as unit:
                house.add(unit, "shop.item", {"name": "Child"})
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Parent"})
    with reading(house.database, house.generation, house.actor, house.clock.now()) as unit:
        assert house.values(unit, "shop.item", 1)["name"] == "Child"
    with writing(house.database, house.generation, house.actor, house.clock.now()) as unit:
        assert house.values(unit, "shop.item", 2)["name"] == "Parent"


def test_statements_prepared_for_a_former_type_of_a_column_are_forgotten(house: House) -> None:
    if house.database.dialect != "postgresql":
        pytest.skip("SQLite prepares anew by itself")
    statement = sa.select(house.table().columns["price"][0])
    for _ in range(8):
        with house.reading() as unit:
            unit.connection.execute(statement).all()
    house.become(with_field(SHOP, "item", Field("price", "text", indexed=True)))
    raw = sa.select(sa.column("f_price")).select_from(sa.table("shop__item"))
    outcomes = []
    for asked in (statement, statement, raw):
        try:
            with house.reading() as unit:
                unit.connection.execute(asked).all()
            outcomes.append("read")
        except Busy:
            outcomes.append("busy")
    assert outcomes in (["busy", "read", "read"], ["read", "read", "read"])


def test_a_database_that_was_away_is_busy_once_and_then_there_again(postgres: Server, tmp_path: Path) -> None:
    house = House(postgres.fresh(), tmp_path)
    try:
        with house.writing() as unit:
            house.add(unit, "shop.item", {"name": "Lamp"})
        postgres.restart()
        tries = 0
        while True:
            tries += 1
            try:
                with house.reading() as unit:
                    assert house.values(unit, "shop.item", 1)["name"] == "Lamp"
                break
            except Busy:
                assert tries < 3
    finally:
        house.close()


def test_a_value_too_long_for_an_index_is_refused_in_words(house: House) -> None:
    long = "".join(f"{number:x}-" for number in range(5_000))
    if house.database.dialect == "sqlite":
        with house.writing() as unit:
            house.add(unit, "shop.item", {"name": long})
        return
    with pytest.raises(Invalid) as caught, house.writing() as unit:
        house.add(unit, "shop.item", {"name": long})
    assert "too long" in caught.value.errors[""][0]


class Disturbed(LRUCache[Any, Any]):
    """A cache into which another thread puts something just when the first iterations begin."""

    left = 3

    def __iter__(self) -> Iterator[Any]:
        begun = super().__iter__()
        if self.left:
            self.left -= 1
            self[object()] = None
        return begun


def test_compiled_statements_are_let_go_of_while_others_compile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Disturbed(500)
    cache["a statement"] = None
    monkeypatch.setattr(house.database.engine, "_compiled_cache", cache)
    with pytest.raises(RuntimeError):
        house.database.engine.clear_compiled_cache()
    house.database.forget_compiled()
    assert not cache.left and not len(cache)
