"""A small service desk with what makes reading hard: two lenses, hidden titles, empties, trash, many values."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.fields import kind
from core.registry.generation import Generation, build_from
from core.storage import head, migrate, search
from core.storage.database import Database
from core.storage.query import Page, Query
from core.storage.reading import Reader
from core.storage.tables import EntityTable, entity_table
from core.storage.unit import Unit, reading, writing
from schemas.model import AccessRule, Entity, Field, Option, Plugin, State, Transition, View, Workflow

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
DEPARTMENTS = (1, 2, 3, 4)


def options(*names: str) -> tuple[Option, ...]:
    return tuple(Option(name, name.capitalize()) for name in names)


DIRECTORY = Plugin(
    "directory",
    entities=(
        Entity(
            "directory",
            "department",
            label="Department",
            title="{name}",
            key=("code",),
            provides="department",
            fields=(Field("code", "text", required=True, unique=True), Field("name", "text", indexed=True)),
            access=(AccessRule("core.everyone", read="all"),),
        ),
        Entity(
            "directory",
            "person",
            label="Person",
            title="{name}",
            provides="person",
            fields=(
                Field("name", "text", indexed=True),
                Field("department", "department"),
                Field("salary", "decimal", sensitive=True),
            ),
            access=(AccessRule("core.everyone", read="all"),),
        ),
    ),
)

DESK = Plugin(
    "desk",
    entities=(
        Entity(
            "desk",
            "site",
            label="Site",
            title="{code} {city}",
            key=("code",),
            fields=(
                Field("code", "text", required=True, unique=True),
                Field("city", "text"),
                Field("rent", "decimal"),
                Field("public", "boolean"),
                Field("keeper", "person", indexed=True),
            ),
            access=(
                AccessRule("core.everyone", read="public"),
                AccessRule("desk.clerk", read="all", hide=("rent",)),
                AccessRule("desk.blind", read="all", hide=("city",)),
                AccessRule("desk.chief", read="all"),
            ),
        ),
        Entity(
            "desk",
            "tag",
            label="Tag",
            title="{name}",
            fields=(Field("name", "text"),),
            access=(AccessRule("core.everyone", read="all"),),
        ),
        Entity(
            "desk",
            "ticket",
            label="Ticket",
            title="{code} {summary}",
            key=("code",),
            owner="requester",
            fields=(
                Field("code", "text", required=True, unique=True),
                Field("summary", "text", searchable=True, indexed=True),
                Field("note", "long_text", searchable=True),
                Field("due", "date", indexed=True),
                Field("cost", "decimal", indexed=True),
                Field("hours", "integer"),
                Field("urgent", "boolean"),
                Field("urgency", "choice", options=options("low", "normal", "high"), quick_filter=True, indexed=True),
                Field("areas", "choices", options=options("net", "print", "phone")),
                Field("requester", "person", indexed=True),
                Field("assignee", "person", indexed=True),
                Field("site", "reference", to=("desk.site",), indexed=True, quick_filter=True),
                Field("city", "lookup", via="site", of="city"),
                Field("tags", "references", to=("desk.tag",)),
                Field("about", "any_reference", to=("desk.site", "desk.tag")),
                Field(
                    "parts",
                    "lines",
                    fields=(
                        Field("part", "text"),
                        Field("count", "integer"),
                        Field("from_site", "reference", to=("desk.site",)),
                    ),
                ),
            ),
            views=(View("all", sort=("-id",), default=True), View("late", sort=("due",), where="urgency == 'high'")),
            workflow=Workflow(
                (State("new", meaning="new"), State("open"), State("done", meaning="done")),
                (Transition("take", ("new",), "open"), Transition("finish", ("open",), "done")),
            ),
            access=(
                AccessRule("desk.requester", read="own", hide=("note", "cost")),
                AccessRule("desk.clerk", read="department", mask=("cost",)),
                AccessRule("desk.deputy", read="department"),
                AccessRule("desk.reader", read="all", hide=("note", "cost", "hours")),
                AccessRule("desk.worker", read="assignee == me()"),
                AccessRule("desk.keeper", read="site.keeper == me() or requester == me()"),
                AccessRule("desk.chief", read="all"),
            ),
        ),
    ),
)


class World:
    """The desk on one database. ``tickets`` are the plain values as they were written, by id."""

    def __init__(self, url: str, folder: Path, desk: Plugin = DESK) -> None:
        self.database = Database(url, folder)
        self.generation: Generation = build_from((DIRECTORY, desk))
        migrate.ensure_platform(self.database)
        with self.database.begin(writing=True) as connection:
            head.move(connection, self.generation.number)
        migrate.apply(self.database, migrate.plan(self.database, self.generation.entities.values()))
        self.tickets: dict[int, dict[str, Any]] = {}
        self.titles: dict[int, str] = {}

    def fill(self, count: int = 60, seed: int = 1) -> None:
        """People, sites (every third private), tags, and ``count`` tickets: many empty values, few distinct ones."""
        dice = random.Random(seed)
        with self.writing() as unit:
            for number in DEPARTMENTS:
                self.put(unit, "directory.department", number, {"code": f"D{number}", "name": f"Team {number}"})
            for number in range(1, 9):
                self.put(
                    unit,
                    "directory.person",
                    number,
                    {"name": f"Person {9 - number}", "department": number % 4 + 1, "salary": Decimal(1000 * number)},
                )
            for number in range(1, 7):
                self.put(
                    unit,
                    "desk.site",
                    number,
                    {
                        "code": f"S{number}",
                        "city": f"City {number * 7 % 5}",
                        "rent": Decimal(number),
                        "public": number % 3 != 0,
                        "keeper": number % 2 + 1,
                    },
                )
            for number in range(1, 5):
                self.put(unit, "desk.tag", number, {"name": f"Tag {number}"})
            for number in range(1, count + 1):
                self.ticket(unit, number, dice)

    def ticket(self, unit: Unit, number: int, dice: random.Random) -> None:
        def some(value: Any, share: float = 0.7) -> Any:
            return value if dice.random() < share else None

        values = {
            "code": f"T-{number:05}",
            "summary": some(f"{dice.choice(['Lamp', 'Élan', 'desk', 'Zoo'])} {dice.randint(1, 9)}"),
            "note": some(f"secretword{number % 5} about paper"),
            "due": some(date(2026, 1, 1) + timedelta(days=dice.randint(0, 9))),
            "cost": some(Decimal(dice.randint(-50, 50)) / 4),
            "hours": some(dice.randint(0, 5)),
            "urgent": dice.random() < 0.5,
            "urgency": some(dice.choice(["low", "normal", "high"])),
            "areas": tuple(sorted(dice.sample(["net", "print", "phone"], dice.randint(0, 3)))),
            "requester": some(dice.randint(1, 8)),
            "assignee": some(dice.randint(1, 8)),
            "site": some(dice.randint(1, 6)),
            "tags": tuple(dice.sample([1, 2, 3, 4], dice.randint(0, 3))),
            "parts": tuple(
                {"part": f"p{place}", "count": place, "from_site": some(dice.randint(1, 6))}
                for place in range(dice.randint(0, 2))
            ),
            "state": dice.choice(["new", "open", "done"]),
            "department_id": some(dice.choice(DEPARTMENTS), 0.9),
            "trashed_at": NOW if dice.random() < 0.1 else None,
        }
        self.put(unit, "desk.ticket", number, values)
        self.tickets[number] = values

    def put(self, unit: Unit, name: str, number: int, values: Mapping[str, Any]) -> None:
        """Write one row as it lies on disk, with its search entry; rights and rules are others' matter."""
        entity = self.generation.entity(name)
        table = entity_table(entity, self.database.dialect)
        title = " ".join(str(values.get(part) or "") for part in _parts(entity)).strip() or None
        row: dict[str, Any] = {
            "id": number,
            "version": 1,
            "created_at": (START + timedelta(minutes=number)).replace(tzinfo=None),
            "updated_at": (START + timedelta(minutes=number)).replace(tzinfo=None),
            "created_by": values.get("created_by"),
            "department_id": values.get("department_id"),
            "display_title": title,
            "title_key": kind("text").sort_key(Field("display_title", "text"), title) if title else None,
            "trashed_at": values["trashed_at"].replace(tzinfo=None) if values.get("trashed_at") else None,
            "chain_hash": "",
            "chain_length": 0,
        }
        if entity.workflow is not None:
            row["state"] = values.get("state") or entity.workflow.initial
        row.update(_cells(entity, table, values, self.database.dialect))
        row = {name: cell for name, cell in row.items() if name in table.table.c}
        unit.connection.execute(sa.insert(table.table).values(row))
        for field in entity.fields:
            if field.name in table.links:
                for place, target in enumerate(values.get(field.name) or ()):
                    unit.connection.execute(
                        sa.insert(table.links[field.name]).values(owner_id=number, target_id=target, position=place)
                    )
            elif field.name in table.lines:
                lines = table.lines[field.name]
                for place, line in enumerate(values.get(field.name) or ()):
                    child = Entity("", "", fields=field.fields)
                    unit.connection.execute(
                        sa.insert(lines.table).values(
                            {
                                "id": number * 10 + place,
                                "owner_id": number,
                                "position": place,
                                **_cells(child, lines, line, self.database.dialect),
                            }
                        )
                    )
        search.index_record(unit, entity, {**values, "id": number})
        if name == "desk.site":
            self.titles[number] = title or ""

    def cells(self, entity: Entity, table: EntityTable, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields' columns and sort keys of one row."""
        return _cells(entity, table, values, self.database.dialect)

    def actor(self, *roles: str, person: int | None = None, department: int | None = None) -> Actor:
        return Actor(
            account=person,
            person=person,
            department=department,
            departments_below=frozenset() if department is None else frozenset({department}),
            roles=frozenset({"core.everyone", *roles}),
        )

    @contextmanager
    def reader(self, actor: Actor, entity: str = "desk.ticket") -> Iterator[Reader]:
        with reading(self.database, self.generation, actor, NOW) as unit:
            yield Reader(unit, entity)

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        with writing(self.database, self.generation, Actor.system("test"), NOW) as unit:
            yield unit

    def page(self, actor: Actor, query: Query, entity: str = "desk.ticket") -> Page:
        with self.reader(actor, entity) as reader:
            return reader.page(query)

    def all_pages(self, actor: Actor, query: Query, *, backwards: bool = False) -> list[int]:
        """The ids of every page, one after the other, from the end with ``backwards``: the last row first."""
        found: list[int] = []
        step = replace(query, last=backwards)
        while True:
            page = self.page(actor, step)
            ids = [item.id for item in page.items]
            found += reversed(ids) if backwards else ids
            cursor = page.prev if backwards else page.next
            if cursor is None:
                return found
            assert len(found) <= 10_000
            step = replace(query, before=cursor) if backwards else replace(query, after=cursor)


def _parts(entity: Entity) -> list[str]:
    return [part.strip("{}") for part in entity.title.split()]


def _cells(entity: Entity, table: EntityTable, values: Mapping[str, Any], dialect: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in entity.fields:
        columns = table.columns.get(field.name)
        value = values.get(field.name)
        if not columns or field.type == "lookup":
            continue
        cells = kind(field).to_row(field, False if field.type == "boolean" and value is None else value, dialect)
        row.update({column.name: cell for column, cell in zip(columns, cells, strict=True)})
        folded = table.key.get(field.name)
        if folded is not None:
            row[folded.name] = kind(field).sort_key(field, value)
    return row
