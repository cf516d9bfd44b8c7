"""What every answer carries and every unsafe request must bring: security headers, the token against forgery, compression."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request

from core.errors import Forbidden, TooLarge
from core.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DOOR = "door"
"""Cookie of somebody who is not signed in: what their form's token is bound to."""
SMALLEST = 900
_PACKED = ("text/html", "application/json", "application/problem+json", "text/csv", "text/plain")
STALE = "This page was open too long, or it was not made here. Reload it and send it again; what you typed is kept in the browser."


def headers(app: Flask, settings: Settings) -> None:
    """Put the security headers on every answer of the application, errors included."""

    @app.after_request
    def secure(answer: Response) -> Response:
        nonce = secrets.token_urlsafe(12)
        put = answer.headers
        put["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; object-src 'none'; base-uri 'none'; "
            "frame-ancestors 'none'; form-action 'self'"
        )
        if "Content-Disposition" in put:  # somebody's file: should a browser open it after all, it may do nothing
            put["Content-Security-Policy"] += "; sandbox"
        put["X-Content-Type-Options"] = "nosniff"
        put["Referrer-Policy"] = "same-origin"
        put["X-Frame-Options"] = "DENY"
        put["Cross-Origin-Opener-Policy"] = "same-origin"
        put["Permissions-Policy"] = "geolocation=(), microphone=(), camera=(self)"
        if settings.secure:
            put["Strict-Transport-Security"] = "max-age=31536000"
        if "Cache-Control" not in put:
            put["Cache-Control"] = "no-store"
        return _compressed(answer)


def _compressed(answer: Response) -> Response:
    if answer.direct_passthrough or answer.is_streamed or "Content-Encoding" in answer.headers or answer.status_code in (204, 304):
        return answer
    if answer.mimetype not in _PACKED:
        return answer
    answer.headers.add("Vary", "Accept-Encoding")
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return answer
    body = answer.get_data()
    if len(body) >= SMALLEST:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        answer.set_data(packer.compress(body) + packer.flush())
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def masked(token: str) -> str:
    """The token as it stands in a page: another text each time, so that compression tells nothing about it."""
    raw = token.encode()
    pad = secrets.token_bytes(len(raw))
    return (pad + bytes(a ^ b for a, b in zip(raw, pad, strict=True))).hex()


def unmasked(text: str) -> str:
    """What :func:`masked` hid; "" for anything else."""
    try:
        raw = bytes.fromhex(text)
        half = len(raw) // 2
        return bytes(a ^ b for a, b in zip(raw[:half], raw[half:], strict=True)).decode()
    except (ValueError, UnicodeDecodeError):
        return ""


def door_token(settings: Settings, visitor: str) -> str:
    """The token of somebody who is not signed in, bound to their cookie."""
    return hmac.new(settings.secret_key.encode(), b"door:" + visitor.encode(), hashlib.sha256).hexdigest()


def refuse_forgery(settings: Settings, asked: Request, expected: str) -> None:
    """Raise Forbidden unless the request came from a page of ours: no foreign Origin, and the token."""
    origin = asked.headers.get("Origin")
    if origin is not None and not _ours(settings, asked, origin):
        raise Forbidden("This request comes from another site and was refused.")
    # A form without files is read at once; without a length the part over the limit would be left out without a word.
    length = asked.content_length
    if asked.mimetype == "application/x-www-form-urlencoded" and (
        length > settings.max_form if length is not None else bool(asked.environ.get("wsgi.input_terminated"))
    ):
        raise TooLarge(f"A form has at most {settings.max_form // 1024} KiB without its files, and says its length.")
    given = asked.headers.get("X-CSRF-Token") or asked.form.get("csrf_token") or ""
    token = unmasked(given)
    if not expected or not (
        hmac.compare_digest(token.encode(), expected.encode()) or hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
    ):
        raise Forbidden(STALE)


def _ours(settings: Settings, asked: Request, origin: str) -> bool:
    try:
        there = urlsplit(origin)
    except ValueError:  # no address at all, such as http://[
        return False
    if (there.scheme, there.netloc) == (asked.scheme, asked.host):
        return True
    base = urlsplit(settings.base_url)
    return bool(base.netloc) and (there.scheme, there.netloc) == (base.scheme, base.netloc)


def address() -> str:
    """Where the request comes from."""
    return request.remote_addr or ""


def csrf_field() -> str:
    """The masked token of this request's forms."""
    return masked(g.csrf) if g.csrf else ""
