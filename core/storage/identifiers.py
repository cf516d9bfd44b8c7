"""Names on disk: made from declared names, never longer than PostgreSQL takes, the same in every process."""

from __future__ import annotations

import hashlib

LONGEST = 63
"""PostgreSQL cuts longer names off without a word, so they are shortened here, by their hash."""


def fitted(name: str) -> str:
    """The name itself, or its beginning with a hash when it is longer than 63 bytes."""
    if len(name.encode()) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST - 13]}_{digest}"


def entity_name(plugin: str, entity: str) -> str:
    """The table of an entity. Platform tables have no double underscore, so the two never meet."""
    return fitted(f"{plugin}__{entity}")


def link_name(plugin: str, entity: str, field: str) -> str:
    """The table of a many-reference field; ``field`` is its column name."""
    return fitted(f"l__{plugin}__{entity}__{field}")


def lines_name(plugin: str, entity: str, field: str) -> str:
    """The table of a lines field; ``field`` is its column name."""
    return fitted(f"n__{plugin}__{entity}__{field}")


def index_name(table: str, columns: tuple[str, ...], *, unique: bool = False, more: str = "") -> str:
    """The name of an index, from all that it holds: another index is another name."""
    text = ",".join(columns) + more
    digest = hashlib.sha256(f"{table}|{text}".encode()).hexdigest()[:12]
    return f"{'ux' if unique else 'ix'}_{table[:30]}_{columns[0][:12]}_{digest}"
