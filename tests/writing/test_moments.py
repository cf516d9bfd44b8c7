"""What one request reads is of one moment, until the request itself writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core.errors import NotFound
from core.services import looking, records
from core.storage.query import Condition, Group, Query
from tests.writing.world import World


def _elsewhere(verb: object, *given: object, **named: object) -> object:
    with ThreadPoolExecutor(1) as other:
        return other.submit(verb, *given, **named).result()  # type: ignore[arg-type]


def _count(world: World, name: str) -> int:
    asked = Query(where=Group(False, (Condition("name", "eq", (name,)),)))
    return looking.count(world.platform, world.system, "works.tag", asked)[0]


def test_what_others_write_meanwhile_is_not_seen_by_half(world: World) -> None:
    with world.platform.answering():
        assert _count(world, "of one moment") == 0
        made = _elsewhere(world.create, "works.tag", name="of one moment")
        assert _count(world, "of one moment") == 0
        with pytest.raises(NotFound):
            looking.get(world.platform, world.system, "works.tag", made.id)  # type: ignore[attr-defined]
    assert _count(world, "of one moment") == 1


def test_what_it_writes_itself_it_sees(world: World) -> None:
    with world.platform.answering():
        assert _count(world, "own") == 0
        with world.platform.read(world.system) as outer:
            made = world.create("works.tag", name="own")
            # The block that was open goes on with what it began with.
            assert outer.connection.execute(sa.text("select 1")).scalar() == 1
        assert _count(world, "own") == 1
        records.delete(world.platform, world.system, "works.tag", made.id)
        assert _count(world, "own") == 0


def test_a_statement_that_failed_spoils_nothing_that_follows(world: World) -> None:
    with world.platform.answering():
        before = _count(world, "whole")
        with pytest.raises(sa.exc.DBAPIError), world.platform.read(world.system) as unit:
            unit.connection.execute(sa.text("select * from there_is_no_such_table"))
        assert _count(world, "whole") == before


def test_a_generation_that_is_published_meanwhile_waits_for_the_next_request(world: World) -> None:
    with world.platform.answering():
        pinned = world.platform.pin(world.platform.current)
        with world.platform.read(world.system) as unit:
            assert unit.generation is pinned
    with world.platform.read(world.system) as unit:
        assert unit.generation is world.platform.current
