"""History tells everybody what happened, and values only to those who may see them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.errors import BadRequest, NotFound
from core.storage import log
from core.storage.history import history
from core.storage.unit import writing
from tests.reading.test_sight import live
from tests.reading.world import NOW, World

STEPS = (
    ("create", "first", [("summary", None, "Lamp"), ("cost", None, Decimal("1.00")), ("note", None, "hiddenword")]),
    ("update", "second", [("site", None, 3), ("urgency", None, "high")]),
    ("update", "second", [("urgency", "high", "low")]),
    ("update", "third", [("cost", Decimal("1.00"), Decimal("2.00"))]),
)


@pytest.fixture(scope="module")
def number(world: World) -> int:
    """A ticket with a site nobody but clerks reads, and three operations in its log."""
    found = next(n for n, v in live(world).items() if v["department_id"] == 1 and v["requester"] == 5)
    entity = world.generation.entity("desk.ticket")
    head: tuple[str | None, int] = (None, 0)
    for version, (action, operation, changes) in enumerate(STEPS, 1):
        with writing(world.database, world.generation, world.actor("desk.chief"), NOW, operation=operation) as unit:
            head = log.append(unit, entity, found, head, changes, action=action, version=version)
    return found


def test_one_entry_for_each_operation_newest_first(world: World, number: int) -> None:
    with world.reader(world.actor("desk.chief", "desk.clerk")) as reader:
        found = history(reader, number)
    assert [(event.operation, event.action) for event in found.items] == [
        ("third", "update"), ("second", "update"), ("first", "create")]  # fmt: skip
    second = found.items[1]
    assert [(one.field, one.before, one.after, one.after_label) for one in second.changes] == [
        ("site", None, 3, world.titles[3]), ("urgency", None, "low", None)]  # fmt: skip
    assert found.next is None and all(event.hidden == 0 for event in found.items)


def test_hidden_values_are_counted_and_not_told(world: World, number: int) -> None:
    with world.reader(world.actor("desk.requester", person=5)) as reader:
        found = history(reader, number)
    assert [event.hidden for event in found.items] == [1, 0, 2]
    assert "hiddenword" not in repr(found) and "Decimal" not in repr(found)
    assert [one.after_label for one in found.items[1].changes if one.field == "site"] == [None]
    with world.reader(world.actor("desk.clerk", department=1)) as reader:
        masked = history(reader, number)
    assert "hiddenword" in repr(masked) and "Decimal" not in repr(masked)


def test_history_is_paged_and_asks_for_the_record_first(world: World, number: int) -> None:
    chief = world.actor("desk.chief")
    with world.reader(chief) as reader:
        first = history(reader, number, limit=1)
        rest = history(reader, number, limit=5, after=first.next)
        assert [event.operation for event in (*first.items, *rest.items)] == ["third", "second", "first"]
        for broken in ("x", "²", "9" * 30):
            with pytest.raises(BadRequest):
                history(reader, number, after=broken)
    with world.reader(world.actor("desk.worker", person=99)) as reader, pytest.raises(NotFound):
        history(reader, number)
