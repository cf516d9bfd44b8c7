"""Why somebody may or may not do something: the rule chain in sentences, as the gate decides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.access.actor import Actor
from core.access.grant import Grant, Right, RowRights, Scope, grant
from core.access.rows import holds
from core.errors import BadRequest, Forbidden, NotFound
from core.facts import SYSTEM_FIELDS, Record
from core.services import accounts, moves, preparing
from core.storage.formulas import Formulas
from core.storage.reading import Reader
from core.storage.unit import Unit
from core.workflow.documents import workflow_of
from schemas.model import AccessRule, Entity

if TYPE_CHECKING:
    from core.services.platform import Platform

ACTIONS = ("read", "create", "write", "delete", "export", "import", "print", "report", "share", "move")
Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict (None when it depends on the record and none was named) and the sentences that lead to it."""

    allowed: bool | None
    sentences: tuple[str, ...]


def explain(
    p: Platform,
    asking: Actor,
    email: str,
    entity: str,
    id: int | None = None,
    *,
    action: str = "read",
    field: str | None = None,
    transition: str | None = None,
) -> Explanation:
    """Why the account ``email`` may or may not do ``action`` to ``plugin.entity``, or to one record or field of it.

    Only administrators ask about others. Raises NotFound, BadRequest, Forbidden.
    """
    keeper = asking.is_system or bool(asking.roles & {"core.admin", "core.everything"})
    if not keeper and asking.email != email:
        raise Forbidden("What others may do is explained to administrators (core.admin). Ask one of them.")
    if not asking.scope_allows(entity, write=False):
        raise Forbidden("This token's scopes do not reach this entity.")
    if action not in ACTIONS:
        raise BadRequest(f'There is no action "{action}". Actions are {", ".join(ACTIONS)}.')
    row = accounts.find(p, email)
    generation = p.generation()
    shape = generation.entity(entity)
    if field is not None and shape.field(field) is None and field not in SYSTEM_FIELDS:
        raise NotFound(f'{entity} has no field "{field}".')
    if not row.enabled:
        return Explanation(False, (f"The account {email} is disabled: it may do nothing.",))
    actor = accounts.actor_for_account(p, row.id)
    rights = grant(shape, actor)
    said = [f"{email} holds {', '.join(sorted(actor.roles))}."]
    if id is None:
        return Explanation(*_for_entity(rights, shape, action, field, said))
    with p.read(Actor.system("explain rights", channel=asking.channel)) as unit:
        record = Reader(unit, entity, grant(shape, unit.actor)).get(id)
        seen = grant(shape, asking).on(record, _test(unit, record, shape, asking)).readable
        if not seen and not keeper:
            # Whoever asks about a record out of sight learns as little as at its own address.
            raise NotFound
        test = _test(unit, record, shape, actor)
        title = str(record.get("display_title") or "") if seen else ""
        title = title or f"{shape.label or shape.name} #{id}"
        allowed, told = _for_record(rights, shape, record, title, test, action, field, said)
        if action == "move" and rights.on(record, test).readable:
            allowed, moved = _moves(unit, actor, shape, record, transition)
            told = (*told, *moved)
        return Explanation(allowed, told)


def _for_entity(
    rights: Grant, shape: Entity, action: str, field: str | None, said: list[str]
) -> tuple[bool | None, tuple[str, ...]]:
    if rights.everything:
        return True, (*said, "core.everything passes every access rule, but no guard and no immutability.")
    if not shape.access:
        return False, (*said, f"{shape.full_name} declares no access: only core.everything reaches it.")
    for rule in shape.access:
        if rule.role not in rights.actor.roles:
            said.append(f"{rule.role} is named in its access, and not held.")
    for right in rights.rights:
        said.append(f"{right.lens.role}: {action} reaches {_reach(right, action)}.")
        if field is not None:
            said.append(_field_of(right, _rule(shape, right), field))
    may = rights.may(action)
    if field is not None and may:
        may = field in (rights.writable() if action == "write" else rights.visible())
    if not rights.rights:
        said.append("No held role is named in its access; what is not named is refused.")
    if may and action not in ("create", "import") and not rights.scope(action).is_all:
        said.append("Whether it is allowed depends on the record: name its id.")
        return None, tuple(said)
    return may, tuple(said)


def _for_record(
    rights: Grant,
    shape: Entity,
    record: Record,
    title: str,
    test: Test,
    action: str,
    field: str | None,
    said: list[str],
) -> tuple[bool, tuple[str, ...]]:
    row = rights.on(record, test)
    if rights.everything:
        said.append("core.everything passes every access rule, but no guard and no immutability.")
    for right in () if rights.everything else rights.rights:
        scope = _scope(right, action)
        said.append(
            f"{right.lens.role}: reads {_holding(right.lens.rows, test)} here"
            + (f"; {action} reaches {_holding(scope, test)}." if action != "read" and scope is not None else ".")
        )
        if field is not None:
            said.append(_field_of(right, _rule(shape, right), field))
    if not row.readable:
        return False, (*said, f"No held role reads {title}: to this person it does not exist.")
    allowed = _allowed(row, rights, action, field)
    if action == "write" and field is not None and not _given(shape, field):
        said.append(f"Nobody writes the field {field}: code, a default or a computation sets it.")
        allowed = False
    return allowed, tuple(said)


def _moves(unit: Unit, actor: Actor, shape: Entity, record: Record, transition: str | None) -> tuple[bool, tuple[str, ...]]:
    """Each move, or the one asked for, with what stands in its way now: state, role, guard, missing fields, a plugin's veto."""
    workflow = workflow_of(shape)
    named = [one for one in workflow.transitions if transition in (None, one.name)] if workflow is not None else []
    if transition is not None and not named:
        raise NotFound(f'{shape.full_name} has no transition "{transition}".')
    state = str(record.get("state") or "")
    here = {one.transition.name: one for one in moves.standing(unit, actor, shape.full_name, record.id)[1]}
    said = []
    for one in named:
        rule = f"The transition {one.name} is open to {', '.join(one.roles) or 'whoever may write the record'}"
        rule += f"; its guard is {one.guard}" if one.guard else ""
        found = here.get(one.name)
        if found is None:
            said.append(f"{rule}; it starts in {', '.join(one.from_states)}, and the record is in {state}.")
        elif found.allowed:
            still = f" but {', '.join(found.missing)}, to be given in it" if found.missing else ""
            said.append(f"{rule}; nothing stands in its way{still}.")
        else:
            said.append(f"{rule}; not now: {found.why_not[:1].lower()}{found.why_not[1:]}")
    if not named:
        said.append(f"{shape.full_name} has no transitions.")
    return any(found.allowed for one in named if (found := here.get(one.name)) is not None), tuple(said)


def _given(shape: Entity, field: str) -> bool:
    declared = shape.field(field)
    return declared is not None and preparing.may_be_given(declared)


def _allowed(row: RowRights, rights: Grant, action: str, field: str | None) -> bool:
    if field is not None:
        return field in (row.writable if action == "write" else row.visible)
    return {
        "read": row.readable,
        "write": bool(row.writable),
        "delete": row.may_delete,
        "export": row.exportable,
        "print": row.printable,
    }.get(action, rights.may(action))


def _field_of(right: Right, rule: AccessRule | None, field: str) -> str:
    lens = right.lens
    if field in SYSTEM_FIELDS or field in lens.visible:
        writing = "and may write it" if field in right.writable else "and may not write it"
        return f"{lens.role}: shows the field {field}, {writing}."
    if field in lens.masked:
        return f"{lens.role}: masks the field {field}."
    if rule is not None and field in rule.hide:
        return f"{lens.role}: hides the field {field}."
    return f"{lens.role}: the field {field} is sensitive, or shows a sensitive one, and this role does not unmask it."


def _reach(right: Right, action: str) -> str:
    if action in ("create", "import"):
        open_ = right.create if action == "create" else right.import_
        forms = (
            f" through the forms {', '.join(right.create_forms)}" if right.create_forms is not None and open_ else ""
        )
        return ("new records" if open_ else "nothing") + forms
    if action == "move":
        return (
            f"the transitions {', '.join(sorted(right.moves))}" if right.moves else "no transition by its access rule"
        )
    scope = _scope(right, action)
    return _named(scope) if scope is not None else "nothing"


def _scope(right: Right, action: str) -> Scope | None:
    return {
        "read": right.lens.rows,
        "write": right.write_rows,
        "delete": right.delete,
        "export": right.export,
        "print": right.print_,
        "report": right.report,
        "share": right.share,
    }.get(action)


def _named(scope: Scope) -> str:
    if scope.is_all:
        return "every record"
    return "no record" if scope.is_none else "records where " + " or ".join(f"[{source}]" for source in scope.sources)


def _holding(scope: Scope, test: Test) -> str:
    if scope.is_all or scope.is_none:
        return _named(scope)
    return " or ".join(f"[{source}], which {'holds' if test(source) else 'does not hold'}" for source in scope.sources)


def _rule(shape: Entity, right: Right) -> AccessRule | None:
    return next((rule for rule in shape.access if rule.role == right.lens.role), None)


def _test(unit: Unit, record: Record, shape: Entity, actor: Actor) -> Test:
    path = Formulas(unit).path(shape, record)
    return lambda source: holds(
        source,
        record,
        shape,
        actor,
        path,
        entities=unit.generation.entities,
        now=unit.now,
        functions=unit.generation.functions(),
    )
