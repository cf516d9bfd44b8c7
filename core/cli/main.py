"""The command's root: its groups, its version, and commands that plugins add."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Any

import click

from core.cli import care, overlays, people, plugins, serving
from core.cli.base import fail
from core.cli.data import export, import_
from core.errors import BackofficeError


def _version() -> str:
    try:
        return metadata.version("backoffice")
    except metadata.PackageNotFoundError:
        return "0 (not installed)"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(_version(), prog_name="backoffice")
def cli() -> None:
    """Backoffice: internal tools from declarations.

    Settings are read from BACKOFFICE_* variables and settings.toml in the data directory; docs/settings.md lists them.
    """


for one in (
    serving.serve,
    serving.demo,
    plugins.check,
    care.migrate,
    care.reindex,
    plugins.plugin,
    people.user,
    people.token,
    import_,
    export,
    overlays.overlay,
    care.backup,
    care.restore,
    care.audit,
    care.explain,
    plugins.run,
):
    cli.add_command(one)


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
