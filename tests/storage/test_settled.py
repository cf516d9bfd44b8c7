"""A start compares no column when nothing changed since the last, and repairs whatever did change."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable, DropIndex, DropTable

from core.registry.discover import of
from core.services import publish
from core.services.platform import Platform
from core.settings import Settings
from core.storage import migrate, settled
from core.storage.database import Database
from core.storage.tables import entity_table
from schemas import read_plugin
from schemas.model import Plugin

BOOK = """plugin: library
entities:
  book:
    title: "{name}"
    key: [name]
    fields:
      name: {type: text, required: true, unique: true}
      pages: {type: integer}
"""


def plugin(text: str = BOOK) -> Plugin:
    made, problems = read_plugin(text, "library.yaml")
    assert made is not None, problems
    return made


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Platform:
    made = start(database_url, tmp_path)
    assert settled.is_settled(made.database)
    return made


def start(url: str, folder: Path, declared: Plugin | None = None) -> Platform:
    one = declared or plugin()
    made = Platform(Settings(database_url=url, data_dir=folder), find=lambda _: of([one]))
    made.start()
    return made


def run(database: Database, *statements: sa.Executable) -> None:
    with database.begin(writing=True) as connection:
        for one in statements:
            connection.execute(one)


def test_a_start_without_changes_compares_nothing(platform: Platform, database_url: str, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "plan", None)
    monkeypatch.setattr(migrate, "ensure_platform", None)
    again = start(database_url, tmp_path)
    assert again.current.number == platform.current.number
    again.close()
    platform.close()


@pytest.mark.parametrize("harm", ["index", "table", "column"])
def test_whatever_is_taken_away_comes_back_at_the_next_start(platform: Platform, database_url: str, tmp_path: Path, harm: str) -> None:
    table = entity_table(platform.current.entity("library.book"), platform.database.dialect).table
    index = sorted(table.indexes, key=lambda one: str(one.name))[0]
    if harm == "index":
        run(platform.database, DropIndex(index))
    elif harm == "table":
        run(platform.database, DropTable(table))
    else:
        less = sa.Table(table.name, sa.MetaData(), *(sa.Column(one.name, one.type, primary_key=one.primary_key)
                                                     for one in table.columns if one.name != "f_pages"))
        run(platform.database, DropTable(table), CreateTable(less))
    assert not settled.is_settled(platform.database)
    platform.close()
    again = start(database_url, tmp_path)
    assert not migrate.plan(again.database, again.current.entities.values()).steps
    assert settled.is_settled(again.database)
    again.close()


def test_a_strangers_index_ends_the_mark_and_stays(platform: Platform, database_url: str, tmp_path: Path) -> None:
    table = entity_table(platform.current.entity("library.book"), platform.database.dialect).table
    run(platform.database, CreateIndex(sa.Index("mine", table.to_metadata(sa.MetaData()).c.version)))
    assert not settled.is_settled(platform.database)
    platform.close()
    again = start(database_url, tmp_path)
    assert settled.is_settled(again.database)
    again.close()


def test_another_generation_and_another_program_have_marks_of_their_own(
    platform: Platform, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = platform.current.number
    platform.close()
    more = plugin(BOOK + "      shelf: {type: text}\n")
    again = start(database_url, tmp_path, more)
    assert again.current.number == first + 1 and settled.is_settled(again.database)
    settled.note(again.database, first)  # somebody who was slow: a newer generation is in force
    assert settled.is_settled(again.database)
    with monkeypatch.context() as patched:
        patched.setattr(settled, "_program", lambda: "another version")
        assert not settled.is_settled(again.database)
    assert publish.head(again) == again.current.number
    again.close()
