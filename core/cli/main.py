"""The command's root: which commands there are, each imported only when it is asked for."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Mapping
from importlib import metadata
from types import ModuleType
from typing import Any

import click

from core.cli.telling import fail
from core.errors import BackofficeError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "audit": ("core.cli.care:audit", "The log of changes."),
    "backup": ("core.cli.care:backup", "Write everything (records, files, log, accounts) to a file."),
    "check": ("core.cli.check:check", "Print every problem of plugins and overlays."),
    "demo": ("core.cli.demo:demo", "Fill an empty data directory with demo data."),
    "explain": ("core.cli.care:explain", "Say why somebody may or may not do something."),
    "export": ("core.cli.data:export", "Write all readable records of an entity."),
    "import": ("core.cli.data:import_", "Read a CSV or XLSX file into an entity."),
    "migrate": ("core.cli.care:migrate", "Bring the database to the declared shape, dropping what was removed."),
    "overlay": ("core.cli.overlays:overlay", "Departments' amendments: plan, apply, export, list, revert."),
    "plugin": ("core.cli.plugins:plugin", "Make, list, switch and reload plugins."),
    "reindex": ("core.cli.care:reindex", "Make every search index anew, while others read and write."),
    "restore": ("core.cli.care:restore", "Fill an empty data directory from a backup."),
    "run": ("core.cli.plugins:run", "Run a command of a plugin."),
    "serve": ("core.cli.serving:serve", "Serve until Ctrl-C."),
    "token": ("core.cli.people:token", "Make API tokens."),
    "user": ("core.cli.people:user", "Add, disable and enable accounts."),
}
"""Each command: where it stands as ``module:name``, and the line that the list of commands shows of it."""


class _Root(click.Group):
    """Help and a mistyped word need none of the modules behind the commands; docs/decisions/0004 says why."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        found = getattr(_imported(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _imported(module: str) -> ModuleType:
    """Import without looking for waste meanwhile: importing makes none, and the search is an eighth of a start.

    What was made stays as it is, so that later searches leave it out and processes that are forked share it.
    """
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def _show_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        try:
            version = metadata.version("backoffice")
        except metadata.PackageNotFoundError:
            version = "0 (not installed)"
        click.echo(f"backoffice, version {version}")
        context.exit()


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version and exit.")
def cli() -> None:
    """Backoffice: internal tools from declarations.

    Settings are read from BACKOFFICE_* variables and settings.toml in the data directory; docs/settings.md lists them.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command; what is refused ends with a sentence and exit code 1."""
    try:
        return cli.main(args=arguments, prog_name="backoffice")
    except BackofficeError as error:
        fail(error)
    except BrokenPipeError:
        # The reader of our output went away (head, less): that is no mistake.
        sys.stderr.close()
        sys.exit(141)
