"""Moving a record along its workflow: which moves are legal now, why others are not, and making one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.access.actor import Actor
from core.access.grant import RowRights
from core.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from core.facts import Record, Value
from core.hooks import Refusal
from core.services import preparing, records, writes
from core.services.defaults import DERIVED, empty
from core.services.drafts import Change, Draft
from core.services.platform import Platform
from core.services.preparing import REQUIRED
from core.services.work import VERBS, Work
from core.storage.unit import Unit
from core.workflow import conditions, machine
from core.workflow.documents import AMEND, workflow_of
from core.workflow.machine import Move
from schemas.model import Transition

REASON = "Please give a reason."
HIDDEN = "a condition holds over something you may not see"


def legal(p: Platform, actor: Actor, entity: str, record: Record | int) -> list[Move]:
    """The transitions that start in the record's state, each allowed or with the sentence why not.

    A move whose required fields are still empty is allowed when they can be given in it; ``missing`` names them.
    """
    number = record if isinstance(record, int) else record.id
    if not actor.scope_allows(entity, write=True):
        return []
    with p.read(actor) as unit:
        return standing(unit, actor, entity, number)[1]


def standing(unit: Unit, actor: Actor, entity: str, number: int) -> tuple[RowRights, list[Move]]:
    """The actor's rights on a record and the moves of :func:`legal`, within a unit. NotFound when it may not be read."""
    draft, rights = preparing.start_change(unit, actor, entity, number)
    workflow = workflow_of(draft.shape)
    found: list[Move] = []
    for transition in machine.from_here(workflow, draft.record.get("state")) if workflow is not None else ():
        move = _judge(draft, rights, transition, requires=True)
        if move.kind == "missing" and set(move.missing) <= _writable(draft, rights, transition):
            move = Move(transition, True, missing=move.missing)
        if move.allowed and (veto := _veto(draft, transition)):
            move = Move(transition, False, veto, "illegal")
        found.append(move)
    return rights, found


def move(
    p: Platform,
    actor: Actor,
    entity: str,
    id: int,
    transition: str,
    values: Mapping[str, Value] | None = None,
    reason: str = "",
    version: int | None = None,
    *,
    operation: str | None = None,
    within: Unit | None = None,
) -> Record:
    """Make a move and give the record as the actor now sees it.

    ``values`` may hold the transition's ``form`` fields and whatever the actor may write anyway. Raises NotFound for
    an unknown record or transition, Conflict for an illegal move, a guard or a veto, Forbidden without the role,
    Invalid for fields or a reason that are missing, StaleVersion. ``amend`` gives the new draft. ``within`` an open write
    unit it happens there.
    """

    def plan(unit: Unit) -> Draft:
        return prepare(unit, actor, entity, id, transition, dict(values or {}), reason, version)

    def commit(unit: Unit, draft: Draft) -> Record:
        record = commit_move(unit, draft)
        return writes.as_seen(unit, draft.entity, actor, record)

    return writes.twice(p, actor, plan, commit, within=within, operation=operation, reason=reason, one=True)


def prepare(
    unit: Unit,
    actor: Actor,
    entity: str,
    id: int,
    name: str,
    values: dict[str, Value],
    reason: str,
    version: int | None,
    *,
    by_rules: bool = False,
) -> Draft:
    """The first half of a move, for previews as well. ``by_rules``: a plugin moves, and may set what people may not."""
    draft, rights = preparing.start_change(unit, actor, entity, id)
    assert draft.before is not None
    if version is not None and version != draft.before.version:
        raise StaleVersion(records.STALE, current=writes.as_seen(unit, draft.entity, actor, draft.before), base=version)
    transition = _find(draft, name)
    judged = _judge(draft, rights, transition, requires=False, guard=False)
    _raise(judged)
    if not reason and "reason" in values and "reason" not in draft.names:
        reason = str(values.pop("reason") or "")
    draft.transition, draft.reason, draft.opened = name, reason, _form(draft, transition)
    writable = (
        preparing.by_rules(draft) | _form(draft, transition) if by_rules else _writable(draft, rights, transition)
    )
    preparing.give(draft, values, writable, anything=by_rules)
    if transition.reason and not reason.strip():
        draft.refuse("reason", REASON)
    if draft.errors:
        raise preparing.refused(draft)
    if name == AMEND:
        _raise(_judge(draft, rights, transition, requires=False))
        return _amendment(draft)
    _raise(_judge(draft, rights, transition, requires=False))
    veto = _veto(draft, transition)
    if veto:
        raise Conflict(veto)
    draft.record["state"] = transition.to
    preparing.complete(draft, relax=True)
    for missing in transition.requires:
        if empty(draft.record.get(missing)) and draft.entity.field(missing) is not None:
            draft.refuse(missing, REQUIRED)
    if draft.errors:
        raise preparing.refused(draft)
    return draft


def commit_move(unit: Unit, draft: Draft) -> Record:
    outer = unit.reason
    unit.reason = draft.reason or outer
    try:
        return writes.store(unit, draft, action="read" if draft.before is not None else "write")
    finally:
        unit.reason = outer


def _find(draft: Draft, name: str) -> Transition:
    workflow = workflow_of(draft.shape)
    found = workflow.transition(name) if workflow is not None else None
    if found is None:
        whole = workflow_of(draft.entity)
        if whole is not None and whole.transition(name) is not None:
            raise Conflict("This move is not part of this record's workflow.")
        raise NotFound(f"There is no move “{name[:80]}” for this record.")
    return found


def _judge(draft: Draft, rights: RowRights, transition: Transition, *, requires: bool, guard: bool = True) -> Move:
    assert draft.before is not None

    def holds(source: str) -> bool:
        return not guard or draft.formulas.truth(draft.entity, source, draft.record, before=draft.before) is True

    def empties(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if requires and empty(draft.record.get(name)))

    def told(source: str) -> str:
        hidden = {one.name for one in draft.shape.fields} - rights.visible
        return HIDDEN if conditions.names(source) & hidden else conditions.said(source, draft.shape)

    return machine.judge(
        draft.shape,
        draft.before,
        transition,
        draft.actor,
        may_move=_may_move(draft.actor, rights, transition),
        holds=holds,
        empties=empties,
        told=told,
    )


def _may_move(actor: Actor, rights: RowRights, transition: Transition) -> bool:
    if "core.everything" in actor.roles or actor.roles & set(transition.roles) or rights.may_move(transition.name):
        return True
    return not transition.roles and bool(rights.writable)


def _raise(judged: Move) -> None:
    if judged.allowed:
        return
    if judged.kind == "role":
        raise Forbidden(judged.why_not)
    if judged.kind == "missing":
        raise Invalid({name: [REQUIRED] for name in judged.missing}, judged.why_not)
    raise Conflict(judged.why_not)


def _form(draft: Draft, transition: Transition) -> frozenset[str]:
    fields = {one.name: one for one in draft.entity.fields}
    return frozenset(name for name in transition.form if name in fields and fields[name].type not in DERIVED)


def _writable(draft: Draft, rights: RowRights, transition: Transition) -> frozenset[str]:
    """The transition's form, and what the actor may write on the record anyway."""
    try:
        anyway = preparing.writable_now(draft, rights)
    except (Forbidden, Conflict):
        anyway = frozenset()
    return _form(draft, transition) | anyway


def _veto(draft: Draft, transition: Transition) -> str:
    work = Work(draft.unit, draft.actor, draft.entity.plugin, writing=False)
    change = Change(
        draft.unit.now, draft.actor, False, draft.before, draft.record, draft.given, transition.name, draft.reason
    )
    try:
        answers = draft.unit.generation.hooks.call(
            "allow_transition",
            entity=draft.entity.full_name,
            record=draft.record,
            transition=transition.name,
            change=change,
            work=work,
        )
    except Refusal as refusal:
        return refusal.sentence
    return next((str(said) for _, said in answers if said), "")


def _amendment(draft: Draft) -> Draft:
    """A new draft like the document: what may be given and copied, pointing back at the original."""
    assert draft.before is not None
    values: dict[str, Value] = {}
    for one in draft.entity.fields:
        if one.type in DERIVED or one.no_copy:
            continue
        value = draft.record.get(one.name)
        if one.type == "lines":
            value = tuple(
                {name: cell for name, cell in line.items() if name not in {"id", "position"}} for line in value or ()
            )
        values[one.name] = value
    made = preparing.start_new(draft.unit, draft.actor, draft.entity.full_name, values, None, anything=True, may=True)
    made.record.extra["amended_from"] = draft.before.id
    made.reason = draft.reason
    preparing.complete(made)
    return made


def _move_within(
    unit: Unit, actor: Actor, entity: str, id: int, transition: str, values: Mapping[str, Value]
) -> Record:
    declared, given = unit.generation.entity(entity), dict(values)
    asks = any(one.reason and one.name == transition for one in declared.workflow.transitions) if declared.workflow else False
    # Where the record has a field of that name, the word is the move's when the move asks for one.
    reason = str(given.pop("reason", "") or "") if asks or declared.field("reason") is None else ""
    return commit_move(unit, prepare(unit, actor, entity, id, transition, given, reason, None, by_rules=True))


VERBS["move"] = _move_within
