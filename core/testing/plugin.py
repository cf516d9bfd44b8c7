"""The pytest plugin: ``clock``, ``app``, ``actor`` and ``outbox`` for tests of plugins and of the platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.access.actor import Actor
from core.facts import FixedClock
from core.services.platform import Platform
from core.settings import Settings
from core.testing.world import World

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at Monday 2026-06-01 09:00 UTC until a test moves it."""
    return FixedClock(START)


@pytest.fixture
def database_url() -> str:
    """The database a test's ``app`` runs on; "" is SQLite in the test's own folder. Override it for another engine."""
    return ""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings for a house in the test's own folder."""
    return Settings.for_tests(tmp_path / "data", database_url)


@pytest.fixture
def app(settings: Settings, clock: FixedClock) -> Iterator[World]:
    """A started platform with every plugin that is found, and short verbs for tests."""
    platform = Platform(settings, clock)
    platform.start()
    try:
        yield World(platform, clock)
    finally:
        platform.close()


@pytest.fixture
def actor(app: World) -> Callable[..., Actor]:
    """``actor("plugin.role", ...)`` makes a person with an account that holds these roles."""
    return app.actor


@pytest.fixture
def outbox(app: World) -> Callable[[], list[dict[str, object]]]:
    """The effects waiting to be performed, oldest first."""
    return app.effects
