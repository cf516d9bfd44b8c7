"""Migrations, search index, backup, restore, audit, and why somebody may do something."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core.access.actor import Actor
from core.cli.base import platform
from core.cli.telling import REFUSED, command, examples, settings
from core.services import audit as audits
from core.services import backup as backups
from core.services import care, restoring
from core.services import explain as explaining

SYSTEM = Actor.system("command line", channel="cli")


@click.command(epilog=examples("backoffice migrate --plan", "backoffice migrate"))
@click.option("--plan", "only_plan", is_flag=True, help="Only print the steps, in words and as SQL.")
@command
def migrate(only_plan: bool) -> None:
    """Bring the database to the declared shape, dropping what was removed. Asks nothing; may be repeated.

    Before anything is dropped a backup is made in the data directory's folder backups.
    """
    with platform() as p:
        if not only_plan:
            care.migrate(p, click.echo)
            click.echo("Done.")
            return
        steps = care.pending(p)
        for step in steps:
            click.echo(f"{'destructive' if step.destructive else 'additive'}: {step.words}")
            click.echo("    " + " ".join(step.sql.split()))
        if not steps:
            click.echo("Nothing to do.")


@click.command(epilog=examples("backoffice reindex"))
@command
def reindex() -> None:
    """Make every search index anew, while others read and write."""
    with platform() as p:
        care.reindex(p, click.echo)


@click.command(epilog=examples("backoffice backup /var/backups/office.tar.gz"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@command
def backup(file: Path) -> None:
    """Write everything (records, files, log, accounts) to FILE; works while the server writes."""
    with platform() as p:
        backups.create(p, file)
        click.echo(f"Wrote {file} ({file.stat().st_size:,} bytes).")


@click.command(epilog=examples("BACKOFFICE_DATA_DIR=/srv/new backoffice restore /var/backups/office.tar.gz"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command
def restore(file: Path) -> None:
    """Fill an empty data directory from FILE. Accounts come back, sessions and tokens do not.

    A damaged file is refused with a sentence, and nothing is written.
    """
    # Before the settings: they make a key in the data directory, and a damaged file must leave no trace.
    backups.check(file)
    restoring.restore(settings(), file)
    click.echo(f"Restored {file}.")


@click.group()
def audit() -> None:
    """The log of changes."""


@audit.command(
    epilog=examples("backoffice audit reads", "backoffice audit reads --entity payroll.payslip --record 42 --by ann@example.org")
)
@click.option("--entity", default="", help="Only of this entity, plugin.entity.")
@click.option("--record", type=click.IntRange(min=1), help="Only entries that name this record.")
@click.option("--by", default="", help="Only by this account.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many, newest first.")
@command
def reads(entity: str, record: int | None, by: str, limit: int) -> None:
    """Say who was shown, exported or printed sensitive values of which records, newest first; never the values."""
    with platform() as p:
        for one in audits.reads(p, SYSTEM, entity=entity, record=record, by=by, limit=limit):
            ids = ",".join(str(id) for id in one.records) + (f" and {one.number - len(one.records)} more" * (one.number > len(one.records)))
            click.echo(f"{one.at:%Y-%m-%d %H:%M:%SZ}  {one.actor}  {one.channel}  {one.what}  {one.entity}  {','.join(one.fields)}  {ids}")


@audit.command(
    epilog=examples(
        "backoffice audit verify", "backoffice audit verify --anchor audit.anchors", "backoffice audit verify --since 120"
    )
)
@click.option(
    "--anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of anchors kept elsewhere: a cut tail is found against it.",
)
@click.option(
    "--since",
    type=click.IntRange(min=1),
    metavar="CHECKPOINT",
    help="Read only what followed this checkpoint; the number stands first in its line of audit.anchors.",
)
@command
def verify(anchor: Path | None, since: int | None) -> None:
    """Read the whole log and name the first bad entry; exit code 1 when there is one."""
    with platform() as p:
        verdict = audits.verify(p, anchor, since=since)
        for line in verdict.sentences:
            click.echo(line)
        sys.exit(0 if verdict.good else REFUSED)


@click.command(
    epilog=examples(
        "backoffice explain --user ann@example.org helpdesk.ticket",
        "backoffice explain --user ann@example.org helpdesk.ticket 42 --action write --field priority",
    )
)
@click.option("--user", "email", required=True, help="Mail address of the account asked about.")
@click.argument("entity")
@click.argument("id", required=False, type=int)
@click.option(
    "--action",
    default="read",
    show_default=True,
    type=click.Choice(explaining.ACTIONS),
    help="What somebody wants to do.",
)
@click.option("--field", help="A field of it.")
@click.option("--transition", help="With --action move: which one.")
@command
def explain(email: str, entity: str, id: int | None, action: str, field: str | None, transition: str | None) -> None:
    """Say why somebody may or may not do something to ENTITY, or to its record ID."""
    with platform() as p:
        told = explaining.explain(p, SYSTEM, email, entity, id, action=action, field=field, transition=transition)
        for sentence in told.sentences:
            click.echo(sentence)
        click.echo({True: "Allowed.", False: "Not allowed.", None: "Depends on the record."}[told.allowed])
