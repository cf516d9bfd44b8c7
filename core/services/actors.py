"""From a session or a token to the Actor: one statement a request, everything else remembered for one epoch."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import NotSignedIn
from core.services import directory, plugins
from core.services.instants import again_when_moved, aware, fingerprint, naive
from core.storage.models import Account, Head, RoleGrant, Session, Token
from core.storage.sent import Sent
from core.storage.unit import Unit

if TYPE_CHECKING:
    from core.services.platform import Platform

KEPT = 2000
"""Actors remembered by one process."""
FRESH = timedelta(minutes=5)
"""How stale the stored moment of a session's last use may be: it is not written at every request."""
_SYSTEM = Actor.system("who is signed in")
# Asked by every request: built once.
_BY_SESSION = Sent(
    sa.select(Session.id, Session.account_id, Session.csrf, Session.created_at, Session.seen_at, Head.generation, Head.epoch)
    .join(Account, Account.id == Session.account_id)
    .join(Head, Head.id == 1)
    .where(Session.hash == sa.bindparam("hash"), Account.enabled)
)
_BY_TOKEN = Sent(
    sa.select(Token.id, Token.account_id, Token.scopes, Token.expires_at, Head.generation, Head.epoch)
    .join(Account, Account.id == Token.account_id)
    .join(Head, Head.id == 1)
    .where(Token.hash == sa.bindparam("hash"), Account.enabled)
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A request's proof of who it is. ``head`` is the number of the generation in force, read with the session."""

    actor: Actor
    session: int
    csrf: str
    head: int


@again_when_moved
def signed_in(p: Platform, token: str) -> SignedIn | None:
    """Who is behind a session cookie; None when it is unknown, too old, its account is disabled, or its person has left."""
    if not token or len(token) > 200:
        return None
    with p.read(_SYSTEM) as unit:
        found = _BY_SESSION.rows(unit.connection, {"hash": fingerprint(token)})
        if not found:
            return None
        session, account, csrf, created, seen, number, epoch = found[0]
        if _over(p, created, seen, unit.now):
            return None
        actor = _actor(p, unit, account, number, epoch)
    if actor is None:
        return None
    if unit.now - aware(seen) > min(FRESH, timedelta(seconds=p.settings.session_idle / 10)):
        with p.write(_SYSTEM, p.generation(number)) as writing:
            writing.connection.execute(
                sa.update(Session).where(Session.id == session).values(seen_at=naive(writing.now))
            )
    return SignedIn(actor, session, csrf, number)


def actor_for_session(p: Platform, token: str) -> Actor | None:
    """The actor behind a session cookie, or None."""
    found = signed_in(p, token)
    return found.actor if found else None


def actor_for_token(p: Platform, token: str) -> tuple[Actor, int]:
    """The actor behind an API token, limited to its scopes, and the number of the generation in force. Raises NotSignedIn."""
    if token and len(token) <= 200:
        with p.read(_SYSTEM) as unit:
            found = _BY_TOKEN.rows(unit.connection, {"hash": fingerprint(token)})
            for number, account, scoped, expires, generation, epoch in found:
                actor = _actor(p, unit, account, generation, epoch) if expires is None or aware(expires) > unit.now else None
                if actor is not None:
                    scopes = frozenset(scoped.split()) if scoped else None
                    return replace(actor, channel="api", scopes=scopes, token=number), generation
    raise NotSignedIn("This needs a valid API token: send it as Authorization: Bearer.")


def actor_for_account(p: Platform, account: int) -> Actor:
    """The actor of an enabled account. Raises NotSignedIn."""
    with p.read(_SYSTEM) as unit:
        row = unit.connection.execute(sa.select(Head.generation, Head.epoch).where(Head.id == 1)).one()
        actor = _actor(p, unit, account, row.generation, row.epoch)
    if actor is None:
        raise NotSignedIn("This account is disabled or does not exist.")
    return actor


def renewed(p: Platform, actor: Actor) -> Actor:
    """The same actor with the rights held now, for work that goes on for long. Raises NotSignedIn when the account was disabled."""
    if actor.account is None:
        return actor
    now = actor_for_account(p, actor.account)
    return replace(now, channel=actor.channel, scopes=actor.scopes, token=actor.token, reason=actor.reason, on_behalf_of=actor.on_behalf_of)


def _over(p: Platform, created: datetime, seen: datetime, now: datetime) -> bool:
    idle, whole = timedelta(seconds=p.settings.session_idle), timedelta(seconds=p.settings.session_limit)
    return now - aware(seen) > idle or now - aware(created) > whole


class _Memory:
    """The actors a process knows; the oldest leaves first. A key holds the epoch: what changed is simply never found again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, int, int], Actor] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int, int, int]) -> Actor | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple[int, int, int, int], actor: Actor) -> None:
        with self._lock:
            self._kept[key] = actor
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


_memory = _Memory()


def _actor(p: Platform, unit: Unit, account: int, generation: int, epoch: int) -> Actor | None:
    # Somebody's last day ends without a write: what is remembered holds for an hour.
    key = (id(p.database), account, epoch, int(unit.now.timestamp()) // 3600)
    plugins.notice_epoch(p, unit, epoch)
    found = _memory.get(key)
    if found is None:
        # The unit may hold the generation before; what provides the directory is the same in both.
        found = _facts(unit, account, epoch)
        if found is not None:
            _memory.put(key, found)
    return found


def _facts(unit: Unit, account: int, epoch: int) -> Actor | None:
    row = unit.connection.execute(
        sa.select(Account.email, Account.name, Account.person).where(Account.id == account, Account.enabled)
    ).first()
    if row is None:
        return None
    roles = unit.connection.execute(sa.select(RoleGrant.role).where(RoleGrant.account_id == account)).scalars()
    person = directory.person(unit, row.person)
    if person is not None and not person.works_here:
        return None
    structure = directory.structure(unit, epoch)
    department = person.department if person else None
    company = structure.company_of(department)
    of_company = frozenset(one.id for one in structure.departments.values() if company and one.company == company.id)
    return Actor(
        account=account,
        email=row.email,
        name=(person.name if person else "") or row.name or row.email,
        person=row.person,
        department=department,
        department_code=structure.code_of(department),
        departments_below=structure.below(department),
        company=company.id if company else None,
        company_departments=of_company,
        teams=person.teams if person else frozenset(),
        teammates=person.teammates if person else frozenset(),
        roles=frozenset({*roles, "core.everyone"}),
        locale=person.locale if person else "en",
        zone=person.zone if person else "UTC",
        epoch=epoch,
    )
