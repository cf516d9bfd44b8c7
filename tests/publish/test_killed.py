"""A publication that is killed leaves the old shape or the new one, never half of it, and can be done again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.publish.killing import NEW, OLD

POINTS = pytest.mark.parametrize("points", [20, pytest.param(0, marks=pytest.mark.soak, id="all")])
"""How many points are tried, spread evenly; 0 for all."""
_ALOUD = "There is no C compiler (cc): publications are not killed between two writes on SQLite. Install gcc."


def killed(url: str, folder: Path, points: int, **environment: str) -> tuple[int, dict[int, int]]:
    """How many points a publication has, and the generation that was found after it was killed at each that was tried."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.publish.killing", url, str(folder), str(points)],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told["total"], {int(point): number for point, number in told["found"].items()}


def judge(total: int, found: dict[int, int]) -> None:
    """Everything before some point is the old shape, everything after it the new one."""
    print(f"{total} points, {len(found)} tried, new from {min((one for one, number in found.items() if number == NEW), default=0)}")
    numbers = [number for _, number in sorted(found.items())]
    assert set(numbers) == {OLD, NEW}, found
    assert numbers == sorted(numbers), found


@POINTS
def test_killed_at_any_write_or_sync_of_the_database_file(tmp_path: Path, points: int) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail(_ALOUD)
        pytest.skip(_ALOUD)
    shim = tmp_path / "dying.so"
    source = Path(__file__).with_name("dying.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-D_LARGEFILE64_SOURCE", "-o", shim, source, "-ldl"], check=True)
    folder = tmp_path / "data"
    judge(*killed(f"sqlite:///{folder / 'backoffice.db'}", folder, points, LD_PRELOAD=str(shim)))


@POINTS
def test_killed_between_any_two_statements(tmp_path: Path, postgres_url: str, points: int) -> None:
    judge(*killed(postgres_url, tmp_path / "data", points))
