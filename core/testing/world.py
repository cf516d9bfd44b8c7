"""A small organisation for tests: make records, people and clients in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient

from core.access.actor import Actor
from core.app import create_app
from core.facts import FixedClock, Record
from core.services import accounts, jobs, looking, moves, notices, records
from core.services.platform import Platform
from core.storage.query import Condition, Group, Query
from core.testing.samples import values_for
from core.worker import once


class World:
    """A started platform with one company and one department, and short verbs over core.services."""

    def __init__(self, platform: Platform, clock: FixedClock) -> None:
        self.platform = platform
        self.clock = clock
        self.system = Actor.system("test")
        self._some: dict[str, int] = {}
        self._serial = 0
        self._making: set[str] = set()
        self.examples: dict[str, Mapping[str, Any]] = {}
        """By entity: values that ``sample`` cannot guess, as they are or as a function of this world."""

    def create(self, entity: str, *, by: Actor | None = None, form: str | None = None, **values: Any) -> Record:
        return records.create(self.platform, by or self.system, entity, values, form=form)

    def change(self, entity: str, record: int | Record, *, by: Actor | None = None, **values: Any) -> Record:
        return records.change(self.platform, by or self.system, entity, _id(record), values)

    def move(self, entity: str, record: int | Record, transition: str, *, by: Actor | None = None, reason: str = "",
             **values: Any) -> Record:
        return moves.move(self.platform, by or self.system, entity, _id(record), transition, values, reason=reason)

    def delete(self, entity: str, record: int | Record, *, by: Actor | None = None) -> None:
        records.delete(self.platform, by or self.system, entity, _id(record))

    def get(self, entity: str, record: int | Record, *, by: Actor | None = None) -> Record:
        return looking.get(self.platform, by or self.system, entity, _id(record))

    def find(self, entity: str, *, by: Actor | None = None, **conditions: Any) -> list[Record]:
        """The records ``by`` may read whose fields equal ``conditions``, oldest first."""
        parts = tuple(Condition(name, "eq", (value,)) for name, value in conditions.items())
        query = Query(where=Group(False, parts) if parts else None, sort=(("id", False),), limit=200)
        return looking.page(self.platform, by or self.system, entity, query).items

    def told(self, who: Actor) -> list[str]:
        """What the person's notifications say, newest first, after the worker had its turn."""
        once(self.platform)
        return [one.text for one in notices.listed(self.platform, who)]

    def any(self, entity: str) -> int:
        """The id of some record of ``entity``, made when there is none yet."""
        if entity not in self._some:
            if entity in self._making:
                raise AssertionError(f"{entity} needs another {entity} before the first can be made.")
            self._making.add(entity)
            try:
                self._some[entity] = self.sample(entity).id
            finally:
                self._making.discard(entity)
        return self._some[entity]

    def sample(self, entity: str, **values: Any) -> Record:
        """A new record of ``entity`` with the least it needs, and ``values``."""
        shape = self.platform.current.entity(entity)
        known = {
            name: value(self) if callable(value) else value for name, value in self.examples.get(entity, {}).items()
        }
        used: set[str] = set()

        def pick(target: str) -> int:
            # Two references of one record to one entity name two records: nobody stands in for themselves.
            if target in used:
                return self.sample(target).id
            used.add(target)
            return self.any(target)

        return self.create(entity, **(values_for(shape, self.clock.now(), pick) | known | values))

    def person(self, *, department: int | None = None, **values: Any) -> Record:
        """A new person of the directory."""
        self._serial += 1
        return self.create("directory.person", given_name="Person", family_name=f"N{self._serial}",
                           mail=f"person{self._serial}@example.org",
                           department=department or self.any("directory.department"), **values)

    def actor(self, *roles: str, department: int | None = None, person: int | None = None) -> Actor:
        """Somebody with an account and ``roles`` (full names); a person is made unless given."""
        who = self.get("directory.person", person) if person else self.person(department=department)
        account = accounts.add(self.platform, self.system, email=who["mail"], person=who.id, roles=roles, password="demo-password")
        return accounts.actor_for_account(self.platform, account)

    def client(self, actor: Actor) -> FlaskClient:
        """A browser signed in as ``actor``."""
        client = create_app(platform=self.platform).test_client()
        client.set_cookie("session", accounts.open_session(self.platform, actor.account or 0))
        return client

    def token(self, actor: Actor, scopes: tuple[str, ...] = ()) -> dict[str, str]:
        """The headers of an API client acting as ``actor``."""
        return {"Authorization": f"Bearer {accounts.create_token(self.platform, actor.account or 0, 'test', scopes)}"}

    def effects(self) -> list[dict[str, Any]]:
        """The effects waiting in the outbox, oldest first."""
        return jobs.waiting(self.platform)


def _id(record: int | Record) -> int:
    return record.id if isinstance(record, Record) else record
