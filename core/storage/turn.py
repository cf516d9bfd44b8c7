"""The turn writers take on SQLite: one after the other within a process, then on the machine, and nobody waits without end.

SQLite's own busy handler starves writers; a queue in front of it is fair. The lock lies on a file of its own, because
closing any descriptor of the database file would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from core.errors import Busy

LONGEST_WAIT = 10.0
"""Seconds a writer waits for its turn before it says that the database is busy; as long as PostgreSQL's lock_timeout."""
RETRY_AFTER = 5
"""Seconds after which it may try again: whoever held the turn that long is seldom done at once."""


class Turn:
    """One process's place in the queue of writers. Threads share it; a child process begins anew with ``after_fork``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin()

    def _begin(self) -> None:
        self._mine = threading.Lock()
        self._holder: int | None = None
        self._descriptor: int | None = None
        self._waiting: _Waiting | None = None

    def after_fork(self) -> None:
        """Forget what the parent holds or waits for: it is the parent's."""
        held = [self._descriptor]
        if self._waiting is not None and not self._waiting.over:
            held.append(self._waiting.descriptor)
        self._begin()
        for descriptor in held:
            if descriptor is not None:
                # Closing a copy leaves the parent's lock; keeping it would hold the lock after the parent.
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    @contextlib.contextmanager
    def taken(self, patience: float) -> Iterator[None]:
        """Hold the turn while the block lasts. Raises Busy when it is not free within ``patience`` seconds."""
        me = threading.get_ident()
        if self._holder == me:
            raise RuntimeError("A writing unit is open in this thread already: use it instead of beginning another.")
        until = time.monotonic() + patience
        if not self._mine.acquire(timeout=patience):
            raise _busy()
        try:
            self._holder = me
            self._descriptor = self._locked(until)
            try:
                yield
            finally:
                descriptor, self._descriptor = self._descriptor, None
                if descriptor is not None:
                    _release(descriptor)
        finally:
            self._holder = None
            self._mine.release()

    def _locked(self, until: float) -> int:
        """The descriptor that holds the machine's lock. Only one thread of this process is here at a time."""
        waiting = self._waiting
        if waiting is None or not waiting.resume():
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                waiting = self._waiting = _Waiting(descriptor)
        if not waiting.wait(until - time.monotonic()):
            raise _busy()
        self._waiting = None
        return waiting.descriptor


class _Waiting:
    """A thread that waits for the machine's lock, since waiting for a lock on a file has no end of its own.

    Trying again and again would have one, but never get a turn between writers who queue. When nobody wants the lock any
    more the thread goes on waiting, and gives the lock back at once or to the next who asks.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._changed = threading.Condition()
        self._wanted = True
        self._got = self.over = False
        threading.Thread(target=self._run, name="write turn", daemon=True).start()

    def resume(self) -> bool:
        """Want the lock again; False when it was given back meanwhile."""
        with self._changed:
            self._wanted = not self.over
            return self._wanted

    def wait(self, seconds: float) -> bool:
        """Whether the lock was got in time; else it is not wanted any more."""
        with self._changed:
            try:
                self._changed.wait_for(lambda: self._got or self.over, max(seconds, 0))
            finally:
                # Also where an interruption ends the wait: nobody would give back what came afterwards.
                self._wanted = self._got
            return self._got

    def _run(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        except OSError:
            with self._changed:
                self.over = True
                os.close(self.descriptor)
                self._changed.notify()
            return
        with self._changed:
            if self._wanted:
                self._got = True
                self._changed.notify()
            else:
                self.over = True
                _release(self.descriptor)


def _release(descriptor: int) -> None:
    # Said aloud: a child process may have a copy of the descriptor, and closing ours alone would leave the lock held.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _busy() -> Busy:
    return Busy("Another write holds the database for too long: nothing was written. Please try again.", retry_after=RETRY_AFTER)
