"""The plain values of a declaration: numbers that keep their source text, frozen blocks, and labels made from names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
"""A decimal number of the YAML 1.2 core schema."""
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")


class Number(str):
    """A number as its source text, exactly: ``Decimal(number)`` and ``int(number)`` read it."""

    __slots__ = ()


class Block(dict[str, Any]):
    """A mapping that cannot be changed and can be hashed: a declared block kept as read."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted((key, repr(value)) for key, value in self.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Block, (dict(self),))

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("A declared block cannot be changed.")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse


def freeze(value: Any) -> Any:
    """The same value with blocks for mappings, tuples for lists, and Numbers for Python's numbers."""
    if isinstance(value, Mapping):
        return Block({str(key): freeze(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return tuple(freeze(inner) for inner in value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Number(format(value, "f") if isinstance(value, Decimal) else str(value))
    return value


def label_of(name: str) -> str:
    """What people read where no label is declared: ``first_response_at`` becomes ``First response at``."""
    if not IDENTIFIER.match(name):
        return name
    words = name.strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def plural_of(label: str) -> str:
    """The English plural of a label, where none is declared."""
    if not label:
        return ""
    if re.search(r"[^aeiouAEIOU\W]y\Z", label):
        return label[:-1] + "ies"
    if re.search(r"(?:s|x|z|ch|sh)\Z", label):
        return label + "es"
    return label + "s"


def qualified(name: str, plugin: str) -> str:
    """``plugin.name`` for a name without a plugin."""
    return name if "." in name or not plugin or not name else f"{plugin}.{name}"
