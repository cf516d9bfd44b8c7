"""The model as JSON and back, exactly: places, blocks and numbers included. Reading it is far quicker than reading YAML.

It is a form for caches and nobody edits it: the document is ``schemas.dump``'s.
"""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields
from typing import Any

from schemas import model
from schemas.values import Block, Number

KIND = "@"
"""The key that says what an object stands for; every object has it."""
_CLASSES: dict[str, type[Any]] = {
    one.__name__: one
    for one in (
        model.AccessRule, model.Constraint, model.Effective, model.Entity, model.Expression, model.Field, model.Form,
        model.Item, model.NumberRule, model.Option, model.Overlay, model.Plugin, model.Problem, model.Role, model.Section,
        model.State, model.Tab, model.Transition, model.Verb, model.View, model.Workflow,
    )
}
_DEFAULTS = {
    made: [(one.name, None if one.default is MISSING else one.default, one.default is MISSING) for one in fields(made)]
    for made in _CLASSES.values()
}


def pack(value: object) -> str:
    """A plugin, problems, or tuples of them as JSON text. Raises TypeError for what no document can hold."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def unpack(text: str) -> Any:
    """What was packed: an equal value, with equal places. Raises ValueError, KeyError or TypeError for other text."""
    return _tuples(json.loads(text, object_hook=_made))


def _plain(value: object) -> Any:
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return value
    if kind is tuple or kind is list:
        return [_plain(one) for one in value]  # type: ignore[attr-defined]
    if kind is Number:
        return {KIND: "#", "v": str(value)}
    if kind is model.Place:
        return {KIND: "P", "v": _place(value)}  # type: ignore[arg-type]
    if kind is Block:
        return {KIND: "{", "v": [[key, _plain(inner)] for key, inner in value.items()]}  # type: ignore[attr-defined]
    if kind not in _DEFAULTS:
        raise TypeError(f"{kind.__name__} does not stand in a declaration.")
    told: dict[str, Any] = {KIND: kind.__name__}
    for name, default, needed in _DEFAULTS[kind]:
        inner = getattr(value, name)
        if needed or type(inner) is not type(default) or inner != default or type(inner) is model.Place:
            told[name] = _plain(inner)
    return told


def _place(place: model.Place) -> list[Any]:
    spots = place.words
    words = None if spots is None else [[word, *where, *of_value] for word, (where, of_value) in spots.items()]
    return [place.file, place.line, place.column, place.path, words]


def _made(told: dict[str, Any]) -> Any:
    kind = told.pop(KIND)
    if kind == "P":
        file, line, column, path, words = told["v"]
        spots = None if words is None else {sys.intern(word): ((a, b), (c, d)) for word, a, b, c, d in words}
        return model.Place(sys.intern(file), line, column, path, spots)
    if kind == "#":
        return Number(told["v"])
    if kind == "{":
        return Block({key: _tuples(inner) for key, inner in told["v"]})
    return _CLASSES[kind](**{name: _tuples(inner) for name, inner in told.items()})


def _tuples(value: Any) -> Any:
    if type(value) is list:
        return tuple([_tuples(one) for one in value])
    # Names are said many times over: one string for all of them.
    return sys.intern(value) if type(value) is str else value
