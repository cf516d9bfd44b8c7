"""Demo data: every plugin's own, through the one write path, dated up to the day it is made; and accounts to try it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict
from core.registry.generation import Generation
from core.services import accounts, directory, moves, passwords, records, trash
from core.services.instants import naive
from core.services.work import Work
from core.storage import head, later
from core.storage.keys import new_id
from core.storage.models import Account, RoleGrant, Setting
from core.storage.unit import Unit
from core.storage.writing import settle

if TYPE_CHECKING:
    from core.services.platform import Platform

PASSWORD = "demo"  # noqa: S105 - the word contract.md names; production refuses demo data
ADMIN = "admin@example.org"
SIZES = ("small", "full")
TOGETHER = 500
"""Entries of the log that are gathered before they are written; memory stays flat."""
PART = 10_000
"""Entries of the log after which the full size commits what there is, and says how far it is."""
NEWS = timedelta(days=2)
"""What happened longer ago tells nobody anything, and sends no mail."""
_DONE, _BEGUN = "demo.done", "demo.begun"
VERB_ROOMS = (moves, records, trash)
"""The modules that lend Work its writing verbs; they have to be there before a plugin writes."""
Say = Callable[[str], None]


class DemoWork(Work):
    """Work for making up the past: ``at`` sets the instant that writes carry, ``by`` the person they stand for.

    ``size`` is small or full. One plugin's small demo is one unit: it is there as a whole, or not at all. ``renew`` commits
    the unit and begins the next, so that the full demo comes in parts and takes no more memory the longer it gets.
    """

    def __init__(
        self, unit: Unit, plugin: str, size: str, renew: Callable[[int], Unit] | None = None, part: int = PART
    ) -> None:
        super().__init__(unit, unit.actor, plugin)
        self.size = size
        self.now_really: datetime = unit.now
        self._system = unit.actor
        self._renew = renew
        self._most = part
        self._written = self._part = 0

    def at(self, moment: datetime | None) -> None:
        """Write as if it were then; never later than now. None is now again."""
        self._unit.now = min(moment, self.now_really) if moment is not None else self.now_really
        self._unit.quiet = self.now_really - self._unit.now > NEWS

    def by(self, person: int | None) -> None:
        """Write as this person of the directory; None is the system again."""
        actor = self._system if person is None else replace(self._system, person=person)
        self._unit.actor = self._actor = actor

    def _begin(self) -> None:
        """No savepoint: what fails ends this plugin's demo. What was gathered is written now and then."""
        gathered = later.of(self._unit)
        if gathered is None or len(gathered.entries) < TOGETHER:
            return
        self._part += len(gathered.entries)
        settle(self._unit)
        if self._renew is not None and self._part >= self._most:
            self._written, self._part = self._written + self._part, 0
            moment, actor = self._unit.now, self._unit.actor
            self._unit = self._renew(self._written)
            self._unit.actor = actor
            self.at(moment)
        later.gather(self._unit)


def has_demo(p: Platform) -> bool:
    """Whether demo data was made here."""
    return bool(_done(p))


def is_empty(p: Platform) -> bool:
    """Whether nobody has an account yet: the state in which set-up or the demo begins."""
    with p.database.begin(writing=False) as connection:
        return connection.execute(sa.select(Account.id).limit(1)).first() is None


def make(p: Platform, size: str = "small", say: Say = print, part: int = PART) -> None:
    """Fill an empty platform. What was done before (a run that was cut off) is not done twice.

    ``part``: entries of the log after which the full size commits. Raises Conflict when there is other data, and when the
    full size was cut off within a plugin of which a part is there.
    """
    if size not in SIZES:
        raise Conflict(f'There is no size "{size}": small or full.')
    if not is_empty(p) and not has_demo(p):
        raise Conflict("Demo data fills only an empty data directory, and this one is in use.")
    generation = p.current
    if cut := _setting(p, _BEGUN):
        raise Conflict(
            f"Demo data was cut off while {', '.join(cut)} was being filled, and a part cannot be taken up again: "
            "begin with an empty data directory."
        )
    failed = []
    for number, plugin in enumerate(generation.plugins):
        if plugin not in _done(p):
            say(f"demo data: {generation.plugins[plugin].label or plugin}")
            if not _one(p, plugin, size, say, part):
                failed.append(plugin)
        if number == 0:
            make_accounts(p)
    if not generation.plugins:
        make_accounts(p)
    if failed:
        say("demo data could not be made for: " + ", ".join(failed) + ". backoffice check says why.")


def _one(p: Platform, plugin: str, size: str, say: Say, part: int) -> bool:
    hooks = p.current.hooks
    failures = len(p.ledger.failures.get(plugin, ()))
    actor = Actor.system("demo data", channel="job")

    def begin() -> Unit:
        unit = parts.enter_context(p.write(actor, p.generation(), reason="demo data"))
        later.gather(unit)
        return unit

    def renew(written: int) -> Unit:
        _keep(work._unit, _BEGUN, [plugin])
        parts.close()  # commits
        say(f"demo data: {plugin}, {written:,} changes so far")
        return begin()

    try:
        with ExitStack() as parts:
            work = DemoWork(begin(), plugin, size, renew if size == "full" else None, part)
            hooks.call("demo", only=plugin, work=work)
            settle(work._unit)
            if len(p.ledger.failures.get(plugin, ())) > failures:
                raise _Undone
            _keep(work._unit, _BEGUN, [])
            _keep(work._unit, _DONE, [*_read(work._unit.connection, _DONE), plugin])
    except _Undone:
        return False
    except BackofficeError as error:
        told = "; ".join(f"{name}: {' '.join(said)}" for name, said in error.errors.items())
        raise BackofficeError(
            f"The demo data of the plugin {plugin} was refused: {error.detail} {told}".strip()
        ) from error
    return True


class _Undone(Exception):
    """The plugin's demo failed in the middle: nothing of it is kept."""


def make_accounts(p: Platform) -> None:
    """The accounts of the demo: an administrator, and one for every declared role; those there already stay as they are."""
    generation = p.generation()
    stored = passwords.hashed(PASSWORD)
    wanted: list[tuple[str, str, str, tuple[str, ...]]] = [
        (ADMIN, "Demo", "Administrator", ("core.admin", "core.everything"))
    ]
    for role, label in sorted(generation.roles().items()):
        plugin = role.partition(".")[0]
        wanted.append((f"{role}@example.org", label, generation.plugins[plugin].label or plugin, (role,)))
    with p.write(Actor.system("demo accounts", channel="job"), generation, reason="demo accounts") as unit:
        there = set(unit.connection.execute(sa.select(Account.email)).scalars())
        departments = sorted(directory.read_structure(unit).departments)
        work = DemoWork(unit, "demo", "small")
        for number, (email, given, family, roles) in enumerate(wanted):
            if email in there:
                continue
            person = _person(
                work, generation, email, given, family, departments[number % len(departments)] if departments else None
            )
            made = unit.connection.execute(
                sa.insert(Account).values(
                    email=email,
                    name=f"{given} {family}",
                    person=person,
                    password=stored,
                    enabled=True,
                    created_at=naive(unit.now),
                )
            )
            for granted in roles:
                unit.connection.execute(
                    sa.insert(RoleGrant).values(account_id=new_id(made), role=granted, granted_at=naive(unit.now))
                )
        head.bump_epoch(unit)


def shown_accounts(p: Platform) -> list[tuple[str, str]]:
    """The demo accounts that exist, mail address and label, the administrator first; empty without demo data."""
    if not has_demo(p):
        return []
    labels = p.current.roles()
    known = {f"{role}@example.org": label for role, label in labels.items()}
    with p.database.begin(writing=False) as connection:
        emails = set(connection.execute(sa.select(Account.email).where(Account.enabled)).scalars())
    rows = [
        (email, f"{p.current.plugins[email.partition('.')[0]].label}: {label}")
        for email, label in known.items()
        if email in emails
    ]
    return ([(ADMIN, accounts.BUILT_IN["core.admin"])] if ADMIN in emails else []) + rows


def few_accounts(offered: Sequence[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    """So many of the demo accounts: the administrator, then the functions in turn, so that each has somebody."""
    turns: dict[str, int] = {}
    ranked = []
    for place, (email, label) in enumerate(offered):
        of = email.partition(".")[0] if email != ADMIN else ""
        turns[of] = turns.get(of, -1) + 1
        ranked.append((turns[of], place, (email, label)))
    return [account for _, _, account in sorted(ranked)[:most]]


def _person(
    work: DemoWork, generation: Generation, email: str, given: str, family: str, department: int | None
) -> int | None:
    return directory.make_person(work, generation, mail=email, given=given, family=family, department=department)


def _done(p: Platform) -> list[str]:
    return _setting(p, _DONE)


def _setting(p: Platform, name: str) -> list[str]:
    with p.database.begin(writing=False) as connection:
        return _read(connection, name)


def _read(connection: sa.Connection, name: str) -> list[str]:
    value = connection.scalar(sa.select(Setting.value).where(Setting.name == name))
    return list(json.loads(value)) if value else []


def _keep(unit: Unit, name: str, plugins: list[str]) -> None:
    unit.connection.execute(sa.delete(Setting).where(Setting.name == name))
    if plugins:
        unit.connection.execute(sa.insert(Setting).values(name=name, value=json.dumps(plugins)))
