"""The manual names every command, setting and hook, and nothing that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.hooks import HOOK_NAMES, Specifications
from core.settings import PREFIX, Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None and command.name == name
        yield from below(command, (name,))


def below(command: click.Command, here: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group) and command.commands:
        for name, inner in command.commands.items():
            yield from below(inner, (*here, name))
    else:
        yield here, command


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_examples_and_stands_in_the_manual(path: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(cli, [*path, "--help"])
    assert answer.exit_code == 0 and "Examples:" in answer.output and f"backoffice {path[0]}" in answer.output
    manual = (DOCS / "commands.md").read_text()
    assert f"`backoffice {' '.join(path)}" in manual
    for option in (one for one in ALL[path].params if isinstance(one, click.Option)):
        name = next(word for word in option.opts if word.startswith("--"))
        assert name in manual, f"{' '.join(path)} {name} is not in docs/commands.md"


def test_the_manual_names_no_command_that_does_not_exist() -> None:
    known = {" ".join(path) for path in ALL}
    for words in re.findall(
        r"^`backoffice ([a-z ]+?)[ `\[A-Z-]*[`\[A-Z-]", (DOCS / "commands.md").read_text(), re.MULTILINE
    ):
        assert words.strip() in known, words


def test_every_setting_stands_in_the_manual_and_no_other() -> None:
    manual = (DOCS / "settings.md").read_text()
    rows = set(re.findall(r"^\| `(BACKOFFICE_[A-Z_]+)`", manual, re.MULTILINE))
    assert rows == {PREFIX + one.name.upper() for one in fields(Settings)}


def test_every_hook_stands_in_the_manual_with_its_arguments() -> None:
    manual = (DOCS / "hooks.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)\(([a-z_, ]*)\)`", manual, re.MULTILINE))
    assert set(rows) == set(HOOK_NAMES)
    for name, arguments in rows.items():
        code = getattr(Specifications, name).__code__
        assert [one for one in arguments.split(", ") if one] == list(code.co_varnames[1 : code.co_argcount]), name
        assert getattr(Specifications, name).__doc__
