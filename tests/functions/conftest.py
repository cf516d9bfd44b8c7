"""The functions are tested on SQLite, one house for each module: every test makes the records it talks about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.facts import FixedClock
from core.services.platform import Platform
from core.settings import Settings
from core.testing import World
from core.testing.plugin import START


@pytest.fixture
def database_url() -> str:
    """SQLite in the test's own folder; what depends on the engine is tested in the rooms of the core."""
    return ""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A started platform that the tests of a module share."""
    clock = FixedClock(START)
    platform = Platform(Settings.for_tests(tmp_path_factory.mktemp("house") / "data", ""), clock)
    platform.start()
    try:
        yield World(platform, clock)
    finally:
        platform.close()


@pytest.fixture
def app(house: World) -> World:
    """The module's house, with its clock set back to Monday 2026-06-01 09:00 UTC."""
    house.clock.at = START
    return house


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A started platform on each engine, for what depends on it; every test makes the records it talks about."""
    url = request.getfixturevalue("postgres").fresh() if request.param == "postgresql" else ""
    clock = FixedClock(START)
    platform = Platform(Settings.for_tests(tmp_path_factory.mktemp("both") / "data", url), clock)
    platform.start()
    try:
        yield World(platform, clock)
    finally:
        platform.close()
