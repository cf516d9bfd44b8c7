"""The demo that everybody opens first: its size, its history, and that it is made once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.facts import FixedClock
from core.services import demo
from core.services.platform import Platform
from core.settings import Settings
from core.storage import seal, search, verify
from core.storage.models import ChangeRow, ChangeValue

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
        assert 8_500 <= records <= 11_500 and 17_000 <= changes <= 23_000, (records, changes)
        assert (NOW.replace(tzinfo=None) - first).days > 360 and last <= NOW.replace(tzinfo=None)
        assert verdict.good, verdict.sentences
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
