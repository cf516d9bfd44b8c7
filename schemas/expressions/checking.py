"""The proof of an expression: every step gets its type and scale before anything is evaluated or compiled."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from schemas.expressions import calls, pairing
from schemas.expressions.names import Known, Names, known_in, type_of_kind
from schemas.expressions.reading import Parsed, bare, digits, normalised, parse
from schemas.expressions.tree import (
    BOOLEAN,
    DURATION,
    NULL,
    TEXT,
    Call,
    Const,
    ExpressionError,
    Given,
    Node,
    Path,
    Read,
    Type,
    Typed,
    in_words,
    is_constant,
    steps,
)
from schemas.kinds import KINDS
from schemas.model import Entity, Field

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_VOLATILE = re.compile(r"\b(?:now|today|me|my_team|my_department)\s*\(")
_IN_PYTHON_ONLY = frozenset({"changed", "is_new", "add_months"})
_MANY = frozenset({"references", "lines", "choices"})


def check(source: str | Parsed, names: Names, expect: str | None = None) -> Typed:
    """Type an expression over ``names``; with ``expect`` (a kind such as ``boolean`` or ``date``) its value must fit that kind.

    As ``boolean``, a field standing alone asks whether it has a value. Raises ExpressionError.
    """
    parsed = source if isinstance(source, Parsed) else parse(source)
    checker = Checker(parsed, names)
    node = checker.condition(parsed.tree) if expect == "boolean" else checker.node(parsed.tree)
    if expect is not None:
        node = _expected(checker, node, expect)
    elif node.type.family == "members":
        raise parsed.error(parsed.tree, "A set stands only on the right of in.")
    volatile = any(isinstance(one, Given) for one in steps(node))
    return Typed(parsed.source, node, node.type, frozenset(checker.reads), volatile, sql_able(node))


def sql_able(node: Node) -> bool:
    """Whether the database can evaluate the step: what reads no record is known beforehand."""
    if is_constant(node):
        return True
    if isinstance(node, Path):
        return node.type.family not in _MANY - {"choices"}
    if not isinstance(node, Call):
        return node.type.family != "members"
    if node.op in _IN_PYTHON_ONLY or (node.op == "function" and node.extra[1] is None):
        return False
    if node.op == "len" and node.args[0].type.family in _MANY:
        return False
    return all(sql_able(one) for one in node.args)


class Checker:
    """Types the tree of one expression and gathers what it reads."""

    def __init__(self, parsed: Parsed, names: Names, within: frozenset[str] = frozenset()) -> None:
        self.parsed = parsed
        self.names = names
        self.reads: set[str] = set()
        self.within = within
        """Computed fields whose formulas are being written out."""

    def fail(self, at: ast.AST, message: str, remedy: str = "") -> ExpressionError:
        """A mistake at a place of the source."""
        return self.parsed.error(at, message, remedy)

    def node(self, tree: ast.expr) -> Node:
        """The typed step of a part of the expression."""
        if isinstance(tree, ast.Constant):
            return self._literal(tree)
        if isinstance(tree, ast.Name):
            return self._name(tree)
        if isinstance(tree, ast.Attribute):
            return self._path(tree)
        if isinstance(tree, ast.BoolOp):
            op = "and" if isinstance(tree.op, ast.And) else "or"
            return Call(BOOLEAN, op, tuple(self.condition(one) for one in tree.values))
        if isinstance(tree, ast.UnaryOp):
            return self._sign(tree)
        if isinstance(tree, ast.BinOp):
            op = _ARITHMETIC[type(tree.op)]
            return pairing.arithmetic(self, tree, op, self.value(tree.left), self.value(tree.right))
        if isinstance(tree, ast.Compare):
            return self._comparison(tree)
        if isinstance(tree, ast.IfExp):
            return calls.choice(self, tree, tree.test, tree.body, tree.orelse)
        if isinstance(tree, ast.Call):
            return calls.call(self, tree)
        raise self.fail(tree, "A list stands only on the right of in.")

    def value(self, tree: ast.expr) -> Node:
        """A step that has a value: not None, and no set."""
        node = self.node(tree)
        if node.type == NULL:
            raise self.fail(tree, "None has no value here.", "Test emptiness with == None, or give another value with coalesce.")
        if node.type.family == "members":
            raise self.fail(tree, "A set stands only on the right of in.")
        return node

    def condition(self, tree: ast.expr) -> Node:
        """A step in the place of a condition: what is no yes or no asks whether there is a value."""
        node = self.value(tree)
        if node.type == BOOLEAN:
            return node
        if node.type.family in ("number", "money", "days", "duration"):
            text = self.parsed.text(tree)
            raise self.fail(tree, f"{text} is {in_words(node.type)}, no condition.", f"Write {text} != 0 or {text} != None.")
        if is_constant(node) and isinstance(node, Const):
            raise self.fail(tree, f"{self.parsed.text(tree)} is {in_words(node.type)}, no condition.")
        return Call(BOOLEAN, "known", (node,))

    def _literal(self, tree: ast.Constant) -> Node:
        found = tree.value
        if found is None:
            return Const(NULL, None)
        if isinstance(found, bool):
            return Const(BOOLEAN, found)
        if isinstance(found, str):
            if "\x00" in found or any("\ud800" <= sign <= "\udfff" for sign in found):
                raise self.fail(tree, "The text holds a character that cannot be kept.")
            return Const(TEXT, normalised(found))
        if isinstance(found, int | float):
            number, places = digits(self.parsed, tree)
            return Const(Type("number", places=places), number)
        raise self.fail(tree, "This kind of value is not part of the language.")

    def _name(self, tree: ast.Name) -> Node:
        name = bare(tree.id)
        known = self.names.known(name)
        if known is None:
            if name in calls.FUNCTIONS or name in self.names.functions:
                raise self.fail(tree, f'"{name}" is a function.', f"Write {name}().")
            raise self.fail(tree, f'There is no field "{name}".', self.names.meant(name))
        self.reads.add(name)
        return self._read(tree, name, known)

    def _read(self, at: ast.AST, name: str, known: Known) -> Node:
        one = known.field
        if one is not None and one.type == "secret":
            raise self.fail(at, f'"{name}" is secret and cannot be read.')
        if one is not None and one.type == "lookup":
            self.reads.add(f"{one.via}.{one.of}")
            path = Path(known.type, one.via, one.of)
            # A document keeps what it looked up when it was posted.
            frozen = self.names.entity.kind == "document" and known.type.family not in _MANY
            return Call(known.type, "coalesce", (Read(known.type, name), path)) if frozen else path
        if one is not None and one.type == "computed" and self._moves(one):
            return self._written_out(at, one, known.type)
        node: Node = Read(known.type, name)
        if one is not None and known.type.family == "money" and one.currency:
            return self._in_currency(at, node, one.currency)
        return node

    def _in_currency(self, at: ast.AST, amount: Node, source: str) -> Node:
        """The amount with the currency that another field names; unknown where that is no text."""
        name, _, rest = source.partition(".")
        currency: Node = Const(TEXT, None)
        if rest:
            target = self.names.target(name)
            known = known_in(target, rest, self.names.entities) if target is not None else None
            if known is not None and known.type.family == "text" and (known.field is None or known.field.type != "lookup"):
                currency = Path(TEXT, name, rest)
                self.reads.add(source)
        else:
            known = self.names.known(name)
            if known is not None and known.type.family == "text":
                currency = replace(self._read(at, name, known), type=TEXT)
                self.reads.add(name)
        return Call(amount.type, "in_currency", (amount, currency))

    def _moves(self, one: Field, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a computed field names the clock or the actor, itself or through another: then it is not stored."""
        if _VOLATILE.search(one.formula):
            return True
        if one.name in seen:
            return False
        for name in set(re.findall(r"[a-z_][a-z0-9_]*", one.formula)):
            other = self.names.entity.field(bare(name))
            if other is not None and other.type == "computed" and self._moves(other, seen | {one.name}):
                return True
        return False

    def _written_out(self, at: ast.AST, one: Field, kind: Type) -> Node:
        if one.name in self.within or len(self.within) > 8:
            raise self.fail(at, f'"{one.name}" is computed from itself.')
        inner = Checker(parse(one.formula), self.names, self.within | {one.name})
        node = _expected(
            inner, inner.condition(inner.parsed.tree) if kind == BOOLEAN else inner.node(inner.parsed.tree), one.as_kind or "text"
        )
        self.reads |= inner.reads
        if node.type.family in ("number", "money") and node.type.places > kind.places:
            return Call(kind, "round", (node,), node.type.places - kind.places)
        return pairing.widened(node, kind.places) if node.type.family in ("number", "money") else node

    def _path(self, tree: ast.Attribute) -> Node:
        if not isinstance(tree.value, ast.Name):
            raise self.fail(tree, "A path follows one reference only.", "Look the value up in a field, and name that.")
        via, name = bare(tree.value.id), bare(tree.attr)
        target = self.names.target(via)
        if target is None:
            known = self.names.known(via)
            if known is None:
                raise self.fail(tree, f'There is no field "{via}".', self.names.meant(via))
            raise self.fail(tree, f'"{via}" does not lead to one record of one entity.', "A path follows a single reference.")
        known = known_in(target, name, self.names.entities)
        if known is None:
            raise self.fail(tree, f'{target.full_name} has no field "{name}".', self.names.meant(name, [one.name for one in target.fields]))
        self.reads.add(f"{via}.{name}")
        return self._followed(tree, via, target, known, name)

    def _followed(self, tree: ast.Attribute, via: str, target: Entity, known: Known, name: str) -> Node:
        one = known.field
        if one is not None and one.type == "secret":
            raise self.fail(tree, f'"{via}.{name}" is secret and cannot be read.')
        if one is not None and one.type == "lookup" and target.kind != "document":
            raise self.fail(tree, f'"{via}.{name}" is looked up from a third record; a path follows one reference only.')
        if one is not None and one.type == "computed" and Checker(self.parsed, replace(self.names, entity=target, _found={}))._moves(one):
            raise self.fail(tree, f'"{via}.{name}" is computed when it is read and cannot be followed.')
        node: Node = Path(known.type, via, name)
        if one is not None and known.type.family == "money" and one.currency:
            source = known_in(target, one.currency, self.names.entities)
            text = source is not None and source.type.family == "text"
            currency: Node = Path(TEXT, via, one.currency) if text else Const(TEXT, None)
            return Call(known.type, "in_currency", (node, currency))
        return node

    def _sign(self, tree: ast.UnaryOp) -> Node:
        if isinstance(tree.op, ast.Not):
            return Call(BOOLEAN, "not", (self.condition(tree.operand),))
        node = self.value(tree.operand)
        if node.type.family not in ("number", "money", "days", "duration"):
            raise self.fail(tree, f"{in_words(node.type).capitalize()} has no sign.")
        if isinstance(tree.op, ast.UAdd):
            return node
        if isinstance(node, Const):
            return Const(node.type, None if node.value is None else -node.value)
        return Call(node.type, "neg", (node,))

    def _comparison(self, tree: ast.Compare) -> Node:
        parts: list[Node] = []
        left = tree.left
        for op, right in zip(tree.ops, tree.comparators, strict=True):
            parts.append(self._one_comparison(tree, left, op, right))
            left = right
        return parts[0] if len(parts) == 1 else Call(BOOLEAN, "and", tuple(parts))

    def _one_comparison(self, tree: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
        if isinstance(op, ast.In | ast.NotIn):
            found = pairing.membership(self, tree, left, right)
            return found if isinstance(op, ast.In) else Call(BOOLEAN, "not", (found,))
        word = _COMPARE[type(op)]
        if any(isinstance(side, ast.Constant) and side.value is None for side in (left, right)):
            if word not in ("eq", "ne"):
                raise self.fail(tree, "None is neither larger nor smaller.", "Test emptiness with == None or != None.")
            side = left if isinstance(right, ast.Constant) and right.value is None else right
            node = self.node(side)
            if node.type.family == "members":
                raise self.fail(side, "A set stands only on the right of in.")
            return Call(BOOLEAN, "empty" if word == "eq" else "known", (node,))
        return pairing.comparison(self, tree, word, self.node(left), self.node(right))


def _expected(checker: Checker, node: Node, expect: str) -> Node:
    """The step, fitted to a kind. Numbers keep their places: whoever stores them rounds."""
    tree = checker.parsed.tree
    if expect not in KINDS:
        raise ExpressionError(f'There is no kind "{expect}".')
    if node.type == NULL:
        return node
    wanted = type_of_kind(expect)
    family = node.type.family
    if family == wanted.family:
        if wanted.targets and node.type.targets and not wanted.targets & node.type.targets:
            raise checker.fail(tree, f"The expression leads to another entity than {expect}.")
        return node
    if wanted.family == "duration" and family == "days":
        return pairing.in_seconds(node)
    if wanted.family == "duration" and family == "number":
        return replace(node, type=DURATION) if node.type.places == 0 else Call(DURATION, "round", (node,), node.type.places)
    if wanted.family == "number" and family in ("days", "duration"):
        return replace(node, type=Type("number"))
    if wanted.family == "date" and isinstance(node, Const) and family == "text":
        return pairing.dated(checker, tree, node, wanted)
    raise checker.fail(tree, f"The expression gives {in_words(node.type)}, and {in_words(wanted)} is needed here.")


__all__ = ["Checker", "check", "sql_able"]
