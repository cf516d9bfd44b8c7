"""Files: a record's own and those beside it. Only pictures are ever shown in place; all else is offered for saving."""

from __future__ import annotations

from typing import BinaryIO
from urllib.parse import quote

from flask import Response, request

from core.errors import Invalid
from core.render.pages import Toast
from core.services import desk, files
from core.services.files import SAFE_INLINE
from core.web.asking import asking, entered
from core.web.routing import Routes
from core.web.showing import go

_CHUNK = 1 << 16


def routes(made: Routes) -> None:
    """The routes of files."""
    here = "/<name:plugin>/<name:entity>/<number:number>"
    made.get(here + "/files/<field>")(field_file)
    made.get(here + "/attachments/<number:which>")(attachment)
    made.post(here + "/attachments")(attach)
    made.post(here + "/attachments/<number:which>/remove")(detach)


@entered
def field_file(plugin: str, entity: str, number: int, field: str) -> Response:
    """The file in a record's field, or in a field of one of its lines (``lines.7.field``, by the line's id)."""
    who = asking()
    found = files.of_record(who.platform, who.actor, who.entity(plugin, entity).full_name, number, field)
    return download(files.open_bytes(who.platform, found), found.name, found.type, found.size)


@entered
def attachment(plugin: str, entity: str, number: int, which: int) -> Response:
    """A file beside a record."""
    who = asking()
    beside = desk.attachment(who.platform, who.actor, who.entity(plugin, entity).full_name, number, which)
    found = files.facts(who.platform, who.actor, [beside.file])[beside.file]
    return download(files.open_bytes(who.platform, found), found.name, found.type, found.size)


def download(stream: BinaryIO, name: str, kind: str, size: int) -> Response:
    """The bytes, in pieces, under a policy that lets them do nothing."""

    def pieces() -> object:
        with stream:
            while piece := stream.read(_CHUNK):
                yield piece

    inline = kind in SAFE_INLINE
    answer = Response(pieces(), content_type=kind if inline else "application/octet-stream")  # type: ignore[arg-type]
    answer.headers["Content-Length"] = str(size)
    answer.headers["Content-Disposition"] = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@entered
def attach(plugin: str, entity: str, number: int) -> Response:
    """Put a file beside a record."""
    who = asking()
    found = who.entity(plugin, entity)
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise Invalid({"file": ["Choose a file first."]})
    kept = files.put(who.platform, who.actor, upload.stream, upload.filename)
    desk.attach(who.platform, who.actor, found.full_name, number, kept.id)
    return go(f"/{plugin}/{entity}/{number}", toast=Toast(f"{kept.name} attached."))


@entered
def detach(plugin: str, entity: str, number: int, which: int) -> Response:
    """Take a file away again."""
    who = asking()
    desk.detach(who.platform, who.actor, who.entity(plugin, entity).full_name, number, which)
    return go(f"/{plugin}/{entity}/{number}", toast=Toast("File removed."))
