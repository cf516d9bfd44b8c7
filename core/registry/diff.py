"""What differs between two generations: in words for people, and in steps for the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from core.registry.generation import Generation
from schemas.model import Entity, Field, Overlay


@dataclass(frozen=True, slots=True)
class Line:
    """One difference in a sentence. ``destructive`` means that stored values stop being shown or held."""

    entity: str
    sentence: str
    destructive: bool = False

    def __str__(self) -> str:
        return f"{self.entity}: {self.sentence}" if self.entity else self.sentence


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs. ``touched`` are the entities whose stored shape is another one."""

    lines: tuple[Line, ...]
    touched: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def words(self) -> list[str]:
        """The differences as sentences."""
        return [str(line) for line in self.lines]


def diff(old: Generation | None, new: Generation) -> Difference:
    """Compare two generations; ``old`` None means that nothing was declared before."""
    lines: list[Line] = []
    before = old.plugins if old else {}
    for name in new.plugins:
        if name not in before:
            lines.append(Line("", f'The plugin "{new.plugins[name].label or name}" is new.'))
        elif before[name].version != new.plugins[name].version:
            lines.append(
                Line(
                    "",
                    f'The plugin "{new.plugins[name].label or name}" goes from version '
                    f"{before[name].version} to {new.plugins[name].version}.",
                )
            )
    lines += [
        Line("", f'The plugin "{before[name].label or name}" is gone; its records stay in the database.', True)
        for name in before
        if name not in new.plugins
    ]
    touched = []
    was = old.entities if old else {}
    for name, entity in new.entities.items():
        if name not in was:
            lines.append(Line(name, "is new."))
            touched.append(name)
        elif was[name] is not entity and was[name] != entity:
            # A shape that only some department sees is told by its overlay, below.
            lines += [Line(name, sentence, harm) for sentence, harm in _entity(was[name], entity)]
            touched.append(name)
    lines += [
        Line(name, "is gone; its records stay in the database.", True) for name in was if name not in new.entities
    ]
    lines += list(_overlays(old.overlays if old else (), new.overlays))
    return Difference(tuple(lines), tuple(touched))


def _entity(old: Entity, new: Entity) -> Iterator[tuple[str, bool]]:
    was = {_key(one): one for one in old.fields}
    now = {_key(one): one for one in new.fields}
    for key, one in now.items():
        if key not in was:
            yield f"the field {_called(one)} ({one.type}) is added{_whose(one)}; existing records show it empty.", False
        elif was[key].type != one.type:
            yield (
                f"the field {_called(one)} becomes {one.type}, it was {was[key].type}; its former values are kept aside.",
                True,
            )
        else:
            yield from ((sentence, False) for sentence in _field(was[key], one))
    for key, one in was.items():
        if key not in now:
            yield f"the field {_called(one)} goes{_whose(one)}; its values are kept.", True
    yield from _named("view", [one.name for one in old.views], [one.name for one in new.views])
    yield from _named("form", [one.name for one in old.forms], [one.name for one in new.forms])
    yield from _named("state", _states(old), _states(new))
    yield from _named("transition", _transitions(old), _transitions(new))
    for what in ("label", "title", "key", "kind", "access", "constraints", "workflow", "views", "forms"):
        if getattr(old, what) != getattr(new, what):
            yield f"its {what} is declared differently.", False


def _field(old: Field, new: Field) -> Iterator[str]:
    if old.label != new.label:
        yield f'the field {_called(old)} is labelled "{new.label}", it was "{old.label}".'
    if old.required != new.required:
        yield f"the field {_called(new)} is {'required now' if new.required else 'no longer required'}."
    gained = [option.label or option.name for option in new.options if option not in old.options]
    if gained and old.options:
        yield f"the field {_called(new)} offers {', '.join(gained)} as well."
    lost = [option.label or option.name for option in old.options if option not in new.options]
    if lost:
        yield f"the field {_called(new)} no longer offers {', '.join(lost)}."
    told = {"name", "type", "label", "required", "options", "place", "column", "scope", "overlay"}
    other = [
        one.name for one in fields(Field) if one.name not in told and getattr(old, one.name) != getattr(new, one.name)
    ]
    if other:
        yield f"the field {_called(new)} changes in {', '.join(other)}."


def _overlays(old: Sequence[Overlay], new: Sequence[Overlay]) -> Iterator[Line]:
    was = {one.identity: one for one in old}
    now = {one.identity: one for one in new}
    for identity, one in now.items():
        if identity not in was:
            yield Line(one.entity, f"the overlay {_titled(one)} is published: {', '.join(verbs(one))}.")
        elif was[identity] != one:
            yield Line(one.entity, f"the overlay {_titled(one)} is replaced: {', '.join(verbs(one))}.")
    for identity, one in was.items():
        if identity not in now:
            yield Line(one.entity, f"the overlay {_titled(one)} is taken back.", True)


def verbs(overlay: Overlay) -> list[str]:
    """Its amendments in a few words each, such as ``add field floor``."""
    said = []
    for verb in overlay.changes:
        args = verb.args
        name = args.get("field") or args.get("name") or args.get("transition") or ""
        said.append(f"{verb.kind.replace('_', ' ')} {name}".strip())
    return said


def _named(what: str, old: list[str], new: list[str]) -> Iterator[tuple[str, bool]]:
    yield from ((f'the {what} "{name}" is added.', False) for name in new if name not in old)
    yield from ((f'the {what} "{name}" goes.', True) for name in old if name not in new)


def _states(entity: Entity) -> list[str]:
    return [one.name for one in entity.workflow.states] if entity.workflow else []


def _transitions(entity: Entity) -> list[str]:
    return [one.name for one in entity.workflow.transitions] if entity.workflow else []


def _key(one: Field) -> tuple[str, str, str]:
    # That it steps aside in the union for another department's field is nothing that happens to it.
    return (one.name.partition("__")[0], one.scope, one.column)


def _called(one: Field) -> str:
    return f'"{one.label or one.name}"'


def _whose(one: Field) -> str:
    return f" for {one.scope}" if one.scope else ""


def _titled(one: Overlay) -> str:
    name = one.identity[2]
    return f'"{name}"' + (f" of {one.department}" if one.department else "")
