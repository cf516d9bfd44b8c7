"""One publication, ended at one point after the other: ``python -m tests.publish.killing URL FOLDER POINTS``.

A house is made once and kept as it is; for each point it is put back, a child publishes and dies there, and another child
starts afresh on what was left, looks, works and publishes again. POINTS is how many, spread evenly, or 0 for all. Printed is
a line of JSON: the number of points there are, those tried, and under which generation (1: the old, 2: the new) each was found.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.engine import make_url

from core.services import publish
from core.services.platform import Platform
from tests.publish.world import SYSTEM, THINGS, change, create, get, house, overlay

BEFORE = overlay("add_field: {name: price, type: decimal, places: 2, indexed: true}")
AFTER = overlay(
    "add_field: {name: price, type: decimal, places: 3, indexed: true}",
    "add_field: {name: floor, type: text, indexed: true}",
    "add_field: {name: friends, type: references, to: things.box}",
    "add_field: {name: twice, type: computed, formula: 'price * 2', as: decimal}",
    "add_field: {name: stops, type: lines, fields: {place: {type: text}}}",
    "relabel: {field: size, label: How big}",
)
OLD, NEW = 2, 3


class Kept:
    """The house as it was before the publication, and the way back to it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.spare = url, folder, folder.with_name("spare")
        self.parsed = make_url(url)

    def keep(self) -> None:
        """Remember the house as it is now."""
        shutil.copytree(self.folder, self.spare)
        if self.parsed.get_backend_name() == "postgresql":
            self._copy(self.parsed.database or "", f"{self.parsed.database}_kept")

    def put_back(self) -> None:
        """Have the house as it was."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.spare, self.folder)
        if self.parsed.get_backend_name() == "postgresql":
            self._copy(f"{self.parsed.database}_kept", self.parsed.database or "")

    def _copy(self, source: str, target: str) -> None:
        where = f"host={self.parsed.host} port={self.parsed.port} user={self.parsed.username} dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            one, other = sql.Identifier(target), sql.Identifier(source)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(one))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(one, other))


def in_child(work: Callable[[], int]) -> int:
    """The exit code of a child that does ``work``; 99 when it raised."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dies(p: Platform, point: int, counted: Path) -> int:
    """Publish, and die at this point; at none when it is 0, and then the number of points is written down."""
    if p.database.dialect == "sqlite":
        shim: Any = ctypes.CDLL(None)
        shim.dying_arm(str(p.settings.data_dir / "backoffice.db").encode(), point)
        publish.apply(p, SYSTEM, [AFTER])
        count = shim.dying_count()
    else:
        count = 0

        def die(*_: object) -> None:
            nonlocal count
            count += 1
            if count == point:
                os._exit(137)

        for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
            sa.event.listen(p.database.engine, moment, die)
        publish.apply(p, SYSTEM, [AFTER])
    counted.write_text(str(count))
    return 0


def looks(folder: Path, url: str, box: int) -> int:
    """Start on what was left; the number of the generation that was found, after everything that must work has worked."""
    p = house(folder.parent, url)
    number = p.current.number
    assert number in (OLD, NEW), number
    new = number == NEW
    seen = get(p, box)
    assert seen["price"] == Decimal("12.45"), seen["price"]
    added = {"floor", "friends", "twice", "stops"}
    assert added & set(seen) == (added if new else set()), (number, sorted(seen))
    assert (p.current.shape("things.box").field("size").label == "How big") is new  # type: ignore[union-attr]
    other = create(p, code=f"{number}", price="0.5")
    outcome = publish.apply(p, SYSTEM, [AFTER])
    assert outcome.changed is not new and outcome.number == NEW
    change(p, other.id, floor="third", friends=[box], stops=[{"place": "here"}], price="1.125")
    seen = get(p, other.id)
    assert (seen["floor"], seen["price"], seen["twice"], len(seen["stops"])) == ("third", Decimal("1.125"), Decimal("2.25"), 1)
    assert get(p, box)["price"] == Decimal("12.45")
    publish.revert(p, SYSTEM)
    assert get(p, other.id)["price"] == Decimal("1.13") and "floor" not in get(p, box)
    if p.database.dialect == "sqlite":
        with p.database.begin(writing=False) as connection:
            assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
    p.close()
    return number


def main(url: str, folder: Path, points: int) -> None:
    """Make the house and try the points."""
    p = house(folder.parent, url, things=THINGS)
    publish.apply(p, SYSTEM, [BEFORE])
    box = create(p, code="A", price="12.45").id
    p.close()
    kept = Kept(url, folder)
    kept.keep()
    counted = folder.with_name("counted")
    assert in_child(lambda: dies(p, 0, counted)) == 0
    total = int(counted.read_text())
    tried = range(1, total + 1) if not points else sorted({1 + total * one // points for one in range(points)} | {total})
    found = {}
    for point in tried:
        kept.put_back()
        code = in_child(lambda point=point: dies(p, point, counted))  # type: ignore[misc]
        assert code == 137, (point, code)
        found[point] = in_child(lambda: looks(folder, url, box))
    print(json.dumps({"total": total, "found": found}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
