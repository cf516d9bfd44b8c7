"""A house in safe mode says so where administrators look."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.app import create_app
from core.facts import FixedClock
from core.services import accounts
from core.services.platform import Platform
from core.settings import Settings
from core.testing.world import World
from tests.web.conftest import Browser, words


@pytest.mark.parametrize("safe", [True, False])
def test_administrators_are_told_of_safe_mode(tmp_path: Path, safe: bool) -> None:
    settings = Settings(data_dir=tmp_path / "data", secret_key="for-tests-only-0123456789-abcdefgh", safe_mode=safe)
    clock = FixedClock(datetime(2026, 6, 1, 9, 0, tzinfo=UTC))
    platform = Platform(settings.completed(), clock)
    platform.start()
    try:
        world = World(platform, clock)
        client = create_app(platform=platform).test_client()
        client.set_cookie("session", accounts.open_session(platform, world.actor("core.admin").account or 0))
        page = Browser(client)
        assert ("Safe mode" in words(page.get("/admin"))) is safe
        assert ("safe mode" in words(page.get("/admin/health"))) is safe
    finally:
        platform.close()
