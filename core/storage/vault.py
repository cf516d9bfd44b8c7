"""Secrets at rest: text encrypted with a key that is not in the database, and authenticated, from the standard library alone.

The stream is HMAC-SHA256 in counter mode under a random nonce, the tag is HMAC-SHA256 over nonce and cipher text under
another key (encrypt, then authenticate). Whoever copies the database without the installation's key reads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_MARK = "v1:"
_NONCE, _TAG, _BLOCK = 16, 16, 32


class Vault:
    """Locks and unlocks texts for one installation."""

    def __init__(self, secret_key: str) -> None:
        root = hashlib.sha256(b"backoffice vault " + secret_key.encode()).digest()
        self._stream_key = hmac.digest(root, b"stream", "sha256")
        self._tag_key = hmac.digest(root, b"tag", "sha256")

    def lock(self, text: str | None) -> str | None:
        """The text as it is stored; None for None. Never the same twice."""
        if text is None:
            return None
        nonce = secrets.token_bytes(_NONCE)
        hidden = self._mixed(nonce, text.encode())
        tag = hmac.digest(self._tag_key, nonce + hidden, "sha256")[:_TAG]
        return _MARK + base64.b64encode(nonce + tag + hidden).decode("ascii")

    def unlock(self, stored: str | None) -> str | None:
        """The text again; None for None, and for what this installation's key did not lock."""
        if stored is None or not stored.startswith(_MARK):
            return None
        raw = base64.b64decode(stored[len(_MARK) :])
        nonce, tag, hidden = raw[:_NONCE], raw[_NONCE : _NONCE + _TAG], raw[_NONCE + _TAG :]
        if not hmac.compare_digest(tag, hmac.digest(self._tag_key, nonce + hidden, "sha256")[:_TAG]):
            return None
        return self._mixed(nonce, hidden).decode()

    def _mixed(self, nonce: bytes, text: bytes) -> bytes:
        stream = b"".join(hmac.digest(self._stream_key, nonce + number.to_bytes(8, "big"), "sha256")
                          for number in range(-(-len(text) // _BLOCK)))
        return bytes(one ^ other for one, other in zip(text, stream, strict=False))
