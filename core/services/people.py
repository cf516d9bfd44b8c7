"""A person and the account that goes with it, made together; and the link with which a password is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Conflict, Invalid
from core.services import accounts, directory, jobs, passwords
from core.services.demo import DemoWork
from core.services.instants import again_when_moved
from core.services.jobs import Run
from core.storage import outbox
from core.storage.models import Account

if TYPE_CHECKING:
    from core.services.platform import Platform

VERB = "reset"
"""The worker's verb that sends a link to choose another password."""


@again_when_moved
def add(
    p: Platform,
    actor: Actor,
    *,
    email: str,
    name: str,
    roles: Iterable[str] = (),
    department: str | None = None,
    password: str | None = None,
) -> int:
    """Make an account for ``email`` and a person of the directory for it, unless one has that address; answers the account.

    Raises Invalid (unknown department, role, bad address), Conflict when the account exists.
    """
    accounts.require_keeper(actor)
    email = accounts.normal(email)
    roles = tuple(roles)
    accounts.check_roles(p, actor, roles)
    if password is not None and not actor.is_system:
        passwords.require_good(password, email)
    given, _, family = name.strip().rpartition(" ")
    generation = p.generation()
    with p.write(actor, generation, reason="person and account made") as unit:
        if unit.connection.execute(sa.select(Account.id).where(Account.email == email)).first():
            raise Conflict(f"There is already an account for {email}.")
        place = None
        if department:
            found = directory.read_structure(unit).coded(department)
            if found is None:
                raise Invalid({"department": [f'There is no department "{department}".']})
            place = found.id
        work = DemoWork(unit, "directory", "small")
        person = directory.make_person(
            work, generation, mail=email, given=given or family, family=family, department=place
        )
    return accounts.add(p, actor, email=email, name=name, person=person, roles=roles, password=password)


@again_when_moved
def invite(p: Platform, actor: Actor, account: int) -> str:
    """Make an invitation; answers a sentence: that it was sent, or, with mail off, the link itself."""
    secret = accounts.invite(p, actor, account)
    if not p.settings.smtp_url:
        return f"Mail is off. Invitation link, valid once and for seven days: {link(p, secret)}"
    to = accounts.by_id(p, account).email
    _send(
        p,
        actor,
        to,
        "Your account",
        f"You have been given an account at {p.settings.base_url}.\n\nChoose a password here, once and "
        f"within seven days:\n{link(p, secret)}\n",
    )
    return f"An invitation was sent to {to}."


@again_when_moved
def ask_reset(p: Platform, email: str) -> None:
    """Have a link to choose another password sent to ``email``, if somebody has that address. Tells nobody which.

    The worker looks: whoever asks waits as long for an address that nobody has. With mail off nothing is done.
    """
    if p.settings.smtp_url:
        jobs.put(p, Actor.system("reset of a password"), VERB, {"email": email.replace("\x00", "")})


@jobs.verb(VERB)
def _reset(p: Platform, actor: Actor, values: Mapping[str, Any], run: Run) -> None:
    reset(p, str(values["email"]))


def reset(p: Platform, email: str) -> None:
    """Send a link with which a password is chosen anew, if somebody has that address and mail is on. Tells nobody which."""
    found = accounts.request_reset(p, email) if p.settings.smtp_url else None
    if found is not None:
        account, secret = found
        _send(
            p,
            Actor.system("reset of a password"),
            accounts.by_id(p, account).email,
            "Choose a new password",
            f"Somebody asked for a new password for this address at {p.settings.base_url}. If it was you, choose it here, once and "
            f"within two hours:\n{link(p, secret)}\n\nIf it was not you, do nothing.\n",
        )


@again_when_moved
def _send(p: Platform, actor: Actor, to: str, subject: str, text: str) -> None:
    with p.write(actor, p.generation(), reason="mail with a link") as unit:
        outbox.put(unit, "mail", {"to": to, "subject": subject, "text": text})


def link(p: Platform, secret: str) -> str:
    """The address at which a password is chosen, built from the configured base URL, never from a request."""
    return f"{p.settings.base_url or 'http://127.0.0.1:8000'}/login/choose?key={secret}"
