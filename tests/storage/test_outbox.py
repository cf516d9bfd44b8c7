"""The outbox: performed after the commit, tried again, dead in the end, once in effect whoever is killed meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from core.effects import notices
from core.effects.delivery import MAIL_IS_OFF, Deliverer
from core.effects.mail import Server, Undeliverable, message
from core.hooks import Refusal
from core.registry.calls import Hooks
from core.storage import outbox
from tests.soak import amount, lengthened
from tests.storage.house import NOON, House

FORK = multiprocessing.get_context("fork")


class Plugins(Hooks):
    """Hooks that hand every effect to one function."""

    def __init__(self, perform: Callable[[outbox.Effect], object]) -> None:
        super().__init__()
        self.perform = perform

    def call(self, name: str, *, entity: str | None = None, only: str | None = None, **arguments: Any) -> list[tuple[str, object]]:
        return [("shop", self.perform(arguments["effect"]))]


def deliverer(house: House, perform: Callable[[outbox.Effect], object] = lambda effect: True, server: Server | None = None) -> Deliverer:
    hooks = Plugins(perform)
    return Deliverer(house.database, lambda: hooks, server, house.clock.now, "worker")


def states(house: House) -> list[tuple[str, str]]:
    with house.reading() as unit:
        return [(row["state"], row["error"]) for row in reversed(outbox.listed(unit))]


def put(house: House, kind: str = "ping", payload: dict[str, Any] | None = None, key: str | None = None) -> None:
    with house.writing() as unit:
        outbox.put(unit, kind, payload or {}, key)


def test_two_that_add_one_key_at_once_are_both_taken_and_it_is_there_once(house: House) -> None:
    added, refused = threading.Event(), []

    def other() -> None:
        assert added.wait(10)
        try:
            put(house, key="one")
        except Exception as error:  # told by the test
            refused.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    with house.writing() as unit:
        outbox.put(unit, "ping", {}, "one")
        added.set()
        thread.join(0.3)  # it waits until we commit
    thread.join()
    assert not refused and len(states(house)) == 1


def test_an_effect_is_performed_after_its_commit_and_never_without(house: House) -> None:
    seen: list[object] = []
    with pytest.raises(ZeroDivisionError), house.writing() as unit:
        outbox.put(unit, "ping", {"n": 1})
        raise ZeroDivisionError
    put(house, payload={"n": 2})
    assert deliverer(house, lambda effect: seen.append(effect.payload["n"]) or True).deliver() == 1
    assert seen == [2] and states(house) == [("done", "")]


def test_a_key_puts_an_effect_once(house: House) -> None:
    put(house, key="a")
    put(house, key="a")
    assert len(states(house)) == 1


def test_a_failing_receiver_is_tried_later_and_later_and_then_given_up(house: House) -> None:
    tries: list[int] = []

    def fail(effect: outbox.Effect) -> object:
        tries.append(effect.attempt)
        raise Refusal("not reachable")

    put(house)
    hand = deliverer(house, fail)
    for _ in range(20):
        hand.deliver()
        house.clock.advance(seconds=1)
    assert tries == [1, 2]
    for _ in range(20):
        hand.deliver()
        house.clock.advance(hours=1)
    assert tries == list(range(1, outbox.MOST_TRIES + 1))
    assert states(house) == [("dead", "not reachable")]
    with house.writing() as unit:
        outbox.again(unit, 1)
    assert deliverer(house).deliver() == 1 and states(house)[0][0] == "done"


def test_an_effect_nobody_performs_says_so(house: House) -> None:
    put(house, "unknown")
    deliverer(house, lambda effect: None).deliver()
    assert "No plugin performed" in states(house)[0][1]


def test_an_effect_that_ends_its_worker_each_time_is_given_up(house: House) -> None:
    put(house)
    for _ in range(outbox.MOST_TRIES):
        assert len(outbox.take(house.database, house.clock.now(), worker="w")) == 1
        assert outbox.take(house.database, house.clock.now(), worker="w") == []
        outbox.reclaim(house.database, "w")
    assert outbox.take(house.database, house.clock.now(), worker="w") == []
    assert states(house) == [("dead", "Its worker ended each time it was tried.")]


def test_a_dead_workers_effect_is_due_again_when_its_lease_ends(house: House) -> None:
    put(house)
    outbox.take(house.database, house.clock.now(), worker="elsewhere")
    house.clock.advance(minutes=4)
    assert outbox.take(house.database, house.clock.now()) == []
    house.clock.advance(minutes=2)
    assert [one.attempt for one in outbox.take(house.database, house.clock.now())] == [2]


def test_a_notification_is_told_once_to_each_person(house: House) -> None:
    put(house, "notification", {"person": [3, 4], "text": "Look", "entity": "shop.item", "record": 7})
    hand = deliverer(house)
    hand.deliver()
    with house.writing() as unit:
        assert unread(unit, 3) == ["Look"] and unread(unit, 4) == ["Look"]
        notices.mark_read(unit, 4, [one.id for one in notices.of_person(unit, 3)])
        assert notices.unread(unit, 3) == 1
        notices.mark_read(unit, 3, [one.id for one in notices.of_person(unit, 3)])
        assert notices.unread(unit, 3) == 0
    put(house, "notification", {"person": "somebody", "text": "Look"})
    hand.deliver()
    assert states(house)[1][0] == "dead"


def unread(unit: Any, person: int) -> list[str]:
    return [one.text for one in notices.of_person(unit, person) if not one.read]


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is given; ``refuse`` is what it answers to recipients."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.mails: list[str] = []
        self.refuse = ""


class Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            if word == "QUIT":
                self._say("221 bye")
                return
            if word == "RCPT" and self.server.refuse:
                self._say(self.server.refuse)
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(part)
                self.server.mails.append("\n".join(lines))
                self._say("250 kept")
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def smtp(mailbox: Mailbox) -> Server:
    server = Server.read(f"smtp://127.0.0.1:{mailbox.server_address[1]}", "office@example.org")
    assert server is not None
    return server


def test_a_mail_arrives_with_an_id_from_its_key(house: House, mailbox: Mailbox) -> None:
    put(house, "mail", {"to": "ann@example.org", "subject": "Grüße", "text": "Hello"}, key="k1")
    deliverer(house, server=smtp(mailbox)).deliver()
    assert len(mailbox.mails) == 1 and "To: ann@example.org" in mailbox.mails[0]
    assert message({"to": "a@b.org"}, "k1", "office@example.org", house.clock.now())["Message-ID"] in mailbox.mails[0]
    assert states(house) == [("done", "")]


def test_mail_that_is_off_or_cannot_be_is_a_dead_letter_at_once(house: House, mailbox: Mailbox) -> None:
    put(house, "mail", {"to": "ann@example.org", "text": "x"})
    deliverer(house).deliver()
    put(house, "mail", {"to": "ann@example.org\nBcc: all@example.org", "text": "x"})
    put(house, "mail", {"to": "ann@example.org", "subject": "a\r\nBcc: all@example.org", "text": "x"})
    put(house, "mail", {"text": "x"})
    mailbox.refuse = "550 no such user"
    put(house, "mail", {"to": "gone@example.org", "text": "x"})
    deliverer(house, server=smtp(mailbox)).deliver()
    assert [state for state, _ in states(house)] == ["dead"] * 5 and states(house)[0][1] == MAIL_IS_OFF
    assert mailbox.mails == []


def test_a_mail_server_that_is_away_or_busy_is_tried_again(house: House, mailbox: Mailbox) -> None:
    mailbox.refuse = "450 later"
    put(house, "mail", {"to": "ann@example.org", "text": "x"})
    deliverer(house, server=smtp(mailbox)).deliver()
    assert states(house)[0][0] == "waiting"
    deliverer(house, server=Server("127.0.0.1", 1)).deliver()
    assert states(house)[0][0] == "waiting" and mailbox.mails == []


def test_a_setting_that_is_no_mail_server_is_refused() -> None:
    assert Server.read("", "a@b.org") is None
    with pytest.raises(ValueError, match="smtp://"):
        Server.read("http://mail", "a@b.org")
    with pytest.raises(Undeliverable):
        message({"to": "nobody"}, "k", "a@b.org", NOON)


def work(house: House, receiver: Path, end: Connection) -> None:
    """A worker's life: what its predecessor had taken is due again, then it delivers until nothing is left, and says so."""
    outbox.reclaim(house.database, "worker")

    def perform(effect: outbox.Effect) -> bool:
        # An idempotent receiver: one file for each key, however often it is told.
        with (receiver / effect.key).open("a") as told:
            told.write("x")
        end.send("told")
        return True

    hand = deliverer(house, perform)
    while hand.deliver():
        pass
    end.send("finished")


@lengthened
def test_effects_happen_once_at_an_idempotent_receiver_though_workers_are_killed(house: House, tmp_path: Path) -> None:
    receiver = tmp_path / "receiver"
    receiver.mkdir()
    keys = {f"effect{number}" for number in range(amount(100, 1_000))}
    with house.writing() as unit:
        for key in sorted(keys):
            outbox.put(unit, "ping", {}, key)
    dice, kills, said = random.Random(7), amount(5, 50), ""
    for life in range(kills + 1):
        end, theirs = FORK.Pipe(duplex=False)
        worker = FORK.Process(target=work, args=(house, receiver, theirs), daemon=True)
        worker.start()
        theirs.close()
        told = dice.randint(10, 19) if life < kills else 0
        while said != "finished" and told != 1:
            assert end.poll(120)
            said, told = end.recv(), told - 1
        if life < kills:
            assert worker.pid is not None and said == "told"
            os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        end.close()
    assert said == "finished"
    assert {path.name for path in receiver.iterdir()} == keys
    # Once, and once more where the worker died between telling it and noting that.
    assert all(len(path.read_text()) <= 2 for path in receiver.iterdir())
    assert sum(len(path.read_text()) for path in receiver.iterdir()) <= len(keys) + kills
    assert {state for state, _ in states(house)} == {"done"}
