"""Uploaded files: stored first, named by a record's field afterwards, read through the record that names them."""

from __future__ import annotations

import io
import mimetypes
import unicodedata
from collections.abc import Iterable, Mapping
from typing import IO, Any, BinaryIO

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Invalid, NotFound
from core.facts import Record, Value
from core.services import looking
from core.services.instants import again_when_moved, naive
from core.services.platform import Platform
from core.storage import uploads
from core.storage.keys import new_id
from core.storage.models import FileRow
from core.storage.uploads import Facts
from schemas.model import Entity, Field

_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"),
)
SAFE_INLINE = uploads.PICTURES


@again_when_moved
def put(p: Platform, actor: Actor, source: IO[bytes], name: str) -> Facts:
    """Keep the bytes and answer the file. Its type is told by its first bytes and its name, never by what the sender says.

    Raises Invalid for a name that cannot be kept.
    """
    shown = _name(name)
    kept = p.files.put(source)
    with p.files.open(kept.key) as stream:
        mime = _type(stream.read(16), shown)
    values = {"key": kept.key, "name": shown, "type": mime, "size": kept.size, "sha256": kept.sha256, "account_id": actor.account}
    with p.write(actor, p.generation(), reason="file uploaded") as unit:
        made = unit.connection.execute(sa.insert(FileRow).values(at=naive(unit.now), **values))
        number = new_id(made)
    return Facts(number, shown, mime, kept.size, kept.key, actor.account)


def facts(p: Platform, actor: Actor, numbers: Iterable[int]) -> dict[int, Facts]:
    """What is known of these files, by id. The caller has them from records the actor may read."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    with p.read(actor) as unit:
        return uploads.facts(unit, wanted)


def of_record(p: Platform, actor: Actor, entity: str, number: int, field: str) -> Facts:
    """The file in a record's field; NotFound when the actor may not read the record or the field, or it holds none.

    A file in a line is named as :func:`in_line` says.
    """
    record = looking.get(p, actor, entity, number)
    held, shape = _held(p.current.entity(entity), record, field)
    if shape is None or shape.type not in uploads.KINDS or not isinstance(held, int):
        raise NotFound
    found = facts(p, actor, (held,)).get(held)
    if found is None:
        raise NotFound
    return found


def in_line(lines: str, line: Any, field: str) -> str:
    """How the address of a file names its place in a line: the field of the lines, the line's id, and the field within."""
    return f"{lines}.{line}.{field}"


def _held(entity: Entity, record: Record, field: str) -> tuple[Value, Field | None]:
    name, _, within = field.partition(".")
    shape = entity.field(name)
    if not within or shape is None or shape.type != "lines":
        return (record.get(field), shape) if not within else (None, None)
    place, _, inner = within.partition(".")
    child = next((one for one in shape.fields if one.name == inner), None)
    line: dict[str, Value] = next((one for one in record.get(name) or () if str(one.get("id")) == place), {})
    return line.get(inner), child


def open_bytes(p: Platform, file: Facts) -> BinaryIO:
    """The bytes of a file; NotFound when they are gone. Small files come whole, so that no answer that nobody reads to its
    end holds a file open."""
    try:
        stream = p.files.open(file.key)
    except FileNotFoundError:
        raise NotFound("The file's bytes are no longer there.") from None
    if file.size > SMALL:
        return stream
    with stream:
        return io.BytesIO(stream.read())


def shown(file: Facts, url: str) -> Mapping[str, Any]:
    """The file as the API shows it."""
    return {"id": file.id, "name": file.name, "size": file.size, "type": file.type, "url": url}


def _name(name: str) -> str:
    # The end alone is looked at: bringing a long run of combining marks into order takes the square of its length.
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2][-1_000:]).strip()
    if any("\ud800" <= sign <= "\udfff" for sign in plain):
        raise Invalid({"file": ["The file's name holds half of a character."]})
    plain = "".join(sign for sign in plain if unicodedata.category(sign)[0] != "C").strip(". ")
    return plain[-200:] or "file"


def _type(head: bytes, name: str) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    for sign, mime in _SIGNS:
        if head.startswith(sign):
            office = mime == "application/zip" and guessed.startswith("application/vnd.")
            return guessed if office else mime
    # What only claims to be a picture or a PDF is bytes.
    return "application/octet-stream" if guessed.startswith("image/") or guessed == "application/pdf" else guessed


SMALL = 1 << 20
"""Bytes up to which a file is read at once."""

__all__ = ["SAFE_INLINE", "Facts", "facts", "in_line", "of_record", "open_bytes", "put", "shown"]
