"""The grammar of one field: its kind, its flags, its options and its default."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from schemas import words
from schemas.kinds import FLAGS, KINDS, NUMBER_KINDS, TEXT_KINDS, takers
from schemas.model import Expression, Field, NumberRule, Option
from schemas.source import Mapped
from schemas.values import NUMBER, Block, Number, freeze, label_of
from schemas.words import Fault, fault

RESERVED_FIELDS = frozenset(
    {
        "id",
        "display_title",
        "version",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
    }
)
"""Names every record has already; ``state`` joins them where there is a workflow."""
RESERVED_IN_LINES = frozenset({"id", "position", "parent"})
_DATE_LIKE = re.compile(r"(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?|\d\d:\d\d(?::\d\d(?:\.\d+)?)?|P(?:\d|T\d).*)\Z")
_CALL = re.compile(r"[a-z_][a-z0-9_]*\(")
_EXPRESSION_NODES = (
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
    ast.Is,
    ast.IsNot,
    ast.IfExp,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.Attribute,
    ast.Constant,
    ast.List,
    ast.Tuple,
)


def bad_field_name(name: str, lines: bool = False) -> Fault | None:
    """What is wrong with the name of a field, or None."""
    wrong = words.bad_name(name, words.MAX_FIELD_NAME)
    if wrong:
        return wrong
    if "__" in name or name.endswith("_"):
        return Fault(
            f'A field cannot be called "{name}".',
            "Names of fields hold no two underscores in a row and do not end in one.",
            True,
        )
    if name in (RESERVED_IN_LINES if lines else RESERVED_FIELDS):
        return Fault(
            f'A field cannot be called "{name}": every {"line" if lines else "record"} has that already.',
            "Give it another name.",
            True,
        )
    return None


class FieldNames(words.Named):
    """The fields of an entity or of line items, by name."""

    def __init__(self, part: Any, lines: bool = False, **more: Any) -> None:
        super().__init__(part, "field", **more)
        self.in_lines = lines

    def wrong(self, name: str) -> Fault | None:
        return bad_field_name(name, self.in_lines)


class Options(words.Word):
    """The choices: a list of texts, or a mapping from each name to its label and colour."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Option, ...]:
        if isinstance(value, Mapping):
            return self._mapping(value)
        made: list[Option] = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) or one is None:
                raise fault("An option is a text.", "Put quotes around it.")
            if not isinstance(one, str):
                raise fault(
                    "An option is a text.", "To give labels and colours write `{name: {label: ..., colour: ...}}`."
                )
            made.append(self._option(str(one), label_of(str(one)), "", made))
        return tuple(made)

    def _mapping(self, value: Mapping[str, Any]) -> tuple[Option, ...]:
        made: list[Option] = []
        errors: dict[str, Any] = {}
        for name, block in value.items():
            try:
                given = (
                    {"label": block}
                    if isinstance(block, str)
                    else _OPTION.load(block if block is not None else Mapped())
                )
                made.append(self._option(name, given.get("label", label_of(name)), given.get("colour", ""), made))
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)

    def _option(self, name: str, label: str, colour: str, before: list[Option]) -> Option:
        if not name.strip() or len(name) > 100 or "\n" in name or name != name.strip():
            raise fault(
                f'"{name[:40]}" cannot be an option.',
                "An option is one line of 1 to 100 characters without spaces around it.",
            )
        if any(one.name == name for one in before):
            raise fault(f'The option "{name}" is given twice.', "Keep one of the two.")
        return Option(name, str(label), colour)


class OptionPart(words.Part):
    what = "in an option"
    label = words.Text(longest=200)
    colour = words.Text(longest=30)


_OPTION = OptionPart()


class NumberPart(words.Part):
    what = "in a rule of a number"
    pattern = words.Text(required=True, longest=100)
    when = words.Source(load_default="")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> NumberRule:
        return NumberRule(**data)


class Numbers(words.Word):
    """A pattern such as ``HD-{seq:4}``, or a list of rules."""

    _rules = words.Each(NumberPart(), alone=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[NumberRule, ...]:
        if isinstance(value, str):
            return (NumberRule(str(value)),)
        rules: tuple[NumberRule, ...] = self._rules.deserialize(value, attr, data)
        return rules


class Unique(words.Word):
    """``true``, or the names of the fields within whose values the field is unique."""

    _names = words.Many(words.Name(words.MAX_FIELD_NAME))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool | tuple[str, ...]:
        if isinstance(value, bool):
            return value
        names: tuple[str, ...] = self._names.deserialize(value, attr, data)
        return names


class Default(words.Word):
    """A literal, or an expression.

    ``{expression: TEXT}`` and ``{literal: VALUE}`` say which, where the short form would not.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if isinstance(value, Mapping) and list(value) == ["expression"] and isinstance(value["expression"], str):
            return Expression(str(value["expression"]))
        if isinstance(value, Mapping) and list(value) == ["literal"]:
            return _Literal(freeze(value["literal"]))
        return freeze(value)


@dataclass(frozen=True, slots=True)
class _Literal:
    """A default that is to be taken as it stands."""

    value: Any


class FieldPart(words.Part):
    """One field. Which flags go with which kind is the table of :mod:`schemas.kinds`."""

    what = "in a field"
    type = words.OneOf(*KINDS, what="field kind", required=True)
    label = words.Text(longest=200)
    help = words.Text()
    required = words.Flag()
    unique = Unique()
    default = Default()
    read_only = words.Flag()
    set_once = words.Flag()
    no_copy = words.Flag()
    editable_after_posting = words.Flag()
    indexed = words.Flag()
    searchable = words.Flag()
    in_list = words.Flag()
    quick_filter = words.Flag()
    min = words.Limit()
    max = words.Limit()
    max_length = words.Count(1, 1_000_000)
    pattern = words.Text(longest=500)
    places = words.Count(0, 10)
    options = Options()
    open = words.Flag()
    to = words.Many(words.Owned())
    chosen_by = words.Name(words.MAX_FIELD_NAME)
    where = words.Source()
    many_ = words.Flag(data_key="many")
    on_delete = words.OneOf("refuse", "clear", "with_parent", what="rule of deletion")
    zoned = words.Flag()
    number = Numbers()
    gap_free = words.Flag()
    formula = words.Source()
    as_kind = words.OneOf(*KINDS, what="field kind", data_key="as")
    of = words.Name(words.MAX_FIELD_NAME)
    via = words.Name(words.MAX_FIELD_NAME)
    from_entity = words.Owned(data_key="from")
    how = words.OneOf("sum", "count", "min", "max", "average", what="way to gather")
    currency = words.Path()
    form = words.Many(words.Name(words.MAX_FIELD_NAME))
    show_if = words.Source()
    required_if = words.Source()
    read_only_if = words.Source()
    warn_if = words.Source()
    owner_department = words.Flag()
    sensitive = words.Flag()
    personal = words.Flag()
    provides = words.Text(longest=60)
    in_lines = False

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def the_kind_takes_its_flags(self, data: Any, original: Any, **_: Any) -> None:
        kind = KINDS.get(str(original.get("type")))
        if kind is None:
            return
        errors: dict[str, list[Fault]] = {}
        for flag in original:
            if flag in FLAGS and flag not in kind.flags and not (flag in _TOLERATED and original[flag] is False):
                kinds = takers(flag)
                belongs = f"It belongs to {', '.join(kinds)}." if len(kinds) <= 8 else "Leave it out."
                errors[flag] = [Fault(f'The kind {kind.name} takes no "{flag}".', belongs, True)]
        for flag in kind.needs:
            if flag not in original and not (flag == "of" and original.get("how") == "count"):
                errors[flag] = [Fault(f'The kind {kind.name} needs "{flag}".', FLAGS[flag])]
        if kind.name == "rollup" and original.get("how") not in (None, "count") and "of" not in original:
            errors["of"] = [Fault(f'To {original.get("how")}, the kind rollup needs "of".', FLAGS["of"])]
        if kind.name == "any_reference" and ("to" in original) == ("chosen_by" in original):
            errors["to"] = [
                Fault(
                    'The kind any_reference needs either "to" or "chosen_by".',
                    "Name the entities, or the field that names one.",
                )
            ]
        if (
            kind.name in ("reference", "references")
            and isinstance(original.get("to"), list)
            and len(original["to"]) != 1
        ):
            errors["to"] = [Fault("A reference points to one entity.", "Use any_reference for several.")]
        if self.in_lines and kind.name in ("lines", "sequence"):
            errors["type"] = [
                Fault(
                    f"Line items cannot hold {kind.name}.",
                    "Line items are one level deep; declare an entity of its own.",
                )
            ]
        elif self.in_lines and kind.name in ("references", "lookup", "rollup"):
            errors["type"] = [
                Fault(
                    f"Line items cannot hold {kind.name}.",
                    "A line holds its own values, and points to one record at most.",
                )
            ]
        if self.in_lines and original.get("many") is True:
            errors["many"] = [
                Fault("A line points to one record at most.", "Leave it out, or declare an entity of its own.", True)
            ]
        if data.get("as_kind") and (KINDS[data["as_kind"]].derived or not KINDS[data["as_kind"]].has_column):
            errors["as"] = [
                Fault(f"A formula cannot make the kind {data['as_kind']}.", "Choose a kind that holds one value.")
            ]
        if errors:
            raise ValidationError(errors)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Field:
        name = original.name
        for attribute, flag in (("many_", "many"), ("children", "fields")):
            if attribute in data:
                data[flag] = data.pop(attribute)
        if "default" in data and data["type"] in ("choices", "references") and isinstance(data["default"], Number):
            data["default"] = str(data["default"])
        return Field(name=name, place=original.place, label=data.pop("label", label_of(name)), **data)


class LineFieldPart(FieldPart):
    """A field of line items."""

    what = "in a field of line items"
    in_lines = True


class EntityFieldPart(FieldPart):
    """A field of an entity, which may hold line items."""

    children = FieldNames(LineFieldPart(), lines=True, data_key="fields")


_TOLERATED = frozenset({"required", "unique", "read_only", "set_once", "indexed", "searchable", "quick_filter"})


def settle_default(field: Field, names: Collection[str]) -> Field:
    """The field with its default told apart: a literal, or an :class:`Expression` over the entity's ``names``.

    Children of line items are settled among their own names.
    """
    if field.fields:
        inner = {child.name for child in field.fields}
        field = replace(field, fields=tuple(settle_default(child, inner) for child in field.fields))
    value = field.default
    if isinstance(value, _Literal):
        return replace(field, default=value.value)
    if value is None or isinstance(value, bool | Block | Expression):
        return field
    if isinstance(value, tuple):
        return field
    settled = _settled(field, value, names)
    return field if settled is value else replace(field, default=settled)


def _settled(field: Field, value: str, names: Collection[str]) -> Any:
    kind = field.type
    if kind in ("choice", "choices"):
        if any(option.name == value for option in field.options):
            return (str(value),) if kind == "choices" else str(value)
        return str(value) if isinstance(value, Number) else Expression(value)
    if isinstance(value, Number):
        return str(value) if kind in TEXT_KINDS else value
    if kind in TEXT_KINDS:
        return Expression(value) if is_expression(value, names) else value
    if kind in NUMBER_KINDS and NUMBER.match(value):
        return Number(value)
    if kind in ("date", "datetime", "time", "duration") and _DATE_LIKE.match(value):
        return value
    if kind in ("json", "secret", "location", "file", "image", "signature"):
        return value
    return Expression(value)


def is_expression(text: str, names: Collection[str]) -> bool:
    """Whether a text kind's default is meant as an expression.

    It reads as one, and calls something, follows a path from a known name, or is the name of a field; everything else
    is plain text.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    nodes = list(ast.walk(tree))
    if not all(isinstance(node, _EXPRESSION_NODES) for node in nodes):
        return False
    if isinstance(tree.body, ast.Name):
        return tree.body.id in names or tree.body.id.rstrip("_") in names
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and _CALL.search(text):
            return True
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id in names or node.value.id == "parent")
        ):
            return True
    return False
