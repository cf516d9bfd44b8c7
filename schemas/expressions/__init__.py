"""The expression language (docs/expressions.md): parse, prove, evaluate; never run by Python, never pasted into SQL."""

from schemas.expressions.checking import check, sql_able
from schemas.expressions.evaluating import evaluate, fold
from schemas.expressions.names import Names, names_of
from schemas.expressions.reading import Parsed, bare, expand, parse, written
from schemas.expressions.tree import Env, ExpressionError, Function, Type, Typed

__all__ = [
    "Env",
    "ExpressionError",
    "Function",
    "Names",
    "Parsed",
    "Type",
    "Typed",
    "bare",
    "check",
    "evaluate",
    "expand",
    "fold",
    "names_of",
    "parse",
    "sql_able",
    "written",
]
