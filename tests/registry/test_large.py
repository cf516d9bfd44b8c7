"""A house of the size of real business systems: checked, made, opened, and changed without work for what did not change.

Every day a tenth of it; ``make soak`` runs it whole, with 200 publications. ``python -m tests.bench --large`` prints times.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.facts import FixedClock
from core.registry.discover import Discovery, discover
from core.registry.generation import Generation
from core.services import publish
from core.services.platform import Platform
from core.settings import Settings
from core.testing.world import World
from schemas import read_overlay
from schemas.model import Overlay
from tests.registry.large import BIGGEST, BIGGEST_LINES, BIGGEST_REFERENCES, CIRCLE, ENTITIES, FIELDS, WORDS, House, house
from tests.soak import SOAK

SIZE = (ENTITIES, FIELDS) if SOAK else (ENTITIES // 10, FIELDS // 10)
PUBLICATIONS = 200 if SOAK else 4
GROWTH = 12 * 1024 * 1024
"""Bytes a process may grow by from the 50th publication to the 200th."""

pytestmark = [pytest.mark.soak] if SOAK else []


def found(settings: Settings) -> Discovery:
    """The house and the directory it stands on, without the other functions."""
    seen = discover(settings)
    return Discovery([one for one in seen.plugins if one.name == "directory" or one.name.startswith("area")])


def opened(made: House, folder: Path, url: str = "") -> World:
    """The house's documents in an administrator's folder, and a platform that found them there and started."""
    plugins = folder / "plugins"
    plugins.mkdir()
    for name, text in made.documents.items():
        (plugins / f"{name}.yaml").write_text(text, encoding="utf-8")
    settings = replace(Settings.for_tests(folder / "data", url), plugins_dir=plugins)
    clock = FixedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))
    platform = Platform(settings, clock, find=found)
    platform.start()
    return World(platform, clock)


def added(entity: str, number: int, label: str = "More") -> Overlay:
    field = f"{{name: more{number}, type: integer, label: {label}}}"
    text = f"overlay: {entity}\nname: more{number}\nchanges:\n  - add_field: {field}\n"
    (overlay,), problems = read_overlay(text, "more.yaml")
    assert not problems
    return overlay


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = opened(house(*SIZE), tmp_path, database_url)
    yield made
    made.platform.close()


def test_the_house_has_its_proportions() -> None:
    made = house(*SIZE)
    assert (made.entities, made.fields) == SIZE
    assert made.documents == house(*SIZE).documents and made.documents != house(*SIZE, seed=2).documents


def test_a_large_house_is_made_opened_and_changed(world: World) -> None:
    p = world.platform
    assert not [str(one) for one in p.discovery.problems]
    _has_proportions(p.current)
    entity, clerk = "area0.biggest", world.actor("area0.clerk")
    client = world.client(clerk)
    assert client.get("/area0/biggest").status_code == 200
    record = world.create(entity, by=clerk, code="B-1", rows_0=[{"count": 3}])
    assert "B-1" in client.get("/area0/biggest").get_data(as_text=True)
    for name in ("select", "order"):
        world.create(f"area0.{name}", by=clerk, code="first")
        assert "first" in client.get(f"/area0/{name}?sort=code").get_data(as_text=True)
    calm = 0
    for number in range(PUBLICATIONS):
        before = p.current
        # Eight fields come; then they are called otherwise, so that the house itself stays as large as it is.
        one = added("area0.select" if number % 2 else "area0.order", number % 8, f"More {number}")
        publish.apply(p, world.system, [one])
        _shares_all_but_one(before, p.current)
        if number == 50:
            calm = _resident()
        if number >= 50 and number % 10 == 0:
            client.get("/area0/order")
    if calm:
        assert _resident() - calm < GROWTH
    more = world.create("area0.order", by=clerk, code="second", more0=7)
    assert world.get("area0.order", more)["more0"] == 7
    assert world.get(entity, record)["rows_0"][0]["count"] == 3
    assert client.get("/area0/order").status_code == 200


def _has_proportions(generation: Generation) -> None:
    areas = [one for name, one in generation.entities.items() if name.startswith("area")]
    assert len(areas) == SIZE[0]
    assert sum(len(one.fields) + sum(len(field.fields) for field in one.fields) for one in areas) == SIZE[1]
    biggest = generation.entity("area0.biggest")
    kinds = [one.type for one in biggest.fields]
    assert len(kinds) == BIGGEST and kinds.count("reference") == BIGGEST_REFERENCES and kinds.count("lines") == BIGGEST_LINES
    assert {one.name for one in areas} & set(WORDS) >= {"select", "order", "table", "where", "group"}
    at, steps = "area1.order", 0
    while steps == 0 or at != "area1.order":
        at, steps = generation.entity(at).field("next_one").to[0], steps + 1  # type: ignore[union-attr]
    assert steps == CIRCLE


def _shares_all_but_one(before: Generation, after: Generation) -> None:
    changed = [name for name in after.entities if after.entities[name] is not before.entities.get(name)]
    assert len(changed) == 1 and before.number + 1 == after.number


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
