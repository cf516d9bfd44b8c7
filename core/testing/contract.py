"""PluginContract: an author writes three lines and inherits the platform's whole expectation of a plugin."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import pytest

from core.registry.generation import Generation
from core.testing.world import World
from schemas import Entity, Plugin, dump_plugin, read_plugin


class PluginContract:
    """Subclass it in a test module, name your package in ``plugin``, and run pytest.

    ``class TestMine(PluginContract): plugin = mine``
    """

    plugin: ClassVar[ModuleType]
    examples: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """By entity: values of fields that no example can be guessed for, as they are or as a function of the World."""

    @pytest.fixture(autouse=True)
    def _known(self, app: World) -> None:
        app.examples.update(self.examples)

    @property
    def name(self) -> str:
        return self.plugin.__name__.rpartition(".")[2]

    def declared(self, app: World) -> Plugin:
        return app.platform.current.plugins[self.name]

    def entities(self, app: World) -> list[Entity]:
        return list(self.declared(app).entities)

    def test_it_is_declared_without_errors(self, app: World) -> None:
        problems = [str(one) for one in app.platform.current.problems
                    if one.plugin == self.name and one.severity == "error"]
        assert not problems, "\n".join(problems)
        assert self.entities(app)

    def test_its_declaration_survives_a_round_trip(self, app: World) -> None:
        before = self.declared(app)
        after, problems = read_plugin(dump_plugin(before), f"{self.name}.yaml")
        assert not [one for one in problems if one.severity == "error"]
        assert after == before

    def test_a_record_of_every_entity_can_be_made_read_and_found(self, app: World) -> None:
        for entity in self.entities(app):
            if not _makeable(entity):
                continue
            record = app.get(entity.full_name, app.any(entity.full_name))
            assert record["display_title"], f"{entity.full_name} has no title: {dict(record)}"

    def test_every_screen_opens_for_every_role(self, app: World) -> None:
        generation: Generation = app.platform.current
        roles = [f"{self.name}.{role.name}" for role in self.declared(app).roles]
        made = {entity.full_name: app.any(entity.full_name) for entity in self.entities(app) if _makeable(entity)}
        for role in [*roles, "core.everything"]:
            client = app.client(app.actor(role))
            for entity in self.entities(app):
                base = f"/{self.name}/{entity.name}"
                views = [f"{base}?view={view.name}" for view in generation.shape(entity.full_name).views]
                for url in [base, *views, f"{base}/new"] + ([f"{base}/{made[entity.full_name]}"]
                                                             if entity.full_name in made else []):
                    answer = client.get(url)
                    assert answer.status_code in (200, 302, 303, 403, 404), f"{role} {url}: {answer.status_code}"
                    if role == "core.everything":
                        assert answer.status_code in (200, 302, 303), f"{url}: {answer.status_code}"

    def test_every_transition_is_reachable_and_somebody_may_take_it(self, app: World) -> None:
        held = {f"{plugin.name}.{role.name}" for plugin in app.platform.current.plugins.values() for role in plugin.roles}
        for entity in self.entities(app):
            if entity.workflow is None:
                continue
            reached = {entity.workflow.initial}
            grew = True
            while grew:
                grew = False
                for move in entity.workflow.transitions:
                    if move.to not in reached and (move.from_states == ("any",) or set(move.from_states) & reached):
                        reached.add(move.to)
                        grew = True
            assert reached == {state.name for state in entity.workflow.states}, f"{entity.full_name}: some state is out of reach"
            for move in entity.workflow.transitions:
                unknown = [role for role in move.roles if role not in held and not role.startswith("core.")]
                assert not unknown, f"{entity.full_name}.{move.name} names roles nobody can hold: {unknown}"

    def test_what_a_role_may_not_read_its_api_does_not_show(self, app: World) -> None:
        made = {entity.full_name: app.any(entity.full_name) for entity in self.entities(app) if _makeable(entity)}
        stranger = app.actor()
        client, headers = app.client(stranger), app.token(stranger)
        for name, record in made.items():
            entity = app.platform.current.entity(name)
            open_to_all = any(rule.role == "core.everyone" and rule.read != "none" for rule in entity.access)
            if not open_to_all:
                plugin, _, short = name.partition(".")
                answer = client.get(f"/api/v1/{plugin}/{short}/{record}", headers=headers)
                assert answer.status_code in (403, 404), f"{name}: {answer.status_code} {answer.text[:200]}"

    def test_every_label_is_written_for_people(self, app: World) -> None:
        for entity in self.entities(app):
            assert entity.label and "_" not in entity.label, entity.full_name
            for field in entity.fields:
                assert field.label and "_" not in field.label, f"{entity.full_name}.{field.name}"


def _makeable(entity: Entity) -> bool:
    return entity.kind not in ("ledger",) and not any(
        rule.kind == "check" and not rule.message for rule in entity.constraints)
