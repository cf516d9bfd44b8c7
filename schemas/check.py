"""The static proof over all plugins at once: what is named exists, what may happen can, nothing goes in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.check_fields import check_constraints, check_fields, check_title
from schemas.check_flows import check_access, check_readers, check_segregation, check_workflow
from schemas.check_looks import check_looks
from schemas.circles import circles
from schemas.expressions import Function
from schemas.model import Entity, Expression, Field, Place, Plugin, Problem
from schemas.proof import Proof, names_read
from schemas.words import meant

Node = tuple[str, str]
"""A field in the graph of rules: (full entity name, field), a line's field as ``lines.field``."""
Step = tuple[Node, str, Place]
"""An edge of the graph: the field that is read, by which word, and where that stands."""


def check(
    plugins: Mapping[str, Plugin], known: Mapping[str, Entity], functions: Mapping[str, Function] | None = None
) -> list[Problem]:
    """Every problem of the plugins, in their order.

    ``known`` holds entities that exist beside theirs, by full name; ``functions`` those that plugins add to expressions.
    """
    entities = {**known, **{entity.full_name: entity for plugin in plugins.values() for entity in plugin.entities}}
    problems: list[Problem] = []
    for plugin in plugins.values():
        around = Proof(plugin, Entity(plugin.name, ""), entities, plugins, problems)
        _neighbours(plugin, around, known)
        check_segregation(plugin, around)
        for entity in plugin.entities:
            problems.extend(check_entity(entity, plugin, entities, plugins, functions))
    problems.extend(_circles_of_needs(plugins))
    problems.extend(_provided_twice(plugins))
    problems.extend(_circles_of_rules(plugins, entities))
    return problems


def check_entity(
    entity: Entity,
    plugin: Plugin,
    entities: Mapping[str, Entity],
    plugins: Mapping[str, Plugin],
    functions: Mapping[str, Function] | None = None,
) -> list[Problem]:
    """Every problem within one entity, which may be one that overlays have amended."""
    proof = Proof(plugin, entity, entities, plugins, functions=functions or {})
    if not entity.fields:
        proof.say(entity.place.at("fields"), f"{entity.full_name} has no fields.", "Declare one at least.")
    check_title(proof)
    check_fields(proof)
    check_constraints(proof)
    check_workflow(proof)
    check_access(proof)
    check_looks(proof)
    check_readers(proof)
    return proof.problems


def _neighbours(plugin: Plugin, around: Proof, known: Mapping[str, Entity]) -> None:
    there = {*around.plugins, *(name.partition(".")[0] for name in known)}
    for need in plugin.needs:
        if need == plugin.name:
            around.say(plugin.place.at("needs"), "A plugin does not need itself.", "Take the name out.")
        elif need not in there:
            around.say(
                plugin.place.at("needs"), f'It needs the plugin "{need}", which is not here.', meant(need, there)
            )
    for use in plugin.uses:
        if use in plugin.needs:
            around.warn(plugin.place.at("uses"), f'"{use}" is needed and used.', "Keep one of the two.")
        elif use not in there:
            near = meant(use, there)
            if near.startswith("Did"):
                around.warn(plugin.place.at("uses"), f'The plugin "{use}" is not here.', near)


def _circles_of_needs(plugins: Mapping[str, Plugin]) -> list[Problem]:
    graph = {name: [need for need in plugin.needs if need != name] for name, plugin in plugins.items()}
    return [
        Problem(
            plugins[circle[0]].place.at("needs"),
            f"The needs go in a circle: {' -> '.join(_closed(circle))}.",
            "Turn one of them into uses.",
            plugin=circle[0],
        )
        for circle in circles(graph)
    ]


def _provided_twice(plugins: Mapping[str, Plugin]) -> list[Problem]:
    first: dict[str, Entity] = {}
    problems = []
    for plugin in plugins.values():
        for entity in plugin.entities:
            if entity.provides and entity.provides in first:
                problems.append(
                    Problem(
                        entity.place.at("provides"),
                        f'{first[entity.provides].full_name} provides "{entity.provides}" already.',
                        "One entity plays one part.",
                        plugin=plugin.name,
                    )
                )
            elif entity.provides:
                first[entity.provides] = entity
    return problems


def _circles_of_rules(plugins: Mapping[str, Plugin], entities: Mapping[str, Entity]) -> list[Problem]:
    """Values that need themselves, and controls that wait for each other to be shown."""
    values: dict[Node, list[Step]] = {}
    shown: dict[Node, list[Step]] = {}
    owners: dict[str, str] = {}
    for plugin in plugins.values():
        for entity in plugin.entities:
            owners[entity.full_name] = plugin.name
            proof = Proof(plugin, entity, entities, plugins)
            for one in entity.fields:
                values[(entity.full_name, one.name)] = list(_value_steps(proof, one, None))
                shown[(entity.full_name, one.name)] = list(_shown_steps(proof, one, None))
                for child in one.fields:
                    values[(entity.full_name, f"{one.name}.{child.name}")] = list(_value_steps(proof, child, one))
                    shown[(entity.full_name, f"{one.name}.{child.name}")] = list(_shown_steps(proof, child, one))
    problems = []
    for graph, sentence, remedy in (
        (values, "The values go in a circle", "Let one of them stand on its own."),
        (shown, "None of these can ever be shown first", "Let one of them be shown by something else."),
    ):
        for circle in circles({node: [step[0] for step in steps] for node, steps in graph.items()}):
            first = circle[0][0]
            _, word, place = next(step for step in graph[circle[0]] if step[0] == circle[len(circle) > 1])
            names = _closed([name if owner == first else f"{owner}.{name}" for owner, name in circle])
            problems.append(
                Problem(place, f"{sentence}: {' -> '.join(names)} (by {word}).", remedy, plugin=owners[first])
            )
    return problems


def _value_steps(proof: Proof, one: Field, line: Field | None) -> Iterable[Step]:
    if one.type == "computed":
        yield from _reads(proof, one.formula, "formula", one.place.at("formula"), line)
    elif isinstance(one.default, Expression):
        for step in _reads(proof, one.default.source, "default", one.place.at("default"), line):
            if step[0][0] == proof.entity.full_name:
                yield step
    elif one.type == "rollup" and one.of and one.from_entity != proof.entity.full_name:
        yield (one.from_entity, one.of), "rollup", one.place.at("of")
    elif one.type == "lookup":
        via = line.child(one.via) if line else proof.field(one.via)
        target = proof.target(via) if via else None
        if target is not None:
            yield (target.full_name, one.of), "lookup", one.place.at("of")


def _shown_steps(proof: Proof, one: Field, line: Field | None) -> Iterable[Step]:
    for step in _reads(proof, one.show_if, "show_if", one.place.at("show_if"), line):
        if step[0][0] == proof.entity.full_name:
            yield step


def _reads(proof: Proof, source: str, word: str, place: Place, line: Field | None) -> Iterable[Step]:
    for name in sorted(names_read(source)) if source else ():
        reference, dot, rest = name.partition(".")
        if line is not None and not dot and line.child(name) is not None:
            yield (proof.entity.full_name, f"{line.name}.{name}"), word, place
        elif line is not None and reference == "parent" and dot:
            yield (proof.entity.full_name, rest), word, place
        elif not dot and line is None:
            yield (proof.entity.full_name, name), word, place
        elif dot:
            via = line.child(reference) if line else proof.field(reference)
            target = proof.target(via) if via else None
            # A path to another record of the same entity is no circle by itself: it is another record.
            if target is not None and target.full_name != proof.entity.full_name:
                yield (target.full_name, rest), word, place


def _closed(names: list[str]) -> list[str]:
    return [*names, names[0]]
