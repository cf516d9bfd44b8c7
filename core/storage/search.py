"""Full-text search: one index per entity, holding words by who may read them and terms for who may see the row.

Words of fields that different roles see lie in different columns, and a search names only the columns its reader sees.
The visibility terms only narrow the hits for speed: every hit passes the row clause again, so stale terms may hide a
hit and never show one. What a person types is split into words here and never read as the search syntax of an engine.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql import ColumnElement, FromClause

from core.facts import Value
from core.fields import kind
from core.held import Held
from core.storage import branches, later, remembered
from core.storage.planning import CrossJoin
from core.storage.rows import shown_as
from core.storage.sent import Sent
from core.storage.sight import Sight, title_fields
from core.storage.unit import Unit
from schemas.model import AccessRule, Entity, Field

MOST_WORDS = 8
LONGEST_WORD = 64
MOST_INDEXED = 5_000
MOST_TERMS = 100
_COLUMNS = 8
_WORD = re.compile(r"[^\W_]+")
_COMPARED = re.compile(r"(?<![.\w])([a-z][a-z0-9_]*)(?:\.[a-z][a-z0-9_]*)?\s*(?:==|\bin\b)")
_TEXTS = frozenset({"text", "long_text", "rich_text", "email", "phone", "url", "barcode", "sequence"})


@dataclass(frozen=True)
class Layout:
    """Where the words of an entity lie. ``columns``: the fields of each word column; ``people``: those of terms.

    The table's name comes from all of it, so that another layout is another table, filled anew.
    """

    name: str
    columns: tuple[tuple[str, ...], ...]
    people: tuple[str, ...]

    def words(self, number: int) -> str:
        """The name of a word column."""
        return f"w{number}"


def layout(entity: Entity) -> Layout:
    """The entity's search layout, from its searchable fields and its access rules."""
    return _LAYOUTS.get(entity, "", lambda: _layout(entity))


def ensure(connection: sa.Connection, entity: Entity) -> bool:
    """Make the entity's index table where it is missing. True: it is new, and :func:`reindex` must fill it."""
    plan = layout(entity)
    if sa.inspect(connection).has_table(plan.name):
        return False
    if connection.dialect.name == "sqlite":
        connection.execute(_CreateIndex(plan))
    else:
        _postgres_table(plan.name).create(connection)
    return True


def drop(connection: sa.Connection, entity: Entity) -> None:
    """Remove the entity's index table."""
    plan = layout(entity)
    if sa.inspect(connection).has_table(plan.name):
        sa.Table(plan.name, sa.MetaData(), sa.Column("id", sa.BigInteger)).drop(connection)


def index_record(unit: Unit, entity: Entity, record: Mapping[str, Value], more: str = "", *, new: bool = False) -> None:
    """Put one record's words and terms in place of its former ones; it has none where it is ``new``.

    ``more``: further text for every reader.
    """
    index_many(unit, entity, [record], [more], new=new)


def index_many(
    unit: Unit, entity: Entity, records: Sequence[Mapping[str, Value]], more: Sequence[str] = (), *, new: bool = False
) -> None:
    """The same for many records of one entity in two statements."""
    if not records:
        return
    plan, dialect = layout(entity), unit.database.dialect
    rows = [
        row_of(unit, entity, record, more[number] if number < len(more) else "") for number, record in enumerate(records)
    ]
    gathered = later.of(unit)
    if gathered is not None:
        gathered.indexed.extend((plan, int(record["id"]), row) for record, row in zip(records, rows, strict=True))
        return
    if not new:
        remove(unit, entity, [int(record["id"]) for record in records])
    _insert(plan, dialect).many(unit.connection, rows)


def reads(entity: Entity) -> frozenset[str]:
    """What of a record its index is made from: without a difference there, it need not be written again."""

    def gather() -> frozenset[str]:
        plan = layout(entity)
        return frozenset({"department_id", entity.owner or "created_by", *plan.people, *(one for names in plan.columns for one in names)})

    return remembered.statement(entity, "indexed", gather)


def row_of(unit: Unit, entity: Entity, record: Mapping[str, Value], more: str = "") -> dict[str, Any]:
    """What the index holds of a record."""
    plan = layout(entity)
    texts, terms = _texts(unit, entity, plan, record, more), _terms(entity, plan, record)
    if unit.database.dialect == "sqlite":
        row: dict[str, Any] = {"rowid": record["id"], "acl": " ".join(terms)}
        row.update((plan.words(place), " ".join(words)) for place, words in enumerate(texts))
        return row
    lexemes = [f"{place}{word}" for place, words in enumerate(texts) for word in dict.fromkeys(words)]
    return {"id": record["id"], "lexemes": lexemes + [f"~{term}" for term in terms]}


def remove(unit: Unit, entity: Entity, numbers: Iterable[int]) -> None:
    """Take records out of the index."""
    plan, dialect = layout(entity), unit.database.dialect
    gone = [{"number": number} for number in numbers]
    gathered = later.of(unit)
    if gathered is not None:
        gathered.indexed.extend((plan, one["number"], None) for one in gone)
    else:
        _delete(plan, dialect).many(unit.connection, gone)


def flush(unit: Unit, gathered: Iterable[tuple[Any, int, dict[str, Any] | None]]) -> None:
    """Write what a batch has gathered (``core.storage.later``): the last row of each record takes the place of its former one."""
    last: dict[str, tuple[Any, dict[int, dict[str, Any] | None]]] = {}
    for plan, number, row in gathered:
        last.setdefault(plan.name, (plan, {}))[1][number] = row
    for plan, rows in last.values():
        _delete(plan, unit.database.dialect).many(unit.connection, [{"number": number} for number in rows])
        there = [row for row in rows.values() if row is not None]
        _insert(plan, unit.database.dialect).many(unit.connection, there)


def words(text: str, most: int = MOST_WORDS) -> tuple[str, ...]:
    """The words of a text as they are indexed and searched: folded, without accents, letters and digits only."""
    if text.isascii():
        folded = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text.casefold())
        folded = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return tuple(word[:LONGEST_WORD] for word in _WORD.findall(folded)[:most])


def bound(sight: Sight, wanted: Sequence[str], *, beginning: bool) -> dict[str, object]:
    """What to bind for the searches of :func:`matching` and :func:`hits`; ``beginning``: the last word is one."""
    plan, terms = layout(sight.entity), _actor_terms(sight)
    write = _sqlite_match if sight.unit.database.dialect == "sqlite" else _postgres_match
    return {
        f"s{number}": write(plan, columns, wanted, terms, beginning)
        for number, (columns, _) in enumerate(_views(sight))
        if columns and wanted
    }


def matching(sight: Sight, wanted: Sequence[str]) -> ColumnElement[bool]:
    """Rows whose readable words hold all wanted ones. No word at all finds nothing."""
    arms: list[ColumnElement[bool]] = []
    views = _views(sight)
    for number, (columns, faces) in enumerate(views):
        if columns and wanted:
            _, found, where = _index(sight, number)
            hit = sight.at.c.id.in_(sa.select(found).where(where))
            arms.append(hit if len(views) == 1 else sa.and_(sight.within(faces), hit))
    return sa.or_(*arms) if arms else sa.false()


@dataclass(frozen=True)
class Hits:
    """Hits joined to their rows, hits walked first. ``number`` is the id as the index gives it, in its own order."""

    source: FromClause
    number: ColumnElement[Any]
    where: ColumnElement[bool]


def hits(sight: Sight, wanted: Sequence[str]) -> Hits | None:
    """The search as something to select from; None where rows differ in what they show."""
    views = _views(sight)
    if len(views) != 1 or not views[0][0] or not wanted:
        return None
    found, number, where = _index(sight, 0)
    return Hits(CrossJoin(found, sight.at, sight.at.c.id == number), number, where)


def _index(sight: Sight, place: int) -> tuple[FromClause, ColumnElement[Any], ColumnElement[bool]]:
    """Where to look, the id there, and the condition that finds (for PostgreSQL within what to look in)."""
    plan = layout(sight.entity)
    param = sa.bindparam(f"s{place}", type_=sa.Text)
    if sight.unit.database.dialect == "sqlite":
        index = _sqlite_table(plan)
        return index, index.c.rowid, index.c[plan.name].op("MATCH", is_comparison=True)(param)
    from sqlalchemy.dialects import postgresql  # here: a start on SQLite need not wait for it

    stored = _postgres_table(plan.name)
    hit = stored.c.tsv.op("@@", is_comparison=True)(sa.cast(param, postgresql.TSQUERY))
    # Materialised: otherwise the planner may walk the primary key in the hope of an early hit.
    found = sa.select(stored.c.id).where(hit).cte().prefix_with("MATERIALIZED")
    return found, found.c.id, sa.true()


def _views(sight: Sight) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Word columns with the faces that read them."""
    plan = layout(sight.entity)
    found: dict[tuple[int, ...], list[int]] = {}
    for number, face in enumerate(sight.faces):
        columns = tuple(
            place for place, fields in enumerate(plan.columns) if fields and face.visible.issuperset(fields)
        )
        found.setdefault(columns, []).append(number)
    return [(columns, tuple(numbers)) for columns, numbers in found.items()]


def _sqlite_match(
    plan: Layout, columns: Sequence[int], wanted: Sequence[str], terms: Sequence[str] | None, beginning: bool
) -> str:
    # Words hold letters and digits only, so that quoting them is enough.
    phrases = [f'"{word}"' for word in wanted]
    phrases[-1] += "*" if beginning else ""
    text = f"{{{' '.join(plan.words(number) for number in columns)}}} : ({' AND '.join(phrases)})"
    if terms is not None:
        text += " AND {acl} : (" + " OR ".join(f'"{term}"' for term in terms) + ")"
    return text


def _postgres_match(
    plan: Layout, columns: Sequence[int], wanted: Sequence[str], terms: Sequence[str] | None, beginning: bool
) -> str:
    parts = []
    for place, word in enumerate(wanted):
        tail = ":*" if beginning and place == len(wanted) - 1 else ""
        parts.append("(" + " | ".join(f"'{number}{word}'{tail}" for number in columns) + ")")
    if terms is not None:
        parts.append("(" + " | ".join(f"'~{term}'" for term in terms) + ")")
    return " & ".join(parts)


def _actor_terms(sight: Sight) -> tuple[str, ...] | None:
    """Terms of which every readable row has one; None when the row rules cannot be told by terms."""
    cover = branches.of_rules(sight)
    if cover is None or len(cover) > MOST_TERMS:
        return None
    plan, entity = layout(sight.entity), sight.entity
    marks = {"department_id": "d", "created_by": "" if entity.owner else "o"}
    for place, name in enumerate(plan.people):
        for column in sight.table.columns.get(name, ()):
            marks[str(column.name)] = f"p{place}x"
    for column in sight.table.columns.get(entity.owner, ()) if entity.owner else ():
        marks[str(column.name)] = "o"
    if not all(marks.get(branch.columns[0]) for branch in cover):
        return None
    # No branch at all: nothing is readable, and a term that no row has says so.
    return tuple(sorted(f"{marks[branch.columns[0]]}{branch.values[0]}" for branch in cover)) or ("none",)


def _terms(entity: Entity, plan: Layout, record: Mapping[str, Value]) -> list[str]:
    found = []
    if record.get("department_id") is not None:
        found.append(f"d{record['department_id']}")
    owner = record.get(entity.owner or "created_by")
    if owner is not None:
        found.append(f"o{owner}")
    found += [f"p{place}x{record[name]}" for place, name in enumerate(plan.people) if record.get(name) is not None]
    return found


def _texts(unit: Unit, entity: Entity, plan: Layout, record: Mapping[str, Value], more: str) -> list[list[str]]:
    found: list[list[str]] = []
    declared = {one.name: one for one in entity.fields}
    for place, names in enumerate(plan.columns):
        texts = [more] if place == 0 and more else []
        for name in names:
            value = record.get(name)
            if value is not None and name in declared:
                shown = shown_as(unit.generation, entity, declared[name])
                texts.append(kind(shown).words(shown, value))
        found.append(list(words(" ".join(texts), MOST_INDEXED)))
    return found


def searchable(entity: Entity) -> tuple[Field, ...]:
    """Fields whose words are indexed: the flagged ones, else all text that is not sensitive; title and key always."""
    named = title_fields(entity) | set(entity.key)
    flagged = any(field.searchable for field in entity.fields)
    return tuple(
        field
        for field in entity.fields
        if field.type not in {"secret", "lines", "references", "lookup", "reference", "person", "department"}
        and (
            field.searchable
            or (field.name in named and _kind_name(field) in _TEXTS)
            or field.type == "sequence"
            or (not flagged and not field.sensitive and _kind_name(field) in _TEXTS)
        )
    )


def _kind_name(field: Field) -> str:
    return field.as_kind if field.type == "computed" else field.type


def _layout(entity: Entity) -> Layout:
    groups: dict[frozenset[str], list[str]] = {}
    roles = frozenset(rule.role for rule in entity.access)
    for field in searchable(entity):
        groups.setdefault(frozenset(rule.role for rule in entity.access if _shows(rule, field)), []).append(field.name)
    ordered = sorted((signature for signature in groups if signature != roles), key=sorted)
    columns = (tuple(groups.get(roles, ())), *(tuple(groups[one]) for one in ordered[: _COLUMNS - 1]))
    compared = {name for rule in entity.access for name in _COMPARED.findall(rule.read)}
    people = sorted(
        field.name for field in entity.fields if field.name in compared and kind(field).family == "reference"
    )
    # Which fields share a column is part of the name; a further field in the first column needs no new table.
    mark = hashlib.blake2b(repr((columns[1:], people)).encode(), digest_size=4).hexdigest()
    stem = re.sub(r"[^a-z0-9_]", "_", f"s_{entity.plugin}_{entity.name}")[:48]
    return Layout(f"{stem}_{mark}", columns, tuple(people))


def _shows(rule: AccessRule, field: Field) -> bool:
    return (
        field.name not in rule.hide
        and field.name not in rule.mask
        and (not field.sensitive or field.name in rule.unmask)
    )


@lru_cache(maxsize=2_000)
def _sqlite_table(plan: Layout) -> sa.TableClause:
    columns = [sa.column(plan.words(number), sa.Text) for number in range(_COLUMNS)]
    return sa.table(
        plan.name, sa.column("rowid", sa.BigInteger), sa.column(plan.name, sa.Text), sa.column("acl", sa.Text), *columns
    )


@lru_cache(maxsize=2_000)
def _postgres_table(name: str) -> sa.Table:
    from sqlalchemy.dialects import postgresql

    table = sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tsv", postgresql.TSVECTOR, nullable=False),
    )
    sa.Index(f"{name}_tsv", table.c.tsv, postgresql_using="gin")
    return table


@lru_cache(maxsize=2_000)
def _insert(plan: Layout, dialect: str) -> Sent:
    if dialect == "sqlite":
        table = _sqlite_table(plan)
        names = ["rowid", "acl", *(plan.words(number) for number in range(len(plan.columns)))]
        return Sent(sa.insert(table), names)
    stored = _postgres_table(plan.name)
    lexemes = sa.bindparam("lexemes", type_=sa.ARRAY(sa.Text))
    tsv = sa.func.array_to_tsvector(sa.cast(lexemes, sa.ARRAY(sa.Text)))
    return Sent(sa.insert(stored).values(id=sa.bindparam("id"), tsv=tsv))


@lru_cache(maxsize=2_000)
def _delete(plan: Layout, dialect: str) -> Sent:
    number = sa.bindparam("number", type_=sa.BigInteger)
    if dialect == "sqlite":
        table = _sqlite_table(plan)
        return Sent(sa.delete(table).where(table.c.rowid == number))
    stored = _postgres_table(plan.name)
    return Sent(sa.delete(stored).where(stored.c.id == number))


class _CreateIndex(DDLElement):
    """CREATE VIRTUAL TABLE of a layout."""

    def __init__(self, plan: Layout) -> None:
        self.plan = plan


@compiles(_CreateIndex, "sqlite")
def _create_index(element: _CreateIndex, compiler: Any, **kw: Any) -> str:
    quote = compiler.preparer.quote
    columns = ", ".join(["acl", *(element.plan.words(number) for number in range(_COLUMNS))])
    return (
        f"CREATE VIRTUAL TABLE {quote(element.plan.name)} USING fts5({columns}, "
        "tokenize = 'unicode61 remove_diacritics 0')"
    )


_LAYOUTS: Held[Layout] = Held(5_000)
