"""What a guard asks for is told in words, never as an expression."""

from __future__ import annotations

import pytest

from core.workflow import conditions
from schemas import read_plugin
from schemas.model import Entity

TEXT = """
plugin: yard
label: Yard
version: 1.0.0
core: ">=1,<2"
entities:
  gate:
    label: Gate
    fields:
      keeper: {type: person}
      closed: {type: boolean, label: Shut}
      until: {type: date}
      weight: {type: integer}
      kind: {type: choice, options: {iron: {label: Of iron}, wood: {label: Of wood}}}
      next: {type: reference, to: gate, label: Next gate}
"""


@pytest.fixture(scope="module")
def gate() -> Entity:
    plugin, problems = read_plugin(TEXT, "yard.yaml")
    assert plugin is not None, problems
    return plugin.entities[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("differs(keeper, me())", "“Keeper” is somebody else than you"),
        ("not closed or until > today()", "“Shut” is no or “Until” is after today"),
        ("until <= today()", "“Until” is not after today"),
        ("weight >= 3", "“Weight” is at least 3"),
        ("kind not in ['iron', 'wood']", "“Kind” is not “Of iron” or “Of wood”"),
        ("kind == 'iron' and keeper != None", "“Kind” is “Of iron” and “Keeper” is filled in"),
        ("next.weight == 2", "“Weight” of “Next gate” is 2"),
        ("closed", "“Shut” is yes"),
        ("weight + 1 > 3", "weight + 1 is more than 3"),
    ],
)
def test_a_condition_in_words(gate: Entity, source: str, words: str) -> None:
    assert conditions.said(source, gate) == words
