"""The life that every document has, whatever its plugin declares about it."""

from __future__ import annotations

from schemas.grammar_moves import document_workflow
from schemas.model import Entity, Workflow

AMEND = "amend"
"""The built-in move that leaves its document as it is and makes a new draft like it."""
_BUILT_IN = document_workflow(None)


def workflow_of(entity: Entity) -> Workflow | None:
    """The entity's workflow; a document that was declared without one has the built-in one."""
    return entity.workflow or (_BUILT_IN if entity.kind == "document" else None)
