"""Search indexes of records that were there before their index was: filled by the worker, in batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.access.actor import Actor
from core.services import care, jobs
from core.services.jobs import Run
from core.services.platform import Platform

VERB = "reindex"


@jobs.verb(VERB)
def reindex(p: Platform, actor: Actor, values: Mapping[str, Any], run: Run) -> dict[str, int]:
    """Fill the search index of ``values["entity"]`` from its records; may be begun anew at any time."""
    entity = p.generation().entities.get(str(values["entity"]))
    return {"records": 0 if entity is None else care.reindex_one(p, entity)}
