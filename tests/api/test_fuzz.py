"""A public fuzzer finds no 5xx, no answer that violates the document and no status that the document does not name, on both engines."""

from __future__ import annotations

import io

import pytest

from core.services import files
from core.testing.world import World
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
    clerk = fuzz(app, app.actor("store.clerk"), FEW * 3 // 4, of_store)
    assert not clerk.faults, told(clerk)
    everybody = fuzz(app, app.actor("core.everything"), FEW // 4, some)
    assert not everybody.faults, told(everybody)
    assert clerk.cases + everybody.cases >= FEW * 95 // 100
    # It means something only where requests get through: the document must be good enough to be understood.
    assert {"GET /store/item", "POST /store/item", "PATCH /store/item/{id}", "DELETE /store/item/{id}", "GET /store/item/{id}/history",
            "GET /store/item/{id}/files/picture",
            "POST /store/item/{id}/transitions/release", "POST /store/shelf", "POST /files", "GET /me"} <= clerk.done


@pytest.mark.soak
def test_the_fuzzer_finds_nothing_in_the_long_run(app: World) -> None:
    furnished(app)
    clerk = fuzz(app, app.actor("store.clerk"), MANY // 4, of_store)
    assert not clerk.faults, told(clerk)
    everybody = fuzz(app, app.actor("core.everything"), MANY * 3 // 4, others)
    assert not everybody.faults, told(everybody)
    assert clerk.cases + everybody.cases >= MANY * 95 // 100
