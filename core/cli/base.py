"""What commands that work on the data directory share: the platform, and who acts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from core.access.actor import Actor
from core.cli.telling import settings
from core.registry.discover import refuse_foreign_owners
from core.services import accounts
from core.services.platform import Platform


@contextlib.contextmanager
def platform(*, start: bool = True) -> Iterator[Platform]:
    """A started platform for one command."""
    refuse_foreign_owners()
    made = Platform(settings())
    try:
        if start:
            made.start()
        yield made
    finally:
        report = made.ledger.report
        settle = getattr(report, "settle", None)
        if settle is not None:
            settle()
        made.close()


def acting(p: Platform, email: str | None) -> Actor:
    """The system, or the account named with ``--as``, through the command line."""
    if email is None:
        return Actor.system("command line", channel="cli")
    return accounts.actor_for_account(p, accounts.find(p, email).id).via("cli")
