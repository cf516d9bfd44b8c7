"""The JSON Schema made from the grammar accepts what the grammar accepts, and underlines what it refuses."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import plugins
from schemas.jsonschema import json_schema
from schemas.kinds import KINDS
from schemas.source import read_documents
from tests.language.examples import BUILDING, FACILITIES, WARSAW

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
SHIPPED = sorted(path for folder in plugins.__path__ for path in Path(folder).glob("*/*.yaml"))


def values(text: str) -> Any:
    """The document as an editor sees it: numbers are numbers."""
    documents, problems = read_documents(text)
    assert not problems
    return _plain(documents[0])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return yaml.safe_load(value) if type(value) is not str and isinstance(value, str) else value


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    "text",
    [FACILITIES + BUILDING, WARSAW, *(path.read_text("utf-8") for path in SHIPPED)],
    ids=["facilities", "warsaw", *(f"shipped-{path.stem}" for path in SHIPPED)],
)
def test_good_documents_are_accepted(text: str) -> None:
    VALIDATOR.validate(values(text))


@pytest.mark.parametrize(
    "change",
    [
        ("type: choice", "type: choise"),
        ("role: dispatcher", "rolle: dispatcher"),
        ("required: true", "required: yes"),
        ("to: facilities.building", "places: 2"),
        ("kind: board", "kind: bord"),
        ("plugin: facilities", "plugin: Facilities"),
    ],
)
def test_bad_documents_are_underlined(change: tuple[str, str]) -> None:
    assert not VALIDATOR.is_valid(values(FACILITIES.replace(*change)))


def test_every_kind_of_the_language_is_offered() -> None:
    assert set(json_schema()["$defs"]["EntityField"]["properties"]["type"]["enum"]) == set(KINDS)
