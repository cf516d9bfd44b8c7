"""What the core knows of people, departments, companies and teams: read from the entities that say they provide them.

This is the one place that names fields of the directory. Values are remembered until the epoch moves.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.hooks import Work
from core.registry.generation import Generation
from core.storage.tables import EntityTable, entity_table
from core.storage.unit import Unit
from schemas.model import Entity


@dataclass(frozen=True, slots=True)
class Department:
    id: int
    code: str
    name: str
    parent: int | None
    company: int | None


@dataclass(frozen=True, slots=True)
class Company:
    id: int
    code: str
    currency: str
    zone: str


@dataclass(frozen=True)
class Structure:
    """All departments and companies at one epoch."""

    departments: Mapping[int, Department] = field(default_factory=dict)
    companies: Mapping[int, Company] = field(default_factory=dict)
    children: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def below(self, department: int | None) -> frozenset[int]:
        """The department and all below it; empty without one. A circle in the data ends the walk."""
        found: set[int] = set()
        waiting = [department] if department is not None and department in self.departments else []
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(self.children.get(one, ()))
        return frozenset(found)

    def company_of(self, department: int | None) -> Company | None:
        """The company of a department."""
        one = self.departments.get(department) if department is not None else None
        return self.companies.get(one.company) if one and one.company is not None else None

    def code_of(self, department: int | None) -> str:
        """The department's code, "" without one."""
        one = self.departments.get(department) if department is not None else None
        return one.code if one else ""

    def coded(self, code: str) -> Department | None:
        """The department of that code."""
        return next((one for one in self.departments.values() if one.code == code), None)


@dataclass(frozen=True, slots=True)
class Person:
    """What rights and formatting need of a person."""

    id: int
    name: str = ""
    mail: str = ""
    department: int | None = None
    locale: str = "en"
    zone: str = "UTC"
    teams: frozenset[int] = frozenset()
    teammates: frozenset[int] = frozenset()
    works_here: bool = True
    """Neither ended nor said to be inactive."""


_remembered: dict[tuple[int, int, int, int], tuple[Structure, Entity | None, Entity | None]] = {}
_lock = threading.Lock()


def structure(unit: Unit, epoch: int) -> Structure:
    """All departments and companies, remembered for one epoch of one database."""
    department, company = unit.generation.provider("department"), unit.generation.provider("company")
    key = (id(unit.database), id(department), id(company), epoch)
    found = _remembered.get(key)
    if found is None:
        found = read_structure(unit), department, company
        with _lock:
            # Two are enough: the one in force, and the one that requests begun before still use.
            while len(_remembered) > 3:
                _remembered.pop(next(iter(_remembered)))
            _remembered[key] = found
    return found[0]


def read_structure(unit: Unit) -> Structure:
    """All departments and companies as this unit sees them, not remembered."""
    departments: dict[int, Department] = {}
    children: dict[int, list[int]] = {}
    for row in _rows(unit, "department", ("code", "name", "parent", "company")):
        departments[row["id"]] = Department(
            row["id"], row["code"] or "", row["name"] or "", row["parent"], row["company"]
        )
        if row["parent"] is not None:
            children.setdefault(row["parent"], []).append(row["id"])
    companies = {
        row["id"]: Company(row["id"], row["code"] or "", row["base_currency"] or "EUR", row["time_zone"] or "UTC")
        for row in _rows(unit, "company", ("code", "base_currency", "time_zone"))
    }
    return Structure(departments, companies, {key: tuple(ones) for key, ones in children.items()})


def person(unit: Unit, id: int | None) -> Person | None:
    """The live person of that id."""
    if id is None:
        return None
    rows = _rows(unit, "person", ("display_name", "mail", "department", "language", "time_zone", "active", "end"), id=id)
    if not rows:
        return None
    row = rows[0]
    teams, mates = _teams(unit, id)
    return Person(
        id,
        row["display_name"] or row["display_title"] or "",
        row["mail"] or "",
        row["department"],
        row["language"] or "en",
        row["time_zone"] or "UTC",
        teams,
        mates,
        row["active"] is not False and (row["end"] is None or _today(unit, row["time_zone"]) <= row["end"]),
    )


def _today(unit: Unit, zone: str | None) -> date:
    try:
        return unit.now.astimezone(ZoneInfo(zone or "UTC")).date()
    except (KeyError, ValueError):
        return unit.now.date()


def _teams(unit: Unit, id: int) -> tuple[frozenset[int], frozenset[int]]:
    found = _table(unit.generation, unit, "team")
    if found is None or "members" not in found[1].links:
        return frozenset(), frozenset({id})
    table = found[1]
    link = table.links["members"]
    mine = (
        sa.select(link.c.owner_id)
        .join(table.table, table.table.c.id == link.c.owner_id)
        .where(link.c.target_id == id, table.table.c.trashed_at.is_(None))
    )
    rows = unit.connection.execute(sa.select(link.c.owner_id, link.c.target_id).where(link.c.owner_id.in_(mine))).all()
    return frozenset(int(row[0]) for row in rows), frozenset({id, *(int(row[1]) for row in rows)})


def _table(generation: Generation, unit: Unit, what: str) -> tuple[Entity, EntityTable] | None:
    entity = generation.provider(what)
    return (entity, entity_table(entity, unit.database.dialect)) if entity is not None else None


def _rows(unit: Unit, what: str, names: tuple[str, ...], id: int | None = None) -> list[dict[str, Any]]:
    """Live rows of the part of the directory; a field that the provider does not have is None."""
    found = _table(unit.generation, unit, what)
    if found is None:
        return []
    table = found[1]
    have = [name for name in names if name in table.columns]
    statement = sa.select(
        table.table.c.id, table.table.c.display_title, *(table.columns[name][0].label(f"v_{name}") for name in have)
    )
    statement = statement.where(table.table.c.trashed_at.is_(None))
    if id is not None:
        statement = statement.where(table.table.c.id == id)
    blank = dict.fromkeys(names)
    return [
        {**blank, "id": row["id"], "display_title": row["display_title"], **{name: row[f"v_{name}"] for name in have}}
        for row in unit.connection.execute(statement).mappings()
    ]


def make_person(
    work: Work, generation: Generation, *, mail: str, given: str, family: str, department: int | None
) -> int | None:
    """A new person of the directory, or the one who has that mail address; None without a directory."""
    entity = generation.provider("person")
    if entity is None:
        return None
    found = work.first(entity.full_name, mail=mail)
    if found is not None:
        return found.id
    return work.create(entity.full_name, given_name=given, family_name=family, mail=mail, department=department).id
