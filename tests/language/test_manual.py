"""The manual names every kind, flag, verb and word, and its examples are read without a mistake."""

import re
from pathlib import Path

import pytest

from schemas import read_overlay, read_plugin
from schemas.grammar import EntityPart, OverlayPart, PluginPart
from schemas.grammar_looks import ViewPart
from schemas.grammar_moves import CONSTRAINTS, AccessPart, TransitionPart
from schemas.kinds import FLAGS, KINDS
from schemas.verbs import VERBS

MANUAL = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_place_with_a_readable_example(kind: str) -> None:
    place = re.search(rf"^#### {kind}\n(.*?)(?=^###)", MANUAL, re.DOTALL | re.MULTILINE)
    assert place, f"docs/language.md says nothing about the kind {kind}"
    assert KINDS[kind].means in place[1]
    example = re.search(r"```yaml\n(.*)\n```", place[1])
    assert example, f"docs/language.md has no example of {kind}"
    plugin, problems = read_plugin(f"plugin: shop\nentities:\n  thing:\n    fields:\n      {example[1]}\n")
    assert plugin and not problems, problems
    assert plugin.entities[0].fields[0].type == kind


def test_every_flag_is_in_the_table_with_its_meaning() -> None:
    for flag, means in FLAGS.items():
        assert f"| `{flag}` | {means} |" in MANUAL, f"docs/language.md says nothing about the flag {flag}"


def test_every_verb_of_overlays_is_in_the_table() -> None:
    assert [verb for verb in VERBS if f"| `{verb}` |" not in MANUAL] == []


@pytest.mark.parametrize("part", [PluginPart, EntityPart, OverlayPart, ViewPart, TransitionPart, AccessPart])
def test_every_word_is_named(part: type) -> None:
    words = [one.data_key or name for name, one in part().fields.items()]
    assert [word for word in words if not re.search(rf"(?m)(?:^|[`{{, ]){word}[`,:}}]", MANUAL)] == []
    assert all(f"{{{kind}:" in MANUAL for kind in CONSTRAINTS)


def test_whole_documents_in_the_manual_are_read_without_a_mistake() -> None:
    plugins = [text for text in BLOCKS if text.startswith("plugin:")]
    overlays = [text for text in BLOCKS if text.startswith("overlay:")]
    assert plugins and overlays
    for text in plugins:
        assert read_plugin(text)[1] == []
    for text in overlays:
        assert read_overlay(text)[1] == []


@pytest.mark.parametrize("word", ["forms", "views", "access", "constraints"])
def test_parts_in_the_manual_are_read_without_a_mistake(word: str) -> None:
    parts = [text for text in BLOCKS if text.startswith(f"{word}:")]
    assert parts
    for text in parts:
        inner = "".join(f"    {line}\n" for line in text.splitlines())
        plugin, problems = read_plugin(f"plugin: shop\nentities:\n  thing:\n    fields: {{a: {{type: text}}}}\n{inner}")
        assert plugin and not problems, problems
