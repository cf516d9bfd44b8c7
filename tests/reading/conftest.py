"""The desk on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reading.heard import heard_of
from tests.reading.world import World


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Sixty tickets with empties, trash, several departments and people; nobody changes them."""
    folder: Path = tmp_path_factory.mktemp("desk")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'desk.db'}"
    else:
        url = request.getfixturevalue("postgres").fresh()
    made = World(url, folder)
    made.fill()
    yield made
    made.database.dispose()


@pytest.fixture
def statements(world: World) -> Iterator[list[tuple[str, object]]]:
    """Every statement that reaches the database, as it is sent."""
    with heard_of(world.database.engine) as seen:
        yield seen
