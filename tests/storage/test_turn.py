"""The writers' queue on SQLite: a holder that stands still holds nobody up without end, and nothing is held too long."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import Busy
from core.storage.database import Database
from tests.storage.house import House


@contextlib.contextmanager
def suspended(database: Database) -> Iterator[Callable[[], None]]:
    """Another process that was suspended within its write; the call lets it go on and end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with database.begin(writing=True):
                os.kill(os.getpid(), signal.SIGSTOP)
            code = 0
        finally:
            os._exit(code)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    left = [child]

    def go_on() -> None:
        os.kill(left.pop(), signal.SIGCONT)
        assert os.waitpid(child, 0)[1] == 0

    try:
        yield go_on
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[House]:
    made = House(f"sqlite:///{tmp_path / 'backoffice.db'}", tmp_path)
    yield made
    made.close()


def test_whoever_waits_for_a_suspended_writer_is_told_so_and_served_afterwards(queue: House) -> None:
    with suspended(queue.database) as go_on:
        queue.database.patience = 0.05
        refusals = []

        def write() -> None:
            with pytest.raises(Busy) as caught, queue.writing():
                pass
            refusals.append(caught.value)

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(refusals) == 4 and all(one.status == 503 and one.retry_after >= 1 for one in refusals)
        assert "nothing was written" in refusals[0].detail
        with queue.reading() as unit:
            assert queue.values(unit, "shop.item", 1) == {}
        queue.database.patience = 10.0
        go_on()
        with queue.writing() as unit:
            assert queue.add(unit, "shop.item", {"name": "Lamp"}) == 1


def test_a_turn_that_nobody_here_wants_any_more_is_left_to_other_processes(queue: House) -> None:
    with suspended(queue.database) as go_on:
        queue.database.patience = 0.05
        with pytest.raises(Busy), queue.writing():
            pass
        go_on()
    other = Database(queue.url, queue.folder)
    with other.begin(writing=True):
        pass
    other.dispose()
    with queue.writing() as unit:
        assert queue.add(unit, "shop.item", {"name": "Lamp"}) == 1


def test_a_child_made_within_a_write_neither_has_the_turn_nor_keeps_it(queue: House) -> None:
    said, say = os.pipe()
    with queue.writing() as unit:
        child = os.fork()
        if child == 0:
            queue.database.patience = 0.05
            answer = b"entered"
            try:
                with queue.writing():
                    pass
            except Busy:
                answer = b"refused"
            finally:
                os.write(say, answer)
                while True:
                    signal.pause()
        try:
            assert os.read(said, 7) == b"refused"
            queue.add(unit, "shop.item", {"name": "Lamp"})
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
    try:
        queue.database.patience = 0.05
        with queue.writing() as unit:
            assert queue.add(unit, "shop.item", {"name": "Vase"}) == 2
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(said)
        os.close(say)
