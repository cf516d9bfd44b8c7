"""What all commands share: the platform they work on, refusals as sentences, and exit codes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import click

from core.access.actor import Actor
from core.errors import BackofficeError
from core.registry.discover import refuse_foreign_owners
from core.services import accounts
from core.services.platform import Platform
from core.settings import Settings

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")
REFUSED = 1
"""Exit code of everything that was refused; 2 is click's for a wrong command line, 130 for Ctrl-C."""


def settings() -> Settings:
    """The settings of the environment."""
    return Settings.from_environ()


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


def command(function: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """Say refusals as sentences on standard error and end with exit code 1."""

    @wraps(function)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
        try:
            return function(*args, **kwargs)
        except BackofficeError as error:
            fail(error)

    return call


def fail(error: BackofficeError) -> NoReturn:
    """Tell a refusal and end."""
    click.echo(f"backoffice: {error.detail}", err=True)
    for name, sentences in error.errors.items():
        for sentence in sentences:
            click.echo(f"  {name}: {sentence}" if name else f"  {sentence}", err=True)
    sys.exit(REFUSED)


def examples(*lines: str) -> str:
    """An epilog with examples, for ``@click.command(epilog=examples(...))``."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
