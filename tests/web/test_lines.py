"""Line items, files and what points elsewhere: shown, opened, compared and remembered as what they are."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from core.app import create_app
from core.facts import EntityRef, Record
from core.render.serializers import dump_of, file_ids, file_places
from core.services import files, looking
from core.testing.world import World
from tests import houses
from tests.web.conftest import Browser, words

STORE = """
plugin: store
label: Store
version: 1.0.0
core: ">=1,<2"
roles:
  clerk: {label: Clerk}
  guest: {label: Guest}
  visitor: {label: Visitor}
entities:
  shelf:
    label: Shelf
    plural: Shelves
    title: "{code}"
    fields:
      code: {type: text, required: true}
      kept_back: {type: boolean}
    access:
      clerk: {read: "not kept_back", create: all, write: all}
      guest: {read: all}
  thing:
    label: Thing
    title: "{name}"
    fields:
      name: {type: text, required: true}
      secretly: {type: boolean}
      long: {type: long_text}
      rich: {type: rich_text}
      shelf: {type: reference, to: shelf}
      shelves: {type: references, to: shelf}
      any: {type: any_reference, to: [shelf, thing]}
      doc: {type: file}
      parts:
        type: lines
        fields:
          name: {type: text}
          whole: {type: integer}
          shelf: {type: reference, to: shelf}
          any: {type: any_reference, to: [shelf, thing]}
          doc: {type: file}
          pin: {type: secret}
    access:
      clerk: {read: all, create: all, write: all, delete: all}
      guest: {read: "not secretly"}
      visitor: {read: all, hide: [parts]}
  wide:
    label: Wide
    title: "{f0}"
    fields: {WIDE}
    access:
      clerk: {read: all, create: all, write: all}
""".replace("{WIDE}", "{" + ", ".join(f"f{number}: {{type: text}}" for number in range(15)) + "}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A started platform with the directory and the store."""
    with houses.house(tmp_path_factory.mktemp("house"), "store", STORE) as world:
        yield world


@pytest.fixture(scope="module")
def clerk(browser: Callable[..., Browser]) -> Browser:
    return browser("store.clerk")


def put(house: World, name: str, text: str = "evidence") -> int:
    return files.put(house.platform, house.system, io.BytesIO(text.encode()), name).id


def stored(house: World, number: int) -> Record:
    return looking.get(house.platform, house.system, "store.thing", number)


def first(answer: TestResponse) -> str:
    """The changes of a history's newest entry, as text."""
    entry = answer.text.split('class="timeline"')[1].split("<ul>")[1].split("</ul>")[0]
    return html.unescape(re.sub(r"<[^>]*>", " ", entry))


def sides(answer: TestResponse) -> tuple[str, str, str]:
    """What a conflict page shows of its first field: mine, theirs, and what both began with."""
    assert answer.status_code == 409, words(answer)
    field = answer.text.split("<fieldset>")[1].split("</fieldset>")[0]
    mine, theirs = field.split("<label>")[1:3]
    return mine, theirs, field.split('class="mine"')[0]


def typed(clerk: Browser, house: World, number: int, theirs: dict[str, Any], **mine: Any) -> TestResponse:
    """The conflict page of somebody who changed a field that somebody else changed meanwhile."""
    url = f"/store/thing/{number}/edit"
    seen = clerk.version(url)
    house.change("store.thing", number, **theirs)
    return clerk.post(url, MultiDict([("csrf_token", clerk.token()), ("_v", seen), *mine.items()]).to_dict(flat=False))


def test_a_file_in_a_line_is_named_and_opens_for_whoever_sees_the_line(house: World, browser: Callable[..., Browser]) -> None:
    thing = house.create("store.thing", name="Deal", parts=({"name": "a", "doc": put(house, "contract.txt", "signed")},))
    line = stored(house, thing.id)["parts"][0]["id"]
    url = f"/store/thing/{thing.id}"
    there = f"{url}/files/parts.{line}.doc"
    clerk = browser("store.clerk")
    assert f'<a href="{there}">contract.txt</a>' in clerk.get(url).text
    for who in (clerk, browser("store.guest")):
        answer = who.get(there)
        assert answer.status_code == 200 and answer.data == b"signed" and "contract.txt" in answer.headers["Content-Disposition"]
    assert browser("store.visitor").get(there).status_code == 404, "the lines are hidden from them"
    for wrong in ("parts", "parts.doc", f"parts.{line}", f"parts.{line}.name", f"parts.{line + 1}.doc", f"name.{line}.doc", "parts..doc"):
        assert clerk.get(f"{url}/files/{wrong}").status_code == 404, wrong
    house.change("store.thing", thing.id, secretly=True)
    assert browser("store.guest").get(there).status_code == 404, "the record is not theirs to read any more"
    other = house.create("store.thing", name="Other", parts=({"name": "b"},))
    assert clerk.get(f"/store/thing/{other.id}/files/parts.{line}.doc").status_code == 404, "a line of another record"


def test_the_api_answers_the_bytes_of_a_file_in_a_line(house: World) -> None:
    """Its JSON names each file with its place, which ends its address."""
    thing = house.create(
        "store.thing",
        name="Deal",
        doc=put(house, "top.txt", "zeroth"),
        parts=({"name": "a", "doc": put(house, "one.txt", "first")}, {"name": "b", "doc": put(house, "two.txt", "second")}),
    )
    client, token = create_app(platform=house.platform).test_client(), house.token(house.actor("store.clerk"))
    found, generation = stored(house, thing.id), house.platform.current
    dump = dump_of(generation.entity("store.thing"), generation.entities)
    places = dict(file_places(dump, found))
    assert file_ids(dump, [found]) == set(places) and len(places) == 3
    answers = [client.get(f"/api/v1/store/thing/{thing.id}/files/{place}", headers=token) for place in places.values()]
    assert [answer.data for answer in answers] == [b"zeroth", b"first", b"second"]
    hidden = house.token(house.actor("store.visitor"))
    codes = [client.get(f"/api/v1/store/thing/{thing.id}/files/{place}", headers=hidden).status_code for place in places.values()]
    assert codes == [200, 404, 404]


def test_a_replaced_file_in_a_line_is_named_as_of_then_and_leads_nowhere(house: World, clerk: Browser) -> None:
    thing = house.create("store.thing", name="Deal", parts=({"name": "a", "doc": put(house, "old.txt")},))
    line = stored(house, thing.id)["parts"][0]["id"]
    at = house.clock.now().strftime("%Y-%m-%dT%H:%MZ")
    house.clock.advance(minutes=10)
    house.change("store.thing", thing.id, parts=({"id": line, "name": "a", "doc": put(house, "new.txt")},))
    then = clerk.get(f"/store/thing/{thing.id}/as-of?at={at}").text
    assert "old.txt" in then and "new.txt" not in then and f"/files/parts.{line}.doc" not in then


def test_a_record_page_says_the_name_of_its_file(house: World, clerk: Browser) -> None:
    thing = house.create("store.thing", name="Deal", doc=put(house, "top <1>.txt"))
    assert f'<a href="/store/thing/{thing.id}/files/doc">top &lt;1&gt;.txt</a>' in clerk.get(f"/store/thing/{thing.id}").text


def test_a_line_that_points_to_a_hidden_record_says_so(house: World, clerk: Browser) -> None:
    seen, hidden = house.create("store.shelf", code="S-open"), house.create("store.shelf", code="S-shut", kept_back=True)
    lines = ({"name": "a", "any": EntityRef("store.shelf", seen.id)}, {"name": "b", "any": EntityRef("store.shelf", hidden.id)})
    page = clerk.get(f"/store/thing/{house.create('store.thing', name='Points', parts=lines).id}").text
    assert f'<a href="/store/shelf/{seen.id}">S-open</a>' in page
    assert "S-shut" not in page and "store.shelf" not in page and "restricted" in page


def test_a_history_tells_which_lines_came_went_and_changed(house: World, clerk: Browser) -> None:
    shelf, hidden = house.create("store.shelf", code="S-here"), house.create("store.shelf", code="S-shut", kept_back=True)
    lines = ({"name": "stays", "whole": 7}, {"name": "turns", "whole": 1}, {"name": "goes"})
    thing = house.create("store.thing", name="Lines", parts=lines)
    stays, turns, _ = (line["id"] for line in stored(house, thing.id)["parts"])
    house.change(
        "store.thing",
        thing.id,
        parts=(
            {"id": stays, "name": "stays", "whole": 7},
            {"id": turns, "name": "turns", "whole": 999, "pin": "hush"},
            {"name": "comes", "shelf": shelf.id, "any": EntityRef("store.shelf", hidden.id), "doc": put(house, "proof.txt")},
        ),
    )
    told = " ".join(first(clerk.get(f"/store/thing/{thing.id}/history")).split())
    before, _, after = told.partition(" → ")
    assert "Name: goes" in before and "Name: turns, Whole: 1" in before and "999" not in before and "comes" not in before
    assert "Name: turns, Whole: 999" in after and "Name: comes" in after and "S-here" in after and "proof.txt" in after
    assert "stays" not in told and "hush" not in told and "S-shut" not in told and "restricted" in after


def test_a_history_shows_where_two_long_texts_differ(house: World, clerk: Browser) -> None:
    thing = house.create("store.thing", name="Long", long="x" * 400 + "a" + "y" * 400)
    house.change("store.thing", thing.id, long="x" * 400 + "b" + "y" * 400)
    before, _, after = first(clerk.get(f"/store/thing/{thing.id}/history")).partition("→")
    assert "xay" in before and "xby" in after and len(before) < 200
    thing = house.create("store.thing", name="Link", rich='<p><a href="https://a.example">t</a></p>')
    house.change("store.thing", thing.id, rich='<p><a href="https://b.example">t</a></p>')
    before, _, after = first(clerk.get(f"/store/thing/{thing.id}/history")).partition("→")
    assert "https://a.example" in before and "https://b.example" in after


def test_a_history_names_the_files(house: World, clerk: Browser) -> None:
    thing = house.create("store.thing", name="File", doc=put(house, "first.txt"))
    house.change("store.thing", thing.id, doc=put(house, "second.txt"))
    assert "Doc: first.txt → second.txt" in " ".join(first(clerk.get(f"/store/thing/{thing.id}/history")).split())


def test_a_history_says_how_many_fields_of_the_making_it_leaves_out(house: World, clerk: Browser) -> None:
    values: dict[str, Any] = {f"f{number}": "v" for number in range(15)}
    wide = house.create("store.wide", **values)
    text = first(clerk.get(f"/store/wide/{wide.id}/history"))
    assert text.count(": v") + text.count(":  v") == 12 and "and 3 more" in text


def test_a_conflict_shows_line_items_as_tables(house: World, clerk: Browser) -> None:
    thing = house.create("store.thing", name="Lines", parts=({"name": "one", "whole": 1, "doc": put(house, "kept.txt")},))
    line = stored(house, thing.id)["parts"][0]
    sent = {"parts-0-id": str(line["id"]), "parts-0-name": "one", "parts-0-whole": "500"}
    answer = typed(clerk, house, thing.id, {"parts": ({**line, "whole": 999},)}, **sent)
    mine, theirs, was = sides(answer)
    assert "500</td>" in mine and "999</td>" in theirs and ">1</td>" in was
    assert f'<a href="/store/thing/{thing.id}/files/parts.{line["id"]}.doc">kept.txt</a>' in theirs
    assert "kept.txt" in was


def test_a_conflict_shows_titles_and_sanitised_markup(house: World, clerk: Browser) -> None:
    one, two, three = (house.create("store.shelf", code=f"S-{code}").id for code in ("one", "two", "three"))
    thing = house.create("store.thing", name="Points", shelves=(one,))
    mine, theirs, was = sides(typed(clerk, house, thing.id, {"shelves": (two,)}, shelves=str(three)))
    assert "S-three" in mine and "S-two" in theirs and "S-one" in was
    thing = house.create("store.thing", name="Any", any=EntityRef("store.shelf", one))
    mine, theirs, was = sides(typed(clerk, house, thing.id, {"any": EntityRef("store.shelf", two)}, any=f"store.shelf:{three}"))
    assert "S-three" in mine and "S-two" in theirs and "S-one" in was
    thing = house.create("store.thing", name="Rich", rich='<p><a href="https://a.example">t</a></p>')
    mine, theirs, was = sides(
        typed(clerk, house, thing.id, {"rich": '<p><a href="https://b.example">t</a></p>'}, rich='<p><a href="https://c.example">t</a></p>')
    )
    assert 'href="https://c.example"' in mine and 'href="https://b.example"' in theirs and 'href="https://a.example"' in was


def test_a_bulk_preview_shows_titles(house: World, clerk: Browser) -> None:
    one, two = house.create("store.shelf", code="S-left").id, house.create("store.shelf", code="S-right").id
    hidden = house.create("store.shelf", code="S-shut", kept_back=True).id
    thing = house.create("store.thing", name="Bulk", shelves=(one, hidden), any=EntityRef("store.shelf", one))
    sent = MultiDict(
        [
            ("csrf_token", clerk.token()),
            ("id", str(thing.id)),
            ("_set", "shelves"),
            ("_set", "any"),
            ("shelves", str(two)),
            ("any", f"store.shelf:{two}"),
        ]
    )
    page = clerk.client.post("/store/thing/bulk/edit", data=sent)
    rows = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in re.findall(r'(?s)<td class="diff">(.*?)</td>', page.text)]
    assert len(rows) == 1 and "Shelves: S-left , restricted → S-right" in rows[0].replace("S-left,", "S-left ,"), rows
    assert "Any: S-left → S-right" in rows[0]
def test_the_api_names_a_file_in_a_line_and_answers_its_bytes(house: World) -> None:
    thing = house.create(
        "store.thing",
        name="Deal",
        doc=put(house, "top.txt"),
        parts=({"name": "a", "doc": put(house, "one.txt", "first")}, {"name": "b", "doc": put(house, "two.txt", "second")}),
    )
    client, token = create_app(platform=house.platform).test_client(), house.token(house.actor("store.clerk"))
    made = client.get(f"/api/v1/store/thing/{thing.id}", headers=token).json
    assert made["doc"]["name"] == "top.txt"
    assert [line["doc"]["name"] for line in made["parts"]] == ["one.txt", "two.txt"]
    assert [client.get(line["doc"]["url"], headers=token).data for line in made["parts"]] == [b"first", b"second"]
    hidden = house.token(house.actor("store.visitor"))
    assert client.get(made["parts"][0]["doc"]["url"], headers=hidden).status_code == 404


