"""The functions of the language: what they take and what they give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.expressions import pairing
from schemas.expressions.names import type_of_kind
from schemas.expressions.reading import bare
from schemas.expressions.tree import (
    BOOLEAN,
    DATE,
    DATETIME,
    DAYS,
    DEPARTMENT,
    DURATION,
    MOST_PLACES,
    NULL,
    PERSON,
    TEAM,
    TEXT,
    WHOLE,
    Call,
    Const,
    Function,
    Given,
    Node,
    Type,
    in_words,
)

if TYPE_CHECKING:
    from schemas.expressions.checking import Checker

_GIVEN = {
    "now": Given(DATETIME, "now"),
    "today": Given(DATE, "today"),
    "me": Given(Type("reference", targets=frozenset({PERSON})), "me"),
    "my_department": Given(Type("reference", targets=frozenset({DEPARTMENT})), "my_department"),
    "my_team": Given(Type("members", targets=frozenset({TEAM})), "my_team"),
}
_MY_DEPARTMENTS = Given(Type("members", targets=frozenset({DEPARTMENT})), "my_departments")


def call(checker: Checker, tree: ast.Call) -> Node:
    """The typed step of a function's call."""
    assert isinstance(tree.func, ast.Name)
    name = tree.func.id
    known = FUNCTIONS.get(name)
    if known is not None:
        least, most, make = known
        _counted(checker, tree, name, least, most)
        return make(checker, tree)
    added = checker.names.functions.get(name)
    if added is not None:
        return _plugin(checker, tree, added)
    raise checker.fail(tree, f'There is no function "{name}".', checker.names.meant(name, [*FUNCTIONS, *checker.names.functions]))


def choice(checker: Checker, tree: ast.expr, test: ast.expr, then: ast.expr, other: ast.expr) -> Node:
    """``a if c else b`` and ``when(c, a, b)``; None may be one of the outcomes."""
    condition = checker.condition(test)
    first, second = checker.node(then), checker.node(other)
    if first.type == NULL and second.type == NULL:
        raise checker.fail(tree, "Both outcomes are None.")
    if first.type == NULL:
        first = Const(second.type, None)
    elif second.type == NULL:
        second = Const(first.type, None)
    else:
        first, second = pairing.unified(checker, tree, (first, second))
    if "members" in (first.type.family, second.type.family):
        raise checker.fail(tree, "A set stands only on the right of in.")
    return Call(_merged((first, second)), "if", (condition, first, second))


def _merged(nodes: Sequence[Node]) -> Type:
    """One type for several outcomes: options hold only where all agree."""
    kind = next((one.type for one in nodes if not (isinstance(one, Const) and one.value is None)), nodes[0].type)
    if kind.family == "text":
        return TEXT
    targets = frozenset.intersection(*(one.type.targets or kind.targets for one in nodes))
    return replace(kind, targets=targets)


def _counted(checker: Checker, tree: ast.Call, name: str, least: int, most: int) -> None:
    if not least <= len(tree.args) <= most:
        many = f"{least}" if least == most else f"{least} or more" if most > 20 else f"{least} to {most}"
        raise checker.fail(tree, f"{name}() takes {many} argument{'' if many == '1' else 's'}, not {len(tree.args)}.")


def _given(checker: Checker, tree: ast.Call) -> Node:
    assert isinstance(tree.func, ast.Name)
    return _GIVEN[tree.func.id]


def _family(checker: Checker, tree: ast.Call, number: int, *families: str) -> Node:
    node = checker.value(tree.args[number])
    if node.type.family not in families:
        wanted = " or ".join(in_words(Type(one)) for one in families)
        raise checker.fail(tree.args[number], f"This is {in_words(node.type)}, and {wanted} is needed here.")
    return node


def _whole(checker: Checker, tree: ast.Call, number: int, remedy: str = "") -> Node:
    node = _family(checker, tree, number, "number")
    if node.type.places:
        raise checker.fail(tree.args[number], "A whole number is needed here.", remedy or "Round it: round(x).")
    return node


def _days(checker: Checker, tree: ast.Call) -> Node:
    node = _whole(checker, tree, 0, "Write hours(12) for half a day.")
    return replace(node, type=DAYS)


def _hours(checker: Checker, tree: ast.Call) -> Node:
    node = _family(checker, tree, 0, "number")
    places = node.type.places
    if isinstance(node, Const) and not places and node.value is not None:
        return Const(DURATION, node.value * 3600)
    seconds = Call(replace(DURATION, places=places), "mul", (node, Const(WHOLE, 3600)))
    return Call(DURATION, "round", (seconds,), places) if places else seconds


def _add_months(checker: Checker, tree: ast.Call) -> Node:
    start = _family(checker, tree, 0, "date", "datetime")
    return Call(start.type, "add_months", (start, _whole(checker, tree, 1)))


def _below(checker: Checker, tree: ast.Call) -> Node:
    inner = checker.node(tree.args[0])
    if inner != _GIVEN["my_department"]:
        raise checker.fail(tree.args[0], "below() takes my_department().", "Write department in below(my_department()).")
    return _MY_DEPARTMENTS


def _len(checker: Checker, tree: ast.Call) -> Node:
    return Call(WHOLE, "len", (_family(checker, tree, 0, "text", "choices", "references", "lines"),))


def _matches(checker: Checker, tree: ast.Call) -> Node:
    assert isinstance(tree.func, ast.Name)
    return Call(BOOLEAN, tree.func.id, (_family(checker, tree, 0, "text"), _family(checker, tree, 1, "text")))


def _is_empty(checker: Checker, tree: ast.Call) -> Node:
    return Call(BOOLEAN, "empty", (checker.value(tree.args[0]),))


def _several(checker: Checker, tree: ast.Call) -> list[Node]:
    return pairing.unified(checker, tree, [checker.value(one) for one in tree.args])


def _coalesce(checker: Checker, tree: ast.Call) -> Node:
    nodes = _several(checker, tree)
    if nodes[0].type.family in ("choices", "references", "lines", "file", "opaque"):
        raise checker.fail(tree, f"coalesce() does not take {in_words(nodes[0].type)}.")
    return Call(_merged(nodes), "coalesce", tuple(nodes))


def _extreme(checker: Checker, tree: ast.Call) -> Node:
    assert isinstance(tree.func, ast.Name)
    nodes = _several(checker, tree)
    if nodes[0].type.family not in ("number", "money", "days", "duration", "date", "datetime"):
        raise checker.fail(tree, f"{tree.func.id}() does not take {in_words(nodes[0].type)}.")
    return Call(nodes[0].type, tree.func.id, tuple(nodes))


def _abs(checker: Checker, tree: ast.Call) -> Node:
    node = _family(checker, tree, 0, "number", "money", "days", "duration")
    return Call(node.type, "abs", (node,))


def _round(checker: Checker, tree: ast.Call) -> Node:
    assert isinstance(tree.func, ast.Name)
    node = _family(checker, tree, 0, "number", "money")
    places = 0
    if len(tree.args) == 2:
        wanted = checker.node(tree.args[1])
        if not isinstance(wanted, Const) or wanted.type != WHOLE or not 0 <= wanted.value <= MOST_PLACES:
            raise checker.fail(tree.args[1], f"The number of places is written out, from 0 to {MOST_PLACES}.")
        places = wanted.value
    if node.type.places <= places:
        return pairing.widened(node, places)
    return Call(replace(node.type, places=places), tree.func.id, (node,), node.type.places - places)


def _changed(checker: Checker, tree: ast.Call) -> Node:
    one = tree.args[0]
    if not isinstance(one, ast.Name) or checker.names.known(bare(one.id)) is None:
        raise checker.fail(one, "changed() takes the name of a field.", checker.names.meant(one.id) if isinstance(one, ast.Name) else "")
    checker.reads.add(bare(one.id))
    return Call(BOOLEAN, "changed", (), bare(one.id))


def _is_new(checker: Checker, tree: ast.Call) -> Node:
    return Call(BOOLEAN, "is_new", ())


def _days_between(checker: Checker, tree: ast.Call) -> Node:
    first, second = _several(checker, tree)
    if first.type.family == "date":
        return Call(WHOLE, "days_apart", (second, first))
    if first.type.family == "datetime":
        return Call(WHOLE, "whole_days", (Call(DURATION, "seconds_apart", (second, first)),))
    raise checker.fail(tree, f"days_between() takes two dates or two points in time, not {in_words(first.type)}.")


def _differs(checker: Checker, tree: ast.Call) -> Node:
    left, right = _several(checker, tree)
    if left.type.family in ("choices", "references", "lines", "file", "opaque"):
        raise checker.fail(tree, f"differs() does not take {in_words(left.type)}.")
    return Call(BOOLEAN, "differs", (left, right))


def _entity_of(checker: Checker, tree: ast.Call) -> Node:
    return Call(TEXT, "entity_of", (_family(checker, tree, 0, "any_reference"),))


def _when(checker: Checker, tree: ast.Call) -> Node:
    return choice(checker, tree, *tree.args)


def _plugin(checker: Checker, tree: ast.Call, function: Function) -> Node:
    _counted(checker, tree, function.name, len(function.params), len(function.params))
    args: list[Node] = []
    for one, param in zip(tree.args, function.params, strict=True):
        node, wanted = checker.value(one), type_of_kind(param)
        if node.type.family != wanted.family:
            raise checker.fail(one, f"{function.name}() takes {in_words(wanted)} here, not {in_words(node.type)}.")
        args.append(node)
    places = function.places if function.result in ("decimal", "percent", "money") else None
    return Call(type_of_kind(function.result, places), "function", tuple(args), (function.name, function.sql))


FUNCTIONS: dict[str, tuple[int, int, Callable[[Checker, ast.Call], Node]]] = {
    "now": (0, 0, _given),
    "today": (0, 0, _given),
    "me": (0, 0, _given),
    "my_team": (0, 0, _given),
    "my_department": (0, 0, _given),
    "days": (1, 1, _days),
    "hours": (1, 1, _hours),
    "add_months": (2, 2, _add_months),
    "below": (1, 1, _below),
    "len": (1, 1, _len),
    "contains": (2, 2, _matches),
    "starts": (2, 2, _matches),
    "is_empty": (1, 1, _is_empty),
    "coalesce": (2, 50, _coalesce),
    "min": (2, 50, _extreme),
    "max": (2, 50, _extreme),
    "abs": (1, 1, _abs),
    "round": (1, 2, _round),
    "floor": (1, 1, _round),
    "ceil": (1, 1, _round),
    "is_new": (0, 0, _is_new),
    "changed": (1, 1, _changed),
    "days_between": (2, 2, _days_between),
    "differs": (2, 2, _differs),
    "entity_of": (1, 1, _entity_of),
    "when": (3, 3, _when),
}
"""Least and most arguments, and what makes the step."""
