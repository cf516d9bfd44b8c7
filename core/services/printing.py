"""Records on paper: the PDF of a record as its reader sees it."""

from __future__ import annotations

from dataclasses import replace

from core.access.actor import Actor
from core.errors import Forbidden
from core.facts import Record
from core.fields import Formatter, formatter
from core.hooks import Document
from core.render import documents
from core.services import looking, records
from core.services.platform import Platform
from core.services.preparing import who_may
from core.services.work import Work
from schemas.model import Entity


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
    document = _composed(p, actor, stored, record, fmt)
    if document is None:
        document = documents.of_record(replace(stored, fields=shown.fields), record, p.current.entities, fmt, foot)
    return f"{stored.name}-{number}.pdf", documents.pdf(replace(document, foot=document.foot or foot), at)


def _composed(p: Platform, actor: Actor, entity: Entity, record: Record, fmt: Formatter) -> Document | None:
    """The layout that the record's own plugin gives it, from what the reader sees; None where it gives none."""
    with p.read(actor) as unit:
        hooks = unit.generation.hooks
        if not hooks.implementations("print_document", entity.full_name):
            return None
        work = Work(unit, actor, entity.plugin, writing=False, own=True)
        answers = hooks.call("print_document", entity=entity.full_name, only=entity.plugin, record=record, fmt=fmt, work=work)
    return next((made for _, made in answers if isinstance(made, Document)), None)
