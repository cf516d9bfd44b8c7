"""What ``check`` and the administration page say: every problem of plugins, hooks and overlays, without changing anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from core.registry.calls import LIMIT, Ledger
from core.registry.discover import Discovery, Found, bounds_fault, discover, foreign_owners, functions
from core.registry.found import folder, missing_folder
from core.registry.generation import build
from core.services import documents, plugins
from core.settings import Settings
from core.storage import head
from core.storage.database import Database
from schemas import check, read_overlay, read_plugin
from schemas.model import Overlay, Place, Plugin, Problem
from schemas.refusals import refusals


def everything(settings: Settings) -> list[Problem]:
    """Problems of all plugins, of their hooks (also failures a running system counted), and of the published overlays."""
    discovery = discover(settings)
    _, said = discovery.hooks()
    problems = [Problem(Place(file="environment"), one) for one in foreign_owners()]
    if absent := missing_folder(settings.plugins_dir):
        problems.append(Problem(Place(file=str(settings.plugins_dir)), absent, severity="warning"))
    problems += [*discovery.problems, *said]
    if settings.database_url.startswith("sqlite") and not (settings.data_dir / "backoffice.db").is_file():
        return list(dict.fromkeys(problems))
    database = Database(settings.database_url, settings.data_dir)
    try:
        with database.begin(writing=False) as connection:
            there = sa.inspect(connection).has_table("head") and head.number(connection)
            stored = documents.read(connection, there) if there else None
        if stored is not None:
            ledger = Ledger()
            plugins.read_failures(database, ledger)
            problems += failures(ledger)
            problems += of_overlays(discovery.without(plugins.switched_off(database)), stored.overlays)
    finally:
        database.dispose()
    return list(dict.fromkeys(problems))


def failures(ledger: Ledger) -> list[Problem]:
    """One problem for each plugin whose hooks failed: an error when they are off, else a warning."""
    found = []
    for plugin, ones in sorted(ledger.failures.items()):
        off = ledger.is_off(plugin)
        for hook, reason in dict.fromkeys((one.hook, one.reason) for one in ones[:LIMIT]):
            found.append(
                Problem(
                    Place(file=f"plugin {plugin}", path=f"hook {hook}"),
                    f"The hook {hook} of the plugin {plugin} failed: {reason}.",
                    "Its hooks are off; correct it, then: backoffice plugin reload." if off else "",
                    "error" if off else "warning",
                    plugin,
                )
            )
    return found


def of_overlays(discovery: Discovery, overlays: tuple[Overlay, ...]) -> list[Problem]:
    """Published overlays that no longer fit what the plugins declare: they are left out, as warnings say."""
    declared = [one.plugin for one in discovery.usable if one.plugin]
    entities = {entity.full_name: entity for plugin in declared for entity in plugin.entities}
    added = functions(discovery.usable)
    problems: list[Problem] = []
    before: list[Overlay] = []
    for one in overlays:
        if one.entity in entities:
            shape = build(0, declared, before).shape(one.entity, one.department)
            problems += [replace(problem, severity="warning") for problem in refusals(shape, one, entities, added)]
        else:
            problems.append(
                Problem(
                    one.place,
                    f'An overlay amends "{one.entity}", which no plugin declares now.',
                    "It waits until the plugin is back.",
                    "warning",
                )
            )
        before.append(one)
    return problems


def of_path(settings: Settings, path: Path) -> list[Problem]:
    """Problems of one plugin document, of the plugins in a folder, or of an overlay, judged beside the plugins that are here."""
    discovery = discover(settings)
    here = {one.name: one.plugin for one in discovery.usable if one.plugin}
    if path.is_dir():
        inside = path / f"{path.name}.yaml"
        if inside.is_file():
            return _of_document(inside, here, discovery)
        problems = [
            problem
            for source in folder(path)
            if source.document
            for problem in _of_document(source.document, here, discovery)
        ]
        if not any(True for _ in folder(path)):
            problems.append(
                Problem(
                    Place(file=str(path)), "There is no plugin in this folder.", f"Expected {inside.name} or NAME.yaml."
                )
            )
        return problems
    return _of_document(path, here, discovery)


def _of_document(path: Path, here: dict[str, Plugin], discovery: Discovery) -> list[Problem]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return [Problem(Place(file=str(path)), f"This is not UTF-8 text: {error}.")]
    if any(line.startswith("overlay:") for line in text.splitlines()):
        overlays, problems = read_overlay(text, str(path))
        entities = {entity.full_name: entity for plugin in here.values() for entity in plugin.entities}
        added = functions(discovery.usable)
        for one in overlays:
            if one.entity not in entities:
                problems.append(Problem(one.place, f'There is no entity "{one.entity}".'))
            else:
                problems += refusals(entities[one.entity], one, entities, added)
        return problems
    plugin, problems = read_plugin(text, str(path))
    if plugin is None:
        return problems
    found: Found | None = discovery.found(plugin.name)
    if found is not None and Path(found.source).resolve() == path.resolve():
        # Seen by discovery already, with its name, bounds and code.
        return list(found.problems)
    fault = bounds_fault(plugin.core)
    if fault:
        problems.append(Problem(Place(file=str(path)), fault, 'Write core: ">=1,<2".'))
    others = {**here, plugin.name: plugin}
    known = {entity.full_name: entity for one in others.values() for entity in one.entities}
    missing = [need for need in plugin.needs if need not in others]
    problems += [Problem(plugin.place, f'It needs the plugin "{need}", which is not here.') for need in missing]
    problems += [one for one in check(others, known, functions(discovery.usable)) if one.plugin in ("", plugin.name)]
    return list(dict.fromkeys(problems))
