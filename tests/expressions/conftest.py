"""The desk on both engines, filled once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.expressions.desk import Desk
from tests.postgres import Server


@pytest.fixture(scope="session")
def sqlite_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    desk = Desk(f"sqlite:///{folder / 'desk.db'}", Path(folder))
    yield desk
    desk.database.dispose()


@pytest.fixture(scope="session")
def postgres_desk(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(postgres.fresh(), Path(tmp_path_factory.mktemp("desk")))
    yield desk
    desk.database.dispose()


@pytest.fixture(scope="session")
def desks(sqlite_desk: Desk, postgres_desk: Desk) -> tuple[Desk, Desk]:
    return sqlite_desk, postgres_desk
