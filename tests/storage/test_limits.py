"""How long one statement may take: PostgreSQL ends those of requests, and lets changes of tables take their time."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from core.errors import Busy
from core.storage.unit import flipping
from schemas.model import Field
from tests.storage.house import SHOP, House, with_field


@pytest.fixture
def limited(house: House) -> House:
    if house.database.dialect != "postgresql":
        pytest.skip("SQLite has no limit of this kind")
    house.database.answer_within(0.2)
    return house


def test_a_statement_that_takes_too_long_is_ended_and_said_so(limited: House) -> None:
    with pytest.raises(Busy, match="took too long"), limited.reading() as unit:
        unit.connection.execute(sa.select(sa.func.pg_sleep(20)))
    with pytest.raises(Busy, match="nothing was changed"), limited.writing() as unit:
        limited.add(unit, "shop.item", {"name": "Lamp"})
        unit.connection.execute(sa.select(sa.func.pg_sleep(20)))
    with limited.reading() as unit:
        assert unit.connection.scalar(sa.select(sa.func.count()).select_from(limited.table().table)) == 0


def test_changes_of_tables_and_flips_take_their_time(limited: House) -> None:
    seen: dict[str, Any] = {}

    @event.listens_for(limited.database.engine, "before_cursor_execute")
    def look(connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        raw = connection.connection.dbapi_connection
        if statement.startswith(("ALTER TABLE", "CREATE INDEX")) and raw is not None:
            seen[" ".join(statement.split()[:3])] = raw.execute("show statement_timeout").fetchone()[0]

    limited.become(with_field(SHOP, "item", Field("floor", "integer", indexed=True)))
    assert seen == {"ALTER TABLE shop__item": "0", "CREATE INDEX CONCURRENTLY": "0"}
    with flipping(limited.database, 1) as connection:
        assert connection.scalar(sa.text("show statement_timeout")) == "0"
    with limited.reading() as unit:  # the connections that come back from it are limited again
        assert unit.connection.scalar(sa.text("show statement_timeout")) == "200ms"
