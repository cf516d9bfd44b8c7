"""Runs, groups and components are named alike in every test of payroll: each gets a house of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.facts import FixedClock
from core.services.platform import Platform
from core.settings import Settings
from core.testing import World
from core.testing.plugin import START


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house that was started once, to be copied."""
    folder = tmp_path_factory.mktemp("built") / "data"
    platform = Platform(Settings.for_tests(folder, ""), FixedClock(START))
    platform.start()
    platform.close()
    return folder


@pytest.fixture
def app(built: Path, tmp_path: Path) -> Iterator[World]:
    """A house that nobody else uses."""
    shutil.copytree(built, tmp_path / "data")
    clock = FixedClock(START)
    platform = Platform(Settings.for_tests(tmp_path / "data", ""), clock)
    platform.start()
    try:
        yield World(platform, clock)
    finally:
        platform.close()
