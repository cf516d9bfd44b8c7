"""Every place of a declaration where a text may stand, found by walking an example beside the language's own JSON Schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.jsonschema import json_schema
from schemas.source import read_documents

Json = dict[str, Any]
ENTITY = """
    label: Thing
    plural: Things
    title: "{name}"
    kind: normal
    fields:
      name: {type: text, required: true, in_list: true}
      code: {type: sequence, number: [{when: "name == 'x'", pattern: "A-{seq:4}"}, {pattern: "B-{seq:4}"}]}
      kind: {type: choice, options: {small: {label: Small}, large: {label: Large}}, open: true, in_list: true, quick_filter: true}
      often: {type: boolean}
      due: {type: date}
      until: {type: date}
      count: {type: integer, in_list: true}
      notes: {type: long_text}
      parts: {type: lines, fields: {what: {type: text}}}
    forms:
      whole: {tabs: [{label: One, sections: [{label: First, fields: [name, kind, {text: Hint}]}, {label: Rest, fields: [notes, parts]}]}]}
    views:
      all: {kind: list, columns: [name, kind, count], sort: -id, default: true}
      board: {kind: board, by: state, card: [name]}
    workflow:
      states: {new: {label: New}, done: {label: Done, meaning: done}}
      transitions: {finish: {label: Finish, from: new, to: done, confirm: Sure, form: [notes]}}
    constraints: [{check: "until >= due", message: Late}]
    access:
      clerk: {read: all, create: all, write: all, delete: all, export: all, import: all}
"""
CHANGES = """
  - add_field: {name: more, type: text, label: More, after: name}
  - relabel: {field: name, label: Called}
  - add_option: {field: kind, name: huge, label: Huge}
  - add_state: {name: paused, label: Paused}
  - add_transition: {name: pause, from: new, to: paused, label: Pause, confirm: Really}
  - add_view: {name: mine, kind: list, label: Mine, columns: [name]}
"""
ELSEWHERE = {"Sum": "sum_at_most: its text is a number or a path, read as an expression"}
"""Definitions whose texts are no words for people, and why they do not stand in the example."""


def plugin(count: int) -> Json:
    """The plugin ``slots`` with that many entities, ``thing0`` and so on, as Python values."""
    head = 'plugin: slots\nlabel: Slots\nversion: "1"\ncore: ">=1,<2"\nroles: {clerk: {label: Clerk}}\nentities:\n'
    return _read(head + "".join(f"  thing{number}:{ENTITY}" for number in range(count)))


def overlay(number: int) -> Json:
    """An overlay over ``thing<number>``, as Python values."""
    return _read(f'overlay: slots.thing{number}\nname: "more"\nbecause: "asked for"\nchanges:{CHANGES}')


def _read(text: str) -> Json:
    documents, problems = read_documents(text, "")
    assert not problems, problems
    return dict(_plain(documents[0]))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    return [_plain(held) for held in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Slot:
    """A place for a text: the definition it belongs to, the word, and the way to it from the top."""

    of: str
    word: str
    way: tuple[str | int, ...]

    def filled(self, document: Json, text: str) -> Json:
        """A copy of the document with the text in this place."""
        made = copy.deepcopy(document)
        self.fill(made, text)
        return made

    def fill(self, document: Json, text: str) -> None:
        block: Any = document
        for step in self.way:
            block = block[step]
        block[self.word] = text


def words_of(definition: Json) -> list[str]:
    """The words of a block behind which a text may stand."""
    return [word for word, held in definition.get("properties", {}).items() if held.get("type") == ["string", "number"]]


def all_definitions() -> dict[str, Json]:
    """Every block of the language that has a place for a text."""
    schema = json_schema()
    tops = {one["required"][0]: one for one in schema["oneOf"]}
    return {name: held for name, held in (schema["$defs"] | tops).items() if words_of(held)}


def slots(document: Json) -> list[Slot]:
    """The places of the document, those in use and those left out, in its order."""
    schema = json_schema()
    tops = [one for one in schema["oneOf"] if one["required"][0] in document]
    return list(dict.fromkeys(_walk(schema["$defs"], tops[0], document, tops[0]["required"][0], ())))


def _walk(known: Json, schema: Json, value: Any, name: str, way: tuple[str | int, ...]) -> Iterator[Slot]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = known[name]
    for other in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _walk(known, other, value, name, way)
    if isinstance(value, dict):
        members = schema.get("properties", {})
        if members and set(schema.get("required", ())) <= set(value):
            yield from (Slot(name, word, way) for word in words_of(schema))
        for word, held in value.items():
            below = members.get(word, schema.get("additionalProperties"))
            if isinstance(below, dict):
                yield from _walk(known, below, held, name, (*way, word))
    if isinstance(value, list) and "items" in schema:
        for index, held in enumerate(value):
            yield from _walk(known, schema["items"], held, name, (*way, index))
