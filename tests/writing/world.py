"""A small trading house that has every rule a write can meet, on one database, with short verbs."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import Record, Refusal, hookimpl, on
from core.access.actor import Actor
from core.errors import BackofficeError
from core.facts import FixedClock
from core.registry.discover import of
from core.services import looking, moves, records
from core.services.platform import Platform
from core.settings import Settings
from core.storage import log, rows
from core.storage.log import Entry
from core.storage.unit import Unit
from schemas import read_plugin

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HERE = Path(__file__).parent


class World:
    """One started platform. ``clerk``, ``chief``, ``guest`` and ``porter`` are people with one role each."""

    def __init__(self, folder: Path, url: str) -> None:
        self.clock = FixedClock(NOW)
        self.hooks = types.ModuleType("works_hooks")
        plugins = [_read(HERE.parents[1] / "plugins/directory/directory.yaml"), _read(HERE / "works.yaml")]
        for hook in _hooks(self):
            setattr(self.hooks, hook.__name__, hook)
        self.platform = Platform(
            Settings.for_tests(folder, url), self.clock, find=lambda _: of(plugins, {"works": self.hooks})
        )
        self.platform.start()
        wrong = [str(one) for one in self.platform.current.problems if one.severity == "error"]
        assert not wrong, "\n".join(wrong)
        self.on_save: Callable[..., None] | None = None
        self.after: Callable[..., None] | None = None
        self.veto: Callable[..., str | None] | None = None
        self.checks: Callable[..., Any] | None = None
        self.system = Actor.system("test")
        self._serial = 0
        company = self.create("directory.company", code="ACME", legal_name="Acme", country="DE", base_currency="EUR")
        self.east = self.create("directory.department", code="east", name="East", company=company.id).id
        self.west = self.create("directory.department", code="west", name="West", company=company.id).id
        self.clerk = self.person("clerk", self.east)
        self.chief = self.person("chief", self.east)
        self.guest = self.person("guest", self.east)
        self.porter = self.person("porter", self.west)

    def person(self, role: str, department: int) -> Actor:
        """Somebody new with one role of the plugin."""
        self._serial += 1
        made = self.create("directory.person", given_name=role, family_name=f"N{self._serial}", department=department,
                           mail=f"{role}{self._serial}@example.org")
        code = "east" if department == self.east else "west"
        return Actor(account=self._serial, email=made["mail"], person=made.id, department=department, department_code=code,
                     roles=frozenset({f"works.{role}", "core.everyone"}))

    def name(self, what: str = "x") -> str:
        """A text nobody used before."""
        self._serial += 1
        return f"{what}-{self._serial}"

    def create(self, entity: str, *, by: Actor | None = None, form: str | None = None, **values: Any) -> Record:
        entity = entity if "." in entity else f"works.{entity}"
        return records.create(self.platform, by or self.system, entity, values, form)

    def change(self, record: Record, *, by: Actor | None = None, version: int | None = None, merge: bool = False,
               **values: Any) -> Record:
        return records.change(self.platform, by or self.system, record.entity, record.id, values, version, merge)

    def move(self, record: Record, transition: str, *, by: Actor | None = None, reason: str = "", **values: Any) -> Record:
        return moves.move(self.platform, by or self.system, record.entity, record.id, transition, values, reason)

    def delete(self, record: Record, *, by: Actor | None = None) -> None:
        records.delete(self.platform, by or self.system, record.entity, record.id)

    def get(self, record: Record, *, by: Actor | None = None, trashed: bool = False) -> Record:
        return looking.get(self.platform, by or self.system, record.entity, record.id, trashed=trashed)

    def raw(self, record: Record) -> Record:
        """The row as it lies, trashed or not."""
        with self.reading() as unit:
            found = rows.load(unit, record.entity, record.id)
        assert found is not None
        return found

    def log(self, record: Record) -> list[Entry]:
        """The record's log, newest first."""
        with self.reading() as unit:
            return log.entries(unit, record.entity, record.id)

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        with self.platform.read(self.system) as unit:
            yield unit

    def customer(self, **values: Any) -> Record:
        return self.create("customer", **{"name": self.name("customer"), "city": "Ghent", **values})

    def order(self, *, by: Actor | None = None, **values: Any) -> Record:
        given = {"customer": values.pop("customer", None) or self.customer().id, "quantity": 5, **values}
        return self.create("order", by=by, **given)

    def room(self) -> Record:
        return self.create("room", code=self.name("room"))

    def at_once(self, count: int, work: Callable[[int], Any]) -> list[Any]:
        """Run ``work(0..count-1)`` in as many threads (at most 16); refusals are answers like others."""
        def one(number: int) -> Any:
            try:
                return work(number)
            except BackofficeError as problem:
                return problem

        with ThreadPoolExecutor(min(count, 16)) as pool:
            return list(pool.map(one, range(count)))


def _read(path: Path) -> Any:
    plugin, problems = read_plugin(path.read_text(), path.name)
    assert plugin is not None and not [one for one in problems if one.severity == "error"], problems
    return plugin


def _hooks(world: World) -> list[Any]:
    """Hooks that do what the test at hand says; without a test's wish they do nothing."""

    @hookimpl
    @on("works.order", "works.paper", "works.safe")
    def before_save(record: Record, before: Record | None, change: Any, work: Any) -> None:
        if world.on_save is not None:
            world.on_save(record, before, change, work)

    @hookimpl
    @on("works.order", "works.paper")
    def check_record(record: Record, before: Record | None, change: Any) -> Any:
        return world.checks(record, before, change) if world.checks is not None else None

    @hookimpl
    @on("works.order", "works.paper")
    def after_save(record: Record, before: Record | None, change: Any, work: Any) -> None:
        if world.after is not None:
            world.after(record, before, change, work)

    @hookimpl
    @on("works.order")
    def allow_transition(record: Record, transition: str, change: Any) -> Any:
        return world.veto(record, transition, change) if world.veto is not None else None

    return [before_save, check_record, after_save, allow_transition]


__all__ = ["NOW", "Record", "Refusal", "World"]
