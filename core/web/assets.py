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


SCRIPTS = ("vendor/htmx-2.0.10/htmx.min.js", "vendor/idiomorph-0.8.0/idiomorph-ext.min.js", "ops.js")
"""What every page runs, in this order: sent as the one file ``all.js``, which spares two requests."""


class Assets:
    """Every file below ``templates/static`` by its path, and ``all.js``."""

    def __init__(self) -> None:
        self.all: dict[str, Asset] = {}
        self._gather(files("templates") / "static", "")
        self._put("all.js", b"\n;\n".join(self.all[name].body for name in SCRIPTS))

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
            self._put(prefix + one.name, one.read_bytes())

    def _put(self, path: str, body: bytes) -> None:
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        kind = "text/javascript" if kind == "application/javascript" else kind
        packed = gzip.compress(body, 9, mtime=0) if kind.startswith(TEXTUAL) and len(body) > 400 else None
        self.all[path] = Asset(body, packed, kind, hashlib.sha256(body).hexdigest()[:12])


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
