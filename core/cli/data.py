"""Import and export of one entity's records."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core.cli.base import acting, platform
from core.cli.telling import REFUSED, command, examples
from core.services import exporting, importing


@click.command(
    name="import",
    epilog=examples(
        "backoffice import directory.person people.csv --dry-run",
        "backoffice import directory.person people.csv --upsert mail --as ann@example.org",
    ),
)
@click.argument("entity")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--upsert",
    metavar="FIELD",
    help="Change the record whose FIELD is equal instead of making another; id is possible.",
)
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@click.option("--all-or-nothing", is_flag=True, help="Write nothing when one row is refused.")
@click.option("--as", "email", metavar="EMAIL", help="Act with the rights of this account; the system by default.")
@command
def import_(
    entity: str, file: Path, upsert: str | None, dry_run: bool, all_or_nothing: bool, email: str | None
) -> None:
    """Read FILE (CSV or XLSX) into ENTITY. Bad rows are listed and the others written; exit code 1 when one was refused.

    Written in batches: killed, it leaves whole rows, and repeating it with --upsert completes it.
    """
    with platform() as p:
        actor = acting(p, email).via("import")
        kind = file.suffix.lower().lstrip(".")
        with file.open("rb") as source:
            report = importing.run(
                p,
                actor,
                entity,
                source,
                kind if kind in ("csv", "xlsx", "json") else "csv",
                upsert=upsert,
                dry_run=dry_run,
                all_or_nothing=all_or_nothing,
                progress=_progress,
            )
        _tell(report)
        sys.exit(REFUSED if report.refused else 0)


def _progress(report: importing.Report) -> None:
    click.echo(f"{report.created + report.changed + report.unchanged + report.refused:,} rows", err=True)


def _tell(report: importing.Report) -> None:
    for refusal in report.refusals:
        click.echo(str(refusal))
    if report.refused > len(report.refusals):
        click.echo(f"... and {report.refused - len(report.refusals):,} more refused rows.")
    click.echo(
        f"{report.created:,} created, {report.changed:,} changed, {report.unchanged:,} unchanged, {report.refused:,} refused."
        + ("" if report.written else " Nothing was written.")
    )


@click.command(
    epilog=examples(
        "backoffice export directory.person --out people.csv",
        "backoffice export helpdesk.ticket --format json --as ann@example.org",
    )
)
@click.argument("entity")
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(exporting.FORMATS)),
    default="csv",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output by default."
)
@click.option("--as", "email", metavar="EMAIL", help="Act with the rights of this account; the system by default.")
@command
def export(entity: str, kind: str, out: Path | None, email: str | None) -> None:
    """Write all readable records of ENTITY, by id."""
    with platform() as p:
        made = exporting.whole(p, acting(p, email), entity, kind)
        if out is None:
            stream = sys.stdout.buffer
            for block in made.blocks:
                stream.write(block)
            stream.flush()
            return
        # A file that was begun and not ended must not look like a whole one.
        unfinished = out.with_name(out.name + ".part")
        with unfinished.open("wb") as file:
            for block in made.blocks:
                file.write(block)
        unfinished.replace(out)
        click.echo(f"Wrote {out} ({out.stat().st_size:,} bytes).", err=True)
