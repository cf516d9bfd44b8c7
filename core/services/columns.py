"""Which generated column an overlay's field has: kept, brought back after a revert, or made new (contract.md 4).

A column is in use while a published overlay adds its field. When the overlay leaves, by revert or by being replaced, the column
is dormant and the same scope, entity, name and type brings it back. ``remove_field`` marks it removed: only the former documents
bring it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from core.fields.identity import PerObject
from core.registry.generation import Columns, Generation
from core.services.instants import naive
from core.storage.keys import new_id
from core.storage.models import FieldColumn
from schemas import amend
from schemas.model import Entity, Field, Overlay

Identity = tuple[str, str, str]


_added: PerObject[tuple[Entity, dict[str, Field]]] = PerObject()
"""What each overlay adds to the declaration it was looked at with last."""


def added(entity: Entity, overlay: Overlay) -> dict[str, Field]:
    """The fields an overlay adds to an entity, by name; not to be changed."""
    known = _added.get(overlay, lambda: (entity, _adds(entity, overlay)))
    return known[1] if known[0] is entity else _adds(entity, overlay)


def _adds(entity: Entity, overlay: Overlay) -> dict[str, Field]:
    shape = amend(entity, overlay, {})
    return {
        one.name: one for one in shape.fields if one.overlay == overlay.identity[2] and one.scope == overlay.department
    }


def kind_of(field: Field) -> str:
    """What must be equal for a column's values to mean the same: type and number of values, not decimal places, which a
    migration carries over."""
    parts = [field.type]
    if field.many:
        parts.append("many")
    if field.as_kind:
        parts.append(f"as {field.as_kind}")
    if field.currency:
        parts.append("without currency")
    return " ".join(parts)


def removed_names(overlay: Overlay) -> set[str]:
    """The fields an overlay removes."""
    return {str(verb.args.get("field")) for verb in overlay.changes if verb.kind == "remove_field"}


def allot(
    connection: sa.Connection,
    bases: Mapping[str, Entity],
    overlays: Iterable[Overlay],
    before: Columns,
    restored: Columns | None = None,
) -> dict[Identity, dict[str, str]]:
    """The columns of all overlays' fields; rows of the registry are made for new ones.

    ``before`` are the columns in force; ``restored`` those of a generation whose documents are published again.
    """
    overlays = list(overlays)
    taken = {column for names in before.values() for column in names.values()}
    taken |= {column for names in (restored or {}).values() for column in names.values()}
    registry = FieldColumn.__table__.c
    result: dict[Identity, dict[str, str]] = {}
    for overlay in overlays:
        base = bases.get(overlay.entity)
        kept = {**before.get(overlay.identity, {}), **(restored or {}).get(overlay.identity, {})}
        if base is None:
            # Its plugin is away; the columns wait with the document.
            result[overlay.identity] = kept
            continue
        names: dict[str, str] = {}
        for name, field in added(base, overlay).items():
            kind = kind_of(field)
            # What was restored may have been swept since; then the one in force holds the values.
            known = [
                column
                for column in (kept.get(name), before.get(overlay.identity, {}).get(name))
                if column is not None
                and connection.scalar(sa.select(registry.type).where(registry.column == column)) == kind
            ]
            if known:
                names[name] = known[0]
                continue
            mine = (registry.entity == overlay.entity, registry.department == overlay.department, registry.name == name)
            dormant = [
                one
                for one in connection.execute(
                    sa.select(registry.column)
                    .where(*mine, registry.type == kind, registry.removed_by.is_(None))
                    .order_by(registry.id.desc())
                ).scalars()
                if one not in taken
            ]
            names[name] = dormant[0] if dormant else _new(connection, overlay, name, kind)
            taken.add(names[name])
        result[overlay.identity] = names
    return result


def settle(connection: sa.Connection, old: Generation, new: Generation, entities: Iterable[str], at: datetime) -> None:
    """Mark columns whose field was removed, and unmark those that are in force again."""
    registry = FieldColumn.__table__.c
    for entity in entities:
        scopes = {one.department for one in new.overlays_of(entity)} | {""}
        shown = {
            field.column
            for scope in scopes
            if entity in new.entities
            for field in new.shape(entity, scope).fields
            if field.column
        }
        mapped = _columns_of(new, entity)
        gone = _columns_of(old, entity) - mapped
        removing = {overlay.identity: removed_names(overlay) for overlay in new.overlays_of(entity)}
        replaced = {
            column
            for identity, names in old.columns.items()
            if identity in removing
            for name, column in names.items()
            if column in gone and name in removing[identity]
        }
        removed = (mapped - shown) | replaced
        if shown:
            connection.execute(
                sa.update(FieldColumn)
                .where(registry.column.in_(shown), registry.removed_by.is_not(None))
                .values(removed_by=None, removed_at=None)
            )
        if removed:
            connection.execute(
                sa.update(FieldColumn)
                .where(registry.column.in_(removed), registry.removed_by.is_(None))
                .values(removed_by=new.number, removed_at=naive(at))
            )


def _columns_of(generation: Generation, entity: str) -> set[str]:
    return {
        column for identity, names in generation.columns.items() if identity[0] == entity for column in names.values()
    }


def _new(connection: sa.Connection, overlay: Overlay, name: str, kind: str) -> str:
    made = connection.execute(
        sa.insert(FieldColumn).values(
            entity=overlay.entity,
            department=overlay.department,
            overlay=overlay.identity[2],
            name=name,
            type=kind,
            # The real name needs the id, which is known only now; until then a name that cannot clash.
            column=f"new {overlay.entity} {overlay.department} {overlay.identity[2]} {name}",
        )
    )
    id = new_id(made)
    column = f"x_{id}"
    connection.execute(sa.update(FieldColumn).where(FieldColumn.__table__.c.id == id).values(column=column))
    return column
