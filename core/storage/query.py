"""What a reader may be asked: conditions, groups, a query and its page; and reading them from URL parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadRequest
from core.facts import SYSTEM_FIELDS, Record, Value
from core.fields import Parsing, kind, system_field
from schemas.model import Entity, Field

OPERATORS = ("eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "starts", "between", "empty")
RESERVED = frozenset({"q", "sort", "view", "limit", "after", "before", "page", "count", "fields", "expand", "format"})
"""Parameter names that are never fields; a field of such a name is filtered as ``name__eq``."""
MANY = frozenset({"references", "choices"})
"""Families of several values: comparing means that one of the values is, or none of them."""
MANY_VALUED = ("eq", "ne", "in", "not_in")
LISTS = frozenset({"in", "not_in"})
LARGEST = 2**63 - 1
MOST_VALUES = 500
MOST_CONDITIONS = 50


@dataclass(frozen=True)
class Condition:
    """``field op values``; op is one of OPERATORS, values are Python values of the field's kind.

    ``empty`` has one bool, ``between`` two values, ``in`` and ``not_in`` any number, every other operator one.
    """

    field: str
    op: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Group:
    """Conditions and groups that must all hold, or any of them; ``negate`` turns the whole round."""

    any: bool
    parts: tuple[Condition | Group, ...]
    negate: bool = False


@dataclass(frozen=True)
class Query:
    """Which records, in which order, how many. ``sort`` holds (field, descending); empty means the entity's own order.

    ``expression`` is a filter in the expression language (a view's ``where``). ``fields`` None: all readable.
    """

    where: Group | None = None
    expression: str = ""
    q: str = ""
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int = 50
    after: str | None = None
    before: str | None = None
    last: bool = False
    count: bool = False
    fields: tuple[str, ...] | None = None
    trashed: bool = False


@dataclass
class Page:
    """A page of records with its cursors. ``total`` is at most 10,000; ``notes`` are sentences for the person."""

    items: list[Record]
    next: str | None = None
    prev: str | None = None
    total: int | None = None
    total_is_capped: bool = False
    notes: tuple[str, ...] = field(default=())


def unknown(name: str) -> BadRequest:
    """The one refusal for a name that does not exist and for a name the viewer may not see."""
    return BadRequest(f"There is no field “{name[:80]}” here to filter, sort or show by. Check the name.")


def field_of(entity: Entity, name: str) -> Field | None:
    """The entity's own or system field of that name; system fields are declared like others."""
    return entity.field(name) or system_field(entity, name)


def parse_filters(
    args: Mapping[str, Any] | Iterable[tuple[str, str]],
    entity: Entity,
    visible: Collection[str],
    ctx: Parsing,
    strict: bool,
    effective: Callable[[Field], Field] | None = None,
) -> Group | None:
    """Conditions of URL parameters ``field=value`` and ``field__op=value``, all of which must hold.

    ``visible`` names the fields the viewer may filter by (masked ones are not among them; system fields always are).
    ``effective`` resolves computed, lookup and rollup fields to the field whose values they show. With ``strict`` an
    unknown or invisible name and a bad value are BadRequest; without, the parameter is left out. The same field given
    twice with ``eq`` means any of the values.
    """
    found: list[Condition] = []
    for parameter, text in pairs(args):
        if not strict and not text:
            continue  # a control of the filter form that was left empty
        try:
            condition = _condition(parameter, text, entity, visible, ctx, effective)
        except BadRequest:
            if strict:
                raise
            continue
        if condition is not None:
            found.append(condition)
    if not found:
        return None
    if len(found) > MOST_CONDITIONS:
        raise BadRequest(f"A list takes at most {MOST_CONDITIONS} filters; here are {len(found)}. Leave some out.")
    return Group(any=False, parts=tuple(_merge_equals(found)))


def parse_sort(text: str, entity: Entity, visible: Collection[str], strict: bool) -> tuple[tuple[str, bool], ...]:
    """``-due,summary`` as (field, descending) pairs; names as in :func:`parse_filters`."""
    found: list[tuple[str, bool]] = []
    for part in (text or "").split(","):
        part = part.strip()
        if not part:
            continue
        descending, name = part.startswith("-"), part.lstrip("-+")
        if not known(entity, name, visible):
            if strict:
                raise unknown(name)
            continue
        if name not in (one for one, _ in found):
            found.append((name, descending))
    return tuple(found[:4])


def known(entity: Entity, name: str, visible: Collection[str]) -> bool:
    """Whether the viewer may name this field."""
    declared = field_of(entity, name)
    return declared is not None and (name in SYSTEM_FIELDS or name in visible)


def split(parameter: str, entity: Entity) -> tuple[str, str]:
    """``field__op`` as both; a name alone asks for equality. A department's field that stepped aside has ``__`` in its own name."""
    name, mark, op = parameter.rpartition("__")
    return (name, op) if mark and entity.field(parameter) is None else (parameter, "eq")


def pairs(args: Mapping[str, Any] | Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Names and texts of parameters in their order, repeated ones too, from a mapping, a MultiDict or pairs."""
    if not isinstance(args, Mapping):
        yield from args
        return
    lists = getattr(args, "lists", None)  # werkzeug's MultiDict keeps every value of a repeated parameter
    if lists is not None:
        for name, texts in lists():
            for text in texts:
                yield name, text
        return
    for name, text in args.items():
        if isinstance(text, (list, tuple)):
            yield from ((name, one) for one in text)
        else:
            yield name, text


def _condition(
    parameter: str,
    text: str,
    entity: Entity,
    visible: Collection[str],
    ctx: Parsing,
    effective: Callable[[Field], Field] | None,
) -> Condition | None:
    if parameter in RESERVED:
        return None
    name, op = split(parameter, entity)
    if op not in OPERATORS or not known(entity, name, visible):
        raise unknown(parameter)
    declared = field_of(entity, name)
    assert declared is not None
    shown = effective(declared) if effective is not None else declared
    operators = (*kind(shown).operators, *MANY_VALUED) if kind(shown).family in MANY else kind(shown).operators
    if op not in operators:
        offered = ", ".join(operators) or "none"
        raise BadRequest(f"“{name}” cannot be filtered with “{op}”. Possible here: {offered}.")
    return Condition(name, op, tuple(_values(shown, op, text, ctx)))


def _values(declared: Field, op: str, text: str, ctx: Parsing) -> list[Value]:
    if op == "empty":
        if text not in {"1", "0", "true", "false"}:
            raise BadRequest(f"“{declared.name}__empty” takes 1 or 0.")
        return [text in {"1", "true"}]
    if op in LISTS or op == "between":
        texts = [part.strip() for part in text.split(",") if part.strip()]
    else:
        texts = [text]
    if op == "between" and len(texts) != 2:
        raise BadRequest(f"“{declared.name}__between” takes two values with a comma between them.")
    if len(texts) > MOST_VALUES:
        raise BadRequest(f"“{declared.name}__{op}” takes at most {MOST_VALUES} values.")
    if op in {"contains", "starts"} and kind(declared).family in {"text", "choice"}:
        return [_clean(declared.name, one) for one in texts]
    return [_value(declared, one, ctx) for one in texts]


def _value(declared: Field, text: str, ctx: Parsing) -> Value:
    text = _clean(declared.name, text)
    try:
        value = kind(declared).from_text(declared, text, ctx)
    except (ValueError, ArithmeticError) as error:
        raise BadRequest(f"“{declared.name}” cannot be compared with “{text[:80]}”: {error}") from error
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, int) and abs(number) > LARGEST:
            raise BadRequest(f"“{declared.name}” cannot be compared with so large a number.")
    if isinstance(value, tuple) and len(value) == 1 and kind(declared).family in MANY:
        return value[0]
    return value


def _clean(name: str, text: str) -> str:
    """Refuse what no database stores: NUL and lone surrogates."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadRequest(f"The filter for “{name}” holds characters that no text can hold.")
    if len(text) > 2000:
        raise BadRequest(f"The filter for “{name}” is too long; 2,000 characters are the most.")
    return text


def _merge_equals(found: list[Condition]) -> Iterator[Condition]:
    equal: dict[str, list[Value]] = {}
    for condition in found:
        if condition.op == "eq":
            equal.setdefault(condition.field, []).extend(condition.values)
    done: set[str] = set()
    for condition in found:
        if condition.op != "eq" or len(equal[condition.field]) == 1:
            yield condition
        elif condition.field not in done:
            done.add(condition.field)
            yield Condition(condition.field, "in", tuple(equal[condition.field]))
