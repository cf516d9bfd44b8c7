"""The same organisation and tickets for both programs, prepared once, outside every measured part."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.fields import effective, fold, kind
from core.services import people, sessions, tokens
from core.services.platform import Platform
from core.settings import Settings
from core.storage import search
from core.storage.tables import entity_table
from core.storage.unit import Unit
from tests.bench import plain

TICKET = "helpdesk.ticket"
PARTS = 20
"""Departments, teams and queues; the person who reads a part of the rows reads one of twenty."""
PEOPLE = 200
CHUNK = 10_000
WORDS = ("printer", "paper", "monitor", "laptop", "mail", "password", "account", "network", "cable", "phone", "access",
         "folder", "screen", "keyboard", "licence", "update", "backup", "server", "meeting", "badge")  # fmt: skip
STATES = ("new", "open", "pending", "resolved", "closed")


def prepare(folder: Path, size: int) -> None:
    """Fill ``folder`` with both databases, unless it is filled already."""
    if (folder / "ready").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    platform = Platform(settings(folder))
    platform.start()
    try:
        organisation(platform)
        known = people_and_sessions(platform, folder)
        _plain_organisation(folder, known)
        for rows in _chunks(size):
            with platform.write(Actor.system("bench")) as unit:
                put(unit, TICKET, rows, searched=True)
            _plain_tickets(folder, rows)
        _finish(folder)
    finally:
        platform.close()
    (folder / "ready").write_text(str(size))


def settings(folder: Path) -> Settings:
    """Where our data lies."""
    return Settings.for_tests(folder / "data", f"sqlite:///{folder / 'data' / 'backoffice.db'}")


def organisation(platform: Platform) -> None:
    """One company, twenty departments, teams and queues, two hundred people."""
    with platform.write(Actor.system("bench")) as unit:
        company = {"id": 1, "code": "ACME", "legal_name": "Acme", "country": "DE", "base_currency": "EUR",
                   "time_zone": "UTC"}  # fmt: skip
        put(unit, "directory.company", [company])
        put(unit, "directory.department", [
            {"id": n, "code": f"D{n}", "name": f"Department {n}", "company": 1}
            for n in range(1, PARTS + 1)])  # fmt: skip
        put(unit, "directory.person", [
            {"id": n, "number": f"P-{n:05}", "given_name": f"Given {n}", "family_name": f"Family {n}",
             "display_name": f"Given {n} Family {n}", "mail": f"person{n}@example.org", "department": n % PARTS + 1, "active": True}
            for n in range(1, PEOPLE + 1)])  # fmt: skip
        put(unit, "directory.team", [
            {"id": n, "name": f"Team {n}", "members": (n,)} for n in range(1, PARTS + 1)])  # fmt: skip
        put(unit, "helpdesk.queue", [
            {"id": n, "name": f"Queue {n}", "team": n, "active": True} for n in range(1, PARTS + 1)])  # fmt: skip


def people_and_sessions(platform: Platform, folder: Path) -> dict[str, tuple[str, str]]:
    """Who asks: ``all`` reads every ticket, ``part`` those of one queue. Answers session and API token of each."""
    found = {}
    system = Actor.system("bench")
    for name, roles, number in (("all", ("helpdesk.team_lead",), 100), ("part", ("helpdesk.agent",), 1)):
        account = people.add(
            platform, system, email=f"person{number}@example.org", name=f"Given {number} Family {number}", roles=roles
        )
        found[name] = (sessions.open_session(platform, account), tokens.create_token(platform, account, "bench"))
        (folder / name).write_text("\n".join(found[name]))
    return found


def put(unit: Unit, name: str, records: Sequence[Mapping[str, Any]], *, searched: bool = False) -> None:
    """Rows as they lie on disk. Nothing judges them: loading is not what is measured."""
    entity, dialect = unit.generation.entity(name), unit.database.dialect
    table = entity_table(entity, dialect)
    rows, links = [], {field: [] for field in table.links}  # type: ignore[var-annotated]
    for record in records:
        title = _title(entity.title, record)
        at = record.get("created_at", datetime(2026, 1, 1))
        row: dict[str, Any] = {
            "id": record["id"], "version": 1, "created_at": at, "updated_at": at, "created_by": record.get("requester"),
            "department_id": record.get("department_id"), "display_title": title, "title_key": fold(title),
            "chain_length": 0, "state": record.get("state"), "workflow_version": 1,
        }  # fmt: skip
        for field in entity.fields:
            columns = table.columns.get(field.name)
            if not columns:
                continue
            shown = effective(field, unit.generation.entities, entity)
            value = record.get(field.name, False if shown.type == "boolean" else None)
            cells = kind(shown).to_row(shown, value, dialect)
            row.update({column.name: cell for column, cell in zip(columns, cells, strict=False)})
            if field.name in table.key:
                row[table.key[field.name].name] = kind(shown).sort_key(shown, value)
        rows.append({key: cell for key, cell in row.items() if key in table.table.c})
        for field_name, found in links.items():
            found += [{"owner_id": record["id"], "target_id": target, "position": place}
                      for place, target in enumerate(record.get(field_name, ()))]  # fmt: skip
    unit.connection.execute(sa.insert(table.table), rows)
    for field_name, found in links.items():
        if found:
            unit.connection.execute(sa.insert(table.links[field_name]), found)
    if searched:
        search.index_many(unit, entity, records)


def _title(pattern: str, record: Mapping[str, Any]) -> str:
    return " ".join(str(record.get(part.strip("{}")) or "") for part in pattern.split())


def _chunks(size: int) -> Iterator[list[dict[str, Any]]]:
    """Tickets in order of time; a queue's tickets lie together, and only the newest twentieth is not closed."""
    dice = random.Random(7)
    start = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    rows: list[dict[str, Any]] = []
    for number in range(1, size + 1):
        part = number * PARTS // (size + 1) + 1
        recent = dice.random() < (0.6 if number > size * 0.9 else 0.02)
        subject = " ".join(dice.choices(WORDS, k=4)) + (f" rare{number // 2500}" if number % 50 == 0 else "")
        rows.append({
            "id": number, "number": f"T2026-{number:07}", "subject": subject,
            "description": " ".join(dice.choices(WORDS, k=12)),
            "priority": dice.choice(["P1", "P2", "P3", "P3", "P4", "P5"]),
            "state": dice.choice(STATES[:3] if recent else STATES[3:]),
            "requester": dice.randint(1, PEOPLE), "queue": part, "assignee": dice.randint(1, PEOPLE),
            "department_id": part, "created_at": start + timedelta(minutes=number),
            "kind": "incident", "impact": "3", "urgency": "3", "channel": "portal",
        })  # fmt: skip
        if len(rows) == CHUNK:
            yield rows
            rows = []
    if rows:
        yield rows


def _plain_organisation(folder: Path, known: Mapping[str, tuple[str, str]]) -> None:
    db = sqlite3.connect(folder / "plain.db")
    db.executescript("pragma journal_mode = wal;" + plain.SCHEMA)
    db.executemany("insert into person values (?, ?)", [(n, f"Given {n} Family {n}") for n in range(1, PEOPLE + 1)])
    db.executemany("insert into queue values (?, ?)", [(n, f"Queue {n}") for n in range(1, PARTS + 1)])
    db.executemany("insert into session values (?, ?, ?)",
                   [(token, 1, 1 if name == "part" else None) for name, (token, _) in known.items()])  # fmt: skip
    db.commit()
    db.close()


def _plain_tickets(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    db = sqlite3.connect(folder / "plain.db")
    db.executemany(
        "insert into ticket values (:id, :number, :subject, :description, :priority, :state, :requester, :queue,"
        " :assignee, :department_id, null, 1, :at, :at)",
        [{**row, "at": str(row["created_at"])} for row in rows],
    )
    db.commit()
    db.close()


def _finish(folder: Path) -> None:
    db = sqlite3.connect(folder / "plain.db")
    db.executescript(plain.INDEXES)
    db.commit()
    db.close()
