"""What a house of 655 entities with 11,000 fields costs: checked, made, opened, started again, and changed by one field.

Wall time and this process's own processor time in seconds; the budgets hold on a calm machine.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.registry import remembered
from core.services import publish
from core.services.platform import Platform
from tests import postgres
from tests.registry import large, test_large

BUDGET = {"sqlite": 30.0, "postgresql": 60.0}
"""Seconds from the documents to the first list."""
PUBLICATION = 0.1
"""Processor seconds one added field may cost, beside what its statements cost in the database."""
PUBLICATIONS = 20


def run(size: tuple[int, int] = (large.ENTITIES, large.FIELDS)) -> list[dict[str, object]]:
    """Measure both engines (PostgreSQL where it is installed), print, and answer the figures."""
    print(f"\nA house of {size[0]:,} entities with {size[1]:,} fields")
    found = _engine("sqlite", "", size)
    if postgres.binaries() is not None:
        with postgres.server() as server:
            found += _engine("postgresql", server.fresh(), size)
    return found


def _engine(name: str, url: str, size: tuple[int, int]) -> list[dict[str, object]]:
    figures: list[dict[str, object]] = []

    @contextmanager
    def lap(step: str, times: int = 1, budget: float = 0.0) -> Iterator[None]:
        wall, own = time.perf_counter(), time.process_time()
        yield
        wall, own = (time.perf_counter() - wall) / times, (time.process_time() - own) / times
        figures.append({"engine": name, "step": step, "seconds": wall, "cpu": own, "budget": budget})
        told = f"  budget {budget:g}" if budget else ""
        print(f"  {name:<11}{step:<34}{wall:9.3f} s{own:9.3f} s of this process{told}")

    remembered.forget()
    with tempfile.TemporaryDirectory() as folder:
        with lap("checked, made and one list opened", budget=BUDGET[name]):
            with lap("  read, proven, tables made"):
                world = test_large.opened(large.house(*size), Path(folder), url)
            p, clerk = world.platform, world.actor("area0.clerk")
            client = world.client(clerk)
            with lap("  the first list"):
                assert client.get("/area0/biggest").status_code == 200
        with lap("one field added and published", PUBLICATIONS), _statements(p) as spent:
            for number in range(PUBLICATIONS):
                publish.apply(p, world.system, [test_large.added("area0.select", number)])
        own = figures[-1]["cpu"]
        assert isinstance(own, float)
        beside = own - sum(spent) / PUBLICATIONS
        figures.append({"engine": name, "step": "published, beside its DDL", "cpu": beside, "budget": PUBLICATION})
        print(f"  {name:<11}{'  beside its DDL':<34}{beside:20.3f} s of this process  budget {PUBLICATION:g}")
        p.close()
        remembered.forget()
        # As a new process would: one start compares the tables after those publications, the next need not.
        for step in ("started again", "started again, nothing changed"):
            with lap(step):
                again = Platform(p.settings, p.clock, find=test_large.found)
                again.start()
            again.close()
            remembered.forget()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {name:<11}most memory so far{most:27.0f} MiB")
    return figures


@contextmanager
def _statements(p: Platform) -> Iterator[list[float]]:
    """Gathers the processor time that this process spends inside statements that change tables."""
    spent: list[float] = []
    begun: list[float] = []

    def before(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().startswith(("ALTER", "CREATE", "DROP")):
            begun.append(time.process_time())

    def after(*_what: Any) -> None:
        if begun:
            spent.append(time.process_time() - begun.pop())

    sa.event.listen(p.database.engine, "before_cursor_execute", before)
    sa.event.listen(p.database.engine, "after_cursor_execute", after)
    yield spent
    sa.event.remove(p.database.engine, "before_cursor_execute", before)
    sa.event.remove(p.database.engine, "after_cursor_execute", after)
