"""Addresses of lists: state lives in the query, so every change of it is a link."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlencode

from flask import request

CURSORS = frozenset({"after", "before", "page"})
PEEK = "peek"
Pairs = list[tuple[str, str]]


def pairs(most: int = 100) -> Pairs:
    """The request's query as pairs; empty values are left out, and the record that is looked at beside the list."""
    return [(name, text) for name, text in request.args.items(multi=True) if text and name != PEEK and not name.startswith("_")][:most]


def address(url: str, found: Iterable[tuple[str, str]]) -> str:
    """A path with a query."""
    query = _encoded(tuple(found))
    return f"{url}?{query}" if query else url


@lru_cache(maxsize=4096)
def _encoded(found: tuple[tuple[str, str], ...]) -> str:
    return urlencode(found, safe=",:.-", errors="replace")


def without(found: Pairs, *names: str) -> Pairs:
    """The query less some parameters."""
    return [pair for pair in found if pair[0] not in names]


def with_(found: Pairs, **changes: str | None) -> Pairs:
    """The query from its first page on, with some parameters set (None: left out)."""
    kept = [pair for pair in found if pair[0] not in CURSORS and pair[0] not in changes]
    return kept + [(name, text) for name, text in changes.items() if text]


def less(found: Pairs, name: str, text: str) -> Pairs:
    """The query from its first page on, without one value of one parameter."""
    kept: Pairs = []
    gone = False
    for pair in found:
        if not gone and pair == (name, text):
            gone = True
        elif pair[0] not in CURSORS:
            kept.append(pair)
    return kept
