"""The first account of an empty system: made at /setup with a one-time token that the console shows."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Conflict, Forbidden
from core.services import demo, passwords, people
from core.services.instants import fingerprint
from core.storage.models import Setting

if TYPE_CHECKING:
    from core.services.platform import Platform

_NAME = "setup.token"


def token(p: Platform) -> str:
    """A new one-time token; former ones are worthless. Raises Conflict when somebody has an account already."""
    if not demo.is_empty(p):
        raise Conflict("This system is set up already.")
    made = secrets.token_urlsafe(24)
    with p.database.begin(writing=True) as connection:
        connection.execute(sa.delete(Setting).where(Setting.name == _NAME))
        connection.execute(sa.insert(Setting).values(name=_NAME, value=fingerprint(made)))
    return made


def fits(p: Platform, given: str) -> bool:
    """Whether this is the token in force."""
    with p.database.begin(writing=False) as connection:
        stored = connection.scalar(sa.select(Setting.value).where(Setting.name == _NAME))
    return bool(stored) and secrets.compare_digest(str(stored), fingerprint(given))


def is_open(p: Platform) -> bool:
    """Whether /setup is offered: nobody has an account yet."""
    return demo.is_empty(p)


def first_account(p: Platform, given: str, *, email: str, name: str, password: str) -> int:
    """Make the first account, with all rights, and answer it. Raises Forbidden, Conflict, Invalid."""
    if not demo.is_empty(p):
        raise Conflict("This system is set up already. Sign in.")
    if not fits(p, given):
        raise Forbidden("This link is not valid. The console of the server shows the one that is.")
    passwords.require_good(password, email)
    account = people.add(
        p,
        Actor.system("set-up", channel="ui"),
        email=email,
        name=name,
        roles=("core.admin", "core.everything"),
        password=password,
    )
    with p.database.begin(writing=True) as connection:
        connection.execute(sa.delete(Setting).where(Setting.name == _NAME))
    return account
