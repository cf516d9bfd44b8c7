"""A package of somebody else, built and installed as packages are, behaves as the shipped functions do."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.server import House

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial.md").read_text()
YAML = re.search(r"```yaml\n(.*?)```", PAGE, re.S)[1]  # type: ignore[index]
PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "backoffice-library"
version = "1.0"
[project.entry-points."backoffice.plugins"]
library = "their_library"
[tool.setuptools]
packages = ["their_library"]
[tool.setuptools.package-data]
their_library = ["*.yaml"]
"""
CODE = """\
from core import hookimpl, on


@hookimpl(specname="before_save")
@on("library.book")
def shout(record, change, work):
    record["title"] = record["title"].upper()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as packages are installed in, with the stranger's package and nothing else."""
    folder = tmp_path_factory.mktemp("stranger")
    package = folder / "tree" / "their_library"
    package.mkdir(parents=True)
    (folder / "tree" / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text(CODE)
    (package / "library.yaml").write_text(YAML)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "out"), str(folder / "tree")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = (folder / "out").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_a_package_found_by_its_entry_point_is_a_whole_function(tmp_path: Path, installed: Path) -> None:
    house = House(tmp_path / "data")
    assert "library" not in house.run("plugin", "list")
    house.environment["PYTHONPATH"] = str(installed)
    listed = next(line for line in house.run("plugin", "list").splitlines() if "library" in line)
    assert "serving" in listed and str(installed) in listed, listed
    house.run("check")
    who = ("lib@example.org", "--name", "Lib Rarian", "--role", "library.librarian")
    house.run("user", "add", *who, "--password-stdin", given="correct horse\n")
    token = house.run("token", "create", "--user", "lib@example.org", "--name", "test").splitlines()[-1]
    with house.serving() as server:
        status, made = server.ask("POST", "/api/v1/library/book", {"title": "The Long Voyage", "author": "N. Example"}, token)
        assert (status, made["title"]) == (201, "THE LONG VOYAGE"), made
        place = f"/api/v1/library/book/{made['id']}"
        assert server.ask("GET", "/api/v1/library/book?q=voyage", token=token)[1]["items"][0]["id"] == made["id"]
        assert len(server.ask("GET", f"{place}/history", token=token)[1]["items"]) == 1
        assert "/library/book" in str(server.ask("GET", "/api/v1/openapi.json", token=token)[1]["paths"].keys())
        assert server.status("/library/book") == 200  # the sign-in page it leads to
    # Taken away again, it is gone like one that was switched off, and nothing else is.
    del house.environment["PYTHONPATH"]
    with house.serving() as server:
        assert server.status("/api/v1/library/book", token) == 404
        assert server.status("/api/v1/directory/person", token) == 200
