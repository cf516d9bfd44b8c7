"""``check``: what is wrong with plugins and overlays."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from core.cli.telling import REFUSED, command, examples, settings
from core.services import checking
from schemas.model import Problem


@click.command(
    epilog=examples(
        "backoffice check", "backoffice check my-plugins/library.yaml", "backoffice check floor.yaml"
    )
)
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@command
def check(path: Path | None) -> None:
    """Print every problem of all plugins and overlays, or of PATH (a plugin, a folder of plugins, or an overlay).

    Exit code 1 when there is an error; warnings alone end with 0.
    """
    wanted = settings()
    problems = checking.everything(wanted) if path is None else checking.of_path(wanted, path)
    sys.exit(REFUSED if tell(problems) else 0)


def tell(problems: Iterable[Problem]) -> int:
    """Print problems and their number; answers how many are errors."""
    ones = list(problems)
    for one in ones:
        click.echo(f"{one.severity}: {one}" if one.severity != "error" else str(one))
    errors = sum(1 for one in ones if one.severity == "error")
    if ones:
        said = _counted(errors, "problem"), _counted(len(ones) - errors, "warning")
        click.echo(f"{', '.join(said)}.     Guide: docs/language.md")
    else:
        click.echo("No problems.")
    return errors


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
