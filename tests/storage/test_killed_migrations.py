"""A migration that is killed leaves the old shape or the new, and the next one completes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from core.storage import migrate, schema
from schemas.model import Field, Plugin
from tests.storage.house import SHOP, House, with_field

MIGRATE = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from core.registry.generation import build_from
from core.storage import migrate
from core.storage.database import Database
from tests.storage.test_killed_migrations import changed
url, folder, point = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
database = Database(url, folder)
plan = migrate.plan(database, build_from((changed(),)).entities.values())
count = 0
def die(*given):
    global count
    count += 1
    if count == point:
        os.kill(os.getpid(), signal.SIGKILL)
for moment in ("before_cursor_execute", "after_cursor_execute"):
    sa.event.listen(database.engine, moment, die)
sa.event.listen(database.engine, "commit", die)
migrate.apply(database, plan)
"""


def changed() -> Plugin:
    """The shop with a new column, an index, a table of links, lines, and a price of more places."""
    return with_field(
        SHOP, "item", Field("price", "decimal", places=4, indexed=True), Field("colour", "text", indexed=True),
        Field("friends", "references", to=("shop.item",)), Field("stops", "lines", fields=(Field("place", "text"),)))


def columns(house: House) -> dict[str, dict[str, str]]:
    with house.database.begin(writing=False) as connection:
        shape = schema.read(connection)
    return {name: made for name, made in shape.tables.items() if "__" in name and not name.startswith("s_")}


@pytest.mark.parametrize("point", [2, 7, 12, 18, 26])
def test_a_killed_migration_is_completed_by_the_next(house: House, point: int) -> None:
    with house.writing() as unit:
        number = house.add(unit, "shop.item", {"name": "Lamp", "price": Decimal("12.45")})
    before = columns(house)
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, house.url, str(house.folder), str(point)],
        cwd=Path(__file__).parents[2],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    if house.database.dialect == "sqlite" and done.returncode:
        # One transaction: nothing, or everything when the commit was done.
        assert columns(house) == before or "f_colour" in columns(house)["shop__item"]
    with house.writing() as unit:
        assert house.values(unit, "shop.item", number)["name"] == "Lamp"
    house.become(changed())
    assert migrate.plan(house.database, house.generation.entities.values()).steps == []
    with house.reading() as unit:
        row = house.values(unit, "shop.item", number)
    assert (row["price"], row["colour"]) == (Decimal("12.4500"), None)
