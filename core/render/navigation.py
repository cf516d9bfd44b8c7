"""Navigation: one group for each plugin with what the actor may read, worked out once for a generation and a set of roles."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from core.access.actor import Actor
from core.access.grant import grant
from core.registry.generation import Generation
from core.render import words

MOST = 7
_KEPT = 256


@dataclass(frozen=True)
class Entry:
    """One place: ``key`` is the letter after g."""

    label: str
    url: str
    icon: str
    key: str = ""


@dataclass(frozen=True)
class Group:
    """A plugin's places; those after the first seven stand under More."""

    name: str
    label: str
    hue: int
    entries: tuple[Entry, ...]

    @property
    def first(self) -> tuple[Entry, ...]:
        return self.entries[:MOST]

    @property
    def more(self) -> tuple[Entry, ...]:
        return self.entries[MOST:]


_memory: OrderedDict[Any, tuple[Group, ...]] = OrderedDict()
_lock = threading.Lock()


def groups(generation: Generation, actor: Actor) -> tuple[Group, ...]:
    """The groups an actor is offered, in the order of the plugins."""
    key = (id(generation), generation.number, actor, actor.epoch)
    with _lock:
        found = _memory.get(key)
        if found is not None:
            return found
    made = tuple(_groups(generation, actor))
    with _lock:
        _memory[key] = made
        while len(_memory) > _KEPT:
            _memory.popitem(last=False)
    return made


def creatable(generation: Generation, actor: Actor) -> tuple[tuple[str, str], ...]:
    """(label, url) of what the actor may make."""
    found = []
    for entity in generation.entities.values():
        if entity.kind != "settings" and grant(entity, actor).may("create"):
            found.append((words.singular(entity), f"/{entity.plugin}/{entity.name}/new"))
    return tuple(sorted(found))


def makes(generation: Generation, actor: Actor) -> tuple[tuple[str, int, tuple[tuple[str, str, str, bool], ...]], ...]:
    """What the actor may make by function: (function, hue, ((label, url, icon, whether it goes through states), ...))."""
    found = []
    for group in groups(generation, actor):
        plugin = generation.plugins.get(group.name)
        entities = [generation.entities[one.full_name] for one in plugin.entities if one.full_name in generation.entities] if plugin else []
        offered = tuple(
            (words.singular(one), f"/{one.plugin}/{one.name}/new", one.icon or "list", one.workflow is not None)
            for one in entities
            if one.kind != "settings" and grant(one, actor).may("create")
        )
        if offered:
            found.append((group.label, group.hue, offered))
    return tuple(found)


def _groups(generation: Generation, actor: Actor) -> list[Group]:
    made = []
    links: dict[str, list[Entry]] = {}
    for offering, offered in generation.hooks.call("navigation", actor=actor):
        for link in offered if isinstance(offered, list | tuple) else ():
            links.setdefault(offering, []).append(Entry(link.label, link.url, link.icon or "link"))
    order = sorted(generation.plugins.values(), key=lambda one: (one.name == "directory", words.plugin_label(one)))
    for number, plugin in enumerate(order):
        entries = []
        for one in plugin.entities:
            entity = generation.entities.get(one.full_name)
            if entity is not None and grant(entity, actor).may("read"):
                entries.append(Entry(words.plural(entity), f"/{entity.plugin}/{entity.name}", entity.icon or "list"))
        entries += links.get(plugin.name, [])
        if entries:
            made.append(Group(plugin.name, words.plugin_label(plugin), number % 6 + 1, tuple(entries)))
    return made
