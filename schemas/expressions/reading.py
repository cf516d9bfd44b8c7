"""Source text to a syntax tree: a whitelist of Python's expression grammar, within limits of size and depth."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from dataclasses import dataclass

from schemas.expressions.tree import ExpressionError

LONGEST = 4_000
DEEPEST = 50
MOST_NODES = 1_000
MOST_LISTED = 200
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z")
_SMART = re.compile(r"\b(today|now)(?:\s*\(\s*\))?\s*([+-])\s*([0-9]{1,6})\s*([dhwmy])\b(?!\s*\()")
_BARE = re.compile(r"\b(today|now)\b(?!\s*\()")
_TEXTS = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.IfExp,
    ast.Call,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.Attribute,
    ast.List,
    ast.Tuple,
)
_INSTEAD = {
    ast.Is: "Write == None.",
    ast.IsNot: "Write != None.",
    ast.Mod: "There is no %.",
    ast.Pow: "There is no **.",
    ast.FloorDiv: "Write floor(a / b).",
    ast.Subscript: "There are no square brackets after a name.",
    ast.Lambda: "There are no functions of your own.",
    ast.JoinedStr: "Write the text plainly, without f.",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression's text and its syntax tree; columns count characters from 1."""

    source: str
    tree: ast.expr

    def column(self, node: ast.AST) -> int:
        """Where the node begins in the source."""
        offset = getattr(node, "col_offset", None)
        if offset is None:
            return 0
        return len(self.source.encode()[:offset].decode(errors="ignore")) + 1

    def text(self, node: ast.expr) -> str:
        """The node's own source text."""
        return self.source.encode()[node.col_offset : node.end_col_offset].decode()

    def error(self, node: ast.AST, message: str, remedy: str = "") -> ExpressionError:
        """A mistake at the node."""
        return ExpressionError(message, self.column(node), remedy)


def parse(source: str) -> Parsed:
    """The syntax tree of an expression. Raises ExpressionError."""
    if not isinstance(source, str):
        raise ExpressionError("An expression is written as text.")
    text = " ".join(source.split("\n")).replace("\r", " ").replace("\t", " ").strip()
    if not text:
        raise ExpressionError("The expression is empty.", 0, "Leave it out, or write a condition.")
    if len(text) > LONGEST:
        raise ExpressionError(f"The expression has more than {LONGEST} characters.", 0, "Split it into computed fields.")
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ExpressionError("The expression holds a character that cannot be kept.")
    if _nesting(text) > DEEPEST:
        raise _too_deep()
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        remedy = "Use == to compare." if re.search(r"(?<![=!<>])=(?!=)", text) else ""
        raise ExpressionError("This is not an expression.", min(error.offset or 0, len(text)), remedy) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("This is not an expression.") from None
    parsed = Parsed(text, tree)
    _whitelist(parsed)
    return parsed


def expand(text: str) -> str:
    """The short form of filter boxes written out: ``due < today-30d`` becomes ``due < today() - days(30)``.

    Units: h hours, d days, w weeks, m months, y years. Text in quotes stays as it is.
    """
    parts = _TEXTS.split(text)
    return "".join(part if number % 2 else _BARE.sub(r"\1()", _SMART.sub(_written, part)) for number, part in enumerate(parts))


def bare(name: str) -> str:
    """The field meant: a field whose name is a Python keyword is written with a trailing underscore."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def written(name: str) -> str:
    """A field's name as an expression writes it."""
    return f"{name}_" if keyword.iskeyword(name) else name


def digits(parsed: Parsed, node: ast.Constant) -> tuple[int, int]:
    """A number literal exactly, read from its own text: the scaled integer and its places."""
    text = parsed.text(node)
    if not _NUMBER.match(text):
        raise parsed.error(node, f'"{text}" is not written as a number here.', "Write plain digits with a point, such as 1250.50.")
    whole, _, after = text.partition(".")
    if len(whole.lstrip("0")) + len(after) > 15 or len(after) > 10:
        raise parsed.error(node, f"{text} has too many digits.", "At most 15 digits, at most 10 of them after the point.")
    return int((whole + after) or "0"), len(after)


def normalised(text: str) -> str:
    """Text as it is stored."""
    return unicodedata.normalize("NFC", text)


def _written(found: re.Match[str]) -> str:
    start, sign, count, unit = found.groups()
    if unit in "my":
        months = int(count) * (12 if unit == "y" else 1)
        return f"add_months({start}(), {'-' if sign == '-' else ''}{months})"
    if unit == "h":
        return f"{start}() {sign} hours({int(count)})"
    return f"{start}() {sign} days({int(count) * (7 if unit == 'w' else 1)})"


def _nesting(text: str) -> int:
    deepest = depth = 0
    for sign in _TEXTS.sub("", text):
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth -= 1
    return deepest


def _too_deep() -> ExpressionError:
    return ExpressionError(f"The expression is nested more than {DEEPEST} deep.", 0, "Split it into computed fields.")


def _whitelist(parsed: Parsed) -> None:
    waiting: list[tuple[ast.AST, int]] = [(parsed.tree, 1)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > DEEPEST:
            raise _too_deep()
        if count > MOST_NODES:
            raise ExpressionError("The expression has too many parts.", 0, "Split it into computed fields.")
        if not isinstance(node, _ALLOWED):
            at = node if hasattr(node, "col_offset") else parsed.tree
            raise parsed.error(at, "This form is not part of the language.", _INSTEAD.get(type(node), ""))
        if isinstance(node, ast.Call) and (node.keywords or not isinstance(node.func, ast.Name)):
            raise parsed.error(node, "Functions are called by name, with arguments in their order.")
        if isinstance(node, ast.List | ast.Tuple) and len(node.elts) > MOST_LISTED:
            raise parsed.error(node, f"A list has at most {MOST_LISTED} members.")
        # A chain such as a + b + c + ... leans to the left; only real nesting counts.
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
