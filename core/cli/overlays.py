"""Overlays from the command line: plan, apply, export, list, revert. They work while the server runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core.access.actor import Actor
from core.cli.base import platform
from core.cli.telling import REFUSED, command, examples
from core.errors import BackofficeError
from core.services import publish
from schemas import read_overlay
from schemas.model import Overlay, Problem

SYSTEM = Actor.system("command line", channel="cli")


@click.group()
def overlay() -> None:
    """Departments' amendments: plan, apply, export, list, revert."""


@overlay.command(epilog=examples("backoffice overlay plan floor.yaml"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command
def plan(file: Path) -> None:
    """Say what applying FILE would do, in words and in SQL. Nothing is changed."""
    with platform() as p:
        made = publish.plan(p, SYSTEM, _read(file))
        _tell(made.problems)
        for line in made.difference.words:
            click.echo(line)
        for step in made.steps:
            click.echo(f"  {step}")
        if made.refused:
            _nothing_done(made.problems)
            sys.exit(REFUSED)
        if not made.difference:
            click.echo("Nothing would change.")


@overlay.command(epilog=examples("backoffice overlay apply floor.yaml"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--because", default="", help="Why, for the list of generations; the documents' own reasons by default.")
@command
def apply(file: Path, because: str) -> None:
    """Publish the overlays of FILE: each replaces the one of the same entity, department and name."""
    with platform() as p:
        try:
            outcome = publish.apply(p, SYSTEM, _read(file), because)
        except publish.Refused as error:
            _tell(error.problems)
            _nothing_done(error.problems)
            sys.exit(REFUSED)
        _tell(outcome.problems)
        _done(outcome)


@overlay.command(epilog=examples("backoffice overlay export", "backoffice overlay export overlays/"))
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@command
def export(folder: Path | None) -> None:
    """Write the overlays in force as YAML, one file each into DIR, or all to standard output."""
    with platform() as p:
        files = publish.exported(p)
    if folder is None:
        click.echo("---\n".join(text for _, text in files), nl=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    click.echo(f"Wrote {len(files)} overlays to {folder}.")


@overlay.command(name="list", epilog=examples("backoffice overlay list"))
@command
def list_() -> None:
    """Print one line for each generation, oldest first: number, moment, author, what it was and why."""
    with platform() as p:
        for one in publish.listed(p):
            what = {"plugins": "plugins", "overlay": "overlay", "revert": f"revert to {one.reverts}"}[one.kind]
            click.echo(
                f"{one.number}  {one.at:%Y-%m-%d %H:%M:%SZ}  {one.author}  {what}"
                + (f"  {one.because}" if one.because else "")
            )


@overlay.command(epilog=examples("backoffice overlay revert", "backoffice overlay revert 12"))
@click.argument("number", metavar="[N]", required=False, type=int)
@click.option("--because", default="", help="Why, for the list of generations.")
@command
def revert(number: int | None, because: str) -> None:
    """Go back to before the last publication not yet reverted, or to the overlays of generation N. No value is lost."""
    with platform() as p:
        _done(publish.revert(p, SYSTEM, number, because))


def _read(file: Path) -> list[Overlay]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BackofficeError(f"{file} is not UTF-8 text: {error}.") from error
    overlays, problems = read_overlay(text, str(file))
    if any(one.severity == "error" for one in problems):
        raise publish.Refused(problems)
    _tell(problems)
    return overlays


def _tell(problems: tuple[Problem, ...] | list[Problem]) -> None:
    for problem in problems:
        click.echo(("warning: " if problem.severity == "warning" else "") + str(problem), err=True)


def _nothing_done(problems: tuple[Problem, ...]) -> None:
    number = sum(one.severity == "error" for one in problems)
    click.echo(f"{number} {'problem' if number == 1 else 'problems'}; nothing was changed.", err=True)


def _done(outcome: publish.Outcome) -> None:
    for line in outcome.difference.words:
        click.echo(line)
    click.echo(
        f"Generation {outcome.number} is in force."
        if outcome.changed
        else f"Nothing changed; generation {outcome.number} stays in force."
    )
