"""What is installed is what is in the tree: every module, declaration, template and asset is in the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked

TOPS = ("core", "plugins", "schemas", "templates")
KINDS = (".py", ".yaml", ".html", ".css", ".js", ".svg", ".json", ".txt")
FOR_BUILDING = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy so that the tree stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        if name.parts[0] in TOPS or str(name) in FOR_BUILDING:
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "tree" / name)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "out"), str(folder / "tree")],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (made,) = (folder / "out").glob("*.whl")
    return zipfile.ZipFile(made)


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    wanted = {name.as_posix() for name in tracked() if name.parts[0] in TOPS and name.suffix in KINDS}
    assert len(wanted) > 200
    assert sorted(wanted - set(wheel.namelist())) == []


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    known = {name.as_posix() for name in tracked()}
    assert [name for name in wheel.namelist() if ".dist-info/" not in name and name not in known] == []


def test_files_in_the_wheel_are_those_of_the_tree(wheel: zipfile.ZipFile) -> None:
    for name in ("templates/static/ops.css", "core/__init__.py"):
        assert wheel.read(name) == (ROOT / Path(name)).read_bytes()


def test_the_wheel_says_how_it_is_started(wheel: zipfile.ZipFile) -> None:
    (entry,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "backoffice = core.cli:main" in wheel.read(entry).decode()
