"""Databases for every test: SQLite always, PostgreSQL where it is installed; continuous integration must have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test

from tests import postgres as private
from tests.soak import SOAK

_ALOUD = "PostgreSQL is not installed: its half of the tests does not run. Install it (apt-get install postgresql)."


@pytest.fixture(scope="session")
def postgres() -> Iterator[private.Server]:
    """A private server; ``fresh()`` gives the address of an empty database."""
    if private.binaries() is None:
        if os.environ.get("CI"):
            pytest.fail(_ALOUD)
        pytest.skip(_ALOUD)
    with private.server() as made:
        yield made


@pytest.fixture
def postgres_url(postgres: private.Server) -> str:
    """The address of an empty PostgreSQL database."""
    return postgres.fresh()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database; the test runs once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'backoffice.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long forms run where they are asked for; then properties are tried with many more examples, and belong to them."""
    for item in items:
        if SOAK and is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.soak)
        elif not SOAK and "soak" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="A long form: make soak runs it."))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud when half of the tests did not run, and in the long form what the tests measured."""
    if SOAK:
        for outcome in ("passed", "failed"):
            for report in terminalreporter.stats.get(outcome, ()):
                for name, value in report.user_properties:
                    terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")
    if private.binaries() is None:
        terminalreporter.write_line(_ALOUD, red=True)
