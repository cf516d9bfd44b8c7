"""Overlays applied: what a department's amendments make of an entity."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from schemas.grammar_field import settle_default
from schemas.model import (
    Entity,
    Expression,
    Field,
    Form,
    Item,
    Option,
    Overlay,
    Section,
    State,
    Tab,
    Transition,
    Verb,
    View,
    Workflow,
)
from schemas.source import given
from schemas.values import Block, label_of
from schemas.verbs import VERBS
from schemas.words import READING, Reading

Part = TypeVar("Part", Field, Option, State)


def amend(entity: Entity, overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    """The entity with the overlay's changes applied in their order.

    ``columns`` gives added fields their identifier on disk. Pure, and forgiving: what cannot be applied (a name that is
    gone since) is left out, because the documents of a generation outlive upgrades of the plugin. Whether an overlay
    may be published says :func:`schemas.refusals.refusals`.
    """
    for verb in overlay.changes:
        entity = _APPLY[verb.kind](entity, verb.args, overlay, columns)
    return entity


def _add_field(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    name = args["name"]
    field = replace(
        _read(entity, Verb("add_field", args)),
        scope=overlay.department,
        overlay=overlay.identity[2],
        column=columns.get(name, ""),
    )
    if field.fields:
        field = replace(
            field, fields=tuple(replace(one, column=columns.get(f"{name}.{one.name}", "")) for one in field.fields)
        )
    field = settle_default(field, {one.name for one in entity.fields} | {name})
    # Nothing is lost when a later document adds the same name again: the newer field stands in its place.
    rest = tuple(one for one in entity.fields if one.name != name)
    return replace(entity, fields=_placed(rest, field, args))


def _remove_field(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    name = args["field"]
    field = entity.field(name)
    if field is None or not field.overlay:
        return entity
    return replace(
        entity,
        fields=tuple(one for one in entity.fields if one.name != name),
        forms=tuple(
            _map_items(form, lambda item: None if item.kind in ("field", "image") and item.value == name else item)
            for form in entity.forms
        ),
        views=tuple(_without(view, name) for view in entity.views),
    )


def _relabel(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    return _changed(entity, args["field"], lambda field: replace(field, label=args["label"]))


def _require(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    return _changed(entity, args["field"], lambda field: replace(field, required=True))


def _hide(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    name = args["field"]
    forms = entity.forms or (_made_form(entity),)
    return replace(
        entity,
        forms=tuple(
            _map_items(form, lambda item: None if item.kind in ("field", "image") and item.value == name else item)
            for form in forms
        ),
        views=tuple(_without(view, name) for view in entity.views),
        fields=tuple(
            replace(one, in_list=False, quick_filter=False, hidden=True) if one.name == name else one
            for one in entity.fields
        ),
    )


def _show(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    name = args["field"]
    if entity.field(name) is None:
        return entity
    shown = _changed(entity, name, lambda field: replace(field, hidden=False))
    forms = shown.forms or (_made_form(shown),)
    return replace(
        shown, forms=tuple(_shown(form, name, args) if form.name == args["form"] else form for form in forms)
    )


def _show_if(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    return _changed(entity, args["field"], lambda field: replace(field, show_if=_both(field.show_if, args["when"])))


def _add_option(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    option = Option(str(args["name"]), str(args.get("label", label_of(args["name"]))), args.get("colour", ""))

    def wider(field: Field) -> Field:
        rest = tuple(one for one in field.options if one.name != option.name)
        return replace(field, options=_placed(rest, option, args))

    return _changed(entity, args["field"], wider)


def _add_state(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    if entity.workflow is None or entity.workflow.state(args["name"]):
        return entity
    state = State(
        args["name"],
        args.get("label", label_of(args["name"])),
        args.get("meaning", "progress"),
        overlay.department,
        overlay.identity[2],
    )
    states = _placed(entity.workflow.states, state, args)
    if states[0] is state:
        # The initial state belongs to the author.
        states = (states[1], state, *states[2:]) if len(states) > 1 else states
    return replace(entity, workflow=Workflow(states, entity.workflow.transitions))


def _add_transition(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    if entity.workflow is None or entity.workflow.transition(args["name"]):
        return entity
    move = replace(_read(entity, Verb("add_transition", args)), scope=overlay.department, overlay=overlay.identity[2])
    return replace(entity, workflow=replace(entity.workflow, transitions=(*entity.workflow.transitions, move)))


def _add_approval(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    if entity.workflow is None:
        return entity
    approval = Block({word: value for word, value in args.items() if word != "transition"})
    return replace(
        entity,
        workflow=replace(
            entity.workflow,
            transitions=tuple(
                replace(one, approval=approval) if one.name == args["transition"] and one.approval is None else one
                for one in entity.workflow.transitions
            ),
        ),
    )


def _add_view(entity: Entity, args: Mapping[str, Any], overlay: Overlay, columns: Mapping[str, str]) -> Entity:
    if args.get("kind") == "report" or entity.view(args["name"]):
        return entity  # reports are declared, not performed by this version
    view: View = replace(_read(entity, Verb("add_view", args)), scope=overlay.department)
    views = tuple(replace(one, default=False) for one in entity.views) if view.default else entity.views
    return replace(entity, views=(*views, view))


_APPLY: dict[str, Callable[[Entity, Mapping[str, Any], Overlay, Mapping[str, str]], Entity]] = {
    "add_field": _add_field,
    "remove_field": _remove_field,
    "relabel": _relabel,
    "require": _require,
    "hide": _hide,
    "show": _show,
    "show_if": _show_if,
    "add_option": _add_option,
    "add_state": _add_state,
    "add_transition": _add_transition,
    "add_approval": _add_approval,
    "add_view": _add_view,
}
assert set(_APPLY) == set(VERBS)


def _read(entity: Entity, verb: Verb) -> Any:
    token = READING.set(Reading(entity.plugin))
    try:
        return VERBS[verb.kind][0].load(given(verb.args))
    finally:
        READING.reset(token)


def _changed(entity: Entity, name: str, change: Callable[[Field], Field]) -> Entity:
    return replace(entity, fields=tuple(change(one) if one.name == name else one for one in entity.fields))


def _placed(parts: tuple[Part, ...], new: Part, args: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts with the new one ``after`` or ``before`` another, else at the end."""
    row: list[Part] = list(parts)
    names = [one.name for one in parts]
    if args.get("after") in names:
        row.insert(names.index(args["after"]) + 1, new)
    elif args.get("before") in names:
        row.insert(names.index(args["before"]), new)
    else:
        row.append(new)
    return tuple(row)


def _both(one: str, other: str) -> str:
    return f"({one}) and ({other})" if one else other


def _without(view: View, name: str) -> View:
    return replace(
        view,
        columns=tuple(one for one in view.columns if one != name),
        card=tuple(one for one in view.card if one != name),
        sort=tuple(one for one in view.sort if one.lstrip("-") != name),
    )


def _map_items(form: Form, change: Callable[[Item], Item | None]) -> Form:
    """The form with each item changed or left out; sections and tabs that become empty go."""
    tabs = []
    for tab in form.tabs:
        sections = []
        for section in tab.sections:
            items = tuple(made for made in map(change, section.items) if made is not None)
            if items or not section.items:
                sections.append(replace(section, items=items))
        if sections:
            tabs.append(replace(tab, sections=tuple(sections)))
    return replace(form, tabs=tuple(tabs) or (Tab((Section(()),)),))


def _shown(form: Form, name: str, args: Mapping[str, Any]) -> Form:
    """The form with the field after (or before) another, or at the end of its last section."""
    if name in form.field_names:
        return form
    new = Item("field", name)
    tabs = [[list(section.items) for section in tab.sections] for tab in form.tabs]
    for items in (items for sections in tabs for items in sections):
        for index, item in enumerate(items):
            if item.kind == "field" and item.value in (args.get("after"), args.get("before")):
                items.insert(index + (item.value == args.get("after")), new)
                return _rebuilt(form, tabs)
    tabs[-1][-1].append(new)
    return _rebuilt(form, tabs)


def _rebuilt(form: Form, tabs: list[list[list[Item]]]) -> Form:
    return replace(
        form,
        tabs=tuple(
            replace(
                tab,
                sections=tuple(
                    replace(section, items=tuple(items)) for section, items in zip(tab.sections, made, strict=True)
                ),
            )
            for tab, made in zip(form.tabs, tabs, strict=True)
        ),
    )


def renamed(entity: Entity, names: Mapping[str, str], scope: str | None = None) -> Entity:
    """The entity with these fields called otherwise wherever it names them; ``scope``: only what that department added says so."""

    def mine(part: Field | View | Transition) -> bool:
        return scope is None or part.scope == scope

    flow = entity.workflow
    return replace(
        entity,
        fields=tuple(_field_renamed(one, names) if mine(one) else one for one in entity.fields),
        forms=tuple(_map_items(form, lambda item: _worded(item, names)) for form in entity.forms) if scope is None else entity.forms,
        views=tuple(_worded(one, names) if mine(one) else one for one in entity.views),
        workflow=flow and replace(flow, transitions=tuple(_worded(one, names) if mine(one) else one for one in flow.transitions)),
    )


_EXPRESSIONS = ("formula", "show_if", "required_if", "read_only_if", "warn_if", "where", "guard")
_NAMES = ("of", "via", "chosen_by", "currency", "by", "start", "end", "value")
_LISTS = ("columns", "card", "sort", "requires", "form")
_WORD = re.compile(r"""'[^']*'|"[^"]*"|(?<![\w.])(parent\.)?([A-Za-z]\w*)""")


def _field_renamed(field: Field, names: Mapping[str, str]) -> Field:
    made: Field = replace(_worded(field, names), name=names.get(field.name, field.name))
    if isinstance(made.default, Expression):
        made = replace(made, default=replace(made.default, source=_said(made.default.source, names)))
    # Within lines, ``parent.name`` is a field of the entity.
    children = tuple(_worded(one, names, inside=True) for one in made.fields)
    return replace(made, fields=children) if children != made.fields else made


def _worded(part: Any, names: Mapping[str, str], inside: bool = False) -> Any:
    new: dict[str, Any] = {word: _said(getattr(part, word), names, inside) for word in _EXPRESSIONS if getattr(part, word, "")}
    if inside:
        return replace(part, **new) if new else part
    if not isinstance(part, Item) or part.kind in ("field", "image"):
        new |= {word: names.get(value, value) for word in _NAMES if (value := getattr(part, word, ""))}
    if not isinstance(part, Field):
        for word in _LISTS:
            listed = getattr(part, word, ())
            if isinstance(listed, tuple):
                signs = [(one[: len(one) - len(one.lstrip("-"))], one.lstrip("-")) for one in listed]
                new |= {word: tuple(sign + names.get(one, one) for sign, one in signs)} if listed else {}
    return replace(part, **new) if any(getattr(part, word) != value for word, value in new.items()) else part


def _said(source: str, names: Mapping[str, str], inside: bool = False) -> str:
    def word(found: re.Match[str]) -> str:
        parent, name = found[1] or "", found[2]
        return parent + names[name] if name in names and bool(parent) == inside else found[0]

    return _WORD.sub(word, source)


def made_form(entity: Entity) -> Form:
    """The one form of an entity that declares none: all fields somebody may give, in their order."""
    return _made_form(entity)


def _made_form(entity: Entity) -> Form:
    from_whom = tuple(
        Item("field", one.name)
        for one in entity.fields
        if not one.read_only and not one.hidden and one.type not in ("computed", "lookup", "rollup", "sequence")
    )
    return Form("all", (Tab((Section(from_whom),)),), "All")
