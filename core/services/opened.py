"""A record as its page opens it: its values, what may be done with it, and the files beside it, in one short reading."""

from __future__ import annotations

from dataclasses import dataclass

from core.access.actor import Actor
from core.access.grant import RowRights
from core.facts import Record
from core.services import desk, moves
from core.services.desk import Beside
from core.services.looking import note, reader
from core.services.platform import Platform
from core.workflow.machine import Move


@dataclass(frozen=True)
class Opened:
    """``record`` holds what the actor may see; ``moves`` are those that start in its state, ``files`` newest first."""

    record: Record
    rights: RowRights
    moves: list[Move]
    files: list[Beside]


def opened(p: Platform, actor: Actor, entity: str, number: int, fields: tuple[str, ...] | None = None) -> Opened:
    """Open a record for somebody who is signed in. NotFound for an unknown and for an unreadable one alike."""
    with p.read(actor) as unit:
        by = reader(unit, entity)
        record = by.get(number, fields)
        rights, legal = moves.standing(unit, actor, entity, number)
        files = desk.attached(unit, actor, entity, number) if fields is None else []
    note(p, actor, by)
    return Opened(record, rights, legal, files)
