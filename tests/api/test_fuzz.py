"""A public fuzzer finds no 5xx, no answer that violates the document and no status that the document does not name, on both engines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.facts import FixedClock
from core.services import files
from core.services.platform import Platform
from core.testing.world import World
from tests.api.conftest import stored
from tests.api.fuzzing import Found, fuzz

FEW, MANY = 1_000, 20_000


def of_store(label: str) -> bool:
    """The operations of one small plugin with every kind of field, and the platform's own."""
    path = label.partition(" ")[2]
    return path.startswith("/store/") or path.count("/") == 1


def some(label: str) -> bool:
    """About an eighth of the other operations, always the same ones."""
    return not of_store(label) and sum(label.encode()) % 8 == 0


def others(label: str) -> bool:
    return not of_store(label)


def told(found: Found) -> str:
    return "\n\n".join(f"{name}\n{text}" for name, text in found.faults.items())


def furnished(app: World) -> World:
    """The records that requests name hold a file."""
    app.examples["store.item"] = {"picture": lambda world: files.put(world.platform, world.system, io.BytesIO(b"hello"), "note.txt").id}
    return app


def test_the_fuzzer_finds_nothing(app: World) -> None:
    furnished(app)
    (clerk,) = fuzz([app], "store.clerk", FEW * 3 // 4, of_store)
    assert not clerk.faults, told(clerk)
    (everybody,) = fuzz([app], "core.everything", FEW // 4, some)
    assert not everybody.faults, told(everybody)
    assert clerk.cases + everybody.cases >= FEW * 95 // 100
    # It means something only where requests get through: the document must be good enough to be understood.
    assert {"GET /store/item", "POST /store/item", "PATCH /store/item/{id}", "DELETE /store/item/{id}", "GET /store/item/{id}/history",
            "GET /store/item/{id}/files/picture",
            "POST /store/item/{id}/transitions/release", "POST /store/shelf", "POST /files", "GET /me"} <= clerk.done


@pytest.fixture
def both(tmp_path: Path, postgres_url: str, clock: FixedClock) -> Iterator[list[World]]:
    """The same house on each engine."""
    made = []
    for name, url in (("sqlite", ""), ("postgresql", postgres_url)):
        folder = tmp_path / name
        folder.mkdir()
        platform = Platform(stored(folder, url), clock)
        platform.start()
        made.append(furnished(World(platform, clock)))
    yield made
    for one in made:
        one.platform.close()


@pytest.mark.soak
@pytest.mark.parametrize(("role", "cases", "wanted"), [("store.clerk", MANY // 4, of_store), ("core.everything", MANY * 3 // 4, others)])
def test_the_fuzzer_finds_nothing_in_the_long_run(
    both: list[World], role: str, cases: int, wanted: Callable[[str], bool], record_property: Callable[[str, object], None]
) -> None:
    for found in fuzz(both, role, cases, wanted):
        record_property("cases, operations, operations that succeeded", f"{found.cases}, {len(found.operations)}, {len(found.done)}")
        assert not found.faults, told(found)
        assert found.cases >= cases * 95 // 100
