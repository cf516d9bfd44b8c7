"""Sessions: signing in with limits against guessing, and the list of devices that are signed in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import NotFound, NotSignedIn, TooMany
from core.services import passwords
from core.services.instants import again_when_moved, aware, fingerprint, naive
from core.storage.models import Account, Attempt, Session
from core.storage.unit import Unit

if TYPE_CHECKING:
    from core.services.platform import Platform

WINDOW = timedelta(minutes=5)
"""How long a failed attempt counts."""
PER_PAIR = 10
"""Failures of one account from one address in the window."""
PER_ADDRESS = 60
"""Failures from one address in the window, whatever the account."""
PER_ACCOUNT = 100
"""Failures of one account in the window; addresses from which it signed in before are not held to it."""
WRONG = "The mail address or the password is not right."


@dataclass(frozen=True, slots=True)
class Device:
    """One session as its owner sees it."""

    id: int
    agent: str
    address: str
    created_at: datetime
    seen_at: datetime


@again_when_moved
def sign_in(p: Platform, email: str, password: str, *, address: str = "", agent: str = "") -> tuple[str, int]:
    """Check a password and open a session; answers the cookie's secret and the account.

    Raises NotSignedIn with one sentence for unknown, disabled and wrong, TooMany after too many failures: limits hold per
    account and address, so that nobody is locked out by somebody else's guesses.
    """
    email = email.strip().lower()[:320]
    system = Actor.system("sign-in")
    with p.read(system) as unit:
        _refuse_guessing(unit, email, address)
        row = unit.connection.execute(
            sa.select(Account.id, Account.password).where(Account.email == email, Account.enabled)
        ).first()
    # Hashing happens outside any unit: it takes time on purpose.
    good = passwords.verify(row.password if row else "", password[: passwords.LONGEST + 1])
    if row is None or not good:
        with p.write(system, p.generation()) as unit:
            unit.connection.execute(
                sa.insert(Attempt).values(email=email, address=address, at=naive(unit.now), good=False)
            )
            unit.connection.execute(sa.delete(Attempt).where(Attempt.at < naive(unit.now - timedelta(days=30))))
        raise NotSignedIn(WRONG)
    renewed = passwords.hashed(password) if passwords.outdated(row.password) else ""
    token = open_session(p, row.id, address=address, agent=agent)
    with p.write(system, p.generation()) as unit:
        # Success forgives this pair's failures, and remembers the address as one the account is used from.
        unit.connection.execute(sa.delete(Attempt).where(Attempt.email == email, Attempt.address == address))
        unit.connection.execute(sa.insert(Attempt).values(email=email, address=address, at=naive(unit.now), good=True))
        values = {"signed_in_at": naive(unit.now)} | ({"password": renewed} if renewed else {})
        unit.connection.execute(sa.update(Account).where(Account.id == row.id).values(**values))
    return token, int(row.id)


@again_when_moved
def open_session(p: Platform, account: int, *, address: str = "", agent: str = "") -> str:
    """A new session for an account, without asking for its password; answers the cookie's secret, of which only a hash is kept."""
    token = secrets.token_urlsafe(32)
    system = Actor.system("sign-in")
    with p.write(system, p.generation()) as unit:
        unit.connection.execute(
            sa.insert(Session).values(
                account_id=account,
                hash=fingerprint(token),
                csrf=secrets.token_urlsafe(24),
                address=address[:80],
                agent=agent[:200],
                created_at=naive(unit.now),
                seen_at=naive(unit.now),
            )
        )
        unit.connection.execute(
            sa.delete(Session).where(
                Session.seen_at < naive(unit.now - timedelta(seconds=p.settings.session_idle + 3600))
            )
        )
    return token


@again_when_moved
def close_session(p: Platform, token: str) -> None:
    """Sign out: the session is gone for every process at once."""
    with p.write(Actor.system("sign-out"), p.generation()) as unit:
        unit.connection.execute(sa.delete(Session).where(Session.hash == fingerprint(token)))


@again_when_moved
def close_sessions(p: Platform, actor: Actor, *, but: int | None = None) -> None:
    """Sign out everywhere, except from the session ``but``."""
    with p.write(actor, p.generation()) as unit:
        unit.connection.execute(sa.delete(Session).where(Session.account_id == actor.account, Session.id != (but or 0)))


def my_sessions(p: Platform, actor: Actor) -> list[Device]:
    """Where the actor is signed in, newest use first."""
    with p.read(actor) as unit:
        rows = unit.connection.execute(
            sa.select(Session.id, Session.agent, Session.address, Session.created_at, Session.seen_at)
            .where(Session.account_id == actor.account)
            .order_by(Session.seen_at.desc())
        ).all()
    return [Device(row.id, row.agent, row.address, aware(row.created_at), aware(row.seen_at)) for row in rows]


@again_when_moved
def revoke_session(p: Platform, actor: Actor, session: int) -> None:
    """Sign out one of the own devices. Raises NotFound."""
    with p.write(actor, p.generation()) as unit:
        done = unit.connection.execute(
            sa.delete(Session).where(Session.id == session, Session.account_id == actor.account)
        )
        if done.rowcount != 1:
            raise NotFound("There is no such session.")


@again_when_moved
def count_attempt(p: Platform, door: str, address: str, limit: int = 20) -> None:
    """Limit an anonymous door other than sign-in (reset, set-up). Raises TooMany after ``limit`` calls in the window."""
    with p.write(Actor.system(door), p.generation()) as unit:
        _refuse(unit, limit, Attempt.email == f"door:{door}", Attempt.address == address)
        unit.connection.execute(
            sa.insert(Attempt).values(email=f"door:{door}", address=address, at=naive(unit.now), good=False)
        )


def _refuse_guessing(unit: Unit, email: str, address: str) -> None:
    _refuse(unit, PER_PAIR, Attempt.email == email, Attempt.address == address)
    _refuse(unit, PER_ADDRESS, Attempt.address == address, ~Attempt.email.startswith("door:", autoescape=True))
    known = unit.connection.execute(
        sa.select(Attempt.id).where(Attempt.email == email, Attempt.address == address, Attempt.good).limit(1)
    ).first()
    if known is None:
        _refuse(unit, PER_ACCOUNT, Attempt.email == email)


def _refuse(unit: Unit, limit: int, *where: sa.ColumnElement[bool]) -> None:
    recent = sa.select(Attempt.at).where(*where, ~Attempt.good, Attempt.at > naive(unit.now - WINDOW))
    # The limit-th newest failure: when it leaves the window, there is room again.
    at = unit.connection.execute(recent.order_by(Attempt.at.desc()).offset(limit - 1).limit(1)).scalar()
    if at is not None:
        wait = int((aware(at) + WINDOW - unit.now).total_seconds())
        raise TooMany("Too many attempts. Please wait a few minutes and try again.", retry_after=max(1, wait))
