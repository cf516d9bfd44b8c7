"""Records on paper: the PDF of a record as its reader sees it."""

from __future__ import annotations

from dataclasses import replace

from core.access.actor import Actor
from core.errors import Forbidden
from core.fields import formatter
from core.render import documents
from core.services import looking, records
from core.services.platform import Platform
from core.services.preparing import who_may


def record_pdf(p: Platform, actor: Actor, entity: str, number: int) -> tuple[str, bytes]:
    """A file name and the PDF of one record. Raises NotFound, and Forbidden without the right to print it."""
    rights = records.rights(p, actor, entity, number)
    stored = p.current.entity(entity)
    if not rights.printable:
        with p.read(actor) as unit:
            raise Forbidden(who_may(unit, stored, "print_"))
    record = looking.get(p, actor, entity, number)
    shown = p.current.shape(entity, actor.department_code)
    fmt = formatter(actor.locale, actor.zone)
    at = p.clock.now()
    foot = f"{record.get('display_title') or ''} · {fmt.datetime(at)} · {actor.name or actor.email}"
    document = documents.of_record(replace(stored, fields=shown.fields), record, p.current.entities, fmt, foot)
    return f"{stored.name}-{number}.pdf", documents.pdf(document, at)
