"""A small house on each engine, written to through the storage room alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.house import House


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """An empty house whose tables are made."""
    made = House(database_url, tmp_path)
    yield made
    made.close()
