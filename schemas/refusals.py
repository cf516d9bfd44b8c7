"""Which amendments are refused: an overlay adds, rearranges and tightens; it never loosens what an author promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from schemas.amending import amend
from schemas.check import check_entity
from schemas.expressions import Function
from schemas.grammar_moves import DOCUMENT_STATES
from schemas.kinds import DERIVED_KINDS
from schemas.model import Entity, Overlay, Place, Plugin, Problem, Role, Transition, Verb
from schemas.proof import names_in
from schemas.values import qualified
from schemas.words import meant

Said = tuple[str, str]
"""A sentence and its remedy."""


def refusals(
    entity: Entity,
    overlay: Overlay,
    entities: Mapping[str, Entity],
    functions: Mapping[str, Function] | None = None,
) -> list[Problem]:
    """Why this overlay may not amend the entity, each at the place of its verb; warnings do not refuse.

    ``entity`` is the shape that the overlay's department has without this overlay; ``entities`` are all entities by
    full name.
    Verbs are judged in their order, each against what those before it have made.
    """
    if overlay.entity != entity.full_name:
        return [
            Problem(
                overlay.place, f"This overlay amends {overlay.entity}, not {entity.full_name}.", plugin=entity.plugin
            )
        ]
    plugins = _plugins(entities)
    plugin = plugins.get(entity.plugin, Plugin(entity.plugin))
    found: list[Problem] = []
    arisen: list[tuple[Place, Problem]] = []
    before = {(one.message, one.severity) for one in check_entity(entity, plugin, entities, plugins, functions)}
    for verb in overlay.changes:
        said = list(_RULES[verb.kind](entity, verb, overlay))
        found += [Problem(verb.place, message, remedy, plugin=entity.plugin) for message, remedy in said]
        found += _unperformed(verb, entity.plugin)
        if said:
            continue
        amended = amend(entity, replace(overlay, changes=(verb,)), {})
        problems = check_entity(amended, plugin, {**entities, entity.full_name: amended}, plugins, functions)
        arisen += [(verb.place, one) for one in problems if (one.message, one.severity) not in before]
        before |= {(one.message, one.severity) for one in problems}
        entity = amended
    # What a later verb puts right (a state that is reached only then) is no problem.
    left = {
        (one.message, one.severity)
        for one in check_entity(entity, plugin, {**entities, entity.full_name: entity}, plugins, functions)
    }
    found += [
        replace(one, place=replace(place, path=place.path or one.place.path))
        for place, one in arisen
        if (one.message, one.severity) in left and "not performed" not in one.message
    ]
    return sorted(found, key=lambda one: (one.place.line, one.place.column))


def _unperformed(verb: Verb, plugin: str) -> Iterable[Problem]:
    if verb.kind == "add_approval":
        yield Problem(
            verb.place,
            "add_approval: declared, not performed by this version.",
            f'The transition "{verb.args["transition"]}" is refused as long as it stands.',
            "warning",
            plugin,
        )
    elif verb.kind == "add_view" and verb.args.get("kind") == "report":
        yield Problem(
            verb.place,
            "Reports: declared, not performed by this version.",
            "The view is kept and not shown.",
            "warning",
            plugin,
        )


def _add_field(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    name = verb.args["name"]
    there = entity.field(name)
    if there is not None and not there.overlay:
        yield f'{entity.full_name} has a field "{name}" of its own.', "Choose another name, or relabel the field."
    elif there is not None and (there.scope, there.overlay) != (overlay.department, overlay.identity[2]):
        yield f'The overlay "{there.overlay}" has added a field "{name}" already.', "Choose another name."
    elif there is None and name == "state" and entity.workflow:
        yield 'A field cannot be called "state": a record with a workflow has that already.', "Choose another name."
    yield from _neighbour(verb, [one.name for one in entity.fields], "field")
    for flag in ("owner_department", "provides"):
        if verb.args.get(flag):
            yield (
                f'A field of an overlay cannot be flagged "{flag}": code relies on the author\'s choice.',
                "Leave the flag out.",
            )


def _remove_field(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    name = verb.args["field"]
    field = entity.field(name)
    if field is None:
        yield _no_field(entity, name)
    elif not field.overlay:
        yield f'"{name}" belongs to the plugin, and its code relies on it.', f"Hide it instead: `- hide: {name}`."
    elif field.scope != overlay.department:
        yield f'"{name}" was added for {field.scope or "everybody"}.', "Remove it there."


def _relabel(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    if entity.field(verb.args["field"]) is None:
        yield _no_field(entity, verb.args["field"])


def _require(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    name = verb.args["field"]
    field = entity.field(name)
    if field is None:
        yield _no_field(entity, name)
    elif field.type in DERIVED_KINDS | {"boolean"}:
        yield f'"{name}" is never empty of its own, so it cannot be required.', "Take the change away."
    elif field.read_only and field.default is None and not field.required:
        yield f'"{name}" is read-only, so nobody could give the value.', "Require another field."
    elif entity.forms and field.default is None and not any(name in form.field_names for form in entity.forms):
        yield (
            f'No form offers "{name}", so nobody could save a record.',
            "Show it in a form first: `- show: {form: ..., field: ...}`.",
        )


def _hide(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    name = verb.args["field"]
    field = entity.field(name)
    if field is None:
        yield _no_field(entity, name)
    elif (
        field.required
        and field.default is None
        and not field.read_only
        and field.type not in DERIVED_KINDS | {"boolean"}
    ):
        yield f'"{name}" is required and has no default: hidden, nobody could save a record.', "Hide another field."


def _show(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    if entity.field(verb.args["field"]) is None:
        yield _no_field(entity, verb.args["field"])
    form = entity.form(verb.args["form"])
    if form is None and (entity.forms or verb.args["form"] != "all"):
        yield (
            f'{entity.full_name} has no form "{verb.args["form"]}".',
            meant(verb.args["form"], (one.name for one in entity.forms)),
        )
    elif form is not None:
        yield from _neighbour(verb, form.field_names, "field in that form")


def _show_if(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    field = entity.field(verb.args["field"])
    if field is None:
        yield _no_field(entity, verb.args["field"])
    elif field.required and not field.overlay:
        yield (
            f'"{field.name}" is required; a condition would let records pass without it. An overlay loosens nothing.',
            "Choose a field that is not required.",
        )


def _add_option(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    field = entity.field(verb.args["field"])
    if field is None:
        yield _no_field(entity, verb.args["field"])
    elif field.type not in ("choice", "choices"):
        yield f'"{field.name}" is {field.type}, not a choice.', "Options belong to choices."
    elif not field.open and not field.overlay:
        yield (
            f'The author has not opened the choice "{field.name}", and code may rely on its options.',
            "Ask for `open: true` in the plugin.",
        )
    elif any(one.name == verb.args["name"] for one in field.options):
        yield f'"{field.name}" has the option "{verb.args["name"]}" already.', "Choose another name."
    else:
        yield from _neighbour(verb, [one.name for one in field.options], "option")


def _add_state(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    if entity.workflow is None:
        yield f"{entity.full_name} has no workflow.", "Only the plugin can give it one."
    elif entity.workflow.state(verb.args["name"]):
        yield f'There is a state "{verb.args["name"]}" already.', "Choose another name."
    else:
        names = [one.name for one in entity.workflow.states]
        yield from _neighbour(verb, names, "state")
        if verb.args.get("before") == names[0]:
            yield f'"{names[0]}" is where records begin, and that is the author\'s choice.', "Put the state after it."


def _add_transition(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    flow = entity.workflow
    if flow is None:
        yield f"{entity.full_name} has no workflow.", "Only the plugin can give it one."
        return
    if flow.transition(verb.args["name"]):
        yield f'There is a transition "{verb.args["name"]}" already.', "Choose another name."
        return
    amended = amend(entity, replace(overlay, changes=(verb,)), {}).workflow
    new = amended.transition(verb.args["name"]) if amended else None
    if new is None:
        return
    if entity.kind == "document" and ({new.to, *new.from_states} & {*DOCUMENT_STATES[1:], "any"}):
        yield (
            "Posted documents stay as they are, so their states take no further transitions.",
            "Go from draft to states of your own.",
        )
    own = {state.name for state in flow.states if state.overlay}
    if new.to not in own and flow.state(new.to) is not None:
        yield from _entering(entity, new, overlay)
    yield from _written_on_the_way(entity, new)


def _entering(entity: Entity, new: Transition, overlay: Overlay) -> Iterable[Said]:
    """A state of the author is entered only as the author lets one enter it."""
    assert entity.workflow is not None
    doors = [one for one in entity.workflow.transitions if one.to == new.to and not one.overlay]
    if not doors:
        if not new.roles:
            yield f'"{new.name}" leads back to "{new.to}" and names no role.', "Name the role that may take it."
        return
    if any(_as_narrow(new, door) for door in doors):
        return
    ways = "; ".join(_told(door) for door in doors[:3])
    yield (
        f'"{new.name}" would let people enter "{new.to}" otherwise than its author does ({ways}). '
        "An overlay loosens nothing.",
        "Name the same roles or fewer, with the same guard and required fields.",
    )


def _as_narrow(new: Transition, door: Transition) -> bool:
    roles = not door.roles or (bool(new.roles) and set(new.roles) <= set(door.roles))
    return (
        roles
        and (not door.guard or new.guard == door.guard)
        and set(door.requires) <= set(new.requires)
        and (new.reason or not door.reason)
        and door.approval is None
    )


def _told(door: Transition) -> str:
    parts = [f"{door.name}: {', '.join(door.roles) or 'whoever may write'}"]
    if door.guard:
        parts.append(f"guard {door.guard}")
    if door.requires:
        parts.append(f"requires {', '.join(door.requires)}")
    if door.reason:
        parts.append("with a reason")
    return ", ".join(parts)


def _written_on_the_way(entity: Entity, new: Transition) -> Iterable[Said]:
    """The form of a move makes fields writable: only those that its roles may write anyway, or that overlays added."""
    for name in new.form:
        field = entity.field(name)
        if field is None or field.overlay:
            continue
        for role in new.roles or ("",):
            rules = [rule for rule in entity.access if rule.role == role]
            if not role:
                continue
            if field.read_only or not any(_may_write(rule.write, rule.write_except, name) for rule in rules):
                yield (
                    f'"{new.name}" would let {role} write "{name}", which the author does not.',
                    "Take the field out of its form.",
                )


def _may_write(write: str | tuple[str, ...], all_but: tuple[str, ...], name: str) -> bool:
    return name in write if isinstance(write, tuple) else write == "all" and name not in all_but


def _add_approval(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    names = [one.name for one in entity.workflow.transitions] if entity.workflow else []
    if verb.args["transition"] not in names:
        yield f'There is no transition "{verb.args["transition"]}".', meant(verb.args["transition"], names)


def _add_view(entity: Entity, verb: Verb, overlay: Overlay) -> Iterable[Said]:
    if entity.view(verb.args["name"]):
        yield f'There is a view "{verb.args["name"]}" already.', "Choose another name."
    if verb.args.get("kind") == "report":
        group = str(verb.args.get("group", ""))
        if group and group not in names_in(entity):
            yield _no_field(entity, group)


_RULES: dict[str, Callable[[Entity, Verb, Overlay], Iterable[Said]]] = {
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


def _no_field(entity: Entity, name: str) -> Said:
    return f'{entity.full_name} has no field "{name}".', meant(name, names_in(entity))


def _neighbour(verb: Verb, names: Iterable[str], what: str) -> Iterable[Said]:
    known = list(names)
    for word in ("after", "before"):
        other = verb.args.get(word)
        if other is not None and other not in known:
            yield f'There is no {what} "{other}" to stand {word}.', meant(str(other), known)


def _plugins(entities: Mapping[str, Entity]) -> dict[str, Plugin]:
    """Stand-ins for the plugins with the roles that their entities name: an overlay invents no roles."""
    roles: dict[str, set[str]] = {}
    for entity in entities.values():
        roles.setdefault(entity.plugin, set())
        named = [rule.role for rule in entity.access]
        named += [role for one in (entity.workflow.transitions if entity.workflow else ()) for role in one.roles]
        for role in named:
            owner, _, name = qualified(role, entity.plugin).partition(".")
            roles.setdefault(owner, set()).add(name)
    return {
        owner: Plugin(owner, needs=tuple(roles), roles=tuple(Role(name) for name in sorted(names)))
        for owner, names in roles.items()
    }
