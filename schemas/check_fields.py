"""The proof of fields and constraints: what they point to exists, literals fit their kinds, formulas are typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from schemas.check_literals import check_literals
from schemas.kinds import DERIVED_KINDS, REFERENCE_KINDS
from schemas.model import Constraint, Entity, Expression, Field, Place
from schemas.proof import Proof, family, kind_in, names_in
from schemas.values import Number
from schemas.words import meant

TOKENS = ("YYYY", "YY", "MM", "DD", "company", "scope", "seq")
_TOKEN = re.compile(r"\{([^{}]*)\}")
_SEQ = re.compile(r"seq(?::([1-9]|1[0-8]))?\Z")
_LATER = ("sla", "automations", "reports", "print")


def check_fields(proof: Proof) -> None:
    """Every field of the entity, and every field of its line items."""
    for one in proof.entity.fields:
        _field(proof, one, None)
        for child in one.fields:
            _field(proof, child, one)
        for name in one.form:
            if one.child(name) is None:
                proof.say(
                    one.place.at("form"),
                    f'The lines have no field "{name}".',
                    meant(name, (child.name for child in one.fields)),
                )
    owners = [one for one in proof.entity.fields if one.owner_department]
    for one in owners:
        target = proof.target(one)
        if one.many or (one.type == "reference" and target is not None and target.provides != "department"):
            proof.say(
                one.place.at("owner_department"), f'"{one.name}" does not name one department.', "Flag another field."
            )
    if len(owners) > 1:
        proof.say(
            owners[1].place.at("owner_department"),
            "Two fields decide whose department it is.",
            f"Keep owner_department at {owners[0].name} or at {owners[1].name}.",
        )


def check_title(proof: Proof) -> None:
    """The words of an entity that name its fields."""
    entity = proof.entity
    # A title without braces is the name of a field.
    tokens = _TOKEN.findall(entity.title) if "{" in entity.title else [entity.title] if entity.title else []
    for token in tokens:
        proof.want(token, entity.place.at("title"))
    for name in entity.key:
        if (
            proof.want(name, entity.place.at("key"))
            and (one := proof.field(name))
            and family(one) in ("lines", "json", "secret", "file")
        ):
            proof.say(
                entity.place.at("key"),
                f'"{name}" cannot be a key: people cannot write it in one line.',
                "Choose a text or a number.",
            )
    if entity.owner and proof.want(entity.owner, entity.place.at("owner")):
        target = proof.field(entity.owner)
        provides = getattr(proof.target(target), "provides", "") if target else "person"
        if target and target.type != "person" and provides != "person":
            proof.say(entity.place.at("owner"), f'"{entity.owner}" names no person.', "The owner is a person field.")
    if entity.due and proof.want(entity.due, entity.place.at("due")):
        due = proof.field(entity.due)
        if due is not None and family(due) not in ("date", "datetime", "none"):
            proof.say(entity.place.at("due"), f'"{entity.due}" is no date.', "Name a date or datetime field.")
    proof.condition(entity.home, entity.place.at("home"), in_sql=True)
    if entity.effective:
        place = entity.place.at("effective")
        proof.want_all(entity.effective.by, place)
        _stored(proof, (*entity.effective.by, entity.effective.start, entity.effective.end), place)
        _span(proof, entity.effective.start, entity.effective.end, place)
    _kind_of_entity(proof)
    for word in _LATER:
        if getattr(entity, word) is not None:
            proof.warn(
                entity.place.at(word),
                f"{word}: declared, not performed by this version.",
                "It is read and checked only.",
            )


def check_constraints(proof: Proof) -> None:
    """Constraints name real fields of fitting kinds."""
    for one in proof.entity.constraints:
        place = one.place.at(one.kind)
        if one.kind == "unique":
            proof.want_all(one.fields, place)
            _stored(proof, one.fields, place)
            proof.condition(one.where, one.place.at("where"), in_sql=True)
        elif one.kind == "no_overlap":
            proof.want_all(one.fields, place)
            _stored(proof, (*one.fields, one.start, one.end), place)
            _span(proof, one.start, one.end, place)
            proof.condition(one.where, place, in_sql=True)
        elif one.kind == "acyclic":
            if proof.want(one.fields[0], place):
                via = proof.field(one.fields[0])
                target = proof.target(via) if via else None
                if target is None or target.full_name != proof.entity.full_name:
                    proof.say(
                        place,
                        f'"{one.fields[0]}" does not point to {proof.entity.full_name}, so it cannot go in a circle.',
                        "Name a reference of the entity to itself.",
                    )
        elif one.kind == "sum_at_most":
            _sum(proof, one, place)
        else:
            proof.condition(one.expression, place)


def _stored(proof: Proof, names: Iterable[str], place: Place) -> None:
    """Records are compared by what lies in their own row."""
    for name in names:
        one = proof.field(name)
        if one is None:
            continue
        if one.many or one.type in ("references", "lines") or (one.type == "lookup" and proof.entity.kind != "document"):
            proof.say(place, f'"{name}" has no value of its own in the record, so records cannot be compared by it.', "Name another field.")


def _sum(proof: Proof, one: Constraint, place: Place) -> None:
    proof.want(one.by, place)
    _stored(proof, (one.by, one.of), place)
    if proof.want(one.of, place):
        of = proof.field(one.of)
        if of is None or family(of) not in ("number", "money", "none"):
            proof.say(place, f'"{one.of}" cannot be summed.', "Name a number or an amount.")
    if not isinstance(one.max, Number):
        try:
            Decimal(one.max)
        except InvalidOperation:
            proof.want(one.max, place)


def _span(proof: Proof, start: str, end: str, place: Place) -> None:
    if not (proof.want(start, place) and proof.want(end, place)):
        return
    kinds = (proof.kind_of(start), proof.kind_of(end))
    if kinds[0] != kinds[1] or kinds[0] not in ("date", "datetime"):
        proof.say(place, f'"{start}" and "{end}" are no span of time.', "Name two date fields, or two datetime fields.")


def _kind_of_entity(proof: Proof) -> None:
    entity = proof.entity
    if entity.kind == "tree":
        parent = proof.field(entity.parent) if entity.parent else None
        if not entity.parent:
            proof.say(
                entity.place,
                "A tree needs a parent.",
                "Add `parent:` with the name of the reference to the record above.",
            )
        elif parent is None:
            proof.want(entity.parent, entity.place.at("parent"))
        elif parent.type != "reference" or parent.to != (entity.full_name,) or parent.many:
            proof.say(
                entity.place.at("parent"),
                f'"{entity.parent}" does not point to {entity.full_name}.',
                f"Declare it as {{type: reference, to: {entity.name}}}.",
            )
        elif parent.required:
            proof.say(parent.place.at("required"), "The topmost record of a tree has no parent.", "Take required away.")
    elif entity.parent:
        proof.say(entity.place.at("parent"), "Only a tree has a parent.", "Add `kind: tree`, or leave the word out.")
    if entity.kind == "settings":
        for one in entity.fields:
            if one.required and one.default is None and one.type not in DERIVED_KINDS | {"boolean"}:
                proof.warn(
                    one.place,
                    f'The one record of settings is made by itself, so "{one.name}" is empty until somebody fills it in.',
                    "Add a default, or accept it.",
                )
        if entity.workflow:
            proof.say(entity.place.at("workflow"), "Settings have no workflow.", "Use a normal entity.")
    if entity.kind == "ledger":
        if entity.workflow:
            proof.say(
                entity.place.at("workflow"),
                "A ledger's entries never change, so they have no workflow.",
                "Use a document instead.",
            )
        for rule in entity.access:
            if rule.write not in ("none", ()) or rule.delete != "none":
                proof.warn(
                    rule.place,
                    f"{rule.role} may write or delete, but a ledger's entries never change: both are refused whoever asks.",
                    "Allow create and read only.",
                )


def _field(proof: Proof, one: Field, line: Field | None) -> None:
    _pointing(proof, one, line)
    check_literals(proof, one)
    siblings: Iterable[str] = (
        (child.name for child in line.fields) if line else (other.name for other in proof.entity.fields)
    )
    if isinstance(one.unique, tuple):
        known = set(siblings)
        for name in one.unique:
            if name not in known:
                proof.say(
                    one.place.at("unique"), f'There is no field "{name}" to be unique within.', meant(name, known)
                )
    if one.currency:
        _currency(proof, one, line)
    for word in ("show_if", "required_if", "read_only_if", "warn_if"):
        proof.condition(getattr(one, word), one.place.at(word), line=line)
    if one.formula:
        proof.typed(one.formula, one.place.at("formula"), one.as_kind or "text", line=line)
    if isinstance(one.default, Expression):
        _default(proof, one, line)
    if one.type == "sequence":
        _sequence(proof, one, line)


def _pointing(proof: Proof, one: Field, line: Field | None) -> None:
    targets = [proof.known_entity(name, one.place.at("to")) for name in one.to]
    target = (
        targets[0] if len(targets) == 1 else proof.provider(one.type) if one.type in ("person", "department") else None
    )
    if one.where and one.type in REFERENCE_KINDS and target is not None:
        _picker(proof, one, target)
    if one.chosen_by:
        chooser = line.child(one.chosen_by) if line else proof.field(one.chosen_by)
        if chooser is None or chooser.type != "entity":
            proof.say(
                one.place.at("chosen_by"),
                f'"{one.chosen_by}" is no field of the kind entity.',
                "Name the field that names the entity.",
            )
    if one.type == "lookup":
        via = line.child(one.via) if line else proof.field(one.via)
        if via is None or via.type not in ("reference", "person", "department") or via.many:
            proof.say(
                one.place.at("via"),
                f'"{one.via}" is no reference of {proof.entity.full_name}.',
                meant(one.via, (other.name for other in proof.entity.fields if other.type in REFERENCE_KINDS)),
            )
        else:
            looked = proof.target(via)
            if looked is not None and not kind_in(looked, one.of):
                proof.say(
                    one.place.at("of"), f'{looked.full_name} has no field "{one.of}".', meant(one.of, names_in(looked))
                )
    if one.type == "rollup":
        _rollup(proof, one)


def _picker(proof: Proof, one: Field, target: Entity) -> None:
    """``where`` of a reference is about the records offered."""
    proof.condition(one.where, one.place.at("where"), in_sql=True, entity=target)


def _rollup(proof: Proof, one: Field) -> None:
    source = proof.known_entity(one.from_entity, one.place.at("from"))
    if source is None:
        return
    via = source.field(one.via)
    if via is None or proof.entity.full_name not in (via.to or (getattr(proof.provider(via.type), "full_name", ""),)):
        proof.say(
            one.place.at("via"),
            f'"{one.via}" of {source.full_name} does not point to {proof.entity.full_name}.',
            meant(one.via, (other.name for other in source.fields if proof.entity.full_name in other.to)),
        )
    if one.of:
        kind = kind_in(source, one.of)
        if not kind:
            proof.say(
                one.place.at("of"), f'{source.full_name} has no field "{one.of}".', meant(one.of, names_in(source))
            )
        elif one.how in ("sum", "average"):
            of = source.field(one.of)
            if of is None or family(of) not in ("number", "money", "none"):
                proof.say(
                    one.place.at("of"),
                    f'"{one.of}" cannot be added up.',
                    "Name a number or an amount, or use count, min or max.",
                )
    proof.condition(one.where, one.place.at("where"), in_sql=True, entity=source)


def _currency(proof: Proof, one: Field, line: Field | None) -> None:
    first, dot, rest = one.currency.partition(".")
    place = one.place.at("currency")
    if not dot:
        there = line.child(first) if line else proof.field(first)
        if there is None:
            proof.say(
                place,
                f'There is no field "{first}" that holds a currency.',
                meant(first, (other.name for other in (line.fields if line else proof.entity.fields))),
            )
    elif first == "parent":
        if line is None:
            proof.say(place, "Only line items have a parent.", "Name a field, or a path over a reference.")
        else:
            proof.want(rest, place)
    else:
        via = line.child(first) if line else proof.field(first)
        target = proof.target(via) if via else None
        if via is None or via.type not in REFERENCE_KINDS:
            proof.say(
                place, f'"{first}" is no reference, so "{one.currency}" leads nowhere.', "A path follows one reference."
            )
        elif target is not None and not kind_in(target, rest):
            proof.say(place, f'{target.full_name} has no field "{rest}".', meant(rest, names_in(target)))


def _default(proof: Proof, one: Field, line: Field | None) -> None:
    source = one.default.source
    place = one.place.at("default")
    if one.type in ("choice", "choices") and source.isidentifier():
        known = [other.name for other in (line.fields if line else proof.entity.fields)]
        if source not in known:
            names = [option.name for option in one.options]
            proof.say(place, f'"{source}" is neither an option of {one.name} nor a field.', meant(source, names))
            return
    proof.typed(source, place, None if one.type in ("any_reference", "json") else one.type, line=line)


def _sequence(proof: Proof, one: Field, line: Field | None) -> None:
    place = one.place.at("number")
    for rule in one.number:
        proof.condition(rule.when, place, line=line)
        tokens = _TOKEN.findall(rule.pattern)
        if not any(_SEQ.match(token) for token in tokens):
            proof.say(
                place,
                f'The pattern "{rule.pattern}" holds no running number.',
                "Add {seq:5} for a number of five digits.",
            )
        for token in tokens:
            if token not in TOKENS and not _SEQ.match(token) and not proof.kind_of(token.partition(".")[0]):
                proof.say(
                    place,
                    f"There is no token {{{token}}}, and no field of that name.",
                    meant(token, [*TOKENS, *names_in(proof.entity)]),
                )
    if len(one.number) > 1 and all(rule.when for rule in one.number):
        proof.warn(
            place, "When none of the conditions holds, no number is drawn.", "Let the last rule stand without `when`."
        )
