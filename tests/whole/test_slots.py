"""Naughty texts in every place of a declaration: the check refuses them, or pages show them and run nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.services import publish
from core.testing.world import World
from schemas import check, read_overlay, read_plugin
from schemas.dump import dump_plugin
from schemas.model import Overlay
from tests import naughty
from tests.soak import SOAK, lengthened
from tests.whole.naughty_house import Seen, house
from tests.whole.slots import ELSEWHERE, Slot, all_definitions, overlay, plugin, slots


def wrong(document: dict[str, Any]) -> list[str]:
    """What the check says against a plugin, as sentences."""
    found, problems = read_plugin(document)
    if found is not None:
        problems = [*problems, *check({found.name: found}, {})]
    return [one.message for one in problems if one.severity == "error"]


def one_of_each(found: list[Slot]) -> list[Slot]:
    """The first place of each kind."""
    return list({(one.of, one.word): one for one in reversed(found)}.values())


def test_the_example_reaches_every_block_that_has_a_text() -> None:
    assert wrong(plugin(1)) == [] and read_overlay(overlay(0))[1] == []
    reached = {one.of for one in (*slots(plugin(1)), *slots(overlay(0)))}
    missing = set(all_definitions()) - reached - set(ELSEWHERE)
    assert not missing, f"put these into the example of tests/whole/slots.py: {sorted(missing)}"


def taken_by(document: dict[str, Any], place: Slot, text: str) -> bool:
    """Whether the check takes the text in that place; a refusal is a sentence."""
    said = wrong(place.filled(document, text))
    assert all(len(one) > 10 for one in said), said
    return not said


@pytest.fixture(scope="module")
def takes() -> set[tuple[str, str, str]]:
    """Which texts the check takes in which place: (definition, word, text)."""
    document = plugin(1)
    return {(place.of, place.word, text) for place in one_of_each(slots(document)) for text in naughty.twenty()
            if taken_by(document, place, text)}


def test_each_place_takes_or_refuses_each_text(takes: set[tuple[str, str, str]]) -> None:
    document = plugin(1)
    for place in one_of_each(slots(document)):
        assert not any(taken_by(document, place, text) for text in ("a\x00b", "\ud800", "x" * 3_000)), place
    assert len({(of, word) for of, word, _ in takes}) > 15
    for place in one_of_each(slots(overlay(0))):
        for text in (*naughty.twenty(), "a\x00b", "\ud800"):
            found, problems = read_overlay(place.filled(overlay(0), text))
            assert found or all(len(one.message) > 10 for one in problems)


@pytest.fixture(scope="module")
def decorated(tmp_path_factory: pytest.TempPathFactory, takes: set[tuple[str, str, str]]) -> Iterator[World]:
    """The house with all twenty texts, on SQLite."""
    with furnished(tmp_path_factory.mktemp("slots"), "", naughty.twenty(), takes) as world:
        yield world


@contextlib.contextmanager
def furnished(folder: Path, url: str, texts: list[str], takes: set[tuple[str, str, str]]) -> Iterator[World]:
    """A house where each entity holds one of the texts in every place that takes it, and one overlay too."""
    document = plugin(len(texts))
    for place in slots(document):
        text = texts[int(str(place.way[1]).removeprefix("thing"))] if place.way[:1] == ("entities",) else texts[0]
        # Flags of some kinds only are no words for people: a pattern would refuse every value.
        if place.word not in ("pattern", "provides", "min", "max") and (place.of, place.word, text) in takes:
            place.fill(document, text)
    read, problems = read_plugin(document)
    assert read is not None and wrong(document) == [], problems
    with house(folder, url, dump_plugin(read), "slots") as world:
        overlays: list[Overlay] = []
        for number, text in enumerate(texts):
            one = overlay(number)
            for place in slots(one):
                if place.word in ("label", "help", "confirm", "because"):
                    place.fill(one, text)
            overlays += read_overlay(one)[0]
        assert len(overlays) == len(texts)
        publish.apply(world.platform, world.actor("core.admin"), overlays)
        yield world


@lengthened
def test_pages_show_them_and_run_nothing(decorated: World) -> None:
    clerk = decorated.actor("slots.clerk", "core.admin")
    client, headers = decorated.client(clerk), decorated.token(clerk)
    refused = []
    for number, text in enumerate(naughty.twenty()):
        shape = decorated.platform.current.entity(f"slots.thing{number}")
        made = decorated.create(f"slots.thing{number}", by=clerk, name="A name", kind="small", parts=[{"what": "x"}]).id
        base = f"/slots/thing{number}"
        one = f"{base}/{made}"
        urls = (base, f"{base}?view=board", f"{base}?view=mine", f"{base}/new", f"{base}/new?form=whole", one, f"{one}/edit",
                f"{one}/history", f"{one}/move/finish", f"{one}/move/pause", f"{one}/delete", f"{one}/related", f"{one}/actions",
                f"{base}/bulk/edit?id={made}", f"{base}/bulk/move/finish?id={made}", f"{base}/filter?_field=kind", f"{base}/facets",
                f"{base}/trash", f"{one}/print.pdf", f"{base}/export?format=csv", f"{base}/export?format=xlsx", f"/palette?q={number}")
        for turn, url in enumerate(urls):
            if turn % 3 != number % 3 and not SOAK:
                continue
            answer = client.get(url)
            assert answer.status_code == 200, (url, text, answer.status_code)
            if (answer.content_type or "").startswith("text/html"):
                refused += [(url, one) for one in Seen(answer.text).runs]
        seen = " ".join(" ".join(Seen(client.get(f"{base}/{made}").text).texts).split())
        assert " ".join(shape.label.split()) in seen, (text, shape.label)
    for url in ("/", "/slots", "/create", "/palette", "/search?q=name", "/account", "/admin", "/admin/plugins",
                "/admin/generations", "/studio"):
        answer = client.get(url)
        assert answer.status_code in (200, 303, 404), (url, answer.status_code)
        refused += [(url, one) for one in Seen(answer.text).runs]
    assert not refused, refused[:10]
    assert client.get("/api/v1/openapi.json", headers=headers).status_code == 200


def test_postgresql_takes_them_too(tmp_path: Path, postgres_url: str, takes: set[tuple[str, str, str]]) -> None:
    """The quick form: every fifth text, in every place of an entity that takes it."""
    texts = naughty.twenty()[::5]
    with furnished(tmp_path, postgres_url, texts, takes) as world:
        clerk = world.actor("slots.clerk", "core.admin")
        client = world.client(clerk)
        for number, text in enumerate(texts):
            base = f"/slots/thing{number}"
            one = f"{base}/{world.create(f'slots.thing{number}', by=clerk, name='A name', kind='small', parts=[{'what': 'x'}]).id}"
            for url in (base, f"{base}?view=board", f"{base}?q=name", f"{base}/new", one, f"{one}/edit", f"{one}/history",
                        f"{one}/move/finish", f"{base}/facets", f"{base}/export?format=csv"):
                answer = client.get(url)
                assert answer.status_code == 200, (url, text, answer.status_code)
                assert not (answer.content_type or "").startswith("text/html") or not Seen(answer.text).runs, (url, text)
            label = " ".join(world.platform.current.entity(f"slots.thing{number}").label.split())
            assert label in " ".join(" ".join(Seen(client.get(one).text).texts).split()), (text, label)


def test_texts_of_one_file_are_read_from_yaml_too(tmp_path: Path) -> None:
    """The same through YAML's own quoting."""
    document = plugin(1)
    for text in naughty.twenty():
        made = Slot("Entity", "help", ("entities", "thing0")).filled(document, text)
        found, problems = read_plugin(json.dumps(made))
        assert (found is not None and found.entities[0].help == text) or all(len(one.message) > 10 for one in problems)
