"""A real server for tests: the command itself, in a process group of its own, on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import ports

READY_WITHIN = 90.0


class House:
    """A data directory with the command ``backoffice`` for it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BACKOFFICE_")},
            "BACKOFFICE_DATA_DIR": str(folder),
            **{f"BACKOFFICE_{name.upper()}": value for name, value in settings.items()},
        }

    def run(self, *arguments: str, given: str = "", code: int = 0) -> str:
        """Run a command; the answer is its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", *arguments],
            env=self.environment,
            input=given,
            text=True,
            capture_output=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    @contextlib.contextmanager
    def serving(self, *arguments: str, workers: int = 1) -> Iterator[Server]:
        """A server that answers /readyz; ended with its whole group."""
        port = ports.free()
        log = (self.folder.parent / f"serve-{port}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "core.cli", "serve", "--port", str(port), "--workers", str(workers), *arguments],
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        server = Server(process, port, Path(log.name))
        try:
            server.wait_ready()
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            log.close()


class Server:
    """A running server and how to ask it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def wait_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN
        pause = threading.Event()
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            if self.status("/readyz") == 200:
                return
            pause.wait(0.1)
        raise AssertionError(f"not ready:\n{self.log.read_text(errors='replace')}")

    def until(self, what: Any, within: float = 60.0) -> Any:
        """Ask again until ``what()`` is true, and answer it."""
        end = time.monotonic() + within
        pause = threading.Event()
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            pause.wait(0.2)
        raise AssertionError(f"it did not come true:\n{self.log.read_text(errors='replace')[-3000:]}")

    def ask(
        self, method: str, path: str, body: object = None, token: str = "", timeout: float = 60.0
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer; status 0 when the connection broke."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
                return int(answer.status), json.loads(text) if "json" in (
                    answer.headers.get("Content-Type") or ""
                ) else text.decode()
        except urllib.error.HTTPError as error:
            text = error.read()
            return int(error.code), json.loads(text) if "json" in (
                error.headers.get("Content-Type") or ""
            ) else text.decode()
        except OSError:
            return 0, None

    def status(self, path: str, token: str = "") -> int:
        return self.ask("GET", path, token=token)[0]

    def processor_seconds(self) -> float:
        """What the server's living processes have used of the processor since each began."""
        used = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                used += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        return used / os.sysconf("SC_CLK_TCK")

    def pids(self) -> set[int]:
        """Every process of the server's group."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[2]) == self.process.pid and fields[0] != "Z":
                        found.add(int(entry.name))
        return found
