"""Tables of declared entities: SQLAlchemy Core tables without foreign-key objects, built once for each entity."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from core.fields import kind
from core.fields.base import text_type
from schemas import expressions
from schemas.model import Entity, Field

MOST_INDEXES = 12
_LONGEST = 60


@dataclass(frozen=True)
class EntityTable:
    """One entity on disk. ``columns``: those of each stored field; ``key``: the folded sort column of text fields;
    ``links``: the link table of each many-reference; ``lines``: the child table of each lines field."""

    table: sa.Table
    columns: Mapping[str, tuple[sa.Column[Any], ...]]
    key: Mapping[str, sa.Column[Any]] = field(default_factory=dict)
    links: Mapping[str, sa.Table] = field(default_factory=dict)
    lines: Mapping[str, EntityTable] = field(default_factory=dict)

    def all_tables(self) -> Iterator[sa.Table]:
        """The entity's own table, then its children."""
        yield self.table
        yield from self.links.values()
        for one in self.lines.values():
            yield one.table


_tables: dict[tuple[int, str], tuple[Entity, EntityTable]] = {}
_lock = threading.Lock()


def entity_table(entity: Entity, dialect: str) -> EntityTable:
    """The tables of the entity; the same object for as long as the entity object is served."""
    found = _tables.get((id(entity), dialect))
    if found is not None and found[0] is entity:
        return found[1]
    made = _build(entity, dialect)
    with _lock:
        if len(_tables) > 8_000:
            _tables.clear()
        _tables[id(entity), dialect] = (entity, made)
    return made


def stored_as(one: Field, entity_kind: str = "normal") -> Field | None:
    """The field as its column holds it; None when it has no column: volatile formulas, lookups outside documents."""
    if one.type == "computed":
        return None if expressions.is_volatile(one.formula) else replace(one, type=one.as_kind or "text")
    if one.type == "rollup":
        return replace(one, type=one.as_kind or ("integer" if one.how == "count" else "decimal"))
    if one.type == "lookup":
        return replace(one, type=one.as_kind or "text") if entity_kind == "document" else None
    return one


def table_name(prefix: str, *parts: str) -> str:
    """A name of at most 60 bytes; long ones end in a hash of the whole."""
    whole = "_".join((prefix, *parts))
    if len(whole.encode()) <= _LONGEST:
        return whole
    return f"{whole[:_LONGEST - 9]}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _build(entity: Entity, dialect: str) -> EntityTable:
    metadata = sa.MetaData()
    text = text_type(dialect)
    columns: dict[str, tuple[sa.Column[Any], ...]] = {}
    keys: dict[str, sa.Column[Any]] = {}
    links: dict[str, sa.Table] = {}
    lines: dict[str, EntityTable] = {}
    for one in entity.fields:
        if one.type == "lines":
            lines[one.name] = _lines(entity, one, dialect, metadata)
        elif kind(one).name == "references":
            links[one.name] = _link(entity, one, metadata)
        else:
            shown = stored_as(one, entity.kind)
            if shown is None:
                continue
            made = _columns(shown, dialect)
            if made:
                columns[one.name] = made
                if kind(shown).family in ("text", "choice") and kind(shown).sortable:
                    keys[one.name] = sa.Column(f"k_{one.column or one.name}", text)
    system = [
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.BigInteger()),
        sa.Column("state", text),
        sa.Column("workflow_version", sa.Integer()),
        sa.Column("department_id", sa.BigInteger()),
        sa.Column("display_title", text),
        sa.Column("title_key", text),
        sa.Column("trashed_at", sa.DateTime()),
        sa.Column("trashed_by", sa.BigInteger()),
        sa.Column("posted_at", sa.DateTime()),
        sa.Column("amended_from", sa.BigInteger()),
        sa.Column("chain_hash", sa.Text()),
        sa.Column("chain_length", sa.Integer(), nullable=False, server_default="0"),
    ]
    flat = [column for made in columns.values() for column in made]
    table = sa.Table(table_name("e", entity.plugin, entity.name), metadata, *system, *flat, *keys.values())
    found = EntityTable(table, columns, keys, links, lines)
    _index(entity, found)
    return found


def _columns(one: Field, dialect: str) -> tuple[sa.Column[Any], ...]:
    return tuple(
        sa.Column(spec.name, spec.type, nullable=spec.nullable, server_default=sa.text(spec.server_default) if spec.server_default else None)
        for spec in kind(one).columns(one, dialect)
    )


def _link(entity: Entity, one: Field, metadata: sa.MetaData) -> sa.Table:
    name = table_name("l", entity.plugin, entity.name, one.column or one.name)
    table = sa.Table(
        name, metadata,
        sa.Column("owner_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("target_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer(), nullable=False, server_default="0"),
    )
    sa.Index(_index_name(name, "target_id"), table.c.target_id, table.c.owner_id)
    return table


def _lines(entity: Entity, one: Field, dialect: str, metadata: sa.MetaData) -> EntityTable:
    name = table_name("n", entity.plugin, entity.name, one.column or one.name)
    columns: dict[str, tuple[sa.Column[Any], ...]] = {}
    for child in one.fields:
        shown = stored_as(child)
        if shown is not None and (made := _columns(shown, dialect)):
            columns[child.name] = made
    table = sa.Table(
        name, metadata,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, server_default="0"),
        *(column for made in columns.values() for column in made),
    )
    sa.Index(_index_name(name, "owner_id"), table.c.owner_id, table.c.position)
    for child in one.fields:
        if kind(child).family == "reference":
            column = columns[child.name][0]
            sa.Index(_index_name(name, column.name), column)
    return EntityTable(table, columns)


def _index_name(table: str, *columns: str) -> str:
    return table_name("i", table, *columns)


def _index(entity: Entity, found: EntityTable) -> None:
    """Unique indexes of declared uniqueness, then at most twelve others, in the order in which they help."""
    table = found.table
    live = table.c.trashed_at.is_(None)
    for columns in _uniques(entity, found):
        name = _index_name(table.name, "u", *(column.name for column in columns))
        sa.Index(name, *columns, unique=True, sqlite_where=live, postgresql_where=live)
    seen: set[tuple[str, ...]] = set()
    always, wanted = _wanted(entity, found)
    for columns in (*always, *wanted):
        names = tuple(column.name for column in columns)
        if names in seen or (len(seen) >= MOST_INDEXES and columns not in always):
            continue
        seen.add(names)
        sa.Index(_index_name(table.name, *names), *columns)


def _uniques(entity: Entity, found: EntityTable) -> Iterator[tuple[sa.Column[Any], ...]]:
    declared: list[tuple[str, ...]] = []
    for one in entity.fields:
        if one.unique is True:
            declared.append((one.name,))
        elif one.unique:
            declared.append((*one.unique, one.name))
    declared += [one.fields for one in entity.constraints if one.kind == "unique" and not one.where]
    for names in dict.fromkeys(declared):
        if all(name in found.columns or name == "state" for name in names):
            yield tuple(column for name in names for column in (found.columns[name] if name in found.columns else (found.table.c.state,)))


def _wanted(entity: Entity, found: EntityTable) -> tuple[list[tuple[sa.Column[Any], ...]], list[tuple[sa.Column[Any], ...]]]:
    table = found.table
    number = table.c.id

    def sort_cell(name: str) -> sa.Column[Any] | None:
        if name == "display_title":
            return table.c.title_key
        if name in found.key:
            return found.key[name]
        if name in found.columns:
            return found.columns[name][0]
        return table.c[name] if name in table.c and name != "id" else None

    always = [(cell, number) for one in entity.fields if one.indexed and (cell := sort_cell(one.name)) is not None]
    wanted: list[tuple[sa.Column[Any], ...]] = [(table.c.title_key, number)]
    by_department = any(rule.read in ("department", "department_tree", "company") for rule in entity.access)
    views = sorted(entity.views, key=lambda view: not view.default)
    sorts = [view.sort[0].lstrip("-") for view in views if view.sort]
    if by_department:
        wanted.append((table.c.department_id, number))
        if sorts and (cell := sort_cell(sorts[0])) is not None:
            wanted.append((table.c.department_id, cell, number))
    wanted += [(cell, number) for name in sorts if (cell := sort_cell(name)) is not None]
    people = [entity.owner] if entity.owner else ["created_by"]
    references = [one.name for one in entity.fields if one.name in found.columns and kind(one).family == "reference"]
    references.sort(key=lambda name: (name not in people, not (entity.field(name) or Field(name, "")).quick_filter))
    if not entity.owner:
        wanted.append((table.c.created_by, number))
    wanted += [(found.columns[name][0], number) for name in references[:6]]
    if entity.workflow is not None:
        wanted.append((table.c.state, number))
    wanted.append((table.c.created_at, number))
    wanted += [(found.columns[one.name][0], number) for one in entity.fields if one.quick_filter and one.name in found.columns]
    wanted += [(found.columns[name][0], number) for name in references[6:]]
    for one in entity.constraints:
        if one.kind == "no_overlap" and one.fields and one.fields[0] in found.columns and one.start in found.columns:
            wanted.insert(1, (found.columns[one.fields[0]][0], found.columns[one.start][0]))
    return always, wanted
