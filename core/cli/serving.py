"""``serve``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from core import server
from core.cli.demo import refuse_demo
from core.cli.telling import command, examples, settings, told
from core.errors import BackofficeError
from core.registry.discover import refuse_foreign_owners
from core.registry.found import missing_folder
from core.services import demo as demos
from core.services import setup
from core.services.platform import Platform
from core.settings import Settings, SettingsError


@click.command(
    epilog=examples(
        "backoffice serve --demo",
        "BACKOFFICE_BASE_URL=https://office.example.org backoffice serve --host 0.0.0.0 --port 8000 --workers 4",
    )
)
@click.option("--demo", is_flag=True, help="Fill an empty data directory with demo data first, once.")
@click.option("--demo-anyway", is_flag=True, help="Allow demo data although these settings face other people.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen at.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that serve; 2 by default.")
@click.option("--debug", is_flag=True, help="Reload plugins when one of their files changes.")
@command
def serve(demo: bool, demo_anyway: bool, host: str, port: int, workers: int | None, debug: bool) -> None:
    """Serve until Ctrl-C. Additive migrations are applied first; destructive ones wait for `backoffice migrate`."""
    refuse_foreign_owners()
    wanted = settings()
    wanted = replace(wanted, debug=debug or wanted.debug, base_url=wanted.base_url or f"http://{_shown(host)}:{port}")
    refusals = wanted.refusals(host)
    if refusals:
        raise SettingsError(" ".join(refusals))
    # In a process of its own: the master never imports a plugin, so that a reload begins with fresh ones.
    if _in_child(lambda: _prepare(wanted, host, demo, demo_anyway)) != 0:
        sys.exit(1)
    click.echo(f"Serving at {wanted.base_url} (Ctrl-C ends it)")
    server.serve(wanted, host, port, workers or 2)


def _prepare(wanted: Settings, host: str, demo: bool, demo_anyway: bool) -> None:
    p = Platform(wanted)
    try:
        p.start()
        if absent := missing_folder(wanted.plugins_dir):
            click.echo(f"warning: {wanted.plugins_dir}: {absent}", err=True)
        for problem in p.current.problems:
            if problem.severity == "error":
                click.echo(str(problem), err=True)
        if demo:
            refuse_demo(wanted, host, demo_anyway)
            if demos.is_empty(p) or demos.has_demo(p):
                demos.make(p, "small", click.echo)
            click.echo(f"Demo: sign in as {demos.ADMIN}, password {demos.PASSWORD}")
        elif demos.has_demo(p):
            refuse_demo(wanted, host, demo_anyway)
        elif demos.is_empty(p):
            click.echo(f"Nobody has an account yet. Begin at {wanted.base_url}/setup?token={setup.token(p)}")
    finally:
        report = p.ledger.report
        settle = getattr(report, "settle", None)
        if settle is not None:
            settle()
        p.close()


def _in_child(work: Callable[[], Any]) -> int:
    """Do ``work`` in a child process and answer its exit code; signals that end us end it too."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            work()
        except BackofficeError as error:
            click.echo(f"backoffice: {told(error)}", err=True)
            code = 1
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    former = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    return os.waitstatus_to_exitcode(status)


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host  # noqa: S104 - compared, not bound
