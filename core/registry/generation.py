"""A Generation: everything declared and amended, checked, numbered and immutable."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from core.errors import NotFound
from core.fields import effective
from core.fields.identity import PerObject
from core.registry.calls import Hooks
from schemas.expressions import Function
from schemas.model import Entity, Field, Overlay, Plugin, Problem, Workflow
from schemas.overlays import amend, renamed

Columns = Mapping[tuple[str, str, str], Mapping[str, str]]
"""Generated columns: by overlay identity (entity, department, name), from field name to its identifier on disk."""

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Steps:
    """How a stored shape came about: the declaration with its columns, and what each overlay in turn made of it."""

    declared: Entity
    own: Mapping[str, str]
    placed: Entity
    each: tuple[tuple[Overlay, Mapping[str, str], Entity], ...]

    @property
    def last(self) -> Entity:
        """The shape after the last overlay."""
        return self.each[-1][2] if self.each else self.placed


@dataclass(frozen=True)
class Generation:
    """What the house serves under one number. Unchanged entities are the same objects as in the generation before."""

    number: int
    plugins: Mapping[str, Plugin]
    overlays: tuple[Overlay, ...]
    entities: Mapping[str, Entity]
    """The stored shape of every entity: the union of everything anybody may use."""
    hooks: Hooks
    problems: tuple[Problem, ...] = ()
    columns: Columns = field(default_factory=dict)
    showing: frozenset[str] = frozenset()
    """The entities with fields that show what stands in others (lookups and rollups)."""
    epoch: int = field(default=0, compare=False)
    drafted: bool = False
    """Only asked what departments would be shown: shapes call fields as their overlays do (:func:`amended`)."""
    _shapes: dict[tuple[str, tuple[tuple[str, str, str], ...]], Entity] = field(
        default_factory=dict, repr=False, compare=False
    )
    _memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _steps: dict[str, Steps] = field(default_factory=dict, repr=False, compare=False)

    def entity(self, full_name: str) -> Entity:
        """The stored shape of ``plugin.entity``. Raises NotFound."""
        found = self.entities.get(full_name)
        if found is None:
            raise NotFound(f'There is no entity "{full_name}".')
        return found

    def base(self, full_name: str) -> Entity:
        """The entity as its plugin declares it, without any overlay. Raises NotFound."""
        plugin, _, name = full_name.partition(".")
        found = self.plugins[plugin].entity(name) if plugin in self.plugins else None
        if found is None:
            raise NotFound(f'There is no entity "{full_name}".')
        return found

    def shape(self, full_name: str, department_code: str = "") -> Entity:
        """What a department is shown, or what holds for its records; "" is the common shape. Raises NotFound.

        Departments with the same overlays share one object.
        """
        mine = tuple(one for one in self._by_entity().get(full_name, ()) if one.department in ("", department_code))
        key = (full_name, tuple(one.identity for one in mine))
        found = self._shapes.get(key)
        if found is None and all(one.department == "" for one in self.overlays_of(full_name)):
            # Nobody is shown anything else than what is stored.
            found = self._shapes.setdefault(key, self._common(full_name, mine))
        if found is None:
            shape = _placed(self.base(full_name), self.columns)
            for one in mine:
                shape = amend(shape, one, self.columns.get(one.identity, _NOTHING))
            if not self.drafted:
                shape = renamed(shape, names) if (names := _stored_names(shape, self.entity(full_name))) else shape
            shape = _told_kinds(shape, self.entities)
            with self._lock:
                found = self._shapes.setdefault(key, shape)
        return found

    def _common(self, full_name: str, overlays: tuple[Overlay, ...]) -> Entity:
        """What everybody is shown: the stored shape, or where only the overlays are others (:func:`amended`) what they make."""
        steps = self._steps.get(full_name)
        if steps is not None and tuple(one for one, _, _ in steps.each) == overlays:
            return self.entity(full_name)
        return _told_kinds(_stepped(self.base(full_name), overlays, self.columns, steps).last, self.entities)

    def left_by(self, newer: Generation) -> list[Entity]:
        """The shapes of this generation that the newer one no longer serves."""
        kept = {id(one) for one in (*newer.entities.values(), *list(newer._shapes.values()))}
        return [one for one in (*self.entities.values(), *list(self._shapes.values())) if id(one) not in kept]

    def overlays_of(self, full_name: str) -> tuple[Overlay, ...]:
        """The overlays that amend the entity, in their order."""
        return self._by_entity().get(full_name, ())

    def fingerprint(self, full_name: str) -> str:
        """A hash of the stored shape's content; equal shapes have equal fingerprints in every process."""
        entity = self.entity(full_name)
        found: str = self._once(("fingerprint", full_name), lambda: fingerprint(entity))
        return found

    def provider(self, what: str) -> Entity | None:
        """The entity that says it ``provides`` this part of the directory: person, department, company, team, ..."""
        table: dict[str, Entity] = self._once("providers", self._providers)
        return table.get(what)

    def targets(self, one: Field) -> tuple[str, ...]:
        """The entities a reference field may point to; ``person`` and ``department`` mean who provides them."""
        if one.type in ("person", "department"):
            provider = self.provider(one.type)
            return (provider.full_name,) if provider else ()
        if one.type == "any_reference" and one.chosen_by:
            return tuple(self.entities)
        return one.to if one.type in ("reference", "references", "any_reference") else ()

    def referrers(self, full_name: str) -> tuple[tuple[Entity, Field], ...]:
        """Who points here with a field of its own (stored shapes). Fields inside lines are in :meth:`line_referrers`."""
        table: dict[str, list[tuple[Entity, Field]]] = self._once("referrers", self._referrers)
        return tuple(table.get(full_name, ()))

    def line_referrers(self, full_name: str) -> tuple[tuple[Entity, Field, Field], ...]:
        """Who points here from within its lines: entity, the ``lines`` field, and the reference inside."""
        table: dict[str, list[tuple[Entity, Field, Field]]] = self._once("line_referrers", self._line_referrers)
        return tuple(table.get(full_name, ()))

    def functions(self) -> Mapping[str, Function]:
        """The functions that plugins add to the expression language, by name; the first plugin to name one keeps it."""

        def gather() -> dict[str, Function]:
            found: dict[str, Function] = {}
            for _, several in self.hooks.call("expression_functions"):
                for one in several if isinstance(several, list | tuple) else ():
                    if isinstance(one, Function):
                        found.setdefault(one.name, one)
            return found

        table: dict[str, Function] = self._once("functions", gather)
        return table

    def roles(self) -> Mapping[str, str]:
        """Every declared role as ``plugin.role`` with its label."""
        table: dict[str, str] = self._once(
            "roles",
            lambda: {
                f"{plugin.name}.{role.name}": role.label or role.name.replace("_", " ").capitalize()
                for plugin in self.plugins.values()
                for role in plugin.roles
            },
        )
        return table

    def _by_entity(self) -> dict[str, tuple[Overlay, ...]]:
        def gather() -> dict[str, tuple[Overlay, ...]]:
            table: dict[str, list[Overlay]] = {}
            for one in self.overlays:
                table.setdefault(one.entity, []).append(one)
            return {name: tuple(ones) for name, ones in table.items()}

        found: dict[str, tuple[Overlay, ...]] = self._once("by_entity", gather)
        return found

    def _providers(self) -> dict[str, Entity]:
        return {entity.provides: entity for entity in self.entities.values() if entity.provides}

    def _referrers(self) -> dict[str, list[tuple[Entity, Field]]]:
        table: dict[str, list[tuple[Entity, Field]]] = {}
        for entity in self.entities.values():
            for one in entity.fields:
                for target in self.targets(one):
                    table.setdefault(target, []).append((entity, one))
        return table

    def _line_referrers(self) -> dict[str, list[tuple[Entity, Field, Field]]]:
        table: dict[str, list[tuple[Entity, Field, Field]]] = {}
        for entity in self.entities.values():
            for one in entity.fields:
                for child in one.fields:
                    for target in self.targets(child):
                        table.setdefault(target, []).append((entity, one, child))
        return table

    def _once(self, key: Any, make: Any) -> Any:
        # Two threads may make the same table at once; both are equal and one is kept.
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]


def build(
    number: int,
    plugins: Iterable[Plugin],
    overlays: Iterable[Overlay] = (),
    columns: Columns | None = None,
    previous: Generation | None = None,
    *,
    hooks: Hooks | None = None,
    problems: Iterable[Problem] = (),
) -> Generation:
    """Put a generation together. Entities whose declaration, overlays and columns equal those in ``previous`` are shared.

    Nothing is checked here: give plugins and overlays that ``schemas.check`` and ``schemas.overlays.refusals`` accept.
    """
    by_name = {plugin.name: plugin for plugin in plugins}
    overlays = tuple(overlays)
    amendments: dict[str, list[Overlay]] = {}
    for one in overlays:
        amendments.setdefault(one.entity, []).append(one)
    columns = dict(columns or {})
    raw: dict[str, Entity] = {}
    kept: set[str] = set()
    steps: dict[str, Steps] = {} if previous is None else dict(previous._steps)
    # What is shared and shows nothing of others needs no further look: a small change in a large house stays small.
    opened: list[str] = []
    for plugin in by_name.values():
        shared = previous is not None and previous.plugins.get(plugin.name) is plugin
        for entity in plugin.entities:
            name = entity.full_name
            mine = tuple(amendments.get(name, ()))
            if previous is not None and _same(previous, entity, mine, columns, shared=shared):
                kept.add(name)
                if name not in previous.showing:
                    raw[name] = previous.entities[name]
                    continue
            steps[name] = _stepped(entity, mine, columns, previous._steps.get(name) if previous is not None else None)
            raw[name] = steps[name].last
            opened.append(name)
    entities = {**raw, **{name: _told_kinds(raw[name], raw) for name in opened}}
    if previous is not None:
        entities |= {name: previous.entities[name] for name in opened if name in kept and entities[name] == previous.entities[name]}
    # What another entity shows of a changed one may be of another kind now.
    kept = {name for name in kept if previous is not None and entities[name] is previous.entities[name]}
    if previous is not None:
        # What is remembered for an entity was proven against those it points at: where one of them means something else, so does it.
        other = _meaning_other(previous.entities, entities)
        for name in kept & _pointing(entities, other):
            entities[name] = replace(entities[name])
            kept.discard(name)
    for name in opened:
        entities[name] = _resolved(entities[name], entities)
    shapes = {} if previous is None else {key: shape for key, shape in dict(previous._shapes).items() if key[0] in kept}
    # An overlay whose entity is gone (its plugin was taken away) stays in the documents and amends nothing.
    return Generation(
        number,
        by_name,
        overlays,
        entities,
        hooks or (previous.hooks if previous else Hooks()),
        tuple(problems),
        columns,
        frozenset(name for name in opened if _shows_others(entities[name])),
        _shapes=shapes,
        _steps={name: one for name, one in steps.items() if name in entities},
    )


def _meaning_other(former: Mapping[str, Entity], entities: Mapping[str, Entity]) -> set[str]:
    """The entities of which a field went or reads otherwise, or a rollup came."""

    def read(one: Entity) -> dict[str, object]:
        return {
            field.name: (field.type, field.many, field.places, field.as_kind, field.column, field.currency, field.to, field.options)
            for field in one.fields
        }

    def counts(one: Entity) -> set[str]:
        return {field.name for field in one.fields if field.type == "rollup"}

    found = set(former.keys() ^ entities.keys())
    for name, old in former.items():
        new = entities.get(name)
        if new is not None and new is not old:
            now = read(new)
            if counts(new) != counts(old) or any(now.get(key) != value for key, value in read(old).items()):
                found.add(name)
    return found


def _pointing(entities: Mapping[str, Entity], targets: set[str]) -> set[str]:
    """Who has a reference to any of these, in a field or in a line; everybody has one to who made the record."""
    if not targets:
        return set()
    by_kind = {one.provides: name for name, one in entities.items() if one.provides}
    if by_kind.get("person") in targets:
        return set(entities)
    return {
        name
        for name, entity in entities.items()
        for one in entity.fields
        for part in (one, *one.fields)
        if targets.intersection(part.to) or by_kind.get(part.type) in targets
    }


def amended(current: Generation, overlays: Iterable[Overlay]) -> Generation:
    """The same declarations under other overlays: only for asking what departments would be shown (``shape``)."""
    return Generation(
        current.number,
        current.plugins,
        tuple(overlays),
        current.entities,
        current.hooks,
        columns=current.columns,
        drafted=True,
        _steps=current._steps,
    )


def build_from(plugins: Iterable[Plugin], number: int = 1) -> Generation:
    """A generation of these plugins alone, in memory, for tests and tools."""
    return build(number, plugins)


def _resolved(entity: Entity, entities: Mapping[str, Entity]) -> Entity:
    """The stored shape with the kind of what its lookups and rollups show written into them; itself when that is so already.

    Tables are built from one entity alone, and other entities say what these fields hold.
    """
    made = []
    for one in entity.fields:
        if one.type in ("lookup", "rollup"):
            shown = effective(one, entities, entity)
            if shown is not one and shown.type != one.type:
                one = replace(one, as_kind=shown.type, places=shown.places, currency=shown.currency)
        made.append(one)
    if all(new is old or new == old for new, old in zip(made, entity.fields, strict=True)):
        return entity
    return replace(entity, fields=tuple(made))


def fingerprint(value: object) -> str:
    """A hash of a declaration's content, without the places where it stands.

    Fields and workflows are hashed once for each object: generations share most of them.
    """
    digest = hashlib.sha256()
    for part in _content(value, whole=True):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:32]


_printed: PerObject[str] = PerObject()


def _same(
    previous: Generation, entity: Entity, mine: tuple[Overlay, ...], columns: Columns, *, shared: bool
) -> bool:
    """``shared`` says that the plugin is the same object as before, so that nothing of it need be compared."""
    name = entity.full_name
    if name not in previous.entities or previous.overlays_of(name) != mine:
        return False
    identities = [own_identity(name), *(one.identity for one in mine)]
    if any(columns.get(one, _NOTHING) != previous.columns.get(one, _NOTHING) for one in identities):
        return False
    if shared:
        return True
    before = previous.base(name)
    return before is entity or before == entity


def _stepped(entity: Entity, overlays: tuple[Overlay, ...], columns: Columns, former: Steps | None) -> Steps:
    """The union: every overlay's additions, none of the tightenings and wordings that hold for one department only.

    What the same overlays made of the same declaration before (``former``) is not made again.
    """
    own = columns.get(own_identity(entity.full_name), _NOTHING)
    if former is None or former.declared is not entity or former.own != own:
        former = Steps(entity, own, _placed(entity, columns), ())
    each: list[tuple[Overlay, Mapping[str, str], Entity]] = []
    stored, same = former.placed, True
    for number, one in enumerate(overlays):
        names = columns.get(one.identity, _NOTHING)
        if same and number < len(former.each):
            before, named, made = former.each[number]
            same = (before is one or before == one) and named == names
            if same:
                stored = made
                each.append((one, names, stored))
                continue
        stored = _added(stored, one, names)
        each.append((one, names, stored))
    return Steps(entity, own, former.placed, tuple(each))


def _added(stored: Entity, overlay: Overlay, names: Mapping[str, str]) -> Entity:
    adding = replace(
        overlay, changes=tuple(verb for verb in overlay.changes if overlay.department == "" or verb.kind in _ADDING)
    )
    if not adding.changes:
        return stored
    taken = {known.name for known in stored.fields if known.scope != overlay.department and known.scope}
    made = amend(_aside(stored, overlay, taken), adding, names)
    for scope in {one.scope for one in made.fields if one.scope and "__" in one.name}:
        # What a department says of a field of its own that stepped aside means that one, not the other department's.
        own = {one.name.partition("__")[0]: one.name for one in made.fields if one.scope == scope and "__" in one.name}
        made = renamed(made, own, scope)
    return made


def own_identity(full_name: str) -> tuple[str, str, str]:
    """Under which a plugin's own fields stand in ``columns``, when one of them has a column that is not named after it."""
    return (full_name, "", "")


def _placed(entity: Entity, columns: Columns) -> Entity:
    """The plugin's own fields with their columns, where these are not simply named after them."""
    names = columns.get(own_identity(entity.full_name))
    if not names:
        return entity
    return replace(
        entity,
        fields=tuple(
            replace(
                one,
                column=names.get(one.name, one.column),
                fields=tuple(
                    replace(child, column=names.get(f"{one.name}.{child.name}", child.column)) for child in one.fields
                ),
            )
            for one in entity.fields
        ),
    )


def _told_kinds(entity: Entity, entities: Mapping[str, Entity]) -> Entity:
    """The shape with the kind of what lookups and rollups show written into them; the same object when it stands there."""
    if not _shows_others(entity):
        return entity
    told = tuple(_told_kind(one, entity, entities) for one in entity.fields)
    return entity if told == entity.fields else replace(entity, fields=told)


def _shows_others(entity: Entity) -> bool:
    return any(one.type in ("lookup", "rollup") for one in entity.fields)


def _told_kind(one: Field, entity: Entity, entities: Mapping[str, Entity]) -> Field:
    if one.type not in ("lookup", "rollup"):
        return one
    shown = effective(one, entities, entity)
    if shown.type in ("lookup", "rollup", "computed"):
        return one
    return replace(one, as_kind="references" if shown.many else shown.type, places=shown.places)


_ADDING = frozenset(
    {"add_field", "add_option", "add_state", "add_transition", "add_view", "add_approval", "remove_field"}
)


def stepped(name: str, scope: str) -> str:
    """What a department's field is called in the union while another one has its name. It stands in expressions as well."""
    return f"{name}__" + re.sub(r"[^A-Za-z0-9]", "_", scope)


def _stored_names(shape: Entity, stored: Entity) -> dict[str, str]:
    """Fields of a department that stepped aside in the union: values stand under the names of the union everywhere."""
    if not any("__" in one.name for one in stored.fields):
        return {}
    by_column = {one.column: one.name for one in stored.fields if one.column}
    return {one.name: by_column[one.column] for one in shape.fields if by_column.get(one.column, one.name) != one.name}


def _aside(stored: Entity, overlay: Overlay, taken: set[str]) -> Entity:
    """Another department's field of the same name steps aside: in the union it is called ``name__department``."""
    names = {verb.args.get("name") for verb in overlay.changes if verb.kind == "add_field"} & taken
    if not names:
        return stored
    there = {one.name for one in stored.fields}
    fields = []
    for one in stored.fields:
        if one.name in names and one.scope:
            called = stepped(one.name, one.scope)
            while called in there:  # codes may differ in signs alone that no name holds
                called += "x"
            there.add(called)
            one = replace(one, name=called)
        fields.append(one)
    return replace(stored, fields=tuple(fields))


def _content(value: object, *, whole: bool = False) -> Iterator[str]:
    if isinstance(value, Field | Workflow) and not whole:
        yield _printed.get(value, lambda: fingerprint(value))
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__
        for one in fields(value):
            if one.compare:
                yield one.name
                yield from _content(getattr(value, one.name))
    elif isinstance(value, Mapping):
        yield "{"
        for key, inner in value.items():
            yield str(key)
            yield from _content(inner)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for inner in value:
            yield from _content(inner)
        yield "]"
    else:
        yield f"{type(value).__name__}:{value}"
