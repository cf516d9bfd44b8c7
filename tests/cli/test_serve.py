"""The server as people run it: ready, reloading, containing hanging plugins, stopping with everything it started."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import House, Server

DOCUMENT = """\
plugin: {name}
label: {name}
entities:
  thing:
    title: "{{name}}"
    fields:
      name: {{type: text, required: true}}
{fields}    access:
      core.everyone: {{read: all, create: all, write: all}}
"""
HANGING = """\
import threading
from core import hookimpl, on

@hookimpl(specname="before_save")
@on("hanging.thing")
def never_ends(record):
    if record["name"] == "hang":
        threading.Event().wait()
    if record["name"] == "eat":
        kept = []
        while True:
            kept.append(bytearray(10_000_000))
    if record["name"] == "exit":
        raise SystemExit
"""


def write(folder: Path, name: str, code: str = "", fields: str = "") -> None:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.yaml").write_text(DOCUMENT.format(name=name, fields=fields))
    if code:
        (place / "__init__.py").write_text(code)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Server, str, Path]]:
    folder = tmp_path_factory.mktemp("serve")
    plugins = folder / "plugins"
    write(plugins, "hanging", HANGING)
    write(plugins, "calm")
    house = House(folder / "data", plugins_dir=str(plugins), hook_limit="2", worker_memory="400")
    house.run(
        "user", "add", "ann@example.org", "--name", "Ann Example", "--password-stdin", given="correct horse battery\n"
    )
    token = house.run("token", "create", "--user", "ann@example.org", "--name", "test").splitlines()[-1]
    with house.serving(workers=2) as server:
        yield house, server, token, plugins


World = tuple[House, Server, str, Path]


def test_it_serves_while_accounts_are_changed_from_the_command_line(world: World) -> None:
    house, server, token, _ = world
    assert server.ask("GET", "/api/v1/me", token=token)[1]["account"] == "ann@example.org"
    house.run("user", "disable", "ann@example.org")
    assert server.status("/api/v1/me", token) == 401
    house.run("user", "enable", "ann@example.org")
    assert server.status("/api/v1/me", token) == 200


def test_a_hanging_hook_is_ended_named_and_the_others_are_served(world: World) -> None:
    house, server, token, _ = world
    status, _ = server.ask("POST", "/api/v1/hanging/thing", {"name": "hang"}, token)
    assert status in (0, 502, 503)
    assert server.until(lambda: server.ask("POST", "/api/v1/calm/thing", {"name": "fine"}, token)[0] == 201)
    told = server.until(lambda: (lambda out: out if "before_save" in out else "")(house.run("plugin", "list")))
    assert "hanging" in told and "longer than 2 seconds" in told
    assert server.until(lambda: server.ask("POST", "/api/v1/hanging/thing", {"name": "fine"}, token)[0] == 201)


def test_a_hook_that_eats_memory_is_ended(world: World) -> None:
    house, server, token, _ = world
    assert server.ask("POST", "/api/v1/hanging/thing", {"name": "eat"}, token)[0] in (0, 201, 500, 502, 503)
    assert server.until(lambda: server.ask("POST", "/api/v1/calm/thing", {"name": "fine"}, token)[0] == 201)
    assert server.until(lambda: house.run("plugin", "list").count("before_save") >= 2)


def test_a_plugin_that_keeps_failing_is_switched_off_in_every_process_until_it_is_reloaded(world: World) -> None:
    house, server, token, _ = world
    for _ in range(4):
        assert server.ask("POST", "/api/v1/hanging/thing", {"name": "exit"}, token)[0] == 201
    server.until(lambda: "failing" in house.run("plugin", "list"))
    out = house.run("check", code=1)
    assert "hanging" in out and "before_save" in out
    # Its hooks are off, so nothing hangs any more.
    assert server.until(lambda: server.ask("POST", "/api/v1/hanging/thing", {"name": "hang"}, token)[0] == 201)
    house.run("plugin", "reload")
    assert "failing" not in house.run("plugin", "list")


def test_a_changed_declaration_and_changed_code_are_served_after_a_reload_without_a_refused_request(
    world: World,
) -> None:
    house, server, token, plugins = world
    write(
        plugins,
        "calm",
        "from core import hookimpl, on\n\n@hookimpl(specname='before_save')\n@on('calm.thing')\ndef f(record):\n"
        "    record['size'] = 5\n",
        fields="      size: {type: integer, read_only: true}\n",
    )
    before = server.pids()
    assert "reloads" in house.run("plugin", "reload")
    seen = set()

    def grown() -> bool:
        status, answer = server.ask("POST", "/api/v1/calm/thing", {"name": "new"}, token)
        seen.add(status)
        return bool(answer.get("size") == 5)

    server.until(grown)
    assert seen <= {201}
    server.until(lambda: not (before - {server.process.pid}) & server.pids())


def test_a_new_plugin_is_one_file_and_a_hang_up(world: World) -> None:
    _, server, token, plugins = world
    (plugins / "fresh.yaml").write_text(DOCUMENT.format(name="fresh", fields=""))
    os.kill(server.process.pid, signal.SIGHUP)
    server.until(lambda: server.status("/api/v1/fresh/thing", token) == 200)


def test_a_killed_worker_is_replaced(world: World) -> None:
    _, server, token, _ = world
    for pid in server.pids() - {server.process.pid}:
        os.kill(pid, signal.SIGKILL)
    server.until(lambda: server.status("/api/v1/me", token) == 200)
    server.until(lambda: len(server.pids()) >= 4)


def test_it_stops_with_everything_it_started(world: World) -> None:
    _, server, _, _ = world
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0
    server.until(lambda: not server.pids())
