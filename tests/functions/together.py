"""Eight clients at once: processes of their own that write through the engine's doors, let go at the same moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from core.errors import BackofficeError

CLIENTS = 8
_FORK = multiprocessing.get_context("fork")

Attempt = Callable[[], Any]
Outcome = tuple[str, str]
"""("done", what the attempt answered) or (the refusal's class, its sentence)."""


def together(attempts_of: Callable[[int], list[Attempt]], clients: int = CLIENTS, kill_after: int | None = None) -> list[Outcome]:
    """Let ``clients`` processes make their attempts, ``attempts_of(0)`` to ``attempts_of(clients - 1)``, and gather the outcomes.

    With ``kill_after`` all are ended by SIGKILL, in the middle of whatever they do, when that many outcomes have arrived.
    """
    gate = _FORK.Barrier(clients)
    ends: dict[Connection, Any] = {}
    for number in range(clients):
        mine, theirs = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=_client, args=(attempts_of, number, gate, theirs), daemon=True)
        process.start()
        theirs.close()
        ends[mine] = process
    found: list[Outcome] = []
    everybody = list(ends.values())
    try:
        while ends:
            for end in wait(list(ends), timeout=120) or _late():
                try:
                    found.append(end.recv())  # type: ignore[union-attr]
                except EOFError:
                    ends.pop(end)  # type: ignore[arg-type]
            if kill_after is not None and len(found) >= kill_after:
                break
    finally:
        for process in everybody:
            if process.is_alive() and process.pid:
                os.kill(process.pid, signal.SIGKILL)
            process.join(30)
    return found


def _late() -> list[Connection]:
    raise AssertionError("The clients did not come to an end within two minutes.")


def _client(attempts_of: Callable[[int], list[Attempt]], number: int, gate: Any, end: Connection) -> None:
    attempts = attempts_of(number)
    gate.wait(60)
    for attempt in attempts:
        try:
            end.send(("done", str(attempt())))
        except BackofficeError as refused:
            end.send((type(refused).__name__, str(refused)))
        except Exception as broken:  # what nobody expects is told to the test, which fails
            end.send(("broken", repr(broken)))
    end.close()
    os._exit(0)
