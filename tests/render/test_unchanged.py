"""A form that is opened and sent back as a browser sends it changes nothing; what was typed into one comes back whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from core.app import create_app
from core.facts import FixedClock, Money, Record
from core.services import accounts, looking
from core.services.platform import Platform
from core.testing.world import World
from tests import houses

ODD = """
plugin: odd
label: Odd
version: 1.0.0
core: ">=1,<2"
roles: {clerk: {label: Clerk}}
entities:
  thing:
    label: Thing
    title: "{name}"
    fields:
      name: {type: text, required: true}
      long: {type: long_text}
      dec: {type: decimal, places: 3}
      mon: {type: money}
      pct: {type: percent}
      clock: {type: time}
      moment: {type: datetime}
      span: {type: duration}
      pick: {type: choice, options: [a, b GONE]}
      picks: {type: choices, options: [o1, o2, o3 GONE]}
      js: {type: json}
      cur: {type: text}
      due: {type: money, currency: cur}
      sec: {type: secret}
      last: {type: text, show_if: "name == 'x'"}
      parts:
        type: lines
        fields:
          label: {type: text}
          moment: {type: datetime}
          span: {type: duration}
          mon: {type: money}
          pick: {type: choice, options: [a, b GONE]}
          picks: {type: choices, options: [o1, o2, o3 GONE]}
          cur: {type: text}
          due: {type: money, currency: cur}
          whole: {type: money, currency: parent.cur}
    access:
      clerk: {read: all, create: all, write: all, delete: all}
  survey:
    label: Survey
    title: "{first}"
    fields:
      first: {type: text, required: true}
      sec: {type: secret}
      second: {type: text}
    forms:
      steps:
        steps:
          - {label: One, sections: [{fields: [first, sec]}]}
          - {label: Two, sections: [{fields: [second]}]}
    access:
      clerk: {read: all, create: all, write: all}
"""
SECOND = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
"""The second half past two of a night in autumn."""
STORED: dict[str, dict[str, Any]] = {
    "an undeclared choice": {"pick": "gone"},
    "choices in their order": {"picks": ("o2", "o1")},
    "an undeclared one among several": {"picks": ("o1", "gone")},
    "the repeated hour": {"moment": SECOND},
    "microseconds": {"moment": datetime(2026, 6, 1, 12, 0, 0, 123_456, tzinfo=UTC)},
    "local mean time": {"moment": datetime(1890, 6, 1, 12, 0, tzinfo=UTC)},
    "the year 999": {"moment": datetime(999, 6, 1, 12, 0, tzinfo=UTC)},
    "parts of a second": {"clock": time(14, 30, 1, 500_000)},
    "carriage returns": {"long": "\n a\rb\n\n"},
    "a length with seconds": {"span": 45},
    "a negative length": {"span": -5_400},
    "three places": {"dec": Decimal("1.234")},
    "a percentage": {"pct": Decimal("1.2340")},
    "another currency": {"mon": Money(Decimal("1234.00"), "JPY")},
    "a named currency": {"cur": "JPY", "due": Money(Decimal("5.00"), "JPY")},
    "structured data": {"js": {"a": 1e22, "b": "x\ny"}},
    "lines": {
        "cur": "JPY",
        "parts": (
            {"label": "n", "moment": SECOND, "span": 3_661, "mon": Money(Decimal("5.00"), "JPY"), "pick": "gone", "picks": ("gone", "o1")},
            {"label": "m", "cur": "USD", "due": Money(Decimal("5.50"), "USD"), "whole": Money(Decimal("7.00"), "JPY")},
        ),
    },
}
STORED_NAMES = frozenset(name for values in STORED.values() for name in values)


class Controls(HTMLParser):
    """The texts of a record's form, as a browser sends them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: list[tuple[str, str]] = []
        self.action = ""
        self.inside = self.hidden = 0
        self.area: str | None = None
        self.select = ""
        self.chosen: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.hidden += tag == "template"
        if tag == "form" and given.get("id") == "form":
            self.inside, self.action = 1, given["action"]
        if self.hidden or not self.inside:
            return
        if tag == "input" and "name" in given and given.get("type") not in ("file", "submit", "button"):
            if given.get("type") not in ("checkbox", "radio"):
                self.sent.append((given["name"], given.get("value", "")))
            elif "checked" in given:
                self.sent.append((given["name"], given.get("value", "on")))
        elif tag == "textarea":
            self.area, self.select = "", given["name"]
        elif tag == "select":
            self.chosen, self.select = None, given["name"]
        elif tag == "option" and self.select and ("selected" in given or self.chosen is None):
            self.chosen = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area += data

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag == "template"
        if tag == "form":
            self.inside = 0
        if self.hidden or not self.inside:
            return
        if tag == "textarea" and self.area is not None:
            text = self.area.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.sent.append((self.select, text.replace("\n", "\r\n")))
            self.area = None
        elif tag == "select":
            self.sent.append((self.select, self.chosen or ""))
            self.select = ""


def controls(page: TestResponse) -> tuple[str, MultiDict[str, str]]:
    read = Controls()
    read.feed(page.text)
    assert read.sent
    return read.action, MultiDict(read.sent)


def filled(sent: MultiDict[str, str], **texts: str) -> MultiDict[str, str]:
    made = sent.copy()
    for name, text in texts.items():
        made.setlist(name, [text])
    return made


class House(World):
    """A house with one plugin, of which some choices are taken away after records were made with them."""

    made: dict[str, int]

    def get(self, number: int) -> Record:
        return looking.get(self.platform, self.system, "odd.thing", number)

    def browser(self, **person: str) -> Any:
        clerk = self.actor("odd.clerk")
        if person:
            self.change("directory.person", clerk.person, **person)
        client = create_app(platform=self.platform).test_client()
        client.set_cookie("session", accounts.open_session(self.platform, clerk.account or 0))
        return client


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("odd")
    clock = FixedClock(houses.BEGIN)
    made: dict[str, int] = {}
    for choices in (", gone", ""):
        settings = houses.settings_with(folder, "odd", ODD.replace(" GONE", choices))
        platform = Platform(settings, clock, find=houses.only("odd"))
        platform.start()
        house = House(platform, clock)
        if choices:
            made = {name: house.create("odd.thing", name=name, **values).id for name, values in STORED.items()}
            platform.close()
    house.made = made
    try:
        yield house
    finally:
        platform.close()


@pytest.fixture(scope="module")
def browsers(odd: House) -> dict[str, Any]:
    return {language: odd.browser(language=language, time_zone="Europe/Berlin") for language in ("en", "de")}


def values(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name in STORED_NAMES}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", STORED)
def test_a_form_that_is_saved_unchanged_changes_nothing(odd: House, browsers: dict[str, Any], name: str, language: str) -> None:
    client, number = browsers[language], odd.made[name]
    before = odd.get(number)
    for _ in range(2):
        action, sent = controls(client.get(f"/odd/thing/{number}/edit"))
        answer = client.post(action, data=sent)
        assert answer.status_code == 303, answer.text
    after = odd.get(number)
    assert values(after) == values(before)
    assert after.version == before.version


@pytest.mark.parametrize("name", [name for name in STORED if "undeclared" not in name and name != "lines"])
def test_a_duplicate_has_the_values_it_was_made_from(odd: House, browsers: dict[str, Any], name: str) -> None:
    action, sent = controls(browsers["de"].get(f"/odd/thing/new?copy={odd.made[name]}"))
    answer = browsers["de"].post(action, data=sent)
    assert answer.status_code == 303, answer.text
    assert values(odd.get(int(answer.location.rsplit("/", 1)[1]))) == values(odd.get(odd.made[name]))


def test_a_duplicates_lines_have_the_values_of_those_they_were_made_from(odd: House, browsers: dict[str, Any]) -> None:
    lines = ({"label": "n", "moment": SECOND, "span": 45, "picks": ("o2", "o1")}, {"label": "m", "moment": SECOND})
    number = odd.create("odd.thing", name="two lines", parts=lines).id
    action, sent = controls(browsers["de"].get(f"/odd/thing/new?copy={number}"))
    answer = browsers["de"].post(action, data=sent)
    made = odd.get(int(answer.location.rsplit("/", 1)[1]))["parts"]
    assert [{name: line[name] for name in held} for line, held in zip(made, lines, strict=True)] == list(lines)


def test_a_duplicate_of_what_went_away_keeps_what_was_typed(odd: House, browsers: dict[str, Any]) -> None:
    number = odd.create("odd.thing", name="short-lived", span=45).id
    action, sent = controls(browsers["en"].get(f"/odd/thing/new?copy={number}"))
    odd.delete("odd.thing", number)
    answer = browsers["en"].post(action, data=sent)
    assert answer.status_code == 303
    assert odd.get(int(answer.location.rsplit("/", 1)[1]))["span"] == 45


def test_a_choice_that_left_the_choices_can_be_taken_away_and_not_be_chosen_anew(odd: House, browsers: dict[str, Any]) -> None:
    client = browsers["en"]
    number = odd.made["an undeclared one among several"]
    action, sent = controls(client.get(f"/odd/thing/{number}/edit"))
    assert sent.getlist("picks") == ["o1", "gone"]
    sent.setlist("picks", ["o1", "o2", "gone"])
    answer = client.post(action, data=sent)
    assert answer.status_code == 422 and "is not one of the choices" in answer.text
    assert controls(answer)[1].getlist("picks") == ["o1", "o2", "gone"], "what was chosen is still there"
    sent.setlist("picks", ["o2"])
    assert client.post(action, data=sent).status_code == 303
    assert odd.get(number)["picks"] == ("o2",)
    sent.setlist("picks", ["gone"])
    sent.setlist("_v", [str(odd.get(number).version)])
    assert client.post(action, data=sent).status_code == 422


def test_other_values_are_still_read_and_checked(odd: House, browsers: dict[str, Any]) -> None:
    number = odd.create("odd.thing", name="typed", moment=SECOND, mon=Money(Decimal("5.00"), "JPY"), span=45).id
    action, sent = controls(browsers["de"].get(f"/odd/thing/{number}/edit"))
    for name, text in {"moment": "2026-10-25T02:31", "mon_currency": "EUR", "span": "46s", "pick": "b"}.items():
        sent.setlist(name, [text])
    assert browsers["de"].post(action, data=sent).status_code == 303
    found = odd.get(number)
    assert (found["moment"], found["mon"]) == (datetime(2026, 10, 25, 0, 31, tzinfo=UTC), Money(Decimal("5.00"), "EUR"))
    assert (found["span"], found["pick"]) == (46, "b")


def test_an_amount_takes_the_currency_that_its_field_names(odd: House, browsers: dict[str, Any]) -> None:
    client = browsers["en"]
    _, form = controls(client.get("/odd/thing/new"))
    for currency, text, kept in (("USD", "7.50", "7.50"), ("JPY", "7", "7.00")):
        sent = filled(form, name="new", cur=currency, due=text)
        sent = filled(sent, **{"parts-0-label": "n", "parts-0-whole": text, "parts-0-cur": "CHF", "parts-0-due": "8"})
        answer = client.post("/odd/thing/new", data=sent)
        assert answer.status_code == 303, answer.text
        found = odd.get(int(answer.location.rsplit("/", 1)[1]))
        line = found["parts"][0]
        assert found["due"] == line["whole"] == Money(Decimal(kept), currency)
        assert line["due"] == Money(Decimal("8.00"), "CHF")
    action, sent = controls(client.get(f"{answer.location}/edit"))
    sent.setlist("cur", ["USD"])
    sent.setlist("due", ["5.50"])
    assert client.post(action, data=sent).status_code == 303
    assert odd.get(found.id)["due"] == Money(Decimal("5.50"), "USD")


def test_an_amount_in_another_currency_than_the_named_one_is_refused(odd: House, browsers: dict[str, Any]) -> None:
    for cur, due in (("USD", "7 EUR"), ("JPY", "7.50")):
        answer = browsers["en"].post("/odd/thing/new", data={**_token(browsers["en"]), "name": "n", "cur": cur, "due": due})
        assert answer.status_code == 422 and cur in answer.text


def test_a_typed_secret_comes_back_to_who_typed_it_and_a_stored_one_to_nobody(odd: House, browsers: dict[str, Any]) -> None:
    client = browsers["en"]
    _, sent = controls(client.get("/odd/thing/new"))
    sent.setlist("sec", ["hush-hush"])
    refused = client.post("/odd/thing/new", data=sent)
    assert refused.status_code == 422 and controls(refused)[1]["sec"] == "hush-hush"
    part = client.post("/odd/thing/new?partial=1", data=sent)
    assert 'value="hush-hush"' in part.text
    sent = controls(refused)[1]
    sent.setlist("name", ["with a secret"])
    number = client.post("/odd/thing/new", data=sent).location.rsplit("/", 1)[1]
    assert f"/odd/thing/{number}" in client.get("/odd/thing?sec__empty=false&sort=-id").text
    for url in (f"/odd/thing/{number}/edit", f"/odd/thing/{number}", f"/odd/thing/new?copy={number}"):
        assert "hush-hush" not in client.get(url).text
    _, sent = controls(client.get(f"/odd/thing/{number}/edit"))
    sent.setlist("name", [""])
    assert "hush-hush" not in client.post(f"/odd/thing/{number}/edit", data=sent).text


def test_a_secret_goes_through_steps(odd: House, browsers: dict[str, Any]) -> None:
    client = browsers["en"]
    _, sent = controls(client.get("/odd/survey/new"))
    _, sent = controls(client.post("/odd/survey/new", data=filled(sent, first="stepped", sec="hush-hush", _go="next")))
    assert sent["sec"] == "hush-hush"
    assert client.post("/odd/survey/new", data=sent).status_code == 303
    assert "stepped" in client.get("/odd/survey?sec__empty=false").text


def _token(client: Any) -> dict[str, str]:
    return {"csrf_token": controls(client.get("/odd/thing/new"))[1]["csrf_token"]}
