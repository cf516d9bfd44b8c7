"""How fast a file of tickets comes in: rows a second of an import on SQLite, through the whole write path."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

from core.access.actor import Actor
from core.services import importing
from core.services.platform import Platform
from tests.bench import loading

ROWS = 3_000
FLOOR = 1_000
"""Rows a second that an import writes at least."""


def run() -> list[dict[str, object]]:
    """Import tags (two texts, a unique key, words for the search) and tickets (hooks, references), and print both."""
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="backoffice-bench-") as folder:
        platform = Platform(loading.settings(Path(folder)))
        platform.start()
        try:
            loading.organisation(platform)
            for entity, text in (
                ("directory.tag", "code,name\n" + "".join(f"T{n},Tag number {n}\n" for n in range(ROWS))),
                ("helpdesk.ticket", "subject,kind,impact,urgency,queue,requester\n" + "".join(
                    f"printer paper {n},incident,3,3,Queue {n % loading.PARTS + 1},person{n % loading.PEOPLE + 1}@example.org\n"
                    for n in range(ROWS))),
            ):  # fmt: skip
                found.append(_one(platform, entity, text))
        finally:
            platform.close()
    return found


def _one(platform: Platform, entity: str, text: str) -> dict[str, object]:
    began, used = time.perf_counter(), time.process_time()
    report = importing.run(platform, Actor.system("bench"), entity, io.BytesIO(text.encode()), "csv")
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    if report.refused:
        raise RuntimeError(f"{report.refused} rows of {entity} were refused: {report.refusals[0]}")
    rate = report.created / wall
    verdict = "" if rate >= FLOOR else f"   under {FLOOR:,}"
    print(f"  import of {report.created:,} rows into {entity}: {rate:,.0f} rows a second, {cpu / ROWS * 1000:.2f} ms of CPU each{verdict}")
    return {"step": f"import {entity}", "rows a second": rate, "budget": FLOOR}
