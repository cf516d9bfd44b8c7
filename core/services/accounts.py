"""Accounts: who may sign in, which roles they hold, and the links that let somebody choose a password."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.fields.texts import mail_address
from core.registry.generation import Generation
from core.services import passwords
from core.services.actors import actor_for_account, actor_for_session, actor_for_token, signed_in
from core.services.instants import again_when_moved, aware, fingerprint, naive
from core.services.sessions import close_session, close_sessions, my_sessions, open_session, revoke_session, sign_in
from core.services.tokens import create_token, my_tokens, revoke_token
from core.storage import head, log
from core.storage.keys import new_id
from core.storage.models import Account, Invitation, RoleGrant, Session
from core.storage.unit import Unit

if TYPE_CHECKING:
    from core.services.platform import Platform

__all__ = [
    "AccountRow",
    "actor_for_account",
    "actor_for_session",
    "actor_for_token",
    "add",
    "by_id",
    "close_session",
    "close_sessions",
    "create_token",
    "disable",
    "enable",
    "find",
    "grant_role",
    "invite",
    "listed",
    "my_sessions",
    "my_tokens",
    "open_session",
    "redeem",
    "request_reset",
    "revoke_role",
    "revoke_session",
    "revoke_token",
    "roles_of",
    "set_password",
    "set_roles",
    "sign_in",
    "signed_in",
    "change_password",
]

ACCOUNT = "core.account"
"""As what accounts stand in the log: whoever gives or takes rights is told there like whoever changes a record."""
BUILT_IN = {"core.admin": "Administrator", "core.everything": "Everything", "core.everyone": "Everybody"}
"""The core's own roles with their labels; ``core.everyone`` is held by every enabled account and never granted."""
INVITED_FOR = timedelta(days=7)
RESET_FOR = timedelta(hours=2)
_ROLE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account as administrators see it. ``at`` values are aware, in UTC."""

    id: int
    email: str
    name: str
    person: int | None
    enabled: bool
    has_password: bool
    created_at: datetime
    signed_in_at: datetime | None
    roles: tuple[str, ...]


def normal(email: str) -> str:
    """The address as it is stored and compared: lower case, checked for its form. Raises Invalid."""
    try:
        return mail_address(email.strip()).lower()
    except ValueError as error:
        raise Invalid({"email": [f"This is no mail address: {error}"]}) from error


@again_when_moved
def add(
    p: Platform,
    actor: Actor,
    *,
    email: str,
    name: str = "",
    person: int | None = None,
    roles: Iterable[str] = (),
    password: str | None = None,
    hashed: str | None = None,
) -> int:
    """Make an account and answer its id. Without a password it can only be entered by an invitation.

    ``hashed`` takes a ready hash instead of a password (demo accounts). Raises Conflict when the address has one already,
    Invalid for a bad address, role or pair of roles.
    """
    require_keeper(actor)
    email = normal(email)
    wanted = _checked_roles(p.generation(), actor, roles, held=())
    if password is not None and not actor.is_system:
        passwords.require_good(password, email)
    stored = hashed or (passwords.hashed(password) if password is not None else "")
    with p.write(actor, p.generation(), reason="account made") as unit:
        if unit.connection.execute(sa.select(Account.id).where(Account.email == email)).first():
            raise Conflict(f"There is already an account for {email}.")
        made = unit.connection.execute(
            sa.insert(Account).values(
                email=email, name=name, person=person, password=stored, enabled=True, created_at=naive(unit.now)
            )
        )
        account = new_id(made)
        _grant(unit, actor, account, wanted)
        log.note(unit, ACCOUNT, account, [("email", None, email), ("roles", (), wanted)], action="create")
        head.bump_epoch(unit)
    return account


def find(p: Platform, email: str) -> AccountRow:
    """The account of that address. Raises NotFound."""
    rows = _rows(p, Account.email == email.strip().lower())
    if not rows:
        raise NotFound(f"There is no account for {email}.")
    return rows[0]


def by_id(p: Platform, account: int) -> AccountRow:
    """The account of that id. Raises NotFound."""
    rows = _rows(p, Account.id == account)
    if not rows:
        raise NotFound("There is no such account.")
    return rows[0]


def listed(p: Platform, actor: Actor) -> list[AccountRow]:
    """All accounts by address, with their roles. Administrators only."""
    require_keeper(actor)
    return _rows(p, sa.true())


@again_when_moved
def disable(p: Platform, actor: Actor, account: int) -> None:
    """Nobody signs in with it any more: sessions and tokens stop within one request."""
    require_keeper(actor)
    _require_above(p, actor, account)
    if actor.account == account:
        raise Conflict("You cannot disable your own account. Ask another administrator.")
    with p.write(actor, p.generation(), reason="account disabled") as unit:
        _touch(unit, account, enabled=False)
        log.note(unit, ACCOUNT, account, [("enabled", True, False)])
        unit.connection.execute(sa.delete(Session).where(Session.account_id == account))
        head.bump_epoch(unit)


@again_when_moved
def enable(p: Platform, actor: Actor, account: int) -> None:
    """Let the account be used again; its tokens work again, sessions have to be opened anew."""
    require_keeper(actor)
    with p.write(actor, p.generation(), reason="account enabled") as unit:
        _touch(unit, account, enabled=True)
        log.note(unit, ACCOUNT, account, [("enabled", False, True)])
        head.bump_epoch(unit)


def roles_of(p: Platform, account: int) -> tuple[str, ...]:
    """The granted roles of an account, by name."""
    with p.read(Actor.system("roles of an account")) as unit:
        return _held(unit, account)


def grant_role(p: Platform, actor: Actor, account: int, role: str) -> None:
    """Grant one role. Raises Invalid for an unknown role or one that may not be held together with another."""
    set_roles(p, actor, account, {*roles_of(p, account), role})


def revoke_role(p: Platform, actor: Actor, account: int, role: str) -> None:
    """Take one role away."""
    set_roles(p, actor, account, set(roles_of(p, account)) - {role})


@again_when_moved
def set_roles(p: Platform, actor: Actor, account: int, roles: Iterable[str]) -> None:
    """Make these the roles of the account. Raises Invalid, or Forbidden where the actor gives more than is theirs to give."""
    require_keeper(actor)
    with p.write(actor, p.generation(), reason="roles changed") as unit:
        _hold(unit, account)
        held = _held(unit, account)
        wanted = _checked_roles(unit.generation, actor, roles, held)
        gained, lost = set(wanted) - set(held), set(held) - set(wanted)
        if actor.account == account and gained and "core.everything" not in actor.roles:
            raise Forbidden("You cannot give yourself a role. Ask another administrator.")
        if "core.everything" in lost and "core.everything" not in actor.roles:
            raise Forbidden("Only somebody who holds core.everything may take it away.")
        if lost:
            unit.connection.execute(
                sa.delete(RoleGrant).where(RoleGrant.account_id == account, RoleGrant.role.in_(lost))
            )
        _grant(unit, actor, account, gained)
        if gained or lost:
            log.note(unit, ACCOUNT, account, [("roles", held, tuple(sorted(wanted)))])
            head.bump_epoch(unit)


@again_when_moved
def set_password(p: Platform, actor: Actor, account: int, password: str) -> None:
    """Set somebody's password; every session of the account ends, and links to choose one open nothing any more."""
    require_keeper(actor)
    _require_above(p, actor, account)
    if not actor.is_system:
        passwords.require_good(password)
    _store_password(p, actor, account, password)


@again_when_moved
def change_password(p: Platform, actor: Actor, old: str, new: str) -> None:
    """Choose another password for the own account; every session ends, this one too. Raises Invalid."""
    if actor.account is None:
        raise Forbidden("Only somebody with an account has a password.")
    with p.read(actor) as unit:
        row = unit.connection.execute(
            sa.select(Account.password, Account.email).where(Account.id == actor.account)
        ).one()
    if not passwords.verify(row.password, old):
        raise Invalid({"old": ["This is not your password."]})
    passwords.require_good(new, row.email)
    _store_password(p, actor, actor.account, new)


@again_when_moved
def invite(p: Platform, actor: Actor, account: int) -> str:
    """A link's secret part with which the account's password may be chosen once, within seven days."""
    require_keeper(actor)
    _require_above(p, actor, account)
    return _link(p, actor, account, "invite", INVITED_FOR)


@again_when_moved
def request_reset(p: Platform, email: str) -> tuple[int, str] | None:
    """An account and the secret of a reset link, valid once and for two hours; None when nobody has that address.

    The door answers the same in both cases.
    """
    system = Actor.system("reset of a password")
    rows = _rows(p, sa.and_(Account.email == email.strip().lower(), Account.enabled))
    return (rows[0].id, _link(p, system, rows[0].id, "reset", RESET_FOR)) if rows else None


def require_link(p: Platform, secret: str) -> None:
    """Raises NotFound for a link of an invitation or reset that was used, is too old, or never was."""
    _opened_by(p, secret)


def _opened_by(p: Platform, secret: str) -> Any:
    with p.read(Actor.system("link of an invitation")) as unit:
        row = unit.connection.execute(
            sa.select(Invitation.account_id, Account.email)
            .join(Account, Account.id == Invitation.account_id)
            .where(
                Invitation.hash == fingerprint(secret),
                Invitation.used_at.is_(None),
                Invitation.expires_at > naive(unit.now),
                Account.enabled,
            )
        ).first()
    if row is None:
        raise NotFound("This link was used already or is too old. Ask for a new one.")
    return row


@again_when_moved
def redeem(p: Platform, secret: str, password: str) -> int:
    """Choose a password by an invitation or reset link and answer the account. Raises NotFound for a used or old link."""
    system = Actor.system("link of an invitation")
    chosen = Invitation.hash == fingerprint(secret)
    row = _opened_by(p, secret)
    passwords.require_good(password, row.email)
    stored = passwords.hashed(password)
    with p.write(system, p.generation(), reason="password chosen by a link") as unit:
        used = unit.connection.execute(
            sa.update(Invitation).where(chosen, Invitation.used_at.is_(None)).values(used_at=naive(unit.now))
        )
        if used.rowcount != 1:
            raise NotFound("This link was used already or is too old. Ask for a new one.")
        _replace_password(unit, row.account_id, stored)
    return int(row.account_id)


def segregated(generation: Generation, roles: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of these roles that nobody may hold together."""
    held = set(roles)
    return [
        pair
        for plugin in generation.plugins.values()
        for pair in plugin.segregation
        if pair[0] in held and pair[1] in held
    ]


def _link(p: Platform, actor: Actor, account: int, kind: str, valid: timedelta) -> str:
    secret = secrets.token_urlsafe(32)
    with p.write(actor, p.generation(), reason=f"{kind} link made") as unit:
        # A newer link makes the older ones worthless; yet what anybody may ask for ends no invitation.
        older = sa.delete(Invitation).where(Invitation.account_id == account, Invitation.used_at.is_(None))
        unit.connection.execute(older.where(Invitation.kind == kind) if kind == "reset" else older)
        unit.connection.execute(
            sa.insert(Invitation).values(
                account_id=account,
                kind=kind,
                hash=fingerprint(secret),
                created_at=naive(unit.now),
                expires_at=naive(unit.now + valid),
            )
        )
        if not actor.is_system:
            _hold(unit, account)
            log.note(unit, ACCOUNT, account, [("link", None, kind)])
    return secret


def _store_password(p: Platform, actor: Actor, account: int, password: str) -> None:
    stored = passwords.hashed(password)
    with p.write(actor, p.generation(), reason="password changed") as unit:
        _replace_password(unit, account, stored)


def _replace_password(unit: Unit, account: int, stored: str) -> None:
    _touch(unit, account, password=stored)
    log.note(unit, ACCOUNT, account, [("password", None, "chosen anew")])
    # Whoever has an older link could else choose the password once more.
    unit.connection.execute(sa.delete(Invitation).where(Invitation.account_id == account, Invitation.used_at.is_(None)))
    unit.connection.execute(sa.delete(Session).where(Session.account_id == account))
    head.bump_epoch(unit)


def _touch(unit: Unit, account: int, **values: Any) -> None:
    if unit.connection.execute(sa.update(Account).where(Account.id == account).values(**values)).rowcount != 1:
        raise NotFound("There is no such account.")


def _hold(unit: Unit, account: int) -> None:
    """Whoever changes the account, or writes of it to the log, waits for whoever does already."""
    unit.connection.execute(sa.select(Account.id).where(Account.id == account).with_for_update()).first()


def _held(unit: Unit, account: int) -> tuple[str, ...]:
    return tuple(
        unit.connection.execute(
            sa.select(RoleGrant.role).where(RoleGrant.account_id == account).order_by(RoleGrant.role)
        ).scalars()
    )


def _grant(unit: Unit, actor: Actor, account: int, roles: Iterable[str]) -> None:
    rows = [
        {"account_id": account, "role": role, "granted_by": actor.account, "granted_at": naive(unit.now)}
        for role in sorted(roles)
    ]
    if rows:
        unit.connection.execute(sa.insert(RoleGrant), rows)


def _checked_roles(generation: Generation, actor: Actor, roles: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(sorted(set(roles) - {"core.everyone"}))
    known = generation.roles()
    unknown = [
        role
        for role in wanted
        if role not in held and (not _ROLE.match(role) or (role not in known and role not in BUILT_IN))
    ]
    if unknown:
        raise Invalid({"roles": [f'There is no role "{role}".' for role in unknown]})
    if "core.everything" in wanted and "core.everything" not in held and "core.everything" not in actor.roles:
        raise Forbidden("Only somebody who holds core.everything may give it.")
    for one, other in segregated(generation, wanted):
        raise Invalid({"roles": [f"Nobody may hold both {one} and {other}."]})
    return wanted


def check_roles(p: Platform, actor: Actor, roles: Iterable[str]) -> None:
    """Raise Invalid or Forbidden unless the actor may give these roles, together."""
    _checked_roles(p.generation(), actor, roles, held=())


def require_keeper(actor: Actor) -> None:
    """Raise Forbidden unless the actor keeps accounts."""
    if not actor.is_system and not actor.roles & {"core.admin", "core.everything"}:
        raise Forbidden("Accounts are kept by administrators (core.admin). Ask one of them.")


def _require_above(p: Platform, actor: Actor, account: int) -> None:
    # Who chooses somebody's password can be them: what may not be given may not be taken by this way either.
    if actor.is_system or "core.everything" in actor.roles:
        return
    if "core.everything" in roles_of(p, account):
        raise Forbidden("This account holds core.everything. Only somebody who holds it too may do this.")


def _rows(p: Platform, where: Any) -> list[AccountRow]:
    with p.read(Actor.system("accounts")) as unit:
        rows = unit.connection.execute(
            sa.select(
                Account.id,
                Account.email,
                Account.name,
                Account.person,
                Account.enabled,
                Account.password,
                Account.created_at,
                Account.signed_in_at,
            )
            .where(where)
            .order_by(Account.email)
        ).all()
        roles: dict[int, list[str]] = {}
        statement = sa.select(RoleGrant.account_id, RoleGrant.role).order_by(RoleGrant.role)
        if len(rows) == 1:
            statement = statement.where(RoleGrant.account_id == rows[0].id)
        for row in unit.connection.execute(statement):
            roles.setdefault(row.account_id, []).append(row.role)
    return [
        AccountRow(
            row.id,
            row.email,
            row.name or "",
            row.person,
            bool(row.enabled),
            bool(row.password),
            aware(row.created_at),
            aware(row.signed_in_at) if row.signed_in_at else None,
            tuple(roles.get(row.id, ())),
        )
        for row in rows
    ]
