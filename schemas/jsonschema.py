"""JSON Schema of plugin and overlay documents, made from the grammar, so that editors complete and underline."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from marshmallow import Schema

from schemas import words
from schemas.grammar import Bounds, OverlayPart, Pairs, PluginName, PluginPart, RoleNames
from schemas.grammar_field import Default, FieldNames, FieldPart, Numbers, OptionPart, Options, Unique
from schemas.grammar_looks import FormNames, ItemPart, Items, Open
from schemas.grammar_moves import AtMost, Grantable, Roles, States
from schemas.kinds import FLAGS, KINDS
from schemas.verbs import VERBS, AddApproval, ChangeList, FieldName

Json = dict[str, Any]
_NAME = "^[a-z][a-z0-9_]*$"
_PATH = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$"
_TEXT: Json = {"type": ["string", "number"]}
_SOURCE: Json = {"type": ["string", "boolean", "number"], "description": "An expression (docs/expressions.md)."}
_NAMES: Json = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


@cache
def _made() -> Json:
    writer = _Writer()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Backoffice plugin or overlay",
        "oneOf": [
            {"required": ["plugin"], **writer.part(PluginPart())},
            {"required": ["overlay"], **writer.part(OverlayPart())},
        ],
        "$defs": writer.definitions,
    }


def json_schema() -> Json:
    """The JSON Schema (2020-12) of one document, a plugin's or an overlay's."""
    return dict(_made())


class _Writer:
    """Walks the grammar once; blocks that are used in several places become definitions."""

    def __init__(self) -> None:
        self.definitions: dict[str, Json] = {}

    def reference(self, part: Schema) -> Json:
        name = type(part).__name__.removesuffix("Part")
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.part(part)
        return {"$ref": f"#/$defs/{name}"}

    def part(self, part: Schema) -> Json:
        properties: Json = {}
        required = []
        for attribute, one in part.fields.items():
            word = one.data_key or attribute
            properties[word] = self.word(one)
            if isinstance(part, FieldPart) and word in FLAGS:
                properties[word] = {**properties[word], "description": FLAGS[word].replace("`", "")}
            if one.required:
                required.append(word)
        made: Json = {"type": "object", "properties": properties, "additionalProperties": isinstance(part, AddApproval)}
        if required:
            made["required"] = required
        if isinstance(part, FieldPart):
            made["allOf"] = _rules_of_kinds(set(properties))
        return made

    def word(self, one: Any) -> Json:
        for kind, writer in self._writers():
            if isinstance(one, kind):
                return writer(one)
        return {}

    def _writers(self) -> list[tuple[type, Callable[[Any], Json]]]:
        """The most special first."""
        return [
            (PluginName, lambda one: {"type": "string", "pattern": _NAME, "maxLength": one.longest}),
            (
                FieldName,
                lambda one: {"type": "string", "pattern": r"^[a-z](?!.*__)[a-z0-9_]*(?<!_)$", "maxLength": one.longest},
            ),
            (words.Name, lambda one: {"type": "string", "pattern": _NAME, "maxLength": one.longest}),
            (words.Path, lambda one: {"type": "string", "pattern": _PATH}),
            (words.OneOf, lambda one: {"enum": list(one.known)}),
            (Bounds, lambda one: {"type": "string"}),
            (words.Text, lambda one: dict(_TEXT)),
            (words.Source, lambda one: dict(_SOURCE)),
            (words.Flag, lambda one: {"type": "boolean"}),
            (words.Count, lambda one: {"type": "integer", "minimum": one.low, "maximum": one.high}),
            (words.Limit, lambda one: dict(_TEXT)),
            (words.RowScope, lambda one: {"anyOf": [{"enum": list(words.ROW_SCOPES)}, {"type": "string"}]}),
            (words.Many, lambda one: _one_or_list(self.word(one.inner))),
            (words.Each, self._each),
            (words.Inside, lambda one: self.reference(one.part)),
            (
                States,
                lambda one: {
                    "anyOf": [{"type": "array", "items": {"type": "string", "pattern": _NAME}}, self._named(one)]
                },
            ),
            (RoleNames, lambda one: {"anyOf": [dict(_NAMES), self._named(one, also={"type": "string"})]}),
            (FormNames, lambda one: self._named(one, also=_list_of(self._item()))),
            (FieldNames, lambda one: self._named(one)),
            (Roles, lambda one: self._named(one, pattern=_PATH)),
            (words.Named, lambda one: self._named(one)),
            (Items, lambda one: _one_or_list(self._item())),
            (
                Options,
                lambda one: {
                    "anyOf": [
                        _list_of(dict(_TEXT)),
                        {
                            "type": "object",
                            "additionalProperties": {
                                "anyOf": [{"type": ["string", "null"]}, self.reference(OptionPart())]
                            },
                        },
                    ]
                },
            ),
            (Numbers, lambda one: {"anyOf": [{"type": "string"}, self._each(Numbers._rules)]}),
            (Unique, lambda one: {"anyOf": [{"type": "boolean"}, dict(_NAMES)]}),
            (Open, lambda one: {"type": ["boolean", "string"]}),
            (
                Grantable,
                lambda one: {
                    "anyOf": [
                        {"enum": ["none", "all"]},
                        dict(_NAMES),
                        *(
                            [
                                {
                                    "type": "object",
                                    "properties": {"all_but": dict(_NAMES)},
                                    "required": ["all_but"],
                                    "additionalProperties": False,
                                }
                            ]
                            if one.all_but
                            else []
                        ),
                    ]
                },
            ),
            (AtMost, lambda one: dict(_TEXT)),
            (Pairs, lambda one: _list_of(_list_of({"type": "string"}))),
            (ChangeList, lambda one: {"type": "array", "items": self._changes()}),
            (words.RawBlock, lambda one: {"type": ["object", "array"]}),
            (Default, lambda one: {}),
        ]

    def _each(self, one: words.Each) -> Json:
        inner = self.reference(one.part)
        return {"anyOf": [inner, _list_of(inner)]} if one.alone else _list_of(inner)

    def _named(self, one: words.Named, also: Json | None = None, pattern: str = _NAME) -> Json:
        inner: list[Json] = [self.reference(one.part), {"type": "null"}]
        return {
            "type": "object",
            "propertyNames": {"pattern": pattern},
            "additionalProperties": {"anyOf": [*inner, *([also] if also else [])]},
        }

    def _item(self) -> Json:
        return {"anyOf": [{"type": "string", "pattern": _NAME}, self.reference(ItemPart())]}

    def _changes(self) -> Json:
        verbs: list[Json] = []
        for name, (part, means) in VERBS.items():
            inner: Json = self.reference(part)
            if set(part.fields) == {"field"}:
                inner = {"anyOf": [{"type": "string"}, inner]}
            verbs.append(
                {
                    "type": "object",
                    "properties": {name: inner},
                    "required": [name],
                    "additionalProperties": False,
                    "description": means.replace("`", ""),
                }
            )
        return {"oneOf": verbs}


def _rules_of_kinds(properties: set[str]) -> list[Json]:
    """Which flags go with which kind, and which each kind needs."""
    rules: list[Json] = []
    for kind in KINDS.values():
        then: Json = {"properties": dict.fromkeys(sorted(set(FLAGS) & properties - kind.flags), False)}
        needed = [flag for flag in kind.needs if flag in properties]
        if needed:
            then["required"] = needed
        rules.append({"if": {"properties": {"type": {"const": kind.name}}, "required": ["type"]}, "then": then})
    return rules


def _one_or_list(inner: Json) -> Json:
    return {"anyOf": [inner, _list_of(inner)]}


def _list_of(inner: Json) -> Json:
    return {"type": "array", "items": inner}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1))
