"""Houses that a test of publishing opened are closed when it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.publish import world


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close every house."""
    yield
    while world.OPEN:
        world.OPEN.pop().close()
