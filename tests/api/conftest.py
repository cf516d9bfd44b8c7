"""A house with one small plugin of its own, and clients of its API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.app import create_app
from core.settings import Settings
from core.testing.world import World

STORE = """
plugin: store
label: Store
version: 1.0.0
core: ">=1,<2"
roles:
  clerk: {label: Clerk}
  guest: {label: Guest}
entities:
  item:
    label: Item
    title: "{name}"
    fields:
      name: {type: text, required: true, max_length: 80, in_list: true}
      code: {type: text, unique: true}
      notes: {type: long_text}
      count: {type: integer, min: 0}
      weight: {type: decimal, places: 3}
      share: {type: percent}
      price: {type: money}
      cost: {type: money, sensitive: true}
      bought: {type: date}
      at: {type: time}
      seen: {type: datetime}
      took: {type: duration}
      fresh: {type: boolean}
      kind: {type: choice, options: [small, large]}
      tags: {type: choices, options: [a, b, c]}
      keeper: {type: person}
      place: {type: reference, to: shelf}
      others: {type: references, to: shelf}
      parts:
        type: lines
        fields:
          label: {type: text, required: true}
          amount: {type: integer}
          twice: {type: computed, formula: "amount * 2", as: integer}
          checked: {type: text, read_only: true}
          serial: {type: text, set_once: true}
          remark: {type: text, read_only_if: "amount > 5"}
      mail: {type: email}
      colour: {type: colour}
      stars: {type: rating}
      data: {type: json}
      where: {type: location}
      picture: {type: file}
      photo: {type: image}
      old: {type: computed, formula: "bought < today()", as: boolean}
      where_code: {type: lookup, via: place, of: code}
      twofold: {type: computed, formula: "price * 2", as: money}
      extra: {type: json, default: {size: 1, more: [2.5, x, true]}}
      about: {type: entity}
      token: {type: secret}
    views:
      all: {columns: [name]}
      lanes: {kind: board}
      month: {kind: calendar}
      span: {kind: timeline}
    workflow:
      states: [draft, open, closed]
      transitions:
        release: {from: draft, to: open, role: clerk}
        close: {from: open, to: closed, role: clerk, requires: [notes], form: [notes], reason: true}
    access:
      clerk: {read: all, create: all, write: all, export: all, import: all, delete: all}
      guest: {read: 'fresh', mask: [price]}
  bill:
    kind: document
    title: "{name}"
    fields:
      name: {type: text, required: true}
      reason: {type: text, editable_after_posting: true}
      rows: {type: lines, fields: {what: {type: text}}}
    workflow:
      transitions:
        post: {role: clerk}
        reverse: {role: clerk, reason: true}
        amend: {role: clerk}
    access:
      clerk: {read: all, create: all, write: all}
  shelf:
    label: Shelf
    title: "{code}"
    key: code
    fields:
      code: {type: text, required: true, unique: true}
    access:
      clerk: {read: all, create: all, write: all, export: all, import: all, delete: all}
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A house whose plugins folder holds the store."""
    return stored(tmp_path, database_url)


def stored(place: Path, url: str) -> Settings:
    """Settings of a house at ``place`` whose plugins folder holds the store."""
    folder = place / "plugins"
    folder.mkdir()
    (folder / "store.yaml").write_text(STORE, encoding="utf-8")
    return Settings(data_dir=place / "data", database_url=url, plugins_dir=folder,
                    secret_key="for-tests-only-0123456789-abcdefgh").completed()


class Client:
    """An API client with one token."""

    def __init__(self, world: World, headers: dict[str, str]) -> None:
        self.http = create_app(platform=world.platform).test_client()
        self.headers = headers

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        options: dict[str, Any] = {} if body is None else {"json": body}
        return self.http.open(f"/api/v1{path}", method=method, headers={**self.headers, **named}, **options)


@pytest.fixture
def client(app: World) -> Callable[..., Client]:
    """``client("store.clerk")`` is a client whose owner holds the role."""

    def make(*roles: str, scopes: tuple[str, ...] = ()) -> Client:
        return Client(app, app.token(app.actor(*roles), scopes))

    return make


@pytest.fixture
def clerk(client: Callable[..., Client]) -> Client:
    """A client who may do everything in the store."""
    return client("store.clerk")
