"""The plugin commands."""

from __future__ import annotations

from pathlib import Path

import click

from core.access.actor import Actor
from core.cli.base import platform
from core.cli.telling import command, examples, settings
from core.errors import BackofficeError
from core.registry.calls import LIMIT
from core.registry.discover import discover
from core.services import newplugin, plugins, publish

SYSTEM = Actor.system("command line", channel="cli")


@click.group()
def plugin() -> None:
    """Make, list, switch and reload plugins."""


@plugin.command(epilog=examples("backoffice plugin new lending", "backoffice plugin new lending --into my-plugins"))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to make it in; BACKOFFICE_PLUGINS_DIR by default, else the current folder.",
)
@click.option("--label", default="", help="What people read.")
@command
def new(name: str, into: Path | None, label: str) -> None:
    """Make the plugin NAME: a declaration, a hook and tests that pass."""
    folder = into or settings().plugins_dir or Path.cwd()
    made = newplugin.make(folder, name, label)
    for path in made:
        click.echo(f"  {path}")
    click.echo(f"Try it:  BACKOFFICE_PLUGINS_DIR={folder} backoffice check {folder / name}")
    click.echo(f"Test it: BACKOFFICE_PLUGINS_DIR={folder} python -m pytest {folder / name}")


@plugin.command(name="list", epilog=examples("backoffice plugin list"))
@command
def list_() -> None:
    """Print every plugin with its state, and what is wrong with it."""
    with platform() as p:
        for one in plugins.listed(p):
            click.echo(f"{one.name}  {one.version or '-'}  {one.state}  {one.entities} entities  {one.source}")
            for problem in one.problems:
                if problem.severity == "error":
                    click.echo(f"    {problem}")
            for failure in one.failures[:LIMIT]:
                click.echo(f"    hook {failure.hook} failed: {failure.reason}")


@plugin.command(epilog=examples("backoffice plugin disable lending"))
@click.argument("name")
@command
def disable(name: str) -> None:
    """Switch a plugin off. Its records stay in the database."""
    with platform() as p:
        plugins.disable(p, SYSTEM, name)
        click.echo(f"{name} is off.")


@plugin.command(epilog=examples("backoffice plugin enable lending"))
@click.argument("name")
@command
def enable(name: str) -> None:
    """Switch a plugin on again and forget its failures."""
    with platform() as p:
        plugins.enable(p, SYSTEM, name)
        found = p.discovery.found(name)
        if found is not None and not found.usable:
            raise BackofficeError("\n".join(str(problem) for problem in found.problems))
        click.echo(f"{name} is on.")


@plugin.command(epilog=examples("backoffice plugin reload"))
@command
def reload() -> None:
    """Look for plugins again, publish what changed, and have a running server do the same."""
    with platform(start=False) as p:
        before = publish.number_in_force(p)
        p.start()
        told = plugins.reload(p, SYSTEM)
        click.echo(
            f"Generation {p.current.number} is in force." if p.current.number != before else "No declaration changed."
        )
        click.echo("The server reloads its processes." if told else "No server runs on this data directory.")


class _PluginCommands(click.Group):
    """The commands that plugins offer, one group a plugin; found only when asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(self._found())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return self._found().get(name)

    def _found(self) -> dict[str, click.Command]:
        hooks, _ = discover(settings()).hooks()
        groups: dict[str, click.Command] = {}
        for name, offered in hooks.call("commands"):
            commands = {one.name: one for one in offered if isinstance(one, click.Command) and one.name}  # type: ignore[attr-defined]
            if commands:
                groups[name] = click.Group(name, commands=commands, help=f"Commands of the plugin {name}.")
        return groups


run = _PluginCommands(
    "run",
    help="Run a command of a plugin: backoffice run PLUGIN COMMAND.",
    epilog="\b\nExamples:\n  backoffice run\n  backoffice run vendors --help",
)
