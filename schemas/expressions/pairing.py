"""How two steps meet: literals fold into their partner's type and scale, arithmetic and comparisons find their types."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from schemas.expressions.tree import (
    BOOLEAN,
    DATE,
    DATETIME,
    DAYS,
    DIVISION_PLACES,
    DURATION,
    LIMIT,
    MOST_PLACES,
    PERSON,
    TEXT,
    WHOLE,
    Call,
    Const,
    Given,
    Node,
    Type,
    in_words,
)

if TYPE_CHECKING:
    from schemas.expressions.checking import Checker

_FLIPPED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_COUNTS = ("number", "days", "duration")
_ORDERED = ("text", "number", "money", "days", "duration", "date", "datetime", "time")


def widened(node: Node, places: int) -> Node:
    """The same number or amount with more places."""
    more = places - node.type.places
    if more <= 0:
        return node
    kind = replace(node.type, places=places)
    if isinstance(node, Const):
        value = None if node.value is None else node.value * 10**more
        return Const(kind, value if value is None or abs(value) <= LIMIT else None)
    return Call(kind, "widen", (node,), more)


def in_seconds(node: Node) -> Node:
    """Days as a length of time."""
    return Call(DURATION, "mul", (node, Const(WHOLE, 86_400)))


def unified(checker: Checker, at: ast.AST, nodes: Sequence[Node]) -> list[Node]:
    """Steps brought to one type: numbers to the largest scale, literals to what they stand with."""
    lead = next((one for one in nodes if not isinstance(one, Const) and one.type.family != "days"), None)
    lead = lead or next((one for one in nodes if not isinstance(one, Const)), nodes[0])
    kind = lead.type
    if kind.family == "number":
        kind = next((one.type for one in nodes if one.type.family in ("days", "duration")), kind)
    if kind.family == "days" and any(one.type.family == "duration" for one in nodes):
        kind = DURATION
    found = [_as(checker, at, one, kind) for one in nodes]
    places = max(one.type.places for one in found)
    found = [widened(one, places) for one in found]
    targets = [one.type.targets for one in found if one.type.targets]
    if targets and not frozenset.intersection(*targets):
        raise checker.fail(at, "These references lead to different entities.")
    return found


def _as(checker: Checker, at: ast.AST, node: Node, kind: Type) -> Node:
    family = node.type.family
    if family == kind.family:
        if family == "text" and isinstance(node, Const):
            _one_of(checker, at, node, kind)
        return node
    if family == "days" and kind.family == "duration":
        return in_seconds(node)
    if isinstance(node, Const) and family == "number" and node.type.places == 0 and kind.family in ("days", "duration", "reference"):
        return Const(replace(kind, targets=frozenset()), node.value)
    if isinstance(node, Const) and family == "text" and kind.family in ("date", "datetime", "time"):
        return dated(checker, at, node, kind)
    remedy = ""
    if kind.family in ("date", "datetime") and family in ("date", "datetime"):
        remedy = "A date and a point in time do not compare: use today() with dates and now() with points in time."
    if kind.family == "text" and kind.options and family == "number":
        remedy = "Put the option in quotes."
    raise checker.fail(at, f"{in_words(kind).capitalize()} and {in_words(node.type)} do not go together.", remedy)


def _one_of(checker: Checker, at: ast.AST, node: Const, kind: Type) -> None:
    if kind.options is not None and node.value is not None and node.value not in kind.options:
        raise checker.fail(
            at,
            f'"{node.value}" is none of the options.',
            checker.names.meant(node.value, kind.options) or f"The options are {', '.join(kind.options[:12])}.",
        )


def dated(checker: Checker, at: ast.AST, node: Const, kind: Type) -> Const:
    """A text literal as the date, time or point in time it writes."""
    text = str(node.value)
    try:
        if kind.family == "date":
            return Const(DATE, date.fromisoformat(text))
        if kind.family == "time":
            return Const(kind, time.fromisoformat(text))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise checker.fail(at, f'"{text}" does not say its time zone.', f"Write {text}Z for UTC.")
        return Const(DATETIME, moment.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        if type(error) not in (ValueError, OverflowError):
            raise
        example = {"date": "2026-03-31", "time": "18:00", "datetime": "2026-03-31T18:00:00Z"}[kind.family]
        raise checker.fail(at, f'"{text}" is no {kind.family}.', f"Write it like '{example}'.") from None


# Arithmetic --------------------------------------------------------------------------------------------------------------


def arithmetic(checker: Checker, tree: ast.BinOp, op: str, left: Node, right: Node) -> Node:
    """``+ - * /`` between two steps."""
    if op in ("add", "sub"):
        return _sum(checker, tree, op, left, right)
    return _product(checker, tree, left, right) if op == "mul" else _quotient(checker, tree, left, right)


def _sum(checker: Checker, tree: ast.BinOp, op: str, left: Node, right: Node) -> Node:
    first, second = left.type.family, right.type.family
    if first in ("date", "datetime") and second == "text" and isinstance(right, Const):
        right = dated(checker, tree, right, left.type)
        second = right.type.family
    if op == "add" and second in ("date", "datetime") and first in ("days", "duration"):
        left, right, first, second = right, left, second, first
    if first == "date" and second == "days":
        return Call(DATE, "add_days", (left, _signed(op, right)))
    if first == "datetime" and second in ("days", "duration"):
        seconds = in_seconds(right) if second == "days" else right
        return Call(DATETIME, "add_seconds", (left, _signed(op, seconds)))
    if op == "sub" and first == second == "date":
        return Call(DAYS, "days_apart", (left, right))
    if op == "sub" and first == second == "datetime":
        return Call(DURATION, "seconds_apart", (left, right))
    if op == "add" and first == second == "text":
        return Call(TEXT, "join", (left, right))
    if first in ("date", "datetime"):
        remedy = "Write days(30) for thirty days." if second == "number" else ""
        raise checker.fail(
            tree,
            f"{in_words(left.type).capitalize()} and {in_words(right.type)} cannot be {'added' if op == 'add' else 'subtracted'}.",
            remedy,
        )
    if first in _COUNTS and second in _COUNTS:
        kind, both = _counted(left, right)
        if kind is not None:
            return Call(replace(kind, places=both[0].type.places), op, both)
    if first == second == "money":
        left, right = unified(checker, tree, (left, right))
        return Call(left.type, op, (left, right))
    raise checker.fail(
        tree, f"{in_words(left.type).capitalize()} and {in_words(right.type)} cannot be {'added' if op == 'add' else 'subtracted'}."
    )


def _counted(left: Node, right: Node) -> tuple[Type | None, tuple[Node, Node]]:
    families = {left.type.family, right.type.family}
    if families == {"days", "duration"}:
        left, right = (in_seconds(one) if one.type.family == "days" else one for one in (left, right))
        return DURATION, (left, right)
    if len(families) == 1:
        places = max(left.type.places, right.type.places)
        return left.type, (widened(left, places), widened(right, places))
    return None, (left, right)


def _signed(op: str, node: Node) -> Node:
    if op == "add":
        return node
    return Const(node.type, -node.value) if isinstance(node, Const) and node.value is not None else Call(node.type, "neg", (node,))


def _product(checker: Checker, tree: ast.BinOp, left: Node, right: Node) -> Node:
    if left.type.family == "number" and right.type.family in ("money", "days", "duration"):
        left, right = right, left
    first, second = left.type.family, right.type.family
    places = left.type.places + right.type.places
    if second != "number" or first not in ("number", "money", "days", "duration"):
        raise checker.fail(tree, f"{in_words(left.type).capitalize()} and {in_words(right.type)} cannot be multiplied.")
    if places > MOST_PLACES:
        raise checker.fail(tree, f"The product would have {places} places after the point.", "Round one side first: round(x, 4).")
    if first in ("number", "money"):
        return Call(replace(left.type, places=places), "mul", (left, right))
    if first == "days" and places:
        left, first = in_seconds(left), "duration"
    kind = left.type if first == "days" else DURATION
    product = Call(replace(kind, places=places), "mul", (left, right))
    return Call(kind, "round", (product,), places) if places else product


def _quotient(checker: Checker, tree: ast.BinOp, left: Node, right: Node) -> Node:
    first, second = left.type.family, right.type.family
    if {first, second} == {"days", "duration"}:
        left, right = (in_seconds(one) if one.type.family == "days" else one for one in (left, right))
        first = second = "duration"
    six = Type("number", places=DIVISION_PLACES)
    if first == second and first in ("number", "money", "days", "duration"):
        return Call(six, "div", (left, right))
    if first == "money" and second == "number":
        return Call(Type("money", places=DIVISION_PLACES), "div", (left, right))
    if first in ("days", "duration") and second == "number":
        length = in_seconds(left) if first == "days" else left
        return Call(DURATION, "round", (Call(replace(DURATION, places=DIVISION_PLACES), "div", (length, right)),), DIVISION_PLACES)
    raise checker.fail(tree, f"{in_words(left.type).capitalize()} cannot be divided by {in_words(right.type)}.")


# Comparison --------------------------------------------------------------------------------------------------------------


def comparison(checker: Checker, tree: ast.AST, op: str, left: Node, right: Node) -> Node:
    """``left op right``; a number literal is folded to the other side's scale, so that an index can serve."""
    if op in ("eq", "ne") and (left.type.family == "members") != (right.type.family == "members"):
        inside = member(checker, tree, right, left) if left.type.family == "members" else member(checker, tree, left, right)
        return inside if op == "eq" else Call(BOOLEAN, "not", (inside,))
    if isinstance(left, Const) and not isinstance(right, Const):
        left, right, op = right, left, _FLIPPED[op]
    family = left.type.family
    if isinstance(right, Const) and right.type.family == "number" and family in ("number", "money", "days", "duration"):
        return _against(op, left, right)
    if isinstance(right, Const) and right.value == "" and right.type == TEXT and op in ("eq", "ne"):
        raise checker.fail(tree, "Empty text is stored as empty.", f"Write {'==' if op == 'eq' else '!='} None.")
    left, right = unified(checker, tree, (left, right))
    family = left.type.family
    if family not in _ORDERED and (op not in ("eq", "ne") or family not in ("boolean", "reference", "any_reference")):
        remedy = "Write 'name' in field." if family == "choices" else ""
        raise checker.fail(tree, f"{in_words(left.type).capitalize()} cannot be compared like this.", remedy)
    return Call(BOOLEAN, op, (left, right))


def _against(op: str, left: Node, literal: Const) -> Node:
    kind = Type("number", places=left.type.places)
    drop = literal.type.places - left.type.places
    if literal.value is None:
        return Call(BOOLEAN, op, (left, Const(kind, None)))
    number: int = literal.value
    whole, rest = (number * 10**-drop, 0) if drop <= 0 else divmod(number, 10**drop)
    if rest or abs(whole) > LIMIT:
        if op in ("eq", "ne"):
            return Call(BOOLEAN, "never" if op == "eq" else "always", (left,))
        if abs(whole) > LIMIT:
            below = (whole > 0) == (op in ("lt", "le"))
            return Call(BOOLEAN, "always" if below else "never", (left,))
        # Between two steps of the field's scale: the next one down for > and <=, the next one up for >= and <.
        whole += 1 if op in ("ge", "lt") else 0
    return Call(BOOLEAN, op, (left, Const(kind if left.type.family == "money" else left.type, whole)))


def membership(checker: Checker, tree: ast.AST, left: ast.expr, right: ast.expr) -> Node:
    """``left in right``: a list, a set of the actor's, or a field that holds several."""
    if isinstance(right, ast.List | ast.Tuple):
        return _listed(checker, tree, checker.value(left), right)
    several = checker.node(right)
    node = checker.value(left)
    if several.type.family == "members":
        return member(checker, tree, node, several)
    if several.type.family == "choices" and node.type.family == "text":
        if isinstance(node, Const):
            _one_of(checker, tree, node, several.type)
        return Call(BOOLEAN, "among", (node, several))
    if several.type.family == "references":
        node = _as(checker, tree, node, Type("reference", targets=several.type.targets))
        if node.type.targets and several.type.targets and not node.type.targets & several.type.targets:
            raise checker.fail(tree, "These references lead to different entities.")
        return Call(BOOLEAN, "among", (node, several))
    remedy = "Write contains(text, part)." if several.type.family == "text" else "Write the members in square brackets."
    raise checker.fail(tree, f"Nothing is in {in_words(several.type)}.", remedy)


def member(checker: Checker, tree: ast.AST, node: Node, members: Node) -> Node:
    """Whether a reference is in a set of the actor's."""
    if node.type.family != "reference":
        raise checker.fail(tree, f"The set holds references, and {in_words(node.type)} is none.")
    if isinstance(members, Given) and members.what == "my_team" and node.type.targets == frozenset({PERSON}):
        # People are in a team when they share one with the actor.
        members = Given(Type("members", targets=frozenset({PERSON})), "my_teammates")
    if node.type.targets and not node.type.targets & members.type.targets:
        raise checker.fail(tree, "The set holds references to another entity.")
    return Call(BOOLEAN, "member", (node, members))


def _listed(checker: Checker, tree: ast.AST, node: Node, listed: ast.List | ast.Tuple) -> Node:
    if not listed.elts:
        raise checker.fail(listed, "The list is empty.", "Write its members between the brackets.")
    members = [checker.node(one) for one in listed.elts]
    for one, at in zip(members, listed.elts, strict=True):
        if one.type.family == "null":
            raise checker.fail(at, "None cannot stand in a list.", "Add: or ... == None.")
    if node.type.family == "money" or any(one.type.family in ("number", "days", "duration") for one in members):
        tests = tuple(comparison(checker, tree, "eq", node, one) for one in members)
        return tests[0] if len(tests) == 1 else Call(BOOLEAN, "or", tests)
    if node.type.family not in ("text", "date", "datetime", "time", "reference", "boolean", "any_reference"):
        raise checker.fail(tree, f"{in_words(node.type).capitalize()} cannot be compared with a list.")
    if node.type.family == "text" and any(isinstance(one, Const) and one.value == "" for one in members):
        raise checker.fail(tree, "Empty text is stored as empty.", "Add: or ... == None.")
    return Call(BOOLEAN, "in", tuple(unified(checker, tree, (node, *members))))
