"""Search finds what its reader may read, newest first, and never takes what people type for a syntax."""

from __future__ import annotations

import pytest

from core.storage import search
from core.storage.query import Query
from tests.reading.test_sight import live
from tests.reading.world import World


def hits(world: World, actor: object, text: str, entity: str = "desk.ticket", limit: int = 200) -> list[int]:
    return [item.id for item in world.page(actor, Query(q=text, limit=limit), entity).items]  # type: ignore[arg-type]


def test_words_are_found_without_regard_to_case_and_accents_newest_first(world: World) -> None:
    chief = world.actor("desk.chief")
    wanted = sorted((n for n, v in live(world).items() if str(v["summary"] or "").startswith("Élan")), reverse=True)
    assert wanted
    for text in ("élan", "ELAN", "elan", "éla"):
        assert hits(world, chief, text) == wanted


def test_all_words_must_be_there_and_the_last_may_be_a_beginning(world: World) -> None:
    chief = world.actor("desk.chief")
    wanted = {
        n
        for n, v in live(world).items()
        if v["summary"] and str(v["summary"]).startswith("Zoo") and v["note"] and "secretword2" in str(v["note"])
    }
    assert set(hits(world, chief, "secretword2 zo")) == wanted
    assert hits(world, chief, "zo secretword2") == []


def test_words_of_hidden_fields_are_not_found(world: World) -> None:
    reader = world.actor("desk.reader", person=1)
    assert hits(world, reader, "secretword1") == [] and hits(world, reader, "paper") == []
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    assert set(hits(world, both, "paper")) == {
        n for n, v in live(world).items() if v["note"] and v["department_id"] == 1
    }


@pytest.mark.parametrize(
    "roles", [("desk.clerk",), ("desk.requester",), ("desk.worker",), ("desk.clerk", "desk.worker")]
)
def test_row_rules_hold_in_search(world: World, roles: tuple[str, ...]) -> None:
    actor = world.actor(*roles, person=3, department=2)
    readable = set(world.all_pages(actor, Query(limit=50)))
    for text in ("lamp", "desk", "t"):
        words = {
            n
            for n, v in live(world).items()
            if any(word.startswith(text) for word in search.words(f"{v['code']} {v['summary'] or ''}"))
        }
        found = hits(world, actor, text)
        assert set(found) == words & readable
        assert found == sorted(found, reverse=True)


def test_hits_are_paged_like_any_list(world: World) -> None:
    chief = world.actor("desk.chief")
    everything = hits(world, chief, "lamp")
    for sort in ((), (("id", True),)):
        assert world.all_pages(chief, Query(q="lamp", limit=3, sort=sort)) == everything
        assert world.all_pages(chief, Query(q="lamp", limit=3, sort=sort), backwards=True) == everything[::-1]
    assert sorted(world.all_pages(chief, Query(q="lamp", limit=3, sort=(("due", True),)))) == sorted(everything)
    with world.reader(chief) as reader:
        assert reader.count(Query(q="lamp")) == (len(everything), False)


@pytest.mark.parametrize(
    "text",
    [
        "lamp OR",
        '"',
        "lamp*",
        "NEAR(lamp desk)",
        "acl : d1",
        "w0:lamp",
        "d1",
        "o3",
        "0lamp",
        "~d1",
        "a' | 'b",
        "\\",
        "lamp & !desk",
        "-",
        "%",
        "😀",
        "(((",
        "x" * 10_000,
        "a " * 500,
        "{w1}",
        "\u202e",
        "lamp -desk",
        ":*",
        "''''",
        "\t\n",
    ],
)
def test_what_people_type_is_never_a_syntax(world: World, text: str) -> None:
    chief = world.actor("desk.chief")
    found = hits(world, chief, text)
    wanted = search.words(text)
    if not wanted:
        assert found == ([] if text.strip() else sorted(live(world), reverse=True))
        return
    for number in found:
        values = world.tickets[number]
        there = search.words(f"{values['code']} {values['summary'] or ''} {values['note'] or ''}", 100)
        assert all(word in there for word in wanted[:-1]) and any(word.startswith(wanted[-1]) for word in there)


def test_a_changed_record_is_found_by_its_new_words_only(world: World) -> None:
    entity = world.generation.entity("desk.site")
    with world.writing() as unit:
        search.index_record(unit, entity, {"id": 1, "code": "S1", "city": "Atlantis"})
    everyone = world.actor("desk.chief")
    assert hits(world, everyone, "atlantis", "desk.site") == [1]
    with world.writing() as unit:
        search.index_record(unit, entity, {"id": 1, "code": "S1", "city": world.titles[1].split(" ", 1)[1]})
    assert hits(world, everyone, "atlantis", "desk.site") == []


def test_words_are_folded_letters_and_digits() -> None:
    assert search.words("Ünïcode_und 12,5 €-Läden") == ("unicode", "und", "12", "5", "laden")
