"""Serializers built from a shape: what a JSON body may hold (marshmallow), and records as JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow import fields as m

from core.facts import SYSTEM_FIELDS, Record, Value
from core.fields import Parsing, Showing, effective, kind, system_field
from core.held import Held
from schemas.model import Entity, Field

Convert = Callable[[Value, Showing], Any]
_MOST = 2_000


class Given(m.Field[Any]):
    """A field of a body, read by its kind. What only the record can tell stays as sent and is read when it is written:
    an amount without a currency, a human key, a time without an offset, line items."""

    def __init__(self, declared: Field, **options: Any) -> None:
        super().__init__(allow_none=True, **options)
        self.declared = declared

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if waits(self.declared, value):
            return value
        try:
            return kind(self.declared).from_json(self.declared, value, _PLAIN)
        except ValueError as refused:
            raise ValidationError(str(refused)) from None
        except (TypeError, AttributeError, KeyError, ArithmeticError):
            raise ValidationError("This value does not fit the field.") from None


def waits(declared: Field, value: Any) -> bool:
    """Whether reading the value needs the record it is written to."""
    family = kind(declared).family
    if family == "money":
        return not (isinstance(value, dict) and value.get("currency")) and not isinstance(value, float | bool | list)
    if family == "reference":
        return isinstance(value, dict)
    if family == "references":
        return isinstance(value, list) and any(isinstance(one, dict) for one in value)
    return family in ("lines", "any_reference", "datetime") and isinstance(value, list | dict | str)


def body_schema(entity: Entity, names: Collection[str]) -> Schema:
    """The marshmallow schema of a body of this entity; members that are not among ``names`` are not its business."""

    def make() -> Schema:
        declared = {one.name: one for one in entity.fields}
        # Members of a Schema class are attributes: a field named like one of marshmallow's own gets a name of ours.
        members = {f"f_{name}": Given(declared[name], data_key=name, attribute=name) for name in names if name in declared}
        return Schema.from_dict(members)(unknown=EXCLUDE)  # type: ignore[arg-type]

    return _schemas.get(entity, frozenset(names), make)


def load(entity: Entity, body: Mapping[str, Any], names: Collection[str]) -> tuple[dict[str, Value], dict[str, list[str]]]:
    """The values of a body, and the sentences of those that cannot be read. Members outside ``names`` stay as they were
    sent: whoever writes the record refuses them, all with one sentence."""
    errors: dict[str, list[str]] = {}
    values: dict[str, Value] = {name: value for name, value in body.items() if name not in names}
    try:
        values |= body_schema(entity, names).load(body)
    except ValidationError as refused:
        values |= refused.valid_data if isinstance(refused.valid_data, dict) else {}
        said = refused.messages if isinstance(refused.messages, dict) else {"": refused.messages}
        errors = {name: [str(one) for one in sentences] for name, sentences in said.items()}
    return values, errors


class Dump:
    """Records of one entity as JSON; made once for each entity and kept while it is served."""

    def __init__(self, entity: Entity, entities: Mapping[str, Entity]) -> None:
        self.entity = entity
        self._convert: dict[str, Convert] = {}
        self.files: tuple[str, ...] = ()
        """The fields whose values are ids of files."""
        self.line_files: tuple[tuple[str, str], ...] = ()
        """The fields of lines whose values are: the field of the lines, and the one within."""
        for one in (*entity.fields, *(found for name in SYSTEM_FIELDS if (found := system_field(entity, name)) is not None)):
            shown = effective(one, entities, entity)
            if kind(shown).name == "secret":
                continue
            self._convert[one.name] = _converter(shown, entities, entity)
            if kind(shown).family == "file":
                self.files += (one.name,)
            if kind(shown).family == "lines":
                self.line_files += tuple((one.name, child.name) for child in one.fields if kind(child).family == "file")
        self._order = (
            "id",
            "display_title",
            *(one.name for one in entity.fields),
            *(n for n in SYSTEM_FIELDS if n not in ("id", "display_title")),
        )

    def record(self, record: Record, ctx: Showing) -> dict[str, Any]:
        """The record as the API answers it: what it holds for its reader, and the names of masked fields."""
        convert = self._convert
        made = {name: convert[name](record[name], ctx) for name in self._order if name in record and name in convert}
        made["masked"] = list(record.masked)
        return made

    def value(self, name: str, value: Value, ctx: Showing) -> Any:
        """One field's value as JSON; a value of a field that is gone as plain text."""
        convert = self._convert.get(name)
        if convert is None:
            return None if value is None else str(value)
        return convert(value, ctx)


def dump_of(entity: Entity, entities: Mapping[str, Entity]) -> Dump:
    """The entity's serializer."""
    return _dumps.get(entity, "", lambda: Dump(entity, entities))


def file_ids(dump: Dump, records: Iterable[Record]) -> set[int]:
    """The files that these records refer to."""
    return {number for record in records for number, _ in file_places(dump, record)}


def file_places(dump: Dump, record: Record) -> Iterable[tuple[int, str]]:
    """Each file that the record refers to, with its place as the end of an address: a field, or a line and a field within."""
    for name in dump.files:
        if isinstance(number := record.get(name), int):
            yield number, name
    for lines, name in dump.line_files:
        for line in record.get(lines) or ():
            if isinstance(number := line.get(name), int):
                yield number, f"{lines}.{line.get('id')}.{name}"


def _converter(shown: Field, entities: Mapping[str, Entity], entity: Entity) -> Convert:
    one = kind(shown)
    if one.family == "lines":
        children = {child.name: _converter(effective(child, entities, entity), entities, entity)
                    for child in shown.fields if kind(child).name != "secret"}

        def lines(value: Value, ctx: Showing) -> Any:
            return [{"id": line.get("id")} | {name: convert(line[name], ctx) for name, convert in children.items() if name in line}
                    for line in value or ()]

        return lines
    return lambda value, ctx: one.to_json(shown, value, ctx)


_PLAIN = Parsing()
_schemas: Held[Schema] = Held(_MOST)
_dumps: Held[Dump] = Held(_MOST)
