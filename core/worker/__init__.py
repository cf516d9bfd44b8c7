"""The worker: one process beside the server that delivers effects, does jobs, seals the log and tidies up."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

from core.effects.delivery import Deliverer
from core.effects.mail import Server
from core.errors import BackofficeError
from core.services import jobs, mailing, people, recompute, searching, upkeep
from core.services.platform import Platform
from core.storage import jobs as rows
from core.storage import outbox

JOBS = (people.VERB, recompute.VERB, searching.VERB)
"""Verbs that must be known before the first job is taken; importing their modules registers them."""
IDLE = 1.0
"""Seconds between two looks when there was nothing to do."""
SEALING = 60.0
TIDYING = timedelta(hours=1)
_log = logging.getLogger("backoffice.worker")


def run(platform: Platform, stop: threading.Event) -> None:
    """Work until ``stop`` is set; what is being done then is ended first. One worker per data directory: others wait.

    Effects and jobs have a thread each, so that a slow receiver holds up no import and the other way round.
    """
    with _alone(platform, stop) as mine:
        if not mine:
            return
        name = worker_name(platform)
        deliverer = Deliverer(platform.database, lambda: platform.generation().hooks, mail_server(platform), platform.clock.now, name)
        _patiently(stop, lambda: _reclaim(platform, name))
        turns: list[tuple[str, Callable[[], bool]]] = [
            ("effects", lambda: deliverer.deliver(stop.is_set) > 0),
            ("jobs", lambda: jobs.work(platform, name, stop)),
        ]
        threads = [threading.Thread(target=_loop, args=(what, turn, stop), name=what) for what, turn in turns]
        for thread in threads:
            thread.start()
        _care(platform, stop)
        for thread in threads:
            thread.join()
        with contextlib.suppress(BackofficeError):
            upkeep.seal(platform)


def once(platform: Platform) -> None:
    """Do everything that is due now, in this thread: for the command line and for tests."""
    name = worker_name(platform)
    stop = threading.Event()
    deliverer = Deliverer(platform.database, lambda: platform.generation().hooks, mail_server(platform), platform.clock.now, name)
    while deliverer.deliver() or jobs.work(platform, name, stop):
        pass
    upkeep.seal(platform)


def worker_name(platform: Platform) -> str:
    """What this data directory's worker is called: whoever holds its lock is the only one of that name."""
    return f"{socket.gethostname()}:{platform.settings.data_dir}"


def mail_server(platform: Platform) -> Server | None:
    """Where mail goes, None when it is off, or its setting is no address of a server."""
    try:
        return mailing.server(platform)
    except ValueError as error:
        # The log is sealed and jobs are done all the same.
        _log.error("mail is off: %s", error)
        return None


def _loop(what: str, turn: Callable[[], bool], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            busy = turn()
        except BackofficeError as error:
            _log.warning("%s wait: %s", what, error)
            busy = False
        except Exception:  # the next turn may do better; a worker that ends would only be started again
            _log.exception("%s stumbled", what)
            busy = False
        if not busy:
            stop.wait(IDLE)


def _care(platform: Platform, stop: threading.Event) -> None:
    tidied = None
    while not stop.is_set():
        try:
            upkeep.seal(platform)
            now = platform.clock.now()
            if tidied is None or now - tidied > TIDYING:
                upkeep.tidy(platform)
                tidied = now
        except BackofficeError as error:
            _log.warning("upkeep waits: %s", error)
        except Exception:
            _log.exception("upkeep stumbled")
        stop.wait(SEALING)


def _reclaim(platform: Platform, name: str) -> None:
    outbox.reclaim(platform.database, name)
    rows.reclaim(platform.database, name)


def _patiently(stop: threading.Event, do: Callable[[], None]) -> None:
    while not stop.is_set():
        try:
            do()
            return
        except BackofficeError as error:
            _log.warning("the worker waits: %s", error)
            stop.wait(IDLE)


@contextlib.contextmanager
def _alone(platform: Platform, stop: threading.Event) -> Iterator[bool]:
    """Hold the data directory's worker lock; it is free again the moment its holder dies."""
    descriptor = os.open(platform.settings.data_dir / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not stop.is_set():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stop.wait(IDLE)
                continue
            yield True
            return
        yield False
    finally:
        os.close(descriptor)
