"""The files that belong to the project, as a fresh copy would have them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LEFT_OUT = {".git", ".venv", "build", "dist", "data", "__pycache__", "node_modules"}


@cache
def tracked() -> tuple[Path, ...]:
    """Paths relative to the root: what git knows, or every file where the tree is no repository (an unpacked archive)."""
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "-c", "safe.directory=*", "ls-files", "-z"]
        said = subprocess.run(command, capture_output=True, check=True, text=True)
        names = [Path(name) for name in said.stdout.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    return tuple(sorted(name for name in names if (ROOT / name).is_file() and not _skipped(name)))


def _skipped(name: Path) -> bool:
    return any(part in _LEFT_OUT or part.endswith((".egg-info", "_cache")) for part in name.parts)
