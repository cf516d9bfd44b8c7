"""Accounts and tokens from the command line; works while the server runs."""

from __future__ import annotations

import sys

import click

from core.access.actor import Actor
from core.cli.base import acting, platform
from core.cli.telling import command, examples
from core.errors import Invalid
from core.services import accounts, people

SYSTEM = Actor.system("command line", channel="cli")


@click.group()
def user() -> None:
    """Add, disable and enable accounts."""


@user.command(
    epilog=examples(
        "backoffice user add ann@example.org --name 'Ann Example' --role helpdesk.agent --department IT",
        "echo secret-words | backoffice user add ann@example.org --name 'Ann Example' --password-stdin",
    )
)
@click.argument("email")
@click.option("--name", required=True, help="The name people see.")
@click.option("--role", "roles", multiple=True, metavar="PLUGIN.ROLE", help="A role to grant; may be given again.")
@click.option("--department", metavar="CODE", help="Code of the person's department.")
@click.option("--password-stdin", is_flag=True, help="Read the password from one line of standard input.")
@command
def add(email: str, name: str, roles: tuple[str, ...], department: str | None, password_stdin: bool) -> None:
    """Make a person and an account for EMAIL.

    Without a password an invitation link is made: sent by mail, or shown when mail is off.
    """
    password = None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise Invalid({"password": ["Standard input held no password."]})
    with platform() as p:
        account = people.add(p, SYSTEM, email=email, name=name, roles=roles, department=department, password=password)
        click.echo(f"Added {email}.")
        if password is None:
            click.echo(people.invite(p, SYSTEM, account))


@user.command(epilog=examples("backoffice user disable ann@example.org"))
@click.argument("email")
@command
def disable(email: str) -> None:
    """End an account's sessions and refuse its tokens, at once."""
    with platform() as p:
        accounts.disable(p, SYSTEM, accounts.find(p, email).id)
        click.echo(f"Disabled {email}.")


@user.command(epilog=examples("backoffice user enable ann@example.org"))
@click.argument("email")
@command
def enable(email: str) -> None:
    """Let a disabled account sign in again."""
    with platform() as p:
        accounts.enable(p, SYSTEM, accounts.find(p, email).id)
        click.echo(f"Enabled {email}.")


@click.group()
def token() -> None:
    """Make API tokens."""


@token.command(
    epilog=examples(
        "backoffice token create --user ann@example.org --name reporting --scope read",
        "backoffice token create --user ann@example.org --name sync --scope helpdesk.ticket:write",
    )
)
@click.option("--user", "email", required=True, help="Mail address of the account the token belongs to.")
@click.option("--name", required=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="read, write, plugin.entity:read or plugin.entity:write; may be given again. Without: all its owner's rights.",
)
@command
def create(email: str, name: str, scopes: tuple[str, ...]) -> None:
    """Make an API token and print it, alone, on the last line. It is not shown again."""
    with platform() as p:
        account = accounts.find(p, email)
        acting(p, email)  # a token of a disabled account would be worthless
        made = accounts.create_token(p, account.id, name, scopes)
        click.echo(f"Token for {email}, not shown again:", err=True)
        click.echo(made)
