"""How commands speak: refusals as sentences, exit codes, examples. Nothing heavy is imported here, so that help is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import click

from core.errors import Away, BackofficeError
from core.settings import Settings

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")
REFUSED = 1
"""Exit code of everything that was refused; 2 is click's for a wrong command line, 130 for Ctrl-C."""


def settings() -> Settings:
    """The settings of the environment."""
    return Settings.from_environ()


def command(function: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """Say refusals as sentences on standard error and end with exit code 1."""

    @wraps(function)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
        try:
            return function(*args, **kwargs)
        except BackofficeError as error:
            fail(error)
        except OSError as error:
            if error.filename is None or isinstance(error, BrokenPipeError):
                raise
            fail(BackofficeError(f"{error.filename}: {error.strerror}."))

    return call


def told(error: BackofficeError) -> str:
    """What is wrong, for whoever runs the system."""
    if isinstance(error, Away):
        return "The database cannot be reached. See whether its server runs and takes the address in BACKOFFICE_DATABASE_URL."
    return error.detail


def fail(error: BackofficeError) -> NoReturn:
    """Tell a refusal and end."""
    click.echo(f"backoffice: {told(error)}", err=True)
    for name, sentences in error.errors.items():
        for sentence in sentences:
            click.echo(f"  {name}: {sentence}" if name else f"  {sentence}", err=True)
    sys.exit(REFUSED)


def examples(*lines: str) -> str:
    """An epilog with examples, for ``@click.command(epilog=examples(...))``."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
