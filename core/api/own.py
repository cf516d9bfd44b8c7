"""The platform's own addresses: who am I, files, and the description of this API."""

from __future__ import annotations

from core.api.door import Call, Door, Reply
from core.errors import BadRequest, Forbidden, WrongType
from core.render import openapi
from core.services import files
from core.workflow.documents import workflow_of


def install(door: Door) -> None:
    """Serve the platform's own addresses; all have one segment."""
    door.add("/me", {"GET": me})
    door.add("/files", {"POST": upload})
    door.add("/openapi.json", {"GET": description})


def me(call: Call) -> Reply:
    """Who the token's owner is."""
    actor = call.actor
    return Reply(200, {"account": actor.email, "person": actor.person, "department": actor.department, "roles": sorted(actor.roles)})


def upload(call: Call) -> Reply:
    """Keep the file of the part ``file`` and answer its id. Forbidden with a token that may only read."""
    if not call.actor.scope_writes:
        raise Forbidden("This token may only read. A token with the scope “write” may upload files.")
    if not (call.request.mimetype or "").startswith("multipart/form-data"):
        raise WrongType("Send the file as multipart/form-data, in a part named “file”.")
    part = call.request.files.get("file")
    if part is None:
        raise BadRequest("There is no part named “file” in the body.")
    kept = files.put(call.platform, call.actor, part.stream, part.filename or "file")
    return Reply(201, {"id": kept.id, "name": kept.name, "size": kept.size, "type": kept.type})


def description(call: Call) -> Reply:
    """The OpenAPI document of what the token's owner may do."""
    document = openapi.document(call.generation.entities, call.actor, workflow_of, call.platform.settings.base_url)
    return Reply(200, document)
