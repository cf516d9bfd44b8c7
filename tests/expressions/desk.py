"""Rows with everything that separates readings: empties, negatives, large numbers, odd letters, the first and last days."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.facts import EntityRef, Money
from core.fields import kind
from core.registry.generation import build_from
from core.storage import migrate
from core.storage.binding import sql_type
from core.storage.compile import compile, context
from core.storage.database import Database
from core.storage.tables import entity_table
from core.storage.unit import Unit, reading
from schemas import expressions
from schemas.expressions.evaluating import run
from schemas.model import AccessRule, Entity, Field, Option, Plugin, State, Workflow

NOW = datetime(2026, 3, 2, 9, 30, 15, 250_000, tzinfo=UTC)
TODAY = NOW.date()
ROWS = 48

TEAM = Entity("org", "team", provides="team", fields=(Field("name", "text"),))
DEPARTMENT = Entity("org", "department", provides="department", fields=(Field("name", "text"),))
PERSON = Entity("org", "person", provides="person", fields=(Field("name", "text"), Field("home", "department")))
SITE = Entity(
    "desk",
    "site",
    fields=(
        Field("city", "text"),
        Field("rent", "money"),
        Field("area", "decimal"),
        Field("opened", "date"),
        Field("public", "boolean"),
        Field("team", "reference", to=("org.team",)),
        Field("keeper", "person"),
    ),
)
ITEM = Entity(
    "desk",
    "item",
    fields=(
        Field("word", "text"),
        Field("other", "text"),
        Field("size", "choice", options=(Option("low", "Low"), Option("high", "High"), Option("mid", "Mid"))),
        Field("tags", "choices", options=(Option("a", "A"), Option("b", "B"), Option("c", "C"))),
        Field("count", "integer"),
        Field("price", "decimal"),
        Field("rate", "decimal", places=6),
        Field("share", "percent"),
        Field("cost", "money"),
        Field("paid", "money"),
        Field("fee", "money", currency="word"),
        Field("start", "date"),
        Field("end", "date"),
        Field("at", "datetime"),
        Field("until", "datetime"),
        Field("hour", "time"),
        Field("spent", "duration"),
        Field("open", "boolean"),
        Field("who", "person"),
        Field("site", "reference", to=("desk.site",)),
        Field("about", "any_reference", to=("desk.site", "org.team")),
        Field("seen", "references", to=("org.person",)),
        Field("from", "text"),
        Field("late", "computed", formula="end < today()", as_kind="boolean"),
        Field("worth", "computed", formula="price * 3", as_kind="decimal"),
        Field("city", "lookup", via="site", of="city", as_kind="text"),
    ),
    workflow=Workflow((State("new"), State("done", meaning="done")), ()),
    access=(AccessRule("core.everyone", read="all"),),
)
ENTITIES = (TEAM, DEPARTMENT, PERSON, SITE, ITEM)
PLUGINS = (Plugin("org", entities=(TEAM, DEPARTMENT, PERSON)), Plugin("desk", entities=(SITE, ITEM)))
ACTOR = Actor(person=3, department=2, departments_below=frozenset({2, 4}), teams=frozenset({1, 5}), teammates=frozenset({3, 6}))
NOBODY = Actor()

WORDS = (None, "a", "A", "Zoo", "élan", "ÉLAN", "ß", "EUR", "USD", "\ue000", "😀", "Σίσυφος", "low", "a%b_c", "o'clock")
NUMBERS = ("0", "1", "-1", "2.5", "-2.50", "0.05", "-0.05", "99999999999.99", "-99999999999.99", "7", "1234.56")


def rows(seed: int = 7) -> dict[int, dict[str, Any]]:
    """The items by id; field values as the platform holds them."""
    dice = random.Random(seed)

    def some(value: Any) -> Any:
        return value if dice.random() < 0.75 else None

    def number(places: int) -> Decimal:
        return Decimal(dice.choice(NUMBERS)).quantize(Decimal(1).scaleb(-places))

    def day() -> date:
        return dice.choice((date.min, date.max, TODAY, TODAY + timedelta(days=dice.randint(-40, 40))))

    def instant() -> datetime:
        near = NOW + timedelta(seconds=dice.randint(-9_999_999, 9_999_999), microseconds=dice.choice((0, 1, 999_999)))
        return dice.choice((near, near, NOW, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)))

    def money() -> Money:
        return Money(number(2), dice.choice(("EUR", "EUR", "USD")))

    found: dict[int, dict[str, Any]] = {}
    for at in range(1, ROWS + 1):
        word = dice.choice(WORDS)
        fee = some(number(2))
        found[at] = {
            "id": at,
            "version": 1,
            "created_at": NOW,
            "state": dice.choice(("new", "done")),
            "created_by": some(dice.randint(1, 6)),
            "word": word,
            "other": dice.choice(WORDS),
            "size": some(dice.choice(("low", "high", "mid"))),
            "tags": tuple(dice.sample("abc", dice.randint(0, 3))),
            "count": some(dice.choice((0, 1, -1, 7, 3000, 2**53 - 1, -(2**53 - 1)))),
            "price": some(number(2)),
            "rate": some(number(6)),
            "share": some(number(4)),
            "cost": some(money()),
            "paid": some(money()),
            "fee": None if fee is None else Money(fee, word or ""),
            "start": some(day()),
            "end": some(day()),
            "at": some(instant()),
            "until": some(instant()),
            "hour": some(time(dice.randint(0, 23), dice.choice((0, 30)))),
            "spent": some(dice.randint(-9, 99_999)),
            "open": dice.random() < 0.5,
            "who": some(dice.randint(1, 6)),
            "site": some(dice.randint(1, 7)),
            "about": some(EntityRef(dice.choice(("desk.site", "org.team")), dice.randint(1, 3))),
            "seen": tuple(dice.sample(range(1, 7), dice.randint(0, 3))),
            "from": dice.choice(WORDS),
        }
        price = found[at]["price"]
        found[at]["worth"] = None if price is None else price * 3
    return found


def sites() -> dict[int, dict[str, Any]]:
    """The sites by id; items also point at a seventh that is not there."""
    return {
        at: {
            "id": at,
            "city": WORDS[at],
            "rent": Money(Decimal(at * 100), "EUR") if at % 3 else None,
            "area": Decimal(at).quantize(Decimal("0.01")),
            "opened": date(2020 + at, 1, 1),
            "public": at % 2 == 0,
            "team": at if at != 4 else None,
            "keeper": at % 3 + 2,
        }
        for at in range(1, 7)
    }


class Desk:
    """The desk on one database, read both ways."""

    def __init__(self, url: str, folder: Path) -> None:
        self.generation = build_from(PLUGINS)
        self.database = Database(url, folder)
        migrate.apply(self.database, migrate.plan(self.database, self.generation.entities.values()))
        self.items, self.sites = rows(), sites()
        self.entity = self.generation.entity("desk.item")
        with self.database.begin(writing=True) as connection:
            for name, several in (("desk.item", self.items), ("desk.site", self.sites)):
                for values in several.values():
                    self._put(connection, self.generation.entity(name), values)

    def _put(self, connection: sa.Connection, entity: Entity, values: Mapping[str, Any]) -> None:
        dialect = self.database.dialect
        table = entity_table(entity, dialect)
        row: dict[str, Any] = {
            "id": values["id"],
            "version": 1,
            "created_at": NOW.replace(tzinfo=None),
            "updated_at": NOW.replace(tzinfo=None),
            "chain_length": 0,
            "created_by": values.get("created_by"),
            "state": values.get("state"),
        }
        for field in entity.fields:
            columns = table.columns.get(field.name)
            if columns:
                shown = Field(field.name, field.as_kind) if field.type == "computed" else field
                row |= dict(zip((one.name for one in columns), kind(shown).to_row(shown, values.get(field.name), dialect), strict=True))
            for place, target in enumerate(values.get(field.name) or () if field.name in table.links else ()):
                connection.execute(sa.insert(table.links[field.name]).values(owner_id=values["id"], target_id=target, position=place))
        connection.execute(sa.insert(table.table).values({name: cell for name, cell in row.items() if name in table.table.c}))

    @contextmanager
    def unit(self, actor: Actor = ACTOR) -> Iterator[Unit]:
        with reading(self.database, self.generation, actor, NOW) as unit:
            yield unit

    def check(self, source: str, expect: str | None = None) -> expressions.Typed:
        return expressions.check(source, expressions.names_of(self.entity, self.generation.entities), expect)

    def in_python(self, typed: expressions.Typed, actor: Actor = ACTOR) -> dict[int, Any]:
        """The value on each row, numbers as scaled integers, of money the amount."""
        return {at: _plain(typed, run(typed.node, self.env(at, actor))) for at in self.items}

    def env(self, at: int, actor: Actor = ACTOR) -> expressions.Env:
        values = self.items[at]

        def path(via: str, name: str) -> Any:
            return self.sites.get(values[via] or 0, {}).get(name) if via == "site" else None

        return expressions.Env(values, path, actor, NOW, TODAY)

    def in_sql(self, typed: expressions.Typed, actor: Actor = ACTOR) -> dict[int, Any]:
        """The same from the database."""
        with self.unit(actor) as unit:
            table = entity_table(self.entity, self.database.dialect)
            element = compile(typed, context(self.entity, table, unit, table.table))
            shown = sa.type_coerce(element, sql_type(typed.type, self.database.dialect))
            found = unit.connection.execute(sa.select(table.table.c.id, shown)).all()
        return {at: self._cell(typed, value) for at, value in found}

    def _cell(self, typed: expressions.Typed, value: Any) -> Any:
        if value is None:
            return None
        family = typed.type.family
        if family in ("number", "money", "days", "duration"):
            if self.database.dialect == "sqlite":
                return value
            return int(Decimal(value).scaleb(typed.type.places))
        if family == "boolean":
            return bool(value)
        return value.replace(tzinfo=UTC) if family == "datetime" else value


def _plain(typed: expressions.Typed, value: Any) -> Any:
    if value is None:
        return None
    return value[0] if typed.type.family == "money" else value
