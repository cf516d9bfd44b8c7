"""A house with one small plugin, started once for a module, and browsers without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import create_app
from core.services import accounts
from core.testing.world import World
from tests import houses

DESK = """
plugin: desk
label: Desk
version: 1.0.0
core: ">=1,<2"
roles:
  clerk: {label: Clerk}
  guest: {label: Guest}
entities:
  shelf:
    label: Shelf
    plural: Shelves
    title: "{code}"
    key: code
    fields:
      code: {type: text, required: true, unique: true, in_list: true}
    access:
      clerk: {read: all, create: all, write: all, delete: all}
  order:
    label: Order
    title: "{number} {name}"
    home: "state == 'open'"
    fields:
      number: {type: sequence, number: "O-{seq:4}", in_list: true}
      name: {type: text, required: true, max_length: 40, in_list: true}
      kind: {type: choice, options: {small: {label: Small}, large: {label: Large, colour: warn}}, in_list: true, quick_filter: true}
      amount: {type: decimal, places: 2, in_list: true, warn_if: "amount > 990000"}
      urgent: {type: boolean}
      why: {type: text, show_if: urgent}
      due: {type: date, in_list: true}
      notes: {type: long_text}
      story: {type: rich_text}
      secretly: {type: text}
      place: {type: reference, to: shelf, in_list: true}
      parts:
        type: lines
        fields:
          label: {type: text, required: true}
          count: {type: integer}
          taken_from: {type: reference, to: shelf}
    workflow:
      states: {new: {label: New, meaning: new}, open: {label: Open}, closed: {label: Closed, meaning: done}}
      transitions:
        start: {from: new, to: open, role: clerk}
        close: {from: open, to: closed, role: clerk, requires: [notes], form: [notes], reason: true}
        big: {from: new, to: closed, label: Close at once, role: clerk, guard: "amount < 10"}
    forms:
      full: {fields: [name, kind, amount, urgent, why, due, notes, story, secretly, place, parts]}
    views:
      all: {kind: list, columns: [number, name, kind, amount, due, place, state], sort: -id, default: true}
      board: {kind: board, by: state, card: [number, amount]}
      kinds: {kind: board, by: kind, card: [number, amount]}
      dear: {kind: list, label: Dear, where: "amount > 900000", columns: [number, amount]}
    access:
      clerk: {read: all, create: all, write: all, delete: all, export: all}
      guest: {read: "kind == 'small'", hide: [secretly], export: all}
  safe:
    label: Safe
    title: "{code}"
    fields:
      code: {type: text, required: true}
      worth: {type: text, sensitive: true}
      pin: {type: secret}
      boxes: {type: lines, fields: {label: {type: text}, pin: {type: secret}}}
    access:
      clerk: {read: all, create: all, unmask: [worth]}
  survey:
    label: Survey
    title: "{first}"
    fields:
      first: {type: text, required: true}
      second: {type: text, required: true}
    forms:
      steps:
        steps:
          - {label: One, sections: [{fields: [first]}]}
          - {label: Two, sections: [{fields: [second]}]}
    access:
      clerk: {read: all, create: all, write: all}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A started platform with the directory and the desk."""
    with houses.house(tmp_path_factory.mktemp("house"), "desk", DESK) as world:
        yield world


class Browser:
    """Somebody who opens pages and sends forms, without JavaScript."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, url: str, **headers: str) -> TestResponse:
        return self.client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def part(self, url: str) -> TestResponse:
        """The same as htmx asks for it."""
        return self.client.get(url, headers={"HX-Request": "true"})

    def token(self) -> str:
        found = re.search(r'name="csrf" content="([^"]+)"', self.get("/account").text)
        assert found is not None
        return found[1]

    def post(self, url: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        return self.client.post(url, data={"csrf_token": self.token(), **(data or {})}, **more)

    def version(self, url: str) -> str:
        found = re.search(r'name="_v" value="(\d+)"', self.get(url).text)
        assert found is not None
        return found[1]

    def made(self, **fields: Any) -> str:
        """Make an order by its form; answers its address."""
        answer = self.post("/desk/order/new", {"name": "Chair", **fields})
        assert answer.status_code == 303, words(answer)
        return str(answer.location)


@pytest.fixture(scope="module")
def browser(house: World) -> Callable[..., Browser]:
    """``browser("desk.clerk")`` is a signed-in browser of somebody with the role."""
    app = create_app(platform=house.platform)

    def make(*roles: str) -> Browser:
        client = app.test_client()
        client.set_cookie("session", accounts.open_session(house.platform, house.actor(*roles).account or 0))
        return Browser(client)

    return make


@pytest.fixture(scope="module")
def clerk(browser: Callable[..., Browser]) -> Browser:
    """A browser of somebody who may do everything at the desk."""
    return browser("desk.clerk")


@pytest.fixture(scope="module")
def guest(browser: Callable[..., Browser]) -> Browser:
    """A browser of somebody who reads small orders, without one field."""
    return browser("desk.guest")


def words(answer: TestResponse) -> str:
    """A page's text without its marks and without what stands around it."""
    text = re.sub(
        r'(?s)<head>.*?</head>|<nav class="nav".*?</nav>|<header class="top".*?</header>|'
        r'<nav class="bottom".*?</nav>|<template.*?</template>',
        " ",
        answer.text,
    )
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", text).split()))
