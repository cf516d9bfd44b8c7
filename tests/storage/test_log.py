"""The log: chained, sealed, anchored; whatever is done to it afterwards is found."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.errors import NotFound
from core.facts import EntityRef, Money
from core.storage import log, seal
from core.storage.database import Database
from core.storage.models import ChangeRow, ChangeValue, Checkpoint
from core.storage.unit import Unit
from core.storage.values import decode, encode
from core.storage.verify import Verdict, verify
from schemas.model import Field
from tests.storage.house import House

KEY = seal.key_of("a key of the installation")
CHANGE, VALUE, CHECKPOINT = ChangeRow.__table__, ChangeValue.__table__, Checkpoint.__table__


def check(house: House, *anchors: Path, since: int | None = None) -> Verdict:
    with house.database.begin(writing=False) as connection:
        return verify(connection, house.generation.entities.values(), KEY, house.clock.now(), anchors, since=since)


def filled(house: House, records: int = 5, edits: int = 4) -> list[int]:
    """Some records with a few changes each, sealed half way and at the end."""
    numbers = []
    for number in range(records):
        with house.writing() as unit:
            numbers.append(house.add(unit, "shop.item", {"name": f"Item {number}", "price": Decimal(number), "sold": False}))
    for edit in range(edits):
        for number in numbers:
            with house.writing(reason=f"edit {edit}") as unit:
                house.change(unit, "shop.item", number, {"price": Decimal(edit) + 1})
        if edit == edits // 2:
            seal.seal(house.database, KEY, house.folder, house.clock.now())
    seal.seal(house.database, KEY, house.folder, house.clock.now())
    return numbers


def test_an_honest_log_is_whole_before_and_after_sealing(house: House) -> None:
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Lamp"})
    assert check(house).good and check(house).unsealed == 1
    filled(house)
    verdict = check(house, house.folder / seal.ANCHORS)
    assert verdict.good and verdict.unsealed == 0 and verdict.entries == 26 and verdict.checkpoints == 2 and not verdict.notes


def test_history_gives_before_and_after_as_values(house: House) -> None:
    numbers = filled(house, records=1, edits=2)
    with house.reading() as unit:
        entries = log.entries(unit, "shop.item", numbers[0])
    assert [one.action for one in entries] == ["update", "update", "create"]
    assert entries[0].changes == (log.Changed("price", Decimal("1.00"), Decimal(2)),)
    assert entries[0].reason == "edit 1" and entries[0].channel == "system" and entries[0].version == 3


@pytest.mark.parametrize("value", [
    None, (), True, 0, 5, "a", "{\"$l\":1}", Decimal("1.20"), Money(Decimal("2.50"), "EUR"), date(2026, 1, 2), EntityRef("a.b", 3), (1, 2),
    ({"id": 1, "weight": Decimal("0.5")},), {"d": "1"}, {"m": [1, {"t": []}]}, [1, None]])
def test_every_value_comes_back_as_it_was(value: object) -> None:
    again = decode(encode(value))
    assert again == value and type(again) is type(value)


def tamper_member(column: str, value: object) -> Callable[[sa.Connection, int], None]:
    return lambda connection, number: connection.execute(CHANGE.update().where(CHANGE.c.id == number).values({column: value})) and None


def remove(connection: sa.Connection, number: int) -> None:
    connection.execute(CHANGE.delete().where(CHANGE.c.id == number))


def change_value(connection: sa.Connection, number: int) -> None:
    connection.execute(VALUE.update().where(VALUE.c.change_id == number).values(after=encode(Decimal(999))))


def remove_value(connection: sa.Connection, number: int) -> None:
    connection.execute(VALUE.delete().where(VALUE.c.change_id == number))


def swap(connection: sa.Connection, number: int) -> None:
    """Exchange an entry with another of the same record."""
    record = connection.execute(sa.select(CHANGE.c.record).where(CHANGE.c.id == number)).scalar_one()
    other = connection.execute(sa.select(CHANGE.c.id).where(CHANGE.c.record == record, CHANGE.c.id != number).limit(1)).scalar_one()
    for before, after in ((number, -1), (other, number), (-1, other)):
        for column in (CHANGE.c.id, VALUE.c.change_id):
            connection.execute(column.table.update().where(column == before).values({column.name: after}))


TAMPERINGS = {
    "reason": tamper_member("reason", "nothing to see"), "actor": tamper_member("actor", "somebody else"),
    "seam": tamper_member("reason", "edit\x1fx"), "action": tamper_member("action", "derive"), "removed": remove,
    "value": change_value, "value removed": remove_value, "swapped": swap,
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_any_changed_removed_or_swapped_entry_is_found(house: House, kind: str) -> None:
    filled(house, records=3, edits=3)
    with house.database.begin(writing=False) as connection:
        numbers = list(connection.execute(sa.select(CHANGE.c.id).order_by(CHANGE.c.id)).scalars())
    missed = []
    for number in numbers:
        with pytest.raises(Undone), house.database.begin(writing=True) as connection:
            TAMPERINGS[kind](connection, number)
            if verify(connection, house.generation.entities.values(), KEY, house.clock.now()).good:
                missed.append(number)
            raise Undone
    assert missed == [] and check(house).good


def test_since_a_checkpoint_any_entry_that_followed_is_read_and_older_ones_are_counted(house: House) -> None:
    filled(house, records=3, edits=3)
    verdict = check(house, house.folder / seal.ANCHORS, since=1)
    assert verdict.good and verdict.entries == 3 and verdict.checkpoints == 2 and "9 entries up to checkpoint 1" in verdict.notes[0]
    assert check(house, since=2).entries == 0 and check(house, since=2).good
    with house.database.begin(writing=False) as connection:
        numbers = list(connection.execute(sa.select(CHANGE.c.id).order_by(CHANGE.c.id)).scalars())

    def found(kind: str, number: int) -> bool:
        with pytest.raises(Undone), house.database.begin(writing=True) as connection:
            TAMPERINGS[kind](connection, number)
            verdict = verify(connection, house.generation.entities.values(), KEY, house.clock.now(), since=1)
            raise Undone
        return not verdict.good

    assert [kind for kind in TAMPERINGS for number in numbers[9:] if not found(kind, number)] == []
    assert found("removed", numbers[0]) and not found("reason", numbers[0])


def test_since_a_checkpoint_that_is_not_there_is_refused_in_words(house: House) -> None:
    with pytest.raises(NotFound) as caught:
        check(house, since=1)
    assert "nothing was sealed" in caught.value.detail
    filled(house, records=1)
    with pytest.raises(NotFound) as caught:
        check(house, since=3)
    assert "no checkpoint 3" in caught.value.detail and "1 to 2" in caught.value.detail


def test_each_of_many_checkpoints_is_compared(house: House) -> None:
    numbers = filled(house, records=2, edits=1)
    for edit in range(6):
        with house.writing() as unit:
            house.change(unit, "shop.item", numbers[edit % 2], {"price": Decimal(50 + edit)})
        seal.seal(house.database, KEY, house.folder, house.clock.now())
    assert [check(house, since=one).good for one in (1, 4, 7)] == [True] * 3
    with house.database.begin(writing=True) as connection:
        connection.execute(CHECKPOINT.update().where(CHECKPOINT.c.id == 5).values(root="0" * 64))
    assert "checkpoint 5" in check(house).faults[0].lower()


class Undone(Exception):
    pass


def test_who_can_write_the_database_can_recompute_hashes_but_not_seals(house: House) -> None:
    numbers = filled(house, records=1, edits=2)
    with house.database.begin(writing=True) as connection:
        rows = connection.execute(sa.select(CHANGE).order_by(CHANGE.c.id)).mappings().all()
        head = ""
        for row in rows:
            values = {**row, "previous": head, "reason": "forged"}
            head = log.chained(*(values[name] for name in log.MEMBERS))
            connection.execute(
                CHANGE.update().where(CHANGE.c.id == row["id"]).values(previous=values["previous"], reason="forged", hash=head)
            )
        table = house.table().table
        connection.execute(table.update().where(table.c.id == numbers[0]).values(chain_hash=head))
    verdict = check(house)
    assert not verdict.good and "checkpoint" in verdict.faults[0]


def cut_tail(house: House, number: int) -> None:
    """Remove a record's newest entries with everything that tells of them."""
    with house.database.begin(writing=True) as connection:
        left = connection.execute(sa.select(CHANGE).where(CHANGE.c.record == number).order_by(CHANGE.c.number)).mappings().all()
        last = left[1]
        gone = [row["id"] for row in left[2:]]
        connection.execute(VALUE.delete().where(VALUE.c.change_id.in_(gone)))
        connection.execute(CHANGE.delete().where(CHANGE.c.id.in_(gone)))
        table = house.table().table
        connection.execute(table.update().where(table.c.id == number).values(chain_hash=last["hash"], chain_length=last["number"]))
        connection.execute(CHECKPOINT.delete())


def test_a_cut_tail_is_found_against_an_anchor_and_said_to_be_possible_without(house: House) -> None:
    numbers = filled(house, records=1)
    cut_tail(house, numbers[0])
    assert check(house).good and "cannot be excluded" in check(house).notes[0]
    verdict = check(house, house.folder / seal.ANCHORS)
    assert not verdict.good and "cut or replaced" in verdict.faults[0]


def test_a_record_changed_past_the_log_or_gone_without_an_entry_is_found(house: House) -> None:
    numbers = filled(house, records=2, edits=1)
    table = house.table().table
    with house.database.begin(writing=True) as connection:
        connection.execute(table.delete().where(table.c.id == numbers[0]))
        connection.execute(table.update().where(table.c.id == numbers[1]).values(chain_length=7))
    verdict = check(house)
    assert any("is gone" in one for one in verdict.faults) and any("ends at another entry" in one for one in verdict.faults)


def test_erased_values_leave_the_chain_whole(house: House) -> None:
    numbers = filled(house, records=1, edits=1)
    with house.writing() as unit:
        assert log.erase(unit, "shop.item", numbers[0], ["name"]) == 1
        changed = {one.field: one.after for one in log.entries(unit, "shop.item", numbers[0])[-1].changes}
    assert changed["name"] is None and changed["price"] == Decimal(0)
    assert check(house).good
    with house.database.begin(writing=True) as connection:
        connection.execute(VALUE.update().where(VALUE.c.field == "price").values(after=encode(Decimal(8))))
    assert not check(house).good


def test_another_key_or_a_lost_checkpoint_is_found(house: House) -> None:
    filled(house, records=1)
    with house.database.begin(writing=False) as connection:
        verdict = verify(connection, (), seal.key_of("another key"), house.clock.now())
    assert "not signed with this installation's key" in verdict.faults[0]
    with house.database.begin(writing=True) as connection:
        connection.execute(CHECKPOINT.delete().where(CHECKPOINT.c.id == 1))
    assert not check(house).good


def test_a_sealer_that_stopped_is_told(house: House) -> None:
    filled(house, records=1)
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Later"})
    house.clock.advance(minutes=5)
    assert check(house).good
    house.clock.advance(minutes=6)
    assert "not sealed" in check(house).faults[0]
    assert seal.seal(house.database, KEY, house.folder, house.clock.now()) is not None
    assert check(house).good


def test_a_seal_never_skips_an_entry_that_commits_late(house: House) -> None:
    """Ids are not in the order of commits on PostgreSQL: what is still open when sealing is sealed next time."""
    if house.database.dialect == "sqlite":
        pytest.skip("SQLite writes one transaction after the other")
    opened, sealed = threading.Event(), threading.Event()

    def slow() -> None:
        with house.writing() as unit:
            house.add(unit, "shop.item", {"name": "Slow"})
            opened.set()
            sealed.wait(30)

    thread = threading.Thread(target=slow)
    thread.start()
    opened.wait(30)
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Quick"})
    seal.seal(house.database, KEY, house.folder, house.clock.now())
    sealed.set()
    thread.join()
    assert seal.seal(house.database, KEY, house.folder, house.clock.now()) is not None
    verdict = check(house, house.folder / seal.ANCHORS)
    assert verdict.good and verdict.unsealed == 0


def test_an_anchor_that_a_crash_lost_is_written_with_the_next_seal(house: House) -> None:
    filled(house, records=1)
    path = house.folder / seal.ANCHORS
    lines = path.read_text().splitlines()
    path.write_text(lines[0] + "\n")
    assert seal.seal(house.database, KEY, house.folder, house.clock.now()) is None
    assert path.read_text().splitlines() == lines


def test_a_log_that_is_sealed_while_it_is_read_is_whole(house: House) -> None:
    filled(house, records=1)

    def files() -> Iterator[Path]:
        with house.writing() as unit:
            house.add(unit, "shop.item", {"name": "Meanwhile"})
        assert seal.seal(house.database, KEY, house.folder, house.clock.now()) is not None
        yield house.folder / seal.ANCHORS

    with house.database.begin(writing=False) as connection:
        verdict = verify(connection, house.generation.entities.values(), KEY, house.clock.now(), files())
    assert verdict.good and verdict.checkpoints == 3, verdict.sentences


def test_a_file_that_holds_no_anchors_is_told(house: House) -> None:
    filled(house, records=1)
    path = house.folder / "other"
    path.write_text("nothing of the kind\n")
    assert "line 1: this is no anchor" in check(house, path).faults[0]


def test_two_processes_of_one_database_agree(house: House) -> None:
    filled(house, records=1)
    other = Database(house.url, house.folder)
    with other.begin(writing=False) as connection:
        assert verify(connection, house.generation.entities.values(), KEY, house.clock.now()).good
    other.dispose()


def test_a_secret_is_never_in_the_log(house: House) -> None:
    def texts(unit: Unit) -> str:
        return " ".join(str(row) for row in unit.connection.execute(sa.select(VALUE.c.before, VALUE.c.after)))


    entity = replace(house.generation.entity("shop.item"), fields=(Field("pin", "secret"),))
    with house.writing() as unit:
        log.append(unit, entity, 77, (None, 0), [("pin", None, "canary-1234")], action="create", version=1)
        assert "canary" not in texts(unit) and log.HIDDEN in texts(unit)
