"""The proof of forms and views: what they name exists, and what must be given is offered somewhere."""

from __future__ import annotations

from schemas.kinds import DERIVED_KINDS
from schemas.model import Field, Form, View
from schemas.proof import Proof, family, in_words
from schemas.words import meant


def check_looks(proof: Proof) -> None:
    """Forms and views name what exists."""
    for form in proof.entity.forms:
        _form(proof, form)
    for view in proof.entity.views:
        _view(proof, view)
    chosen = [view for view in proof.entity.views if view.default and not view.scope]
    if len(chosen) > 1:
        proof.say(
            chosen[1].place.at("default"),
            f'Two views are the default: "{chosen[0].name}" and "{chosen[1].name}".',
            "Keep one.",
        )
    _required_but_hidden(proof)


def _form(proof: Proof, form: Form) -> None:
    moves = [one.name for one in proof.entity.workflow.transitions] if proof.entity.workflow else []
    seen: set[str] = set()
    for tab in form.tabs:
        proof.condition(tab.show_if, form.place.at(form.layout))
        for section in tab.sections:
            place = form.place.at("fields" if form.layout == "plain" else form.layout)
            proof.condition(section.show_if, place)
            if isinstance(section.open, str):
                proof.condition(section.open, place)
            for item in section.items:
                proof.condition(item.show_if, place)
                if item.kind in ("field", "image"):
                    proof.want(item.value, place)
                    if item.kind == "field" and item.value in seen:
                        proof.say(
                            place, f'"{item.value}" stands twice in the form {form.name}.', "Keep one of the two."
                        )
                    seen.add(item.value)
                elif item.kind == "action" and moves and item.value not in moves:
                    proof.warn(
                        place,
                        f'There is no transition "{item.value}"; a plugin\'s code must offer that action.',
                        meant(item.value, moves),
                    )


def _view(proof: Proof, view: View) -> None:
    for name in view.sort:
        if proof.want(name.removeprefix("-"), view.place.at("sort")):
            field = proof.field(name.removeprefix("-"))
            if field is not None and family(field) in ("lines", "json", "secret", "file", "references", "choices"):
                proof.say(
                    view.place.at("sort"),
                    f'Nothing can be sorted by "{field.name}", which is {field.type}.',
                    "Choose another field.",
                )
    proof.want_all(view.columns, view.place.at("columns"))
    proof.want_all(view.card, view.place.at("card"))
    proof.condition(view.where, view.place.at("where"), in_sql=True)
    if view.by and proof.want(view.by, view.place.at("by")):
        field = proof.field(view.by)
        if field is not None and family(field) not in ("choice", "reference", "boolean", "none"):
            proof.say(
                view.place.at("by"),
                f'A {view.kind} cannot be divided by "{view.by}", which is {field.type}.',
                "Use the state, a choice or a reference.",
            )
    if view.kind == "board" and not view.by and not proof.entity.workflow and proof.entity.kind != "document":
        proof.say(view.place, 'A board of records without states needs "by".', "Name a choice or a reference.")
    for word in ("start", "end"):
        name = getattr(view, word)
        if name and proof.want(name, view.place.at(word)):
            field = proof.field(name)
            if field is not None and family(field) not in ("date", "datetime", "none"):
                proof.say(view.place.at(word), f'"{name}" is no date.', "Name a date or datetime field.")
    if view.kind == "tree" and proof.entity.kind != "tree":
        proof.say(
            view.place.at("kind"),
            f"{proof.entity.full_name} is no tree.",
            "Add `kind: tree` and `parent:` to the entity.",
        )


def _required_but_hidden(proof: Proof) -> None:
    entity = proof.entity
    creators = [rule for rule in entity.access if rule.create not in ("none", ())]
    if not entity.forms or not creators or entity.kind == "settings":
        return
    needed = [one for one in entity.fields if _must_be_given(one)]
    offered = {form.name: set(form.field_names) for form in entity.forms}
    everywhere = set().union(*offered.values())
    for one in needed:
        if one.name not in everywhere and one.overlay == "":
            proof.warn(
                one.place.at("required"),
                f'"{one.name}" is required, but no form offers it: a {entity.label} cannot be created on its pages.',
                "Add it to a form, give it a default, or flag it read_only when code sets it.",
            )
    hidden: dict[str, list[str]] = {}
    for rule in creators:
        if not isinstance(rule.create, tuple) or not all(name in offered for name in rule.create):
            continue
        for one in needed:
            if one.name in everywhere and not any(one.name in offered[name] for name in rule.create):
                hidden.setdefault(one.name, []).append(rule.role)
    for name, roles in hidden.items():
        hidden_one = next(one for one in needed if one.name == name)
        proof.warn(
            hidden_one.place.at("required"),
            f'"{name}" is required, but the forms by which {in_words(roles)} may create do not offer it.',
            "Add it there, or give it a default, unless code fills it in.",
        )


def _must_be_given(one: Field) -> bool:
    return (
        one.required
        and one.default is None
        and not one.read_only
        and not one.show_if
        and one.type not in DERIVED_KINDS | {"boolean"}
    )
