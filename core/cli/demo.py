"""``demo``, and where demo data is refused."""

from __future__ import annotations

import click

from core.cli.base import platform
from core.cli.telling import command, examples
from core.errors import BackofficeError
from core.services import demo as demos
from core.settings import Settings


@click.command(epilog=examples("backoffice demo", "backoffice demo --size full"))
@click.option("--size", type=click.Choice(demos.SIZES), default="small", show_default=True, help="How much data.")
@click.option("--demo-anyway", is_flag=True, help="Allow demo data although these settings face other people.")
@command
def demo(size: str, demo_anyway: bool) -> None:
    """Fill an empty data directory with demo data."""
    with platform() as p:
        refuse_demo(p.settings, "127.0.0.1", demo_anyway)
        demos.make(p, size, click.echo)
        click.echo(f"Sign in as {demos.ADMIN}, password {demos.PASSWORD}.")


def refuse_demo(wanted: Settings, host: str, anyway: bool) -> None:
    """Raise when these settings face other people and nobody said that demo accounts are wanted anyway."""
    if wanted.production(host) and not anyway:
        raise BackofficeError(
            "Demo accounts have a known password, and these settings face other people. "
            "Use an empty data directory without --demo, or say --demo-anyway."
        )
