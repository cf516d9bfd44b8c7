"""One house for each engine, shared by this folder's tests: every test makes records of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgres as private
from tests.writing.world import NOW, World


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(f"writing-{request.param}")
    url = ""
    if request.param == "postgresql":
        if private.binaries() is None:
            pytest.skip("PostgreSQL is not installed.")
        url = request.getfixturevalue("postgres").fresh()
    made = World(folder, url)
    yield made
    made.platform.close()


@pytest.fixture
def world(house: World) -> Iterator[World]:
    house.on_save = house.after = house.veto = house.checks = None
    house.clock.at = NOW
    yield house
    house.on_save = house.after = house.veto = house.checks = None
    failures = house.platform.ledger.failures
    said = {plugin: list(ones) for plugin, ones in failures.items()}
    failures.clear()
    assert not said, said
