"""Static files from memory: content hash in the address, kept for ever by browsers, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Blueprint, Response, abort, request

TEXTUAL = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, plain and compressed, and its media type."""

    body: bytes
    packed: bytes | None
    type: str
    hash: str


class Assets:
    """Every file below ``templates/static`` by its path."""

    def __init__(self) -> None:
        self.all: dict[str, Asset] = {}
        self._gather(files("templates") / "static", "")

    def url(self, path: str) -> str:
        """The address of a file, with its hash. KeyError when there is none."""
        return f"/static/{self.all[path].hash}/{path}"

    def _gather(self, folder: Traversable, prefix: str) -> None:
        for one in folder.iterdir():
            if one.is_dir():
                self._gather(one, f"{prefix}{one.name}/")
                continue
            if one.name.endswith((".py", ".pyc")):
                continue
            body = one.read_bytes()
            kind = mimetypes.guess_type(one.name)[0] or "application/octet-stream"
            kind = "text/javascript" if kind == "application/javascript" else kind
            packed = gzip.compress(body, 9, mtime=0) if kind.startswith(TEXTUAL) and len(body) > 400 else None
            self.all[prefix + one.name] = Asset(body, packed, kind, hashlib.sha256(body).hexdigest()[:12])


def blueprint(assets: Assets) -> Blueprint:
    """The routes that answer static files."""
    made = Blueprint("static", __name__)

    @made.get("/static/<hash>/<path:path>")
    def hashed(hash: str, path: str) -> Response:
        found = assets.all.get(path)
        if found is None or found.hash != hash:
            abort(404)
        packed = found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
        answer = Response(found.packed if packed else found.body, content_type=found.type + ("; charset=utf-8" if found.packed else ""))
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.headers["Vary"] = "Accept-Encoding"
        if packed:
            answer.headers["Content-Encoding"] = "gzip"
        return answer

    return made
