"""Revisions as they are stored: whole documents of plugins and overlays, and the columns generated for overlays' fields.

A plugin's document stands in the revision that brought it; later ones point there, so that a small publication stays small.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from core.errors import BackofficeError
from core.fields.identity import PerObject
from core.registry.generation import Columns
from core.services.instants import aware
from core.storage.models import Revision
from schemas import dump_overlay, read_overlay, read_plugin
from schemas.model import Entity, Overlay, Plugin, Problem

_written: PerObject[str] = PerObject()
"""The documents of overlays that were written already."""
KEPT = 500
"""Parsed overlays a process remembers by their text."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """A plugin's document: its hash, and the number of the revision in which its text stands."""

    digest: str
    at: int


@dataclass(frozen=True)
class Stored:
    """One revision as read. ``kind``: plugins, overlay or revert."""

    number: int
    kind: str
    plugins: Mapping[str, Pointer]
    overlays: tuple[Overlay, ...]
    columns: Columns
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list of generations. ``reverts`` is the generation whose overlays were restored, None otherwise."""

    number: int
    kind: str
    author: str
    because: str
    at: datetime
    reverts: int | None
    undoes: int | None


@dataclass
class Memory:
    """What a process remembers of documents: parsed overlays by their text, and the hashes of the plugins it serves."""

    overlays: dict[str, Overlay] = field(default_factory=dict)
    read: dict[str, tuple[str, Plugin]] = field(default_factory=dict)
    swaps: int = 0
    left: list[Entity] = field(default_factory=list)
    """The shapes that the generation in force has replaced."""


def digest(text: str) -> str:
    """The hash by which a plugin's document is known."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def write(
    connection: sa.Connection,
    number: int,
    kind: str,
    plugins: Mapping[str, Pointer],
    texts: Mapping[str, str],
    overlays: Iterable[Overlay],
    columns: Columns,
    *,
    author: str,
    because: str,
    at: datetime,
    fingerprint: str = "",
    reverts: int | None = None,
    undoes: int | None = None,
) -> None:
    """Store a revision. ``texts`` holds the documents of plugins whose pointer says that they stand here."""
    documents = {
        "plugins": {name: [one.digest, one.at] for name, one in plugins.items()},
        "texts": {name: text for name, text in texts.items() if plugins[name].at == number},
        "overlays": [_written.get(one, lambda one=one: dump_overlay(one)) for one in overlays],  # type: ignore[misc]
    }
    generated = {
        "kind": kind,
        "undoes": undoes,
        "columns": [[*identity, dict(names)] for identity, names in columns.items() if names],
    }
    connection.execute(
        sa.insert(Revision).values(
            number=number,
            documents=json.dumps(documents, ensure_ascii=False),
            columns=json.dumps(generated, ensure_ascii=False),
            fingerprint=fingerprint,
            author=author,
            because=because,
            reverts=reverts,
            at=at.replace(tzinfo=None),
        )
    )


def read(connection: sa.Connection, number: int, memory: Memory | None = None) -> Stored:
    """The revision of that number. Raises BackofficeError when it is missing or damaged."""
    row = connection.execute(sa.select(Revision.documents, Revision.columns).where(Revision.number == number)).first()
    if row is None:
        raise BackofficeError(f"Generation {number} is not in the database. Restore a backup.")
    documents, generated = json.loads(row.documents), json.loads(row.columns)
    problems: list[Problem] = []
    overlays = tuple(one for text in documents["overlays"] for one in _overlay(text, memory, problems))
    return Stored(
        number,
        generated["kind"],
        {name: Pointer(*one) for name, one in documents["plugins"].items()},
        overlays,
        {(entity, department, name): names for entity, department, name, names in generated["columns"]},
        tuple(problems),
    )


def plugin(connection: sa.Connection, name: str, pointer: Pointer) -> tuple[Plugin | None, list[Problem]]:
    """A plugin's declaration read from the document that the pointer names."""
    row = connection.execute(sa.select(Revision.documents).where(Revision.number == pointer.at)).first()
    text = json.loads(row.documents)["texts"].get(name) if row else None
    if text is None:
        raise BackofficeError(
            f'The document of the plugin "{name}" is not in generation {pointer.at}. Restore a backup.'
        )
    return read_plugin(text, f"generation {pointer.at}, plugin {name}")


def entries(connection: sa.Connection) -> list[Entry]:
    """All generations, oldest first."""
    rows = connection.execute(
        sa.select(
            Revision.number, Revision.columns, Revision.author, Revision.because, Revision.at, Revision.reverts
        ).order_by(Revision.number)
    )
    found = []
    for row in rows:
        told = json.loads(row.columns)
        found.append(
            Entry(row.number, told["kind"], row.author, row.because, aware(row.at), row.reverts, told.get("undoes"))
        )
    return found


def _overlay(text: str, memory: Memory | None, problems: list[Problem]) -> list[Overlay]:
    known = memory.overlays.get(text) if memory is not None else None
    if known is not None:
        return [known]
    found, said = read_overlay(text, "overlay")
    problems.extend(said)
    if memory is not None and len(found) == 1:
        if len(memory.overlays) >= KEPT:
            memory.overlays.clear()
        memory.overlays[text] = found[0]
    return found
