"""Many tickets at once, clustered by department and time as real ones are."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from core.fields import fold
from core.storage.tables import entity_table
from tests.reading.world import DEPARTMENTS, START, World


def fill(world: World, count: int, seed: int = 3) -> None:
    """``count`` tickets in blocks of one department each; a tenth of most values is empty."""
    dice = random.Random(seed)
    entity = world.generation.entity("desk.ticket")
    table = entity_table(entity, world.database.dialect)
    rows = []
    for number in range(1, count + 1):
        summary = f"Ticket {dice.randint(1, count)}"
        values: dict[str, Any] = {
            "id": number,
            "version": 1,
            "created_at": (START + timedelta(minutes=number)).replace(tzinfo=None),
            "updated_at": (START + timedelta(minutes=number)).replace(tzinfo=None),
            "department_id": DEPARTMENTS[number * len(DEPARTMENTS) // (count + 1)],
            "display_title": f"T-{number:06} {summary}",
            "title_key": fold(f"T-{number:06} {summary}"),
            "state": dice.choice(["new", "open", "done"]),
            "chain_hash": "",
            "chain_length": 0,
        }
        fields: dict[str, Any] = {
            "code": f"T-{number:06}",
            "summary": _some(dice, summary),
            "due": _some(dice, date(2026, 1, 1) + timedelta(days=dice.randint(0, 400))),
            "cost": _some(dice, Decimal(dice.randint(0, 100_000)) / 100),
            "hours": _some(dice, dice.randint(0, 9)),
            "urgent": dice.random() < 0.5,
            "urgency": _some(dice, dice.choice(["low", "normal", "high"])),
            "requester": _some(dice, dice.randint(1, 8)),
            "assignee": _some(dice, dice.randint(1, 8)),
            "site": _some(dice, dice.randint(1, 6)),
        }
        values.update(world.cells(entity, table, fields))
        rows.append({name: cell for name, cell in values.items() if name in table.table.c})
    with world.writing() as unit:
        unit.connection.execute(sa.insert(table.table), rows)


def _some(dice: random.Random, value: Any) -> Any:
    return value if dice.random() < 0.9 else None
