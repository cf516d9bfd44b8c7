"""The first half of a write: from what somebody gave to a record that may be stored, outside any lock.

Problems are gathered and refused together. An unknown field, one the actor may not see and one nobody may give are
refused with one and the same sentence, so that the answer tells nothing about what is hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from core.access.actor import Actor
from core.access.grant import Grant, RowRights, grant
from core.access.rows import holds
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.facts import SYSTEM_FIELDS, Record, Value, alike, apart, same
from core.fields import Parsing, effective
from core.hooks import Refusal
from core.render import words
from core.services import checks, line_rules
from core.services.currencies import currency_of, settle_currencies
from core.services.defaults import (
    DERIVED,
    complete_lines,
    department_code,
    fill,
    has_money,
    nothing,
    parsing,
    parsing_money,
    settle,
)
from core.services.drafts import Change, Draft
from core.services.work import Work
from core.storage import constraints, remembered, rows, stored, writing
from core.storage.formulas import Formulas
from core.storage.unit import Unit
from core.workflow.documents import workflow_of
from schemas.model import Entity, Field

NOT_HERE = "This field cannot be given here."
REQUIRED = checks.REQUIRED


def entity_for_writing(unit: Unit, actor: Actor, name: str) -> Entity:
    """The stored shape, if the actor's token covers writing it."""
    entity = unit.generation.entity(name)
    if not actor.scope_allows(name, write=True):
        raise Forbidden(f"The token in use does not cover writing {name}. A token with the scope “{name}:write” does.")
    return entity


def rights_on(unit: Unit, formulas: Formulas, entity: Entity, actor: Actor, record: Record) -> RowRights:
    """What the actor may do with this record."""
    path = formulas.path(entity, record)
    return grant(entity, actor).on(
        record,
        lambda source: holds(
            source,
            record,
            entity,
            actor,
            path,
            entities=unit.generation.entities,
            now=unit.now,
            functions=unit.generation.functions(),
        ),
    )


def known_names(unit: Unit, actor: Actor, entity: Entity) -> Mapping[str, str]:
    """The fields the actor's department knows, as the names it uses and the stored names."""
    own, scoped = remembered.statement(entity, "own names", lambda: _own_names(entity))
    if actor.is_system or not scoped:
        return own
    shape = unit.generation.shape(entity.full_name, actor.department_code)
    by_column = {one.column: one.name for one in entity.fields if one.column}
    known = {one.name: by_column.get(one.column, one.name) if one.column else one.name for one in shape.fields}
    # A department's field that stepped aside for another's of the same name may still be given under its own.
    own = {name.partition("__")[0]: name for name in known if "__" in name}
    return {**own, **known}


def _own_names(entity: Entity) -> tuple[dict[str, str], bool]:
    """Every field by its own name, and whether some belong to one department only."""
    return {one.name: one.name for one in entity.fields}, any(one.scope for one in entity.fields)


def declared_by(entity: Entity) -> Mapping[str, Field]:
    """The entity's fields by their names."""
    return remembered.statement(entity, "declared", lambda: {one.name: one for one in entity.fields})


def _blank(entity: Entity) -> dict[str, Value]:
    """The values of a record that nobody has given any."""
    return remembered.statement(entity, "blank", lambda: {one.name: nothing(one) for one in entity.fields})


def may_be_given(one: Field) -> bool:
    """Whether anybody gives this field a value: not what is derived, drawn or set by rules."""
    return one.type not in DERIVED and not one.read_only


def start_new(
    unit: Unit,
    actor: Actor,
    name: str,
    values: Mapping[str, Value],
    form: str | None,
    *,
    anything: bool = False,
    may: bool = False,
) -> Draft:
    """A draft of a new record with the given values taken in.

    ``anything``: also fields that are read-only to people. ``may``: another right (a move) already allows it.
    """
    entity = entity_for_writing(unit, actor, name)
    rights = grant(entity, actor)
    declared = declared_by(entity)
    if anything:
        writable = frozenset(declared)
    else:
        offered = rights.creatable(form)
        writable = remembered.statement(entity, ("writable", offered), lambda: frozenset(
            name for name in offered if name in declared and may_be_given(declared[name])))
    if not may and (not rights.may("create") or not writable):
        raise Forbidden(who_may(unit, entity, "create"))
    formulas = Formulas(unit)
    record = Record(name, _blank(entity))
    draft = Draft(unit, formulas, actor, entity, entity, None, record, names=known_names(unit, actor, entity), may=may)
    record["created_by"] = record["updated_by"] = actor.person
    record["created_at"] = record["updated_at"] = unit.now
    _take(draft, values, writable)
    if not anything:
        line_rules.hold(draft)
    stamp(draft)
    return draft


def start_change(unit: Unit, actor: Actor, name: str, number: int, *, trashed: bool = False) -> tuple[Draft, RowRights]:
    """A draft of an existing record, unchanged yet, and the actor's rights on it. NotFound when it may not be read."""
    entity = entity_for_writing(unit, actor, name)
    before = rows.load(unit, name, number, lock="update") if 0 < number < 2**53 else None
    if before is None or (before.extra.get("trashed_at") is not None) != trashed:
        raise NotFound
    formulas = Formulas(unit)
    rights = rights_on(unit, formulas, entity, actor, before)
    if not rights.readable:
        raise NotFound
    record = before.copy()
    record.extra = dict(before.extra)
    draft = Draft(unit, formulas, actor, entity, entity, before, record, names=known_names(unit, actor, entity))
    stamp(draft)
    return draft, rights


def give(draft: Draft, values: Mapping[str, Value], writable: Collection[str], *, anything: bool = False) -> None:
    """Take given values into a draft of an existing record; ``writable`` names what may be given now.

    ``anything``: also what is read-only to people.
    """
    _take(draft, values, writable)
    if not anything:
        line_rules.hold(draft)
    stamp(draft)


def settled(draft: Draft, values: Mapping[str, Value]) -> dict[str, Value]:
    """The given values in their kinds' Python form; those that cannot be read stay as they are, to be refused later."""
    reading = parsing_money(draft.unit, draft.record)
    declared = declared_by(draft.entity)
    found: dict[str, Value] = {}
    for name, value in values.items():
        one = declared.get(draft.names.get(name, ""))
        try:
            found[name] = value if one is None or one.type in DERIVED else _settled(draft, one, value, reading)
        except ValueError:
            found[name] = value
    return found


def by_rules(draft: Draft) -> frozenset[str]:
    """The fields a plugin may set on an existing record: all but derived ones; of a posted document those flagged."""
    posted = is_posted(draft.entity, draft.before)
    return frozenset(
        one.name
        for one in draft.entity.fields
        if one.type not in DERIVED and (not posted or one.editable_after_posting)
    )


def stamp(draft: Draft) -> None:
    """Set the record's department, and with it the shape that must hold (contract.md 4)."""
    owner = remembered.statement(
        draft.entity, "owner", lambda: next((one.name for one in draft.entity.fields if one.owner_department), "")
    )
    number = draft.record.get(owner) if owner else None
    if number is None:
        number = draft.before.get("department_id") if draft.before is not None else draft.actor.department
    draft.record["department_id"] = number
    if draft.stamped is None or draft.stamped[0] != number or draft.stamped[1] is not draft.unit:
        code = department_code(draft.unit, number)
        draft.shape = draft.unit.generation.shape(draft.entity.full_name, code)
        draft.stamped = number, draft.unit
    workflow = workflow_of(draft.shape)
    if draft.before is None and workflow is not None and draft.record.get("state") is None:
        draft.record["state"] = workflow.initial


def shape_of(unit: Unit, entity: Entity, record: Mapping[str, Value]) -> Entity:
    """What must hold for a record: the shape of its department."""
    return unit.generation.shape(entity.full_name, department_code(unit, record.get("department_id")))


def _take(draft: Draft, values: Mapping[str, Value], writable: Collection[str]) -> None:
    declared = declared_by(draft.entity)
    given: set[str] = set()
    plain = parsing(draft.unit)
    money: list[tuple[str, Field]] = []
    for name in values:
        stored_name = draft.names.get(name, "")
        one = declared.get(stored_name)
        if one is None or one.type in DERIVED or stored_name not in writable:
            draft.refuse(name, NOT_HERE)
            continue
        given.add(stored_name)
        if has_money(one):
            money.append((name, one))
        else:
            _take_one(draft, one, name, values[name], plain)
    # Amounts last: the record's department and the field that names a currency may be given along with them.
    stamp(draft)
    reading = parsing_money(draft.unit, draft.record) if money else None
    for name, one in money:
        assert reading is not None
        _take_one(draft, one, name, values[name], reading)
    draft.given = draft.given | frozenset(given)


def _take_one(draft: Draft, one: Field, name: str, value: Value, reading: Parsing) -> None:
    try:
        draft.record[one.name] = _settled(draft, one, value, reading)
    except ValueError as error:
        draft.refuse(name, str(error))


def _settled(draft: Draft, one: Field, value: Value, reading: Parsing) -> Value:
    def assume(child: Field, line: Mapping[str, Value]) -> str:
        return str(draft.formulas.value(draft.entity, child.currency, line, parent=draft.record, line=one) or "")

    if one.type == "money" and one.currency:
        reading = replace(reading, currency=currency_of(draft, one) or reading.currency)
    return settle(one, value, reading, assume if one.type == "lines" else None)


def complete(draft: Draft, *, relax: bool = False, bare: bool = False) -> None:
    """Defaults, hooks, computed values and every rule; raises Invalid with all problems at once.

    ``relax``: required fields that were empty before and are not touched stay allowed (moves, bulk and automatic
    writes). ``bare``: no field is required (the first state of a settings record).
    """
    unit, formulas = draft.unit, draft.formulas
    fill(unit, formulas, draft.shape, draft.record, draft.before, draft.given)
    stamp(draft)
    checks.rules_of_given(draft)
    for one in checks.lines_of(draft.entity):
        if not same(draft.record.get(one.name), draft.old.get(one.name)):
            complete_lines(unit, formulas, draft.entity, one, draft.record, draft.before)
    checks.known_lines(draft)
    checks.choices_and_limits(draft, draft.changed())
    settle_currencies(draft)
    if draft.errors:
        if not bare:
            checks.required(draft, relax)
        raise refused(draft)
    stored.derive(unit, formulas, draft.entity, draft.record)
    before_hooks = dict(draft.record)
    # A plugin may change lines and JSON within: what it changes there has to be seen, and brought into form.
    draft.record.update((name, apart(value)) for name, value in before_hooks.items() if isinstance(value, tuple | list | dict))
    _call_hooks(draft)
    touched = {name for name, value in draft.record.items() if not alike(before_hooks.get(name), value)}
    if touched:
        _settle_again(draft, touched)
        for one in checks.lines_of(draft.entity):
            if one.name in touched:
                complete_lines(unit, formulas, draft.entity, one, draft.record, draft.before)
        draft.given = frozenset(name for name in draft.given if name not in touched)
        fill(unit, formulas, draft.shape, draft.record, draft.before, draft.given | frozenset(touched))
        stamp(draft)
        checks.choices_and_limits(draft, touched)
        settle_currencies(draft)
        stored.derive(unit, formulas, draft.entity, draft.record)
    if not bare:
        checks.required(draft, relax)
    for name, sentence in constraints.placed_failures(formulas, draft.shape, draft.record, draft.before):
        if sentence != constraints.BACKWARDS or name not in draft.errors:  # a hook may have said so already
            draft.refuse(name, sentence)
    if draft.errors:
        raise refused(draft)
    checks.soft(draft)


def refused(draft: Draft) -> Invalid:
    """All problems gathered; those of fields that the actor does not know stand at the record as a whole."""
    rights = grant(draft.entity, draft.actor)
    known = rights.visible() | rights.masked() | rights.creatable() | rights.writable() | draft.opened
    errors: dict[str, list[str]] = {}
    for name, sentences in draft.errors.items():
        own = name in known or sentences == [NOT_HERE] or draft.entity.field(name) is None
        errors.setdefault(name if own else "", []).extend(sentences)
    return Invalid(errors)


def _call_hooks(draft: Draft) -> None:
    hooks, name = draft.unit.generation.hooks, draft.entity.full_name
    before, work = draft.before, Work(draft.unit, draft.actor, name.partition(".")[0], writing=False)
    try:
        for _, answer in hooks.call(
            "check_record", entity=name, record=draft.record, before=before, change=draft.change, work=work
        ):
            for field_name, said in answer.items() if isinstance(answer, Mapping) else ():
                for sentence in [said] if isinstance(said, str) else said:
                    draft.refuse(str(field_name), str(sentence))
        if not draft.errors:
            hooks.call("before_save", entity=name, record=draft.record, before=before, change=draft.change, work=work)
    except Refusal as refusal:
        draft.refuse(refusal.field or "", refusal.sentence)


def _settle_again(draft: Draft, touched: Iterable[str]) -> None:
    """What a hook set is brought into form; system fields it touched are put back."""
    fields = declared_by(draft.entity)
    amounts = any(name in fields and has_money(fields[name]) for name in touched)
    reading = parsing_money(draft.unit, draft.record) if amounts else parsing(draft.unit)
    for name in touched:
        one = fields.get(name)
        if one is None:
            kept = draft.before if draft.before is not None else None
            if name in SYSTEM_FIELDS or name == "department_id":
                if kept is not None:
                    draft.record[name] = kept.get(name)
                elif name not in {"state"}:
                    draft.record.pop(name, None)
            else:
                draft.record.pop(name, None)
        elif one.type in {"computed", "lookup", "rollup"}:
            continue
        else:
            try:
                if one.type != "sequence":
                    draft.record[name] = _settled(draft, one, draft.record[name], reading)
            except ValueError as error:
                draft.refuse(name, str(error))
    if draft.before is None:
        draft.record["created_by"] = draft.record["updated_by"] = draft.actor.person
        draft.record["created_at"] = draft.record["updated_at"] = draft.unit.now


def writable_now(draft: Draft, rights: RowRights) -> frozenset[str]:
    """What the actor may give on this record: rights, less what is read-only, less what posting made immutable.

    Forbidden or Conflict when nothing at all may be changed.
    """
    entity = draft.entity
    if entity.kind == "ledger":
        raise Conflict("Entries of a ledger stay as they were written. Write another entry that corrects this one.")
    fields = {one.name: one for one in entity.fields}
    allowed = frozenset(name for name in rights.writable if name in fields and may_be_given(fields[name]))
    if not rights.writable:
        raise Forbidden(who_may(draft.unit, entity, "write"))
    if is_posted(entity, draft.before):
        allowed = frozenset(name for name in allowed if fields[name].editable_after_posting)
        if not allowed:
            raise Conflict(writing.POSTED)
    return allowed


def is_posted(entity: Entity, record: Record | None) -> bool:
    """Whether the record is a document that has left the state of a draft."""
    return entity.kind == "document" and record is not None and record.extra.get("posted_at") is not None


def visible_errors(problem: Conflict | Invalid, rights: Grant) -> None:
    """Take out of a refusal the names of fields that the actor does not see."""
    seen = rights.visible()
    for name in [name for name in problem.errors if name and name not in seen and name not in SYSTEM_FIELDS]:
        said = problem.errors.pop(name)
        problem.errors.setdefault("", []).extend(one for one in said if one not in problem.errors.get("", ()))


def who_may(unit: Unit, entity: Entity, action: str) -> str:
    """A sentence that says which roles may do what the actor may not."""
    roles = unit.generation.roles()
    able = []
    for rule in entity.access:
        named = (
            rule.create if action == "create" else rule.write if action == "write" else getattr(rule, action, "none")
        )
        if named not in ("none", ()):
            able.append(roles.get(rule.role, rule.role))
    whom = ", ".join(able) or "nobody by a declared rule"
    verb = "change" if action == "write" else action
    return f"You may not {verb} {words.plural(entity).lower()} here. Roles that may: {whom}. Ask an administrator for one of them."


__all__ = ["Change", "Draft", "complete", "effective", "start_change", "start_new", "writable_now"]
