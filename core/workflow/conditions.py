"""Conditions in words: what a guard asks for, as somebody reads it who never saw the declaration."""

from __future__ import annotations

import ast

from schemas.expressions import ExpressionError, parse
from schemas.model import Entity, Field

_TIMES = frozenset({"date", "datetime", "time"})
_ORDER: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("is before", "is less than"),
    ast.LtE: ("is not after", "is at most"),
    ast.Gt: ("is after", "is more than"),
    ast.GtE: ("is not before", "is at least"),
}
_NOW = {"today": "today", "now": "now", "me": "you", "my_department": "your department", "my_team": "your team"}


def said(source: str, entity: Entity) -> str:
    """An expression as part of a sentence, with the labels of the entity's fields; what has no words stays as written."""
    try:
        tree = parse(source).tree
    except ExpressionError:
        return source
    return _said(tree.body if isinstance(tree, ast.Expression) else tree, entity)


def names(source: str) -> frozenset[str]:
    """The names an expression begins with: fields of the record, functions."""
    try:
        tree = parse(source).tree
    except ExpressionError:
        return frozenset()
    return frozenset(one.id.removesuffix("_") for one in ast.walk(tree) if isinstance(one, ast.Name))


def _said(node: ast.AST, entity: Entity) -> str:
    match node:
        case ast.BoolOp(op=ast.And()):
            return " and ".join(_said(one, entity) for one in node.values)
        case ast.BoolOp():
            return " or ".join(_said(one, entity) for one in node.values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name() as name):
            return f"{_term(name, entity)} is {'no' if _is_boolean(name, entity) else 'empty'}"
        case ast.UnaryOp(op=ast.Not()):
            return f"it is not so that {_said(node.operand, entity)}"
        case ast.Compare(ops=[op], comparators=[right]):
            return _compared(node.left, op, right, entity)
        case ast.Call(func=ast.Name(id="differs"), args=[left, right]):
            if isinstance(right, ast.Call) and isinstance(right.func, ast.Name) and right.func.id == "me":
                return f"{_term(left, entity)} is somebody else than you"
            return f"{_term(left, entity)} is another than {_term(right, entity)}"
        case ast.Call(func=ast.Name(id="is_empty"), args=[one]):
            return f"{_term(one, entity)} is empty"
        case ast.Name():
            return f"{_term(node, entity)} is {'yes' if _is_boolean(node, entity) else 'filled in'}"
    return ast.unparse(node)


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, entity: Entity) -> str:
    what, field = _term(left, entity), _field(left, entity)
    if isinstance(right, ast.Constant) and right.value is None:
        return f"{what} is {'empty' if isinstance(op, ast.Eq | ast.Is) else 'filled in'}"
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
        names = " or ".join(_term(one, entity, field) for one in right.elts)
        return f"{what} is {'' if isinstance(op, ast.In) else 'not '}{names}"
    value = _term(right, entity, field)
    if isinstance(op, ast.Eq):
        return f"{what} is {value}"
    if isinstance(op, ast.NotEq):
        return f"{what} is not {value}"
    words = _ORDER.get(type(op))
    if words is None:
        return ast.unparse(ast.Compare(left, [op], [right]))
    timely = (field is not None and field.type in _TIMES) or value in ("today", "now")
    return f"{what} {words[0] if timely else words[1]} {value}"


def _term(node: ast.expr, entity: Entity, beside: Field | None = None) -> str:
    match node:
        case ast.Name(id=name):
            field = _field(node, entity)
            return f"“{field.label}”" if field is not None and field.label else f"“{name.strip('_').replace('_', ' ').capitalize()}”"
        case ast.Attribute(value=ast.Name() as there, attr=name):
            return f"“{name.replace('_', ' ').capitalize()}” of {_term(there, entity)}"
        case ast.Constant(value=str() as text):
            return _option(text, entity, beside)
        case ast.Call(func=ast.Name(id=name), args=[]) if name in _NOW:
            return _NOW[name]
    return ast.unparse(node)


def _option(text: str, entity: Entity, beside: Field | None) -> str:
    if beside is not None:
        return next((f"“{one.label}”" for one in beside.options if one.name == text and one.label), f"“{text}”")
    state = entity.workflow.state(text) if entity.workflow is not None else None
    return f"“{state.label}”" if state is not None and state.label else f"“{text}”"


def _field(node: ast.expr, entity: Entity) -> Field | None:
    return entity.field(node.id) or entity.field(node.id.removesuffix("_")) if isinstance(node, ast.Name) else None


def _is_boolean(node: ast.expr, entity: Entity) -> bool:
    field = _field(node, entity)
    return field is not None and field.type == "boolean"
