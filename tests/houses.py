"""Houses for tests: a started platform with the directory and one plugin that a test declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from core.facts import FixedClock
from core.registry.discover import Discovery, discover
from core.services.platform import Platform
from core.settings import Settings
from core.testing.world import World

BEGIN = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def settings_with(folder: Path, name: str, text: str, url: str = "") -> Settings:
    """Settings of a house in ``folder`` whose plugins' folder holds the plugin ``name`` with this text."""
    plugins = folder / "plugins"
    plugins.mkdir(exist_ok=True)
    (plugins / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Settings(
        data_dir=folder / "data", database_url=url, plugins_dir=plugins, secret_key="for-tests-only-0123456789-abcdefgh"
    ).completed()


def only(*names: str) -> Callable[[Settings], Discovery]:
    """Finds the directory and the named plugins, and none of those that are shipped."""

    def find(settings: Settings) -> Discovery:
        found = discover(settings)
        return replace(found, plugins=[one for one in found.plugins if one.name in ("directory", *names)])

    return find


@contextmanager
def house(folder: Path, name: str, text: str, url: str = "") -> Iterator[World]:
    """A started house with the directory and this plugin, on a Monday morning in June 2026."""
    clock = FixedClock(BEGIN)
    platform = Platform(settings_with(folder, name, text, url), clock, find=only(name))
    platform.start()
    try:
        yield World(platform, clock)
    finally:
        platform.close()
