"""Import a new version of a plugin in a child process first: what hangs, exits or eats memory does so there."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from core.registry.found import OUTSIDE, Source, load

DEADLINE = 10.0
"""Seconds an import may take."""
MEMORY = 2 * 1024**3
"""Bytes of address space an import may take."""


def known_good(path: Path) -> set[str]:
    """The digests of versions that were imported well before; the file is a cache and may be missing or damaged."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {one for one in read if isinstance(one, str)} if isinstance(read, list) else set()


def remember(path: Path, digests: Iterable[str]) -> None:
    """Note that these versions were imported well."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(sorted(digests), out)
    os.replace(name, path)


def faults(sources: list[Source], deadline: float = DEADLINE) -> dict[str, str]:
    """Import each source's module in a child process; the answer maps names of bad ones to a sentence.

    All go into one child first. Only if it does not come back well does each get a child of its own.
    """
    if not sources or not _fault(sources, deadline):
        return {}
    found = {one.name: _fault([one], deadline) for one in sources}
    return {name: fault for name, fault in found.items() if fault}


def _fault(sources: list[Source], deadline: float) -> str:
    told = json.dumps([[one.module, str(one.code) if one.code else ""] for one in sources])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    child = subprocess.Popen(
        [sys.executable, "-m", "core.registry.probe", told],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    try:
        out, _ = child.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        # Its session is its own: whatever it started ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return f"importing it did not end within {deadline:g} seconds"
    lines = [line for line in out.decode(errors="replace").splitlines() if line.strip()]
    if child.returncode == 0 and lines and lines[-1] == _DONE:
        return ""
    if child.returncode < 0:
        return f"importing it ended the process with signal {-child.returncode}"
    said = lines[-1][:300] if lines else f"exit {child.returncode}"
    return f"importing it ended the process ({said})" if said == _DONE or not lines else f"importing it failed: {said}"


_DONE = "imported well"


def _main(told: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for module, code in json.loads(told):
        try:
            if module.startswith(OUTSIDE + "."):
                load(module, Path(code))
            else:
                importlib.import_module(module)
        except BaseException as error:
            sys.stdout.write(f"\n{type(error).__name__}: {error}\n")
            sys.stdout.flush()
            # Not even an exit handler of the plugin runs.
            os._exit(1)
    sys.stdout.write(f"\n{_DONE}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
