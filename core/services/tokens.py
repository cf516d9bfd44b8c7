"""API tokens: shown once, stored as a hash, limited by scopes, never stronger than their owner."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Forbidden, Invalid, NotFound
from core.services.instants import again_when_moved, aware, fingerprint, naive
from core.storage.models import Account, Token

if TYPE_CHECKING:
    from core.services.platform import Platform

_SCOPE = re.compile(r"(read|write|[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*:(read|write))\Z")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as its owner sees it; the secret is not kept."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None


@again_when_moved
def create_token(
    p: Platform,
    account: int,
    name: str,
    scopes: Iterable[str] = (),
    *,
    actor: Actor | None = None,
    valid: timedelta | None = None,
) -> str:
    """A new token of the account; the answer is the only time it is seen. Raises Invalid, Forbidden, NotFound.

    Without scopes it has all its owner's rights. ``actor`` must be the owner or the system (the default).
    """
    by = actor or Actor.system("token made")
    if not by.is_system and by.account != account:
        raise Forbidden("A token is made by its owner. On the command line: backoffice token create.")
    wanted = tuple(dict.fromkeys(scopes))
    bad = [scope for scope in wanted if not _SCOPE.match(scope)]
    if bad:
        raise Invalid(
            {
                "scopes": [
                    f'"{scope}" is no scope. Scopes are read, write, plugin.entity:read, plugin.entity:write.'
                    for scope in bad
                ]
            }
        )
    if not name.strip() or len(name) > 100:
        raise Invalid({"name": ["Give the token a name of at most 100 characters."]})
    generation = p.generation()
    unknown = [scope for scope in wanted if ":" in scope and scope.rpartition(":")[0] not in generation.entities]
    if unknown:
        raise Invalid({"scopes": [f'There is no entity "{scope.rpartition(":")[0]}".' for scope in unknown]})
    token = "bo_" + secrets.token_urlsafe(32)
    with p.write(by, generation, reason="token made") as unit:
        if unit.connection.execute(sa.select(Account.id).where(Account.id == account)).first() is None:
            raise NotFound("There is no such account.")
        unit.connection.execute(
            sa.insert(Token).values(
                account_id=account,
                name=name.strip(),
                hash=fingerprint(token),
                scopes=" ".join(wanted),
                created_at=naive(unit.now),
                expires_at=naive(unit.now + valid) if valid else None,
            )
        )
    return token


def my_tokens(p: Platform, actor: Actor) -> list[TokenRow]:
    """The actor's tokens, newest first."""
    with p.read(actor) as unit:
        rows = unit.connection.execute(
            sa.select(Token.id, Token.name, Token.scopes, Token.created_at, Token.expires_at)
            .where(Token.account_id == actor.account)
            .order_by(Token.id.desc())
        ).all()
    return [
        TokenRow(
            row.id,
            row.name,
            tuple(row.scopes.split()),
            aware(row.created_at),
            aware(row.expires_at) if row.expires_at else None,
        )
        for row in rows
    ]


@again_when_moved
def revoke_token(p: Platform, actor: Actor, token: int) -> None:
    """Make one of the own tokens worthless at once. Raises NotFound."""
    with p.write(actor, p.generation(), reason="token revoked") as unit:
        if (
            unit.connection.execute(
                sa.delete(Token).where(Token.id == token, Token.account_id == actor.account)
            ).rowcount
            != 1
        ):
            raise NotFound("There is no such token.")
