"""What every request of the API passes: the token, its rate, the idempotency key, and refusals as problem documents."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Request, Response, request

from core.access.actor import Actor
from core.api import problems
from core.errors import BackofficeError, BadRequest, Busy, Conflict, NotFound, NotSignedIn, TooMany
from core.facts import Record
from core.registry.generation import Generation
from core.services import accounts, exporting
from core.services.platform import Platform
from core.storage import idempotency
from core.storage.idempotency import Answer
from schemas.model import Entity

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_LARGEST = 2**53 - 1
_log = logging.getLogger("backoffice.api")


@dataclass
class Call:
    """One request: who asks, the declarations in force for it, and the ways to read and answer it."""

    platform: Platform
    actor: Actor
    generation: Generation
    request: Request

    def entity(self, plugin: str, entity: str) -> Entity:
        """The stored shape of the entity in the path. Raises NotFound."""
        found = self.generation.entities.get(f"{plugin}.{entity}")
        if found is None:
            raise NotFound(f"There is no entity {plugin[:60]}.{entity[:60]}.")
        return found

    def records(self, entity: Entity, found: list[Record]) -> list[dict[str, Any]]:
        """Records as JSON."""
        return exporting.as_json(self.platform, self.actor, entity, found)


@dataclass
class Reply:
    """What a handler answers: a status, JSON (None: no body) or a ready response, and headers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    response: Response | None = None

    def made(self) -> Response:
        """The response."""
        if self.response is not None:
            return self.response
        if self.status == 204:
            return Response(status=204, headers=self.headers)
        return Response(problems.encoded(self.body), self.status, self.headers, content_type="application/json")


Handler = Callable[..., Reply]


def number_of(text: str) -> int:
    """A record's id in a path. Raises NotFound for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) <= _LARGEST):
        raise NotFound
    return int(text)


class Door:
    """Puts handlers at paths. Each path takes every method, so that a wrong one is refused like everything else."""

    def __init__(self, platform: Platform, blueprint: Blueprint) -> None:
        self.platform = platform
        self.blueprint = blueprint
        self.limits = Limits(platform.settings.api_rate)

    def add(self, path: str, handlers: Mapping[str, Handler]) -> None:
        """Serve ``path`` with a handler for each method; GET serves HEAD as well."""
        allowed = sorted({*handlers, "OPTIONS", *(("HEAD",) if "GET" in handlers else ())})

        def view(**parts: str) -> Response:
            try:
                method = "GET" if request.method == "HEAD" else request.method
                if method == "OPTIONS":
                    return Response(status=204, headers={"Allow": ", ".join(allowed)})
                handler = handlers.get(method)
                if handler is None:
                    self._call()
                    refused = problems.answer(405, "Method not allowed", f"Use {', '.join(allowed)} here.")
                    refused.headers["Allow"] = ", ".join(allowed)
                    return refused
                return self._answer(handler, parts)
            except Exception as error:  # the door's last line: whatever happens is answered as a problem document
                return self._refused(error)

        self._route(path, view)

    def close(self) -> None:
        """Answer every other path below the prefix with 404 (401 without a token)."""

        def nothing(rest: str = "") -> Response:
            try:
                self._call()
                return problems.problem(NotFound("There is nothing at this address."))
            except Exception as error:  # as above
                return self._refused(error)

        self._route("/<path:rest>", nothing)
        self._route("/", nothing)

    def _route(self, path: str, view: Callable[..., Response]) -> None:
        self.blueprint.add_url_rule(path, f"at_{path.replace('.', '_')}", view, methods=METHODS, provide_automatic_options=False)

    def _call(self) -> Call:
        head = request.headers.get("Authorization", "")
        scheme, _, token = head.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotSignedIn("This needs an API token: send it as Authorization: Bearer. Cookies are not read here.")
        address = request.remote_addr or ""
        self.limits.anonymous(address)
        try:
            actor, number = accounts.actor_for_token(self.platform, token.strip())
        except NotSignedIn:
            self.limits.failed(address)
            raise
        self.limits.signed_in(actor.token or 0)
        return Call(self.platform, actor, self.platform.pin(self.platform.generation(number), number), request)

    def _answer(self, handler: Handler, parts: Mapping[str, str]) -> Response:
        call = self._call()
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return handler(call, **parts).made()
        if not _KEY.fullmatch(key):
            raise BadRequest("An Idempotency-Key has 1 to 200 printable ASCII characters without spaces.")
        return self._once(call, key, handler, parts)

    def _once(self, call: Call, key: str, handler: Handler, parts: Mapping[str, str]) -> Response:
        database, token, path = self.platform.database, call.actor.token or 0, request.path
        body = request.get_data(cache=True)
        kept = idempotency.claim(database, token, path, key, body, self.platform.clock.now())
        if kept is not None:
            return Response(kept.body, kept.status, {**kept.headers, "Idempotency-Replayed": "true"})
        finished = False
        try:
            try:
                response = handler(call, **parts).made()
            except Exception as error:  # a refusal is an answer as well, and the first one is kept
                response = self._refused(error)
            if response.status_code < 500 and response.status_code != 429:
                names = ("Content-Type", "Location", "ETag")
                headers = {name: response.headers[name] for name in names if name in response.headers}
                finished = True  # it is done: should its answer not be kept, the key stays taken, so that nothing is done twice
                self._keep(token, path, key, Answer(response.status_code, headers, response.get_data(as_text=True)))
            return response
        finally:
            if not finished:
                idempotency.release(database, token, path, key)

    def _keep(self, token: int, path: str, key: str, answer: Answer) -> None:
        try:
            idempotency.keep(self.platform.database, token, path, key, answer)
        except Busy as busy:  # the client is told what became of its request all the same
            _log.warning("the answer under an idempotency key was not kept: %s", busy)

    def _refused(self, error: Exception) -> Response:
        refusal = problems.known(error)
        if refusal is not None:
            return problems.problem(refusal)
        _log.exception("%s %a failed", request.method, request.path, exc_info=error)
        return problems.answer(500, "Something went wrong", "The request failed inside the server. It has been logged.")


class Limits:
    """How often a token may ask, and how often an address may offer wrong ones. Counted in this process.

    ``rate`` is in requests a second for each token; 0 sets no limit.
    """

    WRONG = 120
    """Wrong tokens an address may offer in a minute."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def signed_in(self, token: int) -> None:
        """Count a request of a token. Raises TooMany."""
        if not self.rate:
            return
        now = time.monotonic()
        with self._lock:
            left, at = self._buckets.pop(token, (float(self.rate), now))
            left = min(float(self.rate), left + (now - at) * self.rate)
            self._buckets[token] = (left - 1 if left >= 1 else left, now)
            while len(self._buckets) > 10_000:
                self._buckets.popitem(last=False)
        if left < 1:
            raise TooMany(f"At most {self.rate} requests a second for each token.", retry_after=1)

    def anonymous(self, address: str) -> None:
        """Refuse an address that has just offered too many wrong tokens. Raises TooMany."""
        with self._lock:
            since, count = self._wrong.get(address, (0.0, 0))
        if count >= self.WRONG and time.monotonic() - since < 60:
            raise TooMany("Too many wrong tokens from this address. Try again in a minute.", retry_after=60)

    def failed(self, address: str) -> None:
        """Count a wrong token."""
        now = time.monotonic()
        with self._lock:
            since, count = self._wrong.pop(address, (now, 0))
            self._wrong[address] = (now, 1) if now - since >= 60 else (since, count + 1)
            while len(self._wrong) > 10_000:
                self._wrong.popitem(last=False)


__all__ = ["BackofficeError", "Call", "Conflict", "Door", "Reply", "number_of"]
