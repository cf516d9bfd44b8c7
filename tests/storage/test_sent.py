"""Statements sent as text do what SQLAlchemy's own execution does, on both engines."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.storage.database import Database
from core.storage.sent import Sent, spread, within

_things = sa.Table(
    "sent_things",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("name", sa.Text, unique=True),
    sa.Column("live", sa.Boolean),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime),
)
NAMES = ("name", "live", "day", "at")
GIVEN = {"name": "Ünder", "live": True, "day": date(2026, 6, 1), "at": datetime(2026, 6, 1, 9, 0, 0, 123456)}


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Database:
    made = Database(database_url, tmp_path)
    with made.begin(writing=True) as connection:
        _things.create(connection)
    return made


def test_values_come_back_as_they_were_given(database: Database) -> None:
    read = Sent(sa.select(_things).where(_things.c.id == sa.bindparam("number")))
    with database.begin(writing=True) as connection:
        number = Sent(_things.insert(), NAMES).insert(connection, GIVEN)
        assert tuple(read.rows(connection, {"number": number})[0]) == (number, *GIVEN.values())
        change = Sent(_things.update().where(_things.c.id == sa.bindparam("number"), _things.c.live.is_(True)), ["live", "day"])
        assert change.run(connection, {"number": number, "live": False, "day": None}) == 1
        assert change.run(connection, {"number": number, "live": False, "day": None}) == 0
        assert connection.execute(sa.select(_things.c.live, _things.c.day)).one() == (False, None)
    database.dispose()


def test_a_refusal_is_the_same_exception_and_takes_the_unit_back(database: Database) -> None:
    insert = Sent(_things.insert(), NAMES)
    for send in (lambda one: insert.run(one, GIVEN), lambda one: insert.many(one, [GIVEN, GIVEN])):
        with pytest.raises(sa.exc.IntegrityError), database.begin(writing=True) as connection:
            insert.run(connection, {**GIVEN, "name": "first"})
            send(connection)
            send(connection)
    with database.begin(writing=False) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(_things)) == 0
    database.dispose()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9])
def test_lists_of_any_length_are_asked_for(database: Database, count: int) -> None:
    size, values = spread(range(1, count + 1))
    find = Sent(sa.select(_things.c.id).where(within(_things.c.id, size)).order_by(_things.c.id))
    with database.begin(writing=True) as connection:
        Sent(_things.insert(), NAMES).many(connection, [{**GIVEN, "name": str(number)} for number in range(12)])
        assert [row[0] for row in find.rows(connection, values)] == list(range(1, count + 1))
    assert size < 2 * count or count == 1
    database.dispose()
