"""The demo that everybody opens first: its size, its history, and that it is made once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from core import DemoWork, hookimpl
from core.access.actor import Actor
from core.errors import Conflict
from core.facts import FixedClock
from core.registry.discover import Discovery, Found
from core.services import demo, looking
from core.services.asking import Condition, Group, Query
from core.services.platform import Platform
from core.settings import Settings
from core.storage import seal, search, verify
from core.storage.models import Account, ChangeRow, ChangeValue, Outbox
from schemas import read_plugin

SYSTEM = Actor.system("test")
WAITING = (
    ("helpdesk.requester", "helpdesk.ticket", "requester", "new"),
    ("helpdesk.agent", "helpdesk.ticket", "assignee", "open"),
    ("facilities.occupant", "facilities.request", "requester", "done"),
    ("facilities.occupant", "facilities.booking", "holder", "confirmed"),
    ("facilities.technician", "facilities.work_order", "assignee", "assigned"),
    ("facilities.inspector", "facilities.inspection", "inspector", "planned"),
    ("vendors.requester", "vendors.vendor", "requester", "proposed"),
    ("payroll.employee", "payroll.payslip", "employee", "final"),
)
"""What whoever signs in with one of the demo's accounts finds."""
NOTES = """
plugin: notes
entities:
  note:
    title: "{text}"
    fields:
      text: {type: text, required: true, max_length: 80}
    access:
      core.everyone: {read: all}
"""
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.mark.soak
def test_the_demo_has_a_year_of_work_with_its_whole_history_and_is_made_once(tmp_path: Path) -> None:
    platform = Platform(Settings.for_tests(tmp_path / "data", ""), FixedClock(NOW))
    platform.start()
    said: list[str] = []
    try:
        demo.make(platform, "small", said.append)
        assert not any("could not be made" in one for one in said), said
        change, value = ChangeRow.__table__, ChangeValue.__table__
        with platform.database.begin(writing=False) as connection:
            changes = connection.scalar(sa.select(sa.func.count()).select_from(change))
            records = connection.scalar(sa.select(sa.func.count()).select_from(change).where(change.c.action == "create"))
            first, last = connection.execute(sa.select(sa.func.min(change.c.at), sa.func.max(change.c.at))).one()
            bare = sa.select(change.c.id).where(change.c.id.not_in(sa.select(value.c.change_id)), change.c.action == "create")
            assert connection.execute(bare.limit(1)).first() is None
            verdict = verify.verify(
                connection, platform.current.entities.values(), seal.key_of(platform.settings.secret_key), platform.clock.now()
            )
        assert 10_000 <= records <= 11_500 and 20_000 <= changes <= 23_000, (records, changes)
        assert (NOW.replace(tzinfo=None) - first).days > 360 and last <= NOW.replace(tzinfo=None)
        assert verdict.good, verdict.sentences
        filled = {name.partition(".")[0] for name in platform.current.entities}
        bare = {name for name in platform.current.entities if not looking.count(platform, SYSTEM, name, Query())[0]}
        assert filled == {"directory", "facilities", "helpdesk", "payroll", "vendors"} and not bare, bare
        for mail, entity, field, state in WAITING:
            with platform.database.begin(writing=False) as connection:
                person = connection.scalar(sa.select(Account.person).where(Account.email == f"{mail}@example.org"))
            mine = Group(False, (Condition(field, "eq", (person,)), Condition("state", "eq", (state,))))
            assert looking.count(platform, SYSTEM, entity, Query(where=mine))[0], (mail, entity, state)
        ticket = platform.current.entity("helpdesk.ticket")
        with platform.database.begin(writing=False) as connection:
            index = sa.table(search.layout(ticket).name)
            tickets = sa.select(sa.func.count()).select_from(change)
            tickets = tickets.where(change.c.entity == "helpdesk.ticket", change.c.action == "create")
            assert connection.scalar(sa.select(sa.func.count()).select_from(index)) == connection.scalar(tickets)
        demo.make(platform, "small", said.append)
        with platform.database.begin(writing=False) as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(change)) == changes
    finally:
        platform.close()


class Notes:
    """A plugin whose demo writes more than one part; ``breaks``: something goes wrong after the last of them."""

    def __init__(self, breaks: bool) -> None:
        self.breaks = breaks

    @hookimpl
    def demo(self, work: DemoWork) -> None:
        for number in range(1_300):
            work.at(NOW - timedelta(hours=1_300 - number))
            work.create("notes.note", text=f"Note {number}")
            work.effect("notification", {"person": 1, "text": f"{number}"}, f"told {number}")
        if self.breaks:
            raise ValueError("the power went off")


def _house(folder: Path, breaks: bool) -> Platform:
    declared = read_plugin(NOTES, "notes.yaml")[0]
    assert declared is not None
    seen = Discovery([Found("notes", declared, Notes(breaks))])  # type: ignore[arg-type]
    platform = Platform(Settings.for_tests(folder, ""), FixedClock(NOW), find=lambda _settings: seen)
    platform.start()
    return platform


@pytest.mark.parametrize("breaks", [False, True], ids=["whole", "cut off"])
def test_the_full_demo_comes_in_parts_and_says_what_to_do_when_it_was_cut_off(tmp_path: Path, breaks: bool) -> None:
    platform = _house(tmp_path / "data", breaks)
    said: list[str] = []
    try:
        demo.make(platform, "full", said.append, part=500)
        assert [one for one in said if "changes so far" in one] == [
            "demo data: notes, 500 changes so far",
            "demo data: notes, 1,000 changes so far",
        ]
        notes = looking.count(platform, SYSTEM, "notes.note", Query())[0]
        if not breaks:
            assert notes == 1_300
            with platform.database.begin(writing=False) as connection:
                told = set(connection.scalars(sa.select(Outbox.key)))
            assert told == {f"told {number}" for number in range(1_300 - 48, 1_300)}, "the past tells nobody anything"
            demo.make(platform, "full", said.append)
            assert looking.count(platform, SYSTEM, "notes.note", Query())[0] == notes
            return
        assert notes == 1_000 and "could not be made for: notes" in said[-1]
        with pytest.raises(Conflict, match="empty data directory"):
            demo.make(platform, "full", said.append)
    finally:
        platform.close()
