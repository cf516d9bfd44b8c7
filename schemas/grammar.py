"""YAML text or Python values to the model: every mistake is gathered with its place, its meaning and its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from schemas import words
from schemas.dump import plain
from schemas.grammar_field import EntityFieldPart, FieldNames, settle_default
from schemas.grammar_looks import FormNames, FormPart, ViewPart
from schemas.grammar_moves import (
    AccessPart,
    ConstraintPart,
    EffectivePart,
    Roles,
    WorkflowPart,
    completed,
    document_workflow,
)
from schemas.model import Entity, Overlay, Place, Plugin, Problem, Role
from schemas.source import Listed, Mapped, Spot, given, read_documents
from schemas.values import label_of, plural_of
from schemas.verbs import ChangeList
from schemas.words import READING, Fault, Reading

ENTITY_KINDS = ("normal", "tree", "settings", "document", "ledger")
RESERVED_PLUGINS = frozenset(
    {
        "api",
        "login",
        "logout",
        "setup",
        "account",
        "inbox",
        "search",
        "studio",
        "admin",
        "static",
        "files",
        "drafts",
        "pulse",
        "palette",
        "undo",
        "healthz",
        "readyz",
        "metrics",
        "styleguide",
        "core",
        "schemas",
        "plugins",
        "templates",
        "tests",
        "public",
        "hooks",
        "mcp",
        "scim",
        "feed",
        "help",
    }
)
_ONE_BOUND = r"(?:(?:>=|<=|==|!=|~=|>|<)?\s*\d+(?:\.\d+)*)"
_BOUNDS = re.compile(rf"\s*{_ONE_BOUND}(?:\s*,\s*{_ONE_BOUND})*\s*\Z")


class EntityPart(words.Part):
    what = "in an entity"
    label = words.Text(longest=200)
    plural = words.Text(longest=200)
    help = words.Text()
    icon = words.Text(longest=60)
    title = words.Text(longest=300)
    key = words.Many(words.Name(words.MAX_FIELD_NAME))
    kind = words.OneOf(*ENTITY_KINDS, what="kind of entity", load_default="normal")
    parent = words.Name(words.MAX_FIELD_NAME)
    company = words.Flag()
    owner = words.Name(words.MAX_FIELD_NAME)
    due = words.Name(words.MAX_FIELD_NAME)
    home = words.Source()
    provides = words.Text(longest=60)
    effective = words.Inside(EffectivePart())
    members = FieldNames(EntityFieldPart(), data_key="fields", required=True)
    forms = FormNames(FormPart(), "form")
    views = words.Named(ViewPart(), "view")
    workflow = words.Inside(WorkflowPart())
    access = Roles(AccessPart(), "role")
    constraints = words.Each(ConstraintPart(), alone=True)
    reports = words.RawBlock()
    print = words.RawBlock()
    automations = words.RawBlock(blocks_only=False)
    sla = words.RawBlock(blocks_only=False)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def the_workflow_is_whole(self, data: Any, original: Any, **_: Any) -> None:
        has_workflow = "workflow" in original or original.get("kind") == "document"
        if has_workflow and isinstance(original.get("fields"), Mapping) and "state" in original["fields"]:
            raise ValidationError(
                {
                    "fields": {
                        "state": [
                            Fault(
                                'A field cannot be called "state": a record with a workflow has that already.',
                                "Give it another name.",
                                True,
                            )
                        ]
                    }
                }
            )
        if "workflow" in data and data.get("kind") != "document":
            faults = completed(data["workflow"])[1]
            if faults:
                raise ValidationError({"workflow": faults})
        elif "workflow" in data:
            faults = completed(document_workflow(data["workflow"]))[1]
            if faults:
                raise ValidationError({"workflow": faults})

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Entity:
        names = frozenset(one.name for one in data["members"])
        data["fields"] = tuple(settle_default(one, names) for one in data.pop("members"))
        if data["kind"] == "document":
            data["workflow"] = document_workflow(data.get("workflow"))
        if data.get("workflow"):
            data["workflow"] = completed(data["workflow"])[0]
        label = data.pop("label", label_of(original.name))
        plural = data.pop("plural", plural_of(label))
        return Entity(READING.get().plugin, original.name, label, plural, place=original.place, **data)


class RolePart(words.Part):
    what = "in a role"
    label = words.Text(longest=200)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Role:
        return Role(original.name, data.get("label", label_of(original.name)))


class RoleNames(words.Named):
    """Roles by name; a list of names, or a text as the label, will do."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> tuple[Any, ...]:
        if isinstance(value, Listed | Mapped):
            opened = Mapped(value.place)
            for name, block in value.items() if isinstance(value, Mapped) else ((str(one), None) for one in value):
                if isinstance(block, str):
                    text, block = block, Mapped(value.place, name)
                    block["label"] = text
                opened[name] = block
            value = opened
        return super()._deserialize(value, attr, data, **more)


class Pairs(words.Word):
    """Pairs of roles nobody may hold together."""

    _pair = words.Many(words.Owned())

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[tuple[str, str], ...]:
        if not isinstance(value, list):
            raise words.fault("A list of pairs of roles must stand here.", "Write [[one, other]].")
        if len(value) == 2 and all(isinstance(one, str) for one in value):
            value = [value]
        made: list[tuple[str, str]] = []
        errors: dict[int, Any] = {}
        for index, one in enumerate(value):
            try:
                pair = self._pair.deserialize(one, attr, data)
                if len(pair) != 2 or pair[0] == pair[1]:
                    raise words.fault("A pair has two different roles.")
                made.append(pair)
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)


class Bounds(words.Text):
    """Bounds on the plugin interface."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        if text and not _BOUNDS.match(text):
            raise words.fault(f'"{text}" is no bound on a version.', 'Write it like ">=1,<2".')
        return text


class PluginName(words.Name):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        name = super()._deserialize(value, attr, data, **more)
        if name in RESERVED_PLUGINS:
            raise words.fault(
                f'A plugin cannot be called "{name}": the platform uses that name itself.', "Give it another name."
            )
        return name


class PluginPart(words.Part):
    what = "in a plugin"
    name = PluginName(data_key="plugin", required=True)
    label = words.Text(longest=200)
    version = words.Text(longest=40, load_default="0.0.0")
    core = Bounds(longest=100, load_default="")
    needs = words.Many(words.Name(), load_default=())
    uses = words.Many(words.Name(), load_default=())
    roles = RoleNames(RolePart(), "role", load_default=())
    segregation = Pairs(load_default=())
    entities = words.Named(EntityPart(), "entity", load_default=())

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Plugin:
        plugin = Plugin(place=original.place, label=data.pop("label", label_of(data["name"])), **data)
        return replace(plugin, roles=(*plugin.roles, *_implied_roles(plugin)))


class OverlayPart(words.Part):
    what = "in an overlay"
    entity = words.Path(data_key="overlay", required=True)
    department = words.Text(longest=100, load_default="")
    name = words.Text(longest=100, load_default="")
    because = words.Text(load_default="")
    changes = ChangeList(required=True)

    @validates_schema(skip_on_field_errors=False)
    def the_entity_is_whole(self, data: Any, **_: Any) -> None:
        if "entity" in data and "." not in data["entity"]:
            raise ValidationError({"overlay": [Fault(f'"{data["entity"]}" names no entity.', "Write plugin.entity.")]})

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Overlay:
        return Overlay(place=original.place, **data)


_PLUGIN = PluginPart()
_OVERLAY = OverlayPart()


def read_plugin(source: str | Mapping[str, Any] | Plugin, file: str = "") -> tuple[Plugin | None, list[Problem]]:
    """A plugin from YAML text, from a mapping of the same words, or from a :class:`Plugin` that Python made.

    Gives the finished plugin, or None, and every problem. Never raises for what stands in ``source``.
    """
    document, problems = _single(source, file, "plugin")
    if document is None:
        return None, problems
    name = document.get("plugin")
    plugin, more = _load(_PLUGIN, document, file, name if isinstance(name, str) else "", "")
    problems = [replace(one, plugin=str(name or "")) for one in [*problems, *more]]
    if any(one.severity == "error" for one in problems):
        return None, problems
    return plugin, problems


def read_overlay(source: str | Mapping[str, Any] | Overlay, file: str = "") -> tuple[list[Overlay], list[Problem]]:
    """Overlays from YAML text (one for each document in it), from a mapping, or from an :class:`Overlay`.

    Gives those that can be read and every problem. Never raises for what stands in ``source``.
    """
    if isinstance(source, str):
        documents, problems = read_documents(source, file)
        documents = [one for one in documents if one is not None]
        if not documents and not problems:
            problems.append(Problem(Place(file), "There is no overlay here.", "Begin with `overlay: plugin.entity`."))
    else:
        one, problems = _single(source, file, "overlay")
        documents = [] if one is None else [one]
    overlays: list[Overlay] = []
    for document in documents:
        if not isinstance(document, Mapped):
            problems.append(
                Problem(
                    Place(file, 1, 1),
                    "An overlay is a block of words and values.",
                    "Begin with `overlay: plugin.entity`.",
                )
            )
            continue
        entity = document.get("overlay")
        plugin = entity.partition(".")[0] if isinstance(entity, str) else ""
        overlay, more = _load(_OVERLAY, document, file, plugin, "")
        problems.extend(replace(problem, plugin=plugin) for problem in more)
        if overlay is not None:
            overlays.append(overlay)
    return ([] if any(one.severity == "error" for one in problems) and len(documents) == 1 else overlays), problems


def _single(source: Any, file: str, what: str) -> tuple[Mapped | None, list[Problem]]:
    if not isinstance(source, str):
        try:
            document: Any = given(plain(source), file)
        except (ValueError, RecursionError) as error:
            return None, [Problem(Place(file), str(error) or "The declaration is nested too deeply.")]
        documents: list[Any] = [document]
        problems: list[Problem] = []
    else:
        documents, problems = read_documents(source, file)
        documents = [one for one in documents if one is not None]
    begin = f"Begin with `{what}: name`."
    if not documents:
        return None, problems or [Problem(Place(file), f"There is no {what} here.", begin)]
    if len(documents) > 1:
        problems.append(
            Problem(
                Place(file),
                f"There are {len(documents)} documents here; a {what} is one.",
                "Put each into its own file.",
            )
        )
    if not isinstance(documents[0], Mapped):
        return None, [*problems, Problem(Place(file, 1, 1), f"A {what} is a block of words and values.", begin)]
    return documents[0], problems


def _load(part: words.Part, document: Mapped, file: str, plugin: str, path: str) -> tuple[Any, list[Problem]]:
    token = READING.set(Reading(plugin))
    try:
        return part.load(document), []
    except ValidationError as error:
        return None, sorted(
            _problems(error.messages, document, document.place, document.place, file, path),
            key=lambda one: (one.place.line, one.place.column),
        )
    finally:
        READING.reset(token)


def _problems(messages: Any, node: Any, at_key: Place, at: Place, file: str, path: str) -> Iterator[Problem]:
    """Marshmallow's nested messages as problems, each at the place of the word or value it speaks of."""
    if isinstance(messages, str):
        messages = [messages]
    if isinstance(messages, list):
        for message in messages:
            if isinstance(message, Mapping):
                yield from _problems(message, node, at_key, at, file, path)
                continue
            place = at_key if isinstance(message, Fault) and message.at_key else at
            remedy = message.remedy if isinstance(message, Fault) else ""
            yield Problem(replace(place, path=path), str(message), remedy)
        return
    for word, inner in messages.items():
        if word == "_schema":
            yield from _problems(inner, node, at_key, at, file, path)
            continue
        below = f"{path}.{word}" if path else str(word)
        key_place, value_place = at, at
        child: Any = None
        if isinstance(node, Mapped) and str(word) in node:
            child = node[str(word)]
            spots: tuple[Spot, Spot] = node.spots.get(str(word), ((0, 0), (0, 0)))
            if spots[0][0]:
                key_place, value_place = Place(file, *spots[0]), Place(file, *spots[1])
        elif isinstance(node, list) and isinstance(word, int) and word < len(node):
            child = node[word]
            where = node.spots[word] if isinstance(node, Listed) and word < len(node.spots) else (0, 0)
            if where[0]:
                key_place = value_place = Place(file, *where)
        yield from _problems(inner, child, key_place, value_place, file, below)


def _implied_roles(plugin: Plugin) -> list[Role]:
    """Roles of this plugin that access rules and transitions name without a declaration."""
    known = {role.name for role in plugin.roles}
    implied: list[Role] = []
    for entity in plugin.entities:
        named = [rule.role for rule in entity.access]
        named += [role for one in (entity.workflow.transitions if entity.workflow else ()) for role in one.roles]
        for full in named:
            owner, _, name = full.partition(".")
            if owner == plugin.name and name not in known:
                known.add(name)
                implied.append(Role(name, label_of(name)))
    return implied
