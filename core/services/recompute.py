"""Stored computed values and rollups of records that were there before the field was: computed by the worker, in batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import grant
from core.services import jobs
from core.services.instants import again_when_moved
from core.services.jobs import Run
from core.services.platform import Platform
from core.storage.formulas import Formulas
from core.storage.tables import entity_table
from core.storage.writing import refresh

BATCH = 200
VERB = "recompute"


@jobs.verb(VERB)
def recompute(p: Platform, actor: Actor, values: Mapping[str, Any], run: Run) -> dict[str, int]:
    """Compute the stored fields of every record of ``values["entity"]`` again; may be begun anew at any time."""
    name = str(values["entity"])
    after = count = 0
    while name in p.generation().entities:
        ids = _batch(p, name, after)
        if not ids:
            break
        after = ids[-1]
        count += len(ids)
        run.progress(f"{count} records")
    return {"records": count}


@again_when_moved
def _batch(p: Platform, name: str, after: int) -> list[int]:
    system = Actor.system("computed again", channel="job")
    generation = p.generation()
    entity = generation.entity(name)
    rollups = tuple(one.name for one in entity.fields if one.type == "rollup")
    table = entity_table(entity, p.database.dialect).table
    with p.write(system, generation, reason="computed again") as unit:
        ids = list(
            unit.connection.execute(
                sa.select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
            ).scalars()
        )
        refresh(unit, Formulas(unit), name, dict.fromkeys(ids, rollups), grant(entity, system), held=False)
    return ids
