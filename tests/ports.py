"""Ports for servers of tests and trials."""

from __future__ import annotations

import contextlib
import random
import socket


def free() -> int:
    """A port of this machine that nobody listens on, below those that the system gives to connections by itself."""
    for port in random.sample(range(20_000, 32_000), 50):
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No free port was found.")
