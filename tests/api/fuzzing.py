"""A public fuzzer (schemathesis) at the API: what the OpenAPI document of a token's owner allows and forbids, sent in process.

The fuzzer chooses bodies, queries, headers and paths; here ids of living records take the place of three quarters of the ids it
chose, since a chosen number is hardly ever one, and the token is put back where it broke it, since all that tells is 401.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.app import create_app
from core.errors import BackofficeError
from core.testing.world import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
KEPT = 4
"""Living records of an entity that requests name in turn."""


@dataclass
class Found:
    """What the requests met: how many there were, their statuses, and every kind of fault once, told at length."""

    cases: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def operations(self) -> set[str]:
        return {label for label, _ in self.statuses}

    @property
    def done(self) -> set[str]:
        """The operations that succeeded at least once."""
        return {label for label, status in self.statuses if status < 300}


class Living:
    """Ids of records that exist, made where there are too few."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._ids: dict[str, list[int]] = {}
        self._refused: set[str] = set()

    def take(self, entity: str, turn: int) -> int | None:
        """One of the entity's records; None where none can be made."""
        held = self._ids.setdefault(entity, [])
        if len(held) < KEPT and entity not in self._refused:
            try:
                held.append(self.world.sample(entity).id)
            except (BackofficeError, AssertionError):
                self._refused.add(entity)
        return held[turn % len(held)] if held else None

    def gone(self, entity: str, number: int) -> None:
        """A record went to the trash."""
        with contextlib.suppress(ValueError):
            self._ids.get(entity, []).remove(number)


class House:
    """One world with its application, the token that requests carry, and what they met there."""

    def __init__(self, world: World, role: str) -> None:
        self.app = create_app(platform=world.platform)
        self.headers = world.token(world.actor(role)) | {"Accept-Encoding": "identity"}
        self.living, self.found = Living(world), Found()

    def document(self) -> Any:
        """The OpenAPI document of the token's owner."""
        return self.app.test_client().get("/api/v1/openapi.json", headers=self.headers).get_json()

    def meet(self, operation: Any, case: schemathesis.Case, path: dict[str, Any], headers: dict[str, Any]) -> None:
        """Send the request, which the fuzzer gave this path and these headers, and judge the answer."""
        found, turn = self.found, self.found.cases
        found.cases += 1
        parts = operation.path.split("/")
        number = self.living.take(".".join(parts[1:3]), turn) if "{id}" in parts and turn % 4 else None
        if number is not None:
            path = {**path, "id": number}
            headers = {name: value for name, value in headers.items() if name != "If-Match" or turn % 3 == 0}
        case.path_parameters, case.headers = path, {**headers, **self.headers}
        response = case.call(app=self.app)
        found.statuses[operation.label, response.status_code] += 1
        if response.status_code == 204 and number is not None:
            self.living.gone(".".join(parts[1:3]), number)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            told = "\n".join(filter(None, (str(failure) for failure in group.exceptions)))
            for failure in group.exceptions:
                found.faults.setdefault(f"{operation.label}: {type(failure).__name__}", f"{told}\n{case.as_curl_command()}")
        for name in _undeclared(operation, response):
            found.faults.setdefault(f"{operation.label}: member {name}", f"The answer holds {name!r}, which the document does not name.")


def fuzz(worlds: Sequence[World], role: str, cases: int, wanted: Callable[[str], bool] = lambda label: True) -> list[Found]:
    """Send about ``cases`` requests in the name of somebody with ``role`` to the operations whose label, ``POST /store/item``, is
    ``wanted``; every world gets the same ones, since thinking them out takes longer than answering them."""
    houses = [House(world, role) for world in worlds]
    first, *others = houses
    assert all(one.document() == first.document() for one in others)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", first.app, headers=first.headers)
    operations = [one.ok() for one in schema.get_all_operations()]
    operations = [one for one in operations if wanted(one.label)]
    runs = [(one, mode) for one in operations for mode in schemathesis.GenerationMode]
    for number, (operation, mode) in enumerate(runs):
        share = cases * (number + 1) // len(runs) - cases * number // len(runs)
        if share:
            _operation(operation, mode, share, houses)
    return [one.found for one in houses]


def _operation(operation: Any, mode: schemathesis.GenerationMode, cases: int, houses: list[House]) -> None:
    # Without an answer to learn from there is nothing to shrink: every fault is told as it was met.
    @settings(max_examples=cases, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        path, headers = dict(case.path_parameters or {}), dict(case.headers or {})
        for house in houses:
            house.meet(operation, case, path, headers)

    run()


def _undeclared(operation: Any, response: Any) -> Iterator[str]:
    """Members of an answered record that the document does not name."""
    declared = operation.definition.raw["responses"].get(str(response.status_code), {}).get("content", {})
    if "application/json" not in declared or not response.headers.get("content-type", [""])[0].startswith("application/json"):
        return
    reference = declared["application/json"]["schema"].get("$ref", "").rpartition("/")[2]
    schemas = operation.schema.raw_schema["components"]["schemas"]
    shape, records = schemas.get(reference, {}), [response.json()]
    if reference.endswith("List"):
        shape, records = schemas[reference.removesuffix("List")], records[0]["items"]
    if "properties" in shape:
        yield from sorted({name for record in records for name in record} - set(shape["properties"]))
