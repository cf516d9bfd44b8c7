"""Clients of a server whose shapes change while they work: ``python -m tests.publish.clients writer|reader PORT TOKEN NUMBER SHARED``.

Only the standard library is used, so that ten of them start fast. A client goes on until its standard input is closed, then
prints what it saw as JSON. Every value says which field it was meant for, so that one in a wrong column is found anywhere.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import select
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

PATH = "/api/v1/things/box"
MOVING = re.compile(r"[tndr]\d+\Z")
"""Fields that publications bring and take: text, number, decimal, and text that is removed and added anew."""


def meant(name: str, writer: int, turn: int) -> Any:
    """A value that tells the field it belongs to, as JSON takes it."""
    number = int(name[1:])
    if name[0] == "n":
        return number * 10**9 + writer * 10**7 + turn
    if name[0] == "d":
        return f"{number * 10**7 + writer * 10**6 + turn}.{number % 90 + 10}"
    return f"{name}:{writer}:{turn}"


def belongs(name: str, value: Any) -> bool:
    """Whether a value was meant for this field; empty ones belong everywhere."""
    if value is None:
        return True
    number = int(name[1:])
    if name[0] == "n":
        return int(value) // 10**9 == number
    if name[0] == "d":
        whole, _, rest = str(value).partition(".")
        return int(whole) // 10**7 == number and rest.rstrip("0") == str(number % 90 + 10).rstrip("0")
    return str(value).startswith(f"{name}:")


@dataclass
class Seen:
    """What one client saw. ``acknowledged``: id to the values that the last answers promised; ``counted``: increments of
    the shared counter; ``misplaced``: values under a field they were not meant for; ``refused``: answers that no contract allows;
    ``seconds`` and ``ended``: how long each request took, and when, by the machine's clock, its answer was there.
    """

    acknowledged: dict[int, dict[str, Any]] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    counted: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    misplaced: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)


class Client:
    """One client with its own connection for every request."""

    def __init__(self, port: int, token: str, number: int, shared: int) -> None:
        self.port, self.token, self.number, self.shared = port, token, number, shared
        self.seen = Seen()
        self.random = random.Random(number)
        self.turn = 0
        self.fields: list[str] = []

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """The status and the JSON of an answer. Whatever the contract does not allow is noted."""
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})},
            )
            answer = connection.getresponse()
            status, text, later = answer.status, answer.read(), answer.headers.get("Retry-After")
        except OSError as error:
            status, text, later = 0, repr(error).encode(), None
        finally:
            connection.close()
        self.seen.ended.append(time.monotonic())
        self.seen.seconds.append(self.seen.ended[-1] - start)
        told = f"{method} {status}"
        self.seen.statuses[told] = self.seen.statuses.get(told, 0) + 1
        said = text.decode(errors="replace")
        if not self._allowed(method, status, said, later, conditional=bool(headers)):
            self.seen.refused.append(f"{method} {path} {json.dumps(body)}: {status} {said[:300]}")
        return status, json.loads(said) if status and said else None

    def _allowed(self, method: str, status: int, said: str, later: str | None, *, conditional: bool) -> bool:
        if status in (200, 201):
            return True
        if method == "GET":
            return False
        if status == 422:
            # A field that has just come or gone, and nothing else.
            return all(MOVING.match(name) for name in json.loads(said).get("errors", {"?": ()}))
        if status == 503:
            return later is not None
        return (status == 412 and conditional) or (status == 409 and "at the same time" in said)

    def looked_at(self, record: dict[str, Any]) -> None:
        """Note the fields a record has now, and values that do not belong to them."""
        self.fields = [name for name in record if MOVING.match(name)]
        self.seen.misplaced += [
            f"{record['id']}.{name}: {record[name]!r}" for name in self.fields if not belongs(name, record[name])
        ]

    def write(self) -> None:
        """Create or change a record of one's own, or one field or the counter of the shared one."""
        self.turn += 1
        kind = self.random.random()
        chosen = self.random.sample(self.fields, min(len(self.fields), 3))
        values = {name: meant(name, self.number, self.turn) for name in chosen}
        mine = self.seen.acknowledged
        if kind < 0.3 or not mine:
            values["code"] = f"{self.number}-{os.getpid()}-{self.turn}"
            status, record = self.ask("POST", PATH, values)
        elif kind < 0.8:
            id = self.random.choice(list(mine))
            status, record = self.ask("PATCH", f"{PATH}/{id}", values or {"note": "none"})
        elif kind < 0.9:
            values = {f"w{self.number}": f"{self.turn}"}
            status, _ = self.ask("PATCH", f"{PATH}/{self.shared}", values)
            self.seen.shared.update(values if status == 200 else {})
            return
        else:
            self.count()
            return
        if status in (200, 201):
            self.looked_at(record)
            mine.setdefault(record["id"], {}).update(values)
            self.seen.misplaced += [
                f"{record['id']}.{name}: answered {record.get(name)!r} to {value!r}"
                for name, value in values.items()
                if MOVING.match(name) and record.get(name) is not None and not belongs(name, record[name])
            ]
        elif status == 422:
            _, record = self.ask("GET", f"{PATH}/{self.shared}")
            self.looked_at(record)

    def count(self) -> None:
        """One more on the shared counter, if nobody came between."""
        status, record = self.ask("GET", f"{PATH}/{self.shared}")
        if status == 200:
            self.looked_at(record)
            status, _ = self.ask(
                "PATCH",
                f"{PATH}/{self.shared}",
                {"count": record["count"] + 1},
                {"If-Match": f'"{record["version"]}"'},
            )
            self.seen.counted += status == 200

    def read(self) -> None:
        """A page, a filtered page or one record."""
        self.turn += 1
        path = self.random.choice(
            (
                f"{PATH}?limit=20",
                f"{PATH}?limit=20&sort=-code",
                f"{PATH}?limit=20&code__starts={self.turn % 8}-",
                f"{PATH}/{self.shared}",
            )
        )
        status, found = self.ask("GET", path)
        if status == 200:
            for record in found.get("items", [found]):
                self.looked_at(record)

    def run(self, role: str) -> Seen:
        """Work until standard input is closed."""
        work = self.write if role == "writer" else self.read
        while not select.select([sys.stdin], [], [], 0)[0]:
            work()
        return self.seen


if __name__ == "__main__":
    role_, *numbers = sys.argv[1], sys.argv[2], sys.argv[4], sys.argv[5]
    port_, number_, shared_ = (int(one) for one in numbers)
    print(json.dumps(asdict(Client(port_, sys.argv[3], number_, shared_).run(role_))))
