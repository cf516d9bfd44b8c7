"""Tables from entities: SQLAlchemy Core tables without foreign-key objects, one set per stored shape and engine.

Joins name their ON clause, so a table that did not change keeps its compiled statements when others do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from core.fields import ColumnSpec, FieldKind, column_name, kind
from core.fields.base import text_type
from core.held import Held
from core.storage import identifiers
from core.storage.indexes import Wanted, lines_indexes, wanted_indexes
from schemas.model import Entity, Field

VOLATILE = frozenset({"now", "today", "me", "my_team", "my_department"})
_KEPT = 4_000


class Scaled(sa.BigInteger):
    """An exact number on SQLite: a plain integer scaled by 10^places.

    Only its name on disk differs from BIGINT, so that a migration can tell how a column is scaled; nothing is
    converted here.
    """

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places


@compiles(Scaled)
def _scaled(type_: Scaled, compiler: Any, **options: Any) -> str:
    return f"BIGINT({type_.places})"


@dataclass(frozen=True)
class EntityTable:
    """Where an entity, or one of its ``lines``, lies.

    ``columns`` holds the columns of each field that has any, ``links`` the table (owner_id, target_id, position) of each
    many-reference, ``lines`` the table of each lines field (id, owner_id, position and its fields), ``key`` the folded
    sort key of a field.
    """

    table: sa.Table
    columns: Mapping[str, tuple[sa.Column[Any], ...]]
    links: Mapping[str, sa.Table] = field(default_factory=dict)
    lines: Mapping[str, EntityTable] = field(default_factory=dict)
    key: Mapping[str, sa.Column[Any]] = field(default_factory=dict)

    def parts(self) -> Iterator[object]:
        """Whatever statements may be remembered for: itself, its tables, and the same of its lines."""
        yield self
        yield self.table
        yield from self.links.values()
        for lines in self.lines.values():
            yield from lines.parts()

    def all_tables(self) -> Iterator[sa.Table]:
        """Its own table, then those of its links and lines."""
        yield self.table
        yield from self.links.values()
        for lines in self.lines.values():
            yield from lines.all_tables()


_made: Held[EntityTable] = Held(_KEPT, lambda made: made.parts())


def entity_table(entity: Entity, dialect: str) -> EntityTable:
    """The tables of a stored shape; the same object as long as the entity is the same object."""
    return _made.get(entity, dialect, lambda: _entity_table(entity, dialect))


def aliased(table: sa.Table) -> sa.FromClause:
    """An alias to select from. Its columns carry names and types alone: an alias of the table itself copies every
    column with all that is known about it, which is most of the cost of a statement over a wide table.
    """
    lean = table.info.get("lean")
    if lean is None:
        lean = table.info["lean"] = sa.table(table.name, *(sa.column(one.name, one.type) for one in table.columns))
    found: sa.FromClause = lean.alias()
    return found


def stored_field(one: Field, siblings: Mapping[str, Field], *, document: bool = False) -> Field | None:
    """The field as it lies on disk, or None when it does not: lookups outside documents, volatile formulas.

    A generation has written the kind of what a lookup or rollup shows into ``as_kind`` of its stored shape.
    """
    if one.type == "computed":
        return None if volatile(one, siblings) else replace(one, type=one.as_kind or "text", many=False)
    if one.type == "rollup" or (one.type == "lookup" and document):
        return replace(one, type=one.as_kind, many=False) if one.as_kind else None
    return None if one.type == "lookup" else one


def volatile(one: Field, siblings: Mapping[str, Field]) -> bool:
    """Whether the formula names the clock or the actor, itself or through another formula of the record."""
    seen: set[str] = set()
    waiting = [one]
    while waiting:
        formula = waiting.pop()
        if formula.name in seen:
            continue
        seen.add(formula.name)
        try:
            tree = ast.parse(formula.formula.strip(), mode="eval")
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in VOLATILE:
                return True
            if isinstance(node, ast.Name) and (other := siblings.get(node.id)) is not None and other.type == "computed":
                waiting.append(other)
    return False


def _entity_table(entity: Entity, dialect: str) -> EntityTable:
    metadata = sa.MetaData()
    name = identifiers.entity_name(entity.plugin, entity.name)
    columns, key, made = _field_columns(entity.fields, dialect, document=entity.kind == "document")
    table = sa.Table(name, metadata, *_system_columns(dialect), *made)
    _add_indexes(table, wanted_indexes(entity, columns, key))
    links: dict[str, sa.Table] = {}
    lines: dict[str, EntityTable] = {}
    for one in entity.fields:
        if one.type == "lines":
            lines[one.name] = _lines_table(entity, one, metadata, dialect)
        elif kind(one).family == "references":
            links[one.name] = _link_table(identifiers.link_name(entity.plugin, entity.name, column_name(one)), metadata)
    return EntityTable(table, columns, links, lines, key)


def _system_columns(dialect: str) -> list[sa.Column[Any]]:
    def text(name: str) -> sa.Column[Any]:
        return sa.Column(name, text_type(dialect))

    # INTEGER is SQLite's own row number; BIGINT there would be a second index beside it.
    number: sa.types.TypeEngine[Any] = sa.Integer() if dialect == "sqlite" else sa.BigInteger()
    return [
        sa.Column("id", number, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("created_by", sa.BigInteger),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("updated_by", sa.BigInteger),
        text("state"),
        sa.Column("workflow_version", sa.BigInteger),
        sa.Column("department_id", sa.BigInteger),
        text("display_title"),
        text("title_key"),
        sa.Column("trashed_at", sa.DateTime),
        sa.Column("trashed_by", sa.BigInteger),
        text("chain_hash"),
        sa.Column("chain_length", sa.Integer, nullable=False, server_default="0"),
        sa.Column("amended_from", sa.BigInteger),
        sa.Column("posted_at", sa.DateTime),
    ]


def _field_columns(fields: Iterable[Field], dialect: str, *, document: bool = False) -> tuple[
        dict[str, tuple[sa.Column[Any], ...]], dict[str, sa.Column[Any]], list[sa.Column[Any]]]:
    fields = tuple(fields)
    siblings = {one.name: one for one in fields}
    columns: dict[str, tuple[sa.Column[Any], ...]] = {}
    key: dict[str, sa.Column[Any]] = {}
    made: list[sa.Column[Any]] = []
    for one in fields:
        stored = stored_field(one, siblings, document=document)
        if stored is None:
            continue
        shown = kind(stored)
        specs = shown.columns(stored, dialect)
        if not specs:
            continue
        columns[one.name] = tuple(_column(shown, stored, spec) for spec in specs)
        made += columns[one.name]
        if _has_key(shown):
            key[one.name] = sa.Column(identifiers.fitted(f"k_{one.column or one.name}"), text_type(dialect))
            made.append(key[one.name])
    return columns, key, made


def _column(shown: FieldKind, stored: Field, spec: ColumnSpec) -> sa.Column[Any]:
    type_ = spec.type
    places = getattr(shown, "places", None)
    if places is not None and type(type_) is sa.BigInteger:
        type_ = Scaled(places(stored))
    default = None if spec.server_default is None else sa.text(spec.server_default)
    return sa.Column(spec.name, type_, nullable=spec.nullable, server_default=default)


def _has_key(shown: FieldKind) -> bool:
    """Whether people sort values of this kind by a folded text: it says so by having a sort key of its own."""
    return type(shown).sort_key is not FieldKind.sort_key and shown.sort_key(Field("probe", shown.name), "a") is not None


def _link_table(name: str, metadata: sa.MetaData) -> sa.Table:
    table = sa.Table(
        name, metadata,
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("target_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False),
    )
    _add_indexes(table, [Wanted(("target_id", "owner_id"))])
    return table


def _lines_table(entity: Entity, one: Field, metadata: sa.MetaData, dialect: str) -> EntityTable:
    columns, key, made = _field_columns(one.fields, dialect)
    number: sa.types.TypeEngine[Any] = sa.Integer() if dialect == "sqlite" else sa.BigInteger()
    table = sa.Table(
        identifiers.lines_name(entity.plugin, entity.name, column_name(one)), metadata,
        sa.Column("id", number, primary_key=True, autoincrement=False),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        *made,
    )
    _add_indexes(table, lines_indexes(one, columns))
    return EntityTable(table, columns, {}, {}, key)


def _add_indexes(table: sa.Table, wanted: Iterable[Wanted]) -> None:
    for one in wanted:
        live = table.c.trashed_at.is_(None) if one.unique else None
        name = identifiers.index_name(table.name, one.columns, unique=one.unique)
        sa.Index(name, *(table.c[column] for column in one.columns), unique=one.unique, sqlite_where=live, postgresql_where=live)
