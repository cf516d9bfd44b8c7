"""What is left empty is refused in words: it never counts as a plugin's failure, and so never switches its hooks off.

HD-R01 was seen broken once because of that: tickets saved without an urgency, and after three of them the matrix was off for everybody.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from typing import Any

import pytest

from core.errors import BackofficeError
from core.services.platform import Platform
from core.testing import World
from schemas.model import Entity
from tests.functions.facilities import test_contract as facilities
from tests.functions.payroll import test_contract as payroll
from tests.functions.vendors import test_contract as vendors

FUNCTIONS = ("directory", "helpdesk", "facilities", "vendors", "payroll")
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    **facilities.TestFacilities.examples,
    **payroll.TestPayroll.examples,
    **vendors.TestVendors.examples,
}


@pytest.mark.parametrize("plugin", FUNCTIONS)
def test_whatever_is_missing_no_hook_of_the_plugin_fails(app: World, plugin: str) -> None:
    assert importlib.import_module(f"plugins.{plugin}")
    app.examples.update(EXAMPLES)
    tried = 0
    for name, shape in app.platform.current.entities.items():
        if name.partition(".")[0] == plugin:
            tried += _try(app, name, shape)
    assert tried > 10
    assert _failures(app.platform) == {}


def _try(app: World, name: str, shape: Entity) -> int:
    """Make records of the entity with one thing missing, then empty one thing of a whole record; how many tries."""
    whole: dict[str, Any] = {}
    made = None
    with contextlib.suppress(BackofficeError):
        made = app.sample(name)
        whole = {one.name: made[one.name] for one in shape.fields if one.name in made and not one.read_only}
    given = [one for one in shape.fields if not one.read_only and one.type not in ("computed", "rollup", "lookup", "sequence")]
    with contextlib.suppress(BackofficeError):
        app.create(name)
    tries = 1
    for one in given:
        values = {key: value for key, value in whole.items() if key != one.name and value is not None}
        for attempt in (lambda values=values, one=one: app.create(name, **values, **{one.name: None}),
                        lambda one=one: app.change(name, made, **{one.name: None}) if made is not None else None):
            with contextlib.suppress(BackofficeError):
                attempt()
            tries += 1
        if one.type == "lines":
            with contextlib.suppress(BackofficeError):
                app.create(name, **values, **{one.name: ({},)})
            tries += 1
    return tries


def _failures(platform: Platform) -> dict[str, list[str]]:
    return {
        plugin: [f"{one.hook}: {one.reason}" for one in ones] for plugin, ones in platform.current.hooks.ledger.failures.items() if ones
    }
