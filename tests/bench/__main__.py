"""``python -m tests.bench [--size N ...]``: each page and save against the yardstick, with the ratio and its budget.

Both programs run under the same server with the same number of workers, hold the same tickets, and are asked in turn by
one client that keeps its connection. The figures are medians in milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from tests.bench import importing, large, loading, verifying
from tests.ports import free as free_port

ROUNDS = 60
WORKERS = 2
RATE_SECONDS = 4
WARM = 5


@dataclass(frozen=True)
class Step:
    """One thing asked of both programs. ``budget`` is the most it may cost, in times the yardstick."""

    name: str
    plain: str
    ours: str
    budget: float
    api: bool = False
    method: str = "GET"
    form: dict[str, str] = field(default_factory=dict)


LIST = "/helpdesk/ticket"
API = "/api/v1/helpdesk/ticket"
TEXT = {"subject": "printer paper measured", "description": "A printer without paper."}
NEW = {**TEXT, "kind": "incident", "impact": "3", "urgency": "3", "queue": "1"}


def steps(record: int) -> tuple[Step, ...]:
    """What is measured; ``record`` is a ticket that everybody here may read."""
    return (
        Step("list", "/tickets", f"{LIST}?view=all&sort=-id", 5),
        Step("list, filtered and sorted", "/tickets?state=open", f"{LIST}?view=all&state=open&sort=priority", 5),
        Step("last page", "/tickets?page=last", f"{LIST}?view=all&sort=-id&page=last", 6),
        Step("search, common word", "/tickets?q=printer", f"{LIST}?view=all&q=printer", 6),
        Step("search, rare word", "/tickets?q=rare3", f"{LIST}?view=all&q=rare3", 6),
        Step("record", f"/ticket/{record}", f"{LIST}/{record}", 6),
        Step("edit form", f"/edit/{record}", f"{LIST}/{record}/edit", 6),
        Step("JSON list", "/tickets.json", f"{API}?limit=50&sort=-id&fields=number,subject,priority,state,requester,"
             "queue,assignee,created_at", 4, api=True),  # fmt: skip
        Step("create", "/new", API, 4, api=True, method="POST", form=NEW),
        Step("update", f"/edit/{record}", f"{API}/{record}", 4, api=True, method="PATCH", form=TEXT),
    )


class Client:
    """One kept connection."""

    def __init__(self, port: int, session: str, token: str = "") -> None:
        self.port, self.session, self.token = port, session, token
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, kind: str = "", api: bool = False) -> int:
        """Send and read whole; answers the status."""
        headers = {"Authorization": f"Bearer {self.token}"} if api else {"Cookie": f"session={self.session}"}
        if kind:
            headers["Content-Type"] = kind
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def measure(step: Step, plain: Client, ours: Client, rounds: int) -> tuple[float, float]:
    """Medians in milliseconds of both, asked in turn. RuntimeError when one of them refuses."""
    form = urlencode(step.form).encode() if step.form else None
    body = json.dumps(step.form).encode() if step.form else None
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + WARM):
        begin = time.perf_counter()
        kind = "application/x-www-form-urlencoded" if form else ""
        first = plain.ask(step.plain, "POST" if form else "GET", form, kind)
        between = time.perf_counter()
        second = ours.ask(step.ours, step.method, body, "application/json" if body else "", step.api)
        end = time.perf_counter()
        if first >= 400 or second >= 400:
            raise RuntimeError(f"{step.name}: the yardstick answers {first}, Backoffice {second}")
        if number >= WARM:
            taken[0].append((between - begin) * 1000)
            taken[1].append((end - between) * 1000)
    return statistics.median(taken[0]), statistics.median(taken[1])


def rate(port: int, path: str, session: str) -> float:
    """Lists a second that eight clients get out of the workers."""
    until = time.monotonic() + RATE_SECONDS
    counts: list[int] = []

    def run() -> None:
        client, number = Client(port, session), 0
        while time.monotonic() < until:
            client.ask(path)
            number += 1
        counts.append(number)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / RATE_SECONDS


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[int, int]]:
    """Both programs with the same number of workers; answers their ports (the yardstick's first)."""
    ports = free_port(), free_port()
    common = ["--workers", str(WORKERS), "--threads", "8", "--worker-class", "gthread", "--keep-alive", "30",
              "--no-control-socket"]  # fmt: skip
    data = loading.settings(folder)
    environment = {**os.environ, "BENCH_PLAIN": str(folder / "plain.db"), "BACKOFFICE_DATA_DIR": str(data.data_dir),
                   "BACKOFFICE_SECRET_KEY": data.secret_key, "BACKOFFICE_DATABASE_URL": data.database_url}  # fmt: skip
    python = sys.executable
    commands = (
        [python, "-m", "gunicorn", *common, "--bind", f"127.0.0.1:{ports[0]}", "tests.bench.plain:create_app()"],
        [python, "-c", "from core.cli import main; main()", "serve", "--port", str(ports[1]), "--workers", str(WORKERS)],
    )
    log = (folder / "servers.log").open("w")
    started = [subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
               for command in commands]  # fmt: skip
    try:
        for port, path in zip(ports, ("/", "/healthz"), strict=True):
            _wait(port, path)
        yield ports
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            process.wait(30)
        log.close()


def run(folder: Path, size: int, rounds: int) -> list[dict[str, object]]:
    """All steps at one size for both persons, printed as they come."""
    begin = time.monotonic()
    loading.prepare(folder, size)
    print(f"\n{size:,} tickets (prepared in {time.monotonic() - begin:.0f} s)")
    found: list[dict[str, object]] = []
    with serving(folder) as (plain_port, our_port):
        for who, note in (("all", "reads everything"), ("part", f"reads one row in {loading.PARTS}")):
            session, token = (folder / who).read_text().split("\n")
            plain, ours = Client(plain_port, session), Client(our_port, session, token)
            print(f"  {who}: {note}")
            for step in steps(record=size // loading.PARTS // 2):
                try:
                    ours_and_plain = measure(step, plain, ours, rounds)
                except RuntimeError as error:
                    print(f"    {error}")
                    found.append({"size": size, "who": who, "step": step.name, "failed": str(error)})
                    continue
                found.append(_told(size, who, step, *ours_and_plain))
        session = (folder / "all").read_text().split("\n")[0]
        floor, own = rate(plain_port, "/tickets", session), rate(our_port, f"{LIST}?view=all&sort=-id", session)
        print(f"  lists a second on {WORKERS} workers: {own:.0f} of {floor:.0f} ({own / floor:.1%}; at least 7 %)")
        found.append({"size": size, "who": "all", "step": "rate", "ours": own, "plain": floor})
    return found


def _told(size: int, who: str, step: Step, plain: float, ours: float) -> dict[str, object]:
    ratio = ours / plain
    verdict = "" if ratio <= step.budget else "   over budget"
    print(f"    {step.name:28} {plain:8.2f} {ours:8.2f} ms   {ratio:5.1f}x of at most {step.budget:.0f}x{verdict}")
    figures = {"plain": plain, "ours": ours, "ratio": ratio, "budget": step.budget}
    return {"size": size, "who": who, "step": step.name, **figures}


def _wait(port: int, path: str) -> None:
    for _ in range(300):
        try:
            Client(port, "").ask(path)
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Nothing answers at port {port}; see servers.log.")


def main() -> None:
    """Prepare what is missing, measure, and print."""
    usual = Path(os.environ.get("BACKOFFICE_BENCH_DIR", Path(tempfile.gettempdir()) / "backoffice-bench"))
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, default=usual, help="where prepared databases stay between runs")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--large", action="store_true", help="only the house of 655 entities")
    given = parser.parse_args()
    if given.large:
        large.run()
        return
    found = [one for size in given.size for one in run(given.folder / str(size), size, given.rounds)]
    found += verifying.run()
    found += importing.run()
    found += large.run()
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
