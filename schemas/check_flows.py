"""The proof of workflows and access: every state is reached, every move has somebody to take it."""

from __future__ import annotations

from schemas.grammar_moves import DOCUMENT_MOVES, DOCUMENT_STATES
from schemas.kinds import DERIVED_KINDS
from schemas.model import AccessRule, Entity, Field, Plugin, Transition
from schemas.proof import Proof, in_words, names_read
from schemas.words import ROW_SCOPES, meant

CORE_ROLES = ("core.everyone", "core.everything", "core.admin")
_SCOPES = ("read", "write_rows", "delete", "export", "print_", "report", "import_", "share")


def check_workflow(proof: Proof) -> None:
    """States are reached and left, transitions name what exists and can be taken by somebody."""
    flow = proof.entity.workflow
    if flow is None:
        return
    states = {state.name for state in flow.states}
    for one in flow.transitions:
        for name in (*one.from_states, one.to):
            if name not in states and not (name == "any" and name in one.from_states):
                proof.say(
                    one.place.at("from" if name in one.from_states else "to"),
                    f'There is no state "{name}".',
                    meant(name, states),
                )
        for role in one.roles:
            known_role(proof, role, one, "role")
        proof.want_all(one.requires, one.place.at("requires"))
        for name in one.form:
            field = proof.field(name)
            if proof.want(name, one.place.at("form")) and field is not None and field.type in DERIVED_KINDS:
                proof.say(
                    one.place.at("form"),
                    f'"{name}" is a {field.type} field; nobody gives its value.',
                    "Take it out of the form.",
                )
        for name in one.requires:
            field = proof.field(name)
            if (
                field
                and field.read_only
                and name not in one.form
                and field.default is None
                and field.type not in DERIVED_KINDS
            ):
                proof.warn(
                    one.place.at("requires"),
                    f'"{name}" is required here and read-only: only code can give it a value.',
                    f"Add it to the form of {one.name} when a person shall.",
                )
        proof.condition(one.guard, one.place.at("guard"))
        if one.approval is not None:
            proof.warn(
                one.place.at("approval"),
                "approval: declared, not performed by this version.",
                f'Until then "{one.name}" is refused with that sentence.',
            )
        if one.effects:
            proof.warn(
                one.place.at("effects"),
                "effects: declared, not performed by this version.",
                "Use the hook after_transition.",
            )
        _taken_by_somebody(proof, one)
    _reached(proof)


def _reached(proof: Proof) -> None:
    flow = proof.entity.workflow
    assert flow is not None
    built_in = set(DOCUMENT_STATES) if proof.entity.kind == "document" else set()
    reached = {flow.initial}
    while True:
        more = {
            one.to for one in flow.transitions if "any" in one.from_states or reached & set(one.from_states)
        } - reached
        if not more:
            break
        reached |= more
    place = proof.entity.place.at("workflow")
    for state in flow.states:
        if state.name not in reached and state.name not in built_in:
            # What a plugin leaves unused does no harm; an overlay that adds it has forgotten something.
            proof.say(
                place,
                f'The state "{state.name}" is never reached from "{flow.initial}".',
                "Add a transition to it, or take it away.",
                "error" if state.overlay else "warning",
            )
        leaves = any("any" in one.from_states or state.name in one.from_states for one in flow.transitions)
        if (
            state.name in reached
            and not leaves
            and state.meaning in ("new", "progress", "waiting")
            and len(flow.states) > 1
        ):
            proof.warn(
                place,
                f'No transition leaves the state "{state.name}", which means {state.meaning}.',
                "Add a transition, or give it the meaning done or cancelled.",
            )


def _taken_by_somebody(proof: Proof, one: Transition) -> None:
    rules = proof.entity.access
    if not rules or (proof.entity.kind == "document" and one.name in DOCUMENT_MOVES and not one.roles):
        return
    everyone_reads = any(rule.role == "core.everyone" and rule.read != "none" for rule in rules)
    movers = {rule.role for rule in rules if one.name in rule.move}
    if not one.roles and not movers:
        if any(_writes(rule) for rule in rules):
            return
        proof.say(
            one.place,
            f'Nobody may take "{one.name}": it names no role, and no role may write the record.',
            "Name a role, or give one `move` or `write`.",
            "error" if one.overlay else "warning",
        )
        return
    takers = {*one.roles, *movers}
    if everyone_reads or takers & {"core.everyone", "core.everything"}:
        return
    readers = {rule.role for rule in rules if rule.read != "none"}
    if not takers & readers:
        proof.say(
            one.place.at("role"),
            f'Nobody may take "{one.name}": {in_words(sorted(takers))} may not read the record.',
            f"Give {in_words(sorted(takers))} `read` in the access of {proof.entity.full_name}.",
            "error" if one.overlay else "warning",
        )
        return
    for role in sorted(set(one.roles) - readers):
        proof.warn(
            one.place.at("role"),
            f'{role} may not read the record, so it can never take "{one.name}".',
            "Give it `read`, or take it out of the transition.",
        )


def _writes(rule: AccessRule) -> bool:
    return rule.read != "none" and rule.write not in ("none", ()) and rule.write_rows != "none"


def check_access(proof: Proof) -> None:
    """Rules name what exists, and row scopes can be decided by the database."""
    entity = proof.entity
    if not entity.access:
        proof.warn(
            entity.place,
            f"{entity.full_name} has no access rules, so only core.everything may do anything with it.",
            "Add `access:`.",
        )
    moves = [one.name for one in entity.workflow.transitions] if entity.workflow else []
    for rule in entity.access:
        known_role(proof, rule.role, rule)
        for attribute in _SCOPES:
            scope = getattr(rule, attribute)
            word = attribute.rstrip("_")
            if scope and scope not in ROW_SCOPES:
                proof.condition(scope, rule.place.at(word), in_sql=True)
            elif scope == "department_tree" and proof.provider("department") is None:
                proof.warn(rule.place.at(word), "No entity provides departments.", "Add the plugin directory.")
        if isinstance(rule.create, tuple):
            for name in rule.create:
                if entity.form(name) is None:
                    proof.say(
                        rule.place.at("create"),
                        f'There is no form "{name}".',
                        meant(name, (one.name for one in entity.forms)),
                    )
        for word in ("write", "hide", "mask", "unmask"):
            names = getattr(rule, word)
            if isinstance(names, tuple):
                proof.want_all(names, rule.place.at(word))
        proof.want_all(rule.write_except, rule.place.at("write"))
        for name in rule.unmask:
            field = proof.field(name)
            if field is not None and not field.sensitive:
                proof.warn(
                    rule.place.at("unmask"),
                    f'"{name}" is not sensitive, so there is nothing to unmask.',
                    "Flag the field `sensitive: true`, or leave it out.",
                )
        for name in set(rule.hide) & set(rule.unmask):
            proof.say(
                rule.place.at("hide"), f'"{name}" is hidden and unmasked by the same rule.', "Keep one of the two."
            )
        for name in rule.move:
            if name not in moves:
                proof.say(rule.place.at("move"), f'There is no transition "{name}".', meant(name, moves))
        if rule.write not in ("none", ()) and rule.read == "none":
            proof.warn(
                rule.place.at("write"),
                f"{rule.role} may write but not read, and only readable rows can be written.",
                "Give it `read`.",
            )


def known_role(proof: Proof, role: str, at: AccessRule | Transition, word: str = "") -> None:
    """Says so when there is no such role."""
    owner, _, name = role.partition(".")
    if role in CORE_ROLES or owner == proof.plugin.name:
        return
    place = at.place.at(word) if word else at.place
    plugin = proof.plugins.get(owner)
    if plugin is None:
        if owner in proof.plugin.uses:
            proof.warn(
                place,
                f'The plugin "{owner}" is not here, so nobody holds {role}.',
                "Nothing to do: it is a soft dependency.",
            )
        else:
            proof.say(
                place,
                f'There is no plugin "{owner}" that declares the role {role}.',
                meant(owner, [*proof.plugins, "core"]),
            )
    elif name not in {one.name for one in plugin.roles}:
        proof.say(
            place, f'The plugin "{owner}" declares no role "{name}".', meant(name, (one.name for one in plugin.roles))
        )


def check_readers(proof: Proof) -> None:
    """Warns where a stored value shows what some role could not read at its source."""
    for one in proof.entity.fields:
        if one.type == "rollup":
            source = proof.entities.get(one.from_entity)
            if source is not None:
                _compare(proof, one, source, one.of)
        elif one.type == "computed":
            for path in sorted(names_read(one.formula)):
                reference, dot, name = path.partition(".")
                via = proof.field(reference)
                if dot and via is not None and (target := proof.target(via)) is not None:
                    _compare(proof, one, target, name)
                elif not dot and via is not None:
                    _compare(proof, one, proof.entity, reference)


def _compare(proof: Proof, one: Field, source: Entity, name: str) -> None:
    origin = source.field(name) if name else None
    less: list[str] = []
    for rule in proof.entity.access:
        if (
            rule.read == "none"
            or one.name in rule.hide
            or one.name in rule.mask
            or (one.sensitive and one.name not in rule.unmask)
        ):
            continue
        if source is proof.entity:
            hidden = (
                name in rule.hide
                or name in rule.mask
                or (origin is not None and origin.sensitive and name not in rule.unmask)
            )
            if hidden:
                less.append(rule.role)
            continue
        theirs = [
            other for other in source.access if other.role in (rule.role, "core.everyone") and other.read != "none"
        ]
        shown = [
            other
            for other in theirs
            if (not name or (name not in other.hide and name not in other.mask))
            and not (origin is not None and origin.sensitive and name not in other.unmask)
        ]
        if not shown or (rule.read == "all" and all(other.read != "all" for other in shown)):
            less.append(rule.role)
    if less:
        what = f"{source.full_name}.{name}" if name else source.full_name
        proof.warn(
            one.place,
            f'"{one.name}" is stored here: {in_words(less)} see what they may not read at its source {what}.',
            f"Hide {one.name} from them, or accept it: a stored value belongs to the record that shows it.",
        )


def check_segregation(plugin: Plugin, proof: Proof) -> None:
    """Pairs name roles that exist."""
    for pair in plugin.segregation:
        for role in pair:
            owner, _, name = role.partition(".")
            declared = proof.plugins.get(owner)
            if owner == "core" and role in CORE_ROLES:
                continue
            if declared is None and owner in plugin.uses:
                continue
            if declared is None or name not in {one.name for one in declared.roles}:
                known = [f"{each.name}.{one.name}" for each in (plugin, *proof.plugins.values()) for one in each.roles]
                proof.say(
                    plugin.place.at("segregation"), f'There is no role "{role}" to keep apart.', meant(role, known)
                )
