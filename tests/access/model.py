"""What contract.md 4 says about rights, written down a second time and as plainly as possible: one record, one question.

Nothing is shared with the gate but the declarations. A row is a dictionary; every answer loops over the rules again.
"""

from __future__ import annotations

from typing import Any

from core.access.actor import Actor
from schemas.model import AccessRule, Entity

Row = dict[str, Any]
SYSTEM = {"id", "display_title", "version", "created_at", "created_by", "updated_at", "updated_by", "state"}


def in_scope(word: str | None, row: Row, entity: Entity, actor: Actor) -> bool:
    """Whether a row word reaches the row. The only expression known here is ``flag``."""
    owner = row.get(entity.owner or "created_by")
    home = row.get("department_id")
    if word == "all":
        return True
    if word == "own":
        return owner is not None and owner == actor.person
    if word == "team":
        return owner is not None and actor.person is not None and (owner == actor.person or owner in actor.teammates)
    if word == "department":
        return home is not None and home == actor.department
    if word == "department_tree":
        return home is not None and home in actor.departments_below
    if word == "company":
        return actor.company is not None and home is not None and home in actor.company_departments
    return word == "flag" and row["flag"] is True


def token(actor: Actor, entity: Entity, write: bool) -> bool:
    """Whether the token in use covers it."""
    if actor.scopes is None:
        return True
    name = entity.full_name
    enough = {"write", f"{name}:write"} if write else {"read", "write", f"{name}:read", f"{name}:write"}
    return bool(enough & actor.scopes)


def held(entity: Entity, actor: Actor) -> list[AccessRule]:
    """The rules of the roles that the actor holds."""
    return [rule for rule in entity.access if rule.role in actor.roles]


def everything(actor: Actor) -> bool:
    return "core.everything" in actor.roles


def reading(row: Row, entity: Entity, actor: Actor) -> list[AccessRule]:
    """The held rules that read this row."""
    if not token(actor, entity, write=False):
        return []
    return [rule for rule in held(entity, actor) if in_scope(rule.read, row, entity, actor)]


def readable(row: Row, entity: Entity, actor: Actor) -> bool:
    return token(actor, entity, write=False) and (everything(actor) or bool(reading(row, entity, actor)))


def shows(rule: AccessRule, name: str, entity: Entity) -> bool:
    """Whether this one role shows the field with its value."""
    field = entity.field(name)
    assert field is not None
    unmasked = name in rule.unmask and rule.role != "core.admin"
    if name in rule.hide or (name in rule.mask and not unmasked):
        return False
    return unmasked or not field.sensitive


def visible(name: str, row: Row, entity: Entity, actor: Actor) -> bool:
    if not readable(row, entity, actor):
        return False
    return name in SYSTEM or everything(actor) or any(shows(rule, name, entity) for rule in reading(row, entity, actor))


def masked(name: str, row: Row, entity: Entity, actor: Actor) -> bool:
    """Whether the field answers null with its name among the masked."""
    if not readable(row, entity, actor) or visible(name, row, entity, actor):
        return False
    return any(name in rule.mask and name not in rule.hide for rule in reading(row, entity, actor))


def given(name: str, entity: Entity) -> bool:
    """Whether anybody gives this field a value at all."""
    field = entity.field(name)
    return field is not None and not field.read_only and field.type not in ("computed", "lookup", "rollup", "sequence")


def writable(name: str, row: Row, entity: Entity, actor: Actor) -> bool:
    if not token(actor, entity, write=True) or not given(name, entity):
        return False
    if everything(actor):
        return True
    for rule in reading(row, entity, actor):
        named = name not in rule.write_except if rule.write_except else rule.write == "all" or name in rule.write
        rows = rule.read if rule.write_rows is None else rule.write_rows
        if named and shows(rule, name, entity) and in_scope(rows, row, entity, actor):
            return True
    return False


def may(action: str, row: Row, entity: Entity, actor: Actor) -> bool:
    """delete, export, print on this row."""
    if action == "delete" and not token(actor, entity, write=True):
        return False
    if not readable(row, entity, actor):
        return False
    if everything(actor):
        return True
    for rule in reading(row, entity, actor):
        word = {"delete": rule.delete, "export": rule.export, "print": rule.read if rule.print_ is None else rule.print_}[action]
        if in_scope(word, row, entity, actor):
            return True
    return False


def may_move(transition: str, row: Row, entity: Entity, actor: Actor) -> bool:
    """Whether an access rule names the move."""
    if not token(actor, entity, write=True) or not readable(row, entity, actor):
        return False
    return everything(actor) or any(transition in rule.move for rule in reading(row, entity, actor))


def may_create(form: str | None, entity: Entity, actor: Actor) -> bool:
    if not token(actor, entity, write=True):
        return False
    if everything(actor):
        return True
    return any(rule.create == "all" or (rule.create != "none" and (form is None or form in rule.create)) for rule in held(entity, actor))
