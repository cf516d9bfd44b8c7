"""Naughty texts through the API, forms and files: kept and shown again exactly, or refused with a sentence and everything typed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import xlsxwriter
from werkzeug.test import TestResponse

from core.access.actor import Actor
from core.app import create_app
from core.services import exporting, importing, looking
from core.storage.query import Query
from core.testing.world import World
from tests import naughty
from tests.soak import SOAK, lengthened
from tests.whole.naughty_house import KINDS, STRICT, WIDTH, Seen, house, is_kept, kept

Chunk = list[str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One house for the module, on each engine."""
    folder = tmp_path_factory.mktemp("naughty")
    url = f"sqlite:///{folder / 'backoffice.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres").fresh()
    with house(folder, url) as world:
        yield world


@pytest.fixture(scope="module")
def clerk(app: World) -> Actor:
    return app.actor("naughty.clerk")


class Api:
    """The API in the clerk's name."""

    def __init__(self, app: World, by: Actor) -> None:
        self.http, self.headers = create_app(platform=app.platform).test_client(), app.token(by)

    def __call__(self, method: str, path: str, body: Any = None) -> TestResponse:
        options: dict[str, Any] = {}
        if body is not None:
            # Halves of characters can only be sent escaped; the rest is sent as it is.
            raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
            options = {"data": raw, "content_type": "application/json"}
        return self.http.open(f"/api/v1/naughty{path}", method=method, headers=self.headers, **options)


@pytest.fixture(scope="module")
def api(app: World, clerk: Actor) -> Api:
    return Api(app, clerk)


class Pages:
    """Pages in the clerk's name."""

    def __init__(self, app: World, by: Actor) -> None:
        self.client = app.client(by)
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/account").text)
        assert found is not None
        self.csrf = found[1]

    def get(self, url: str) -> Seen:
        answer = self.client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        seen = Seen(answer.text)
        assert not seen.runs, (url, seen.runs)
        return seen

    def send(self, url: str, fields: dict[str, str]) -> TestResponse:
        return self.client.post(url, data={"csrf_token": self.csrf, **fields})


@pytest.fixture(scope="module")
def pages(app: World, clerk: Actor) -> Pages:
    return Pages(app, clerk)


def chunks(texts: Chunk) -> Iterator[Chunk]:
    for start in range(0, len(texts), WIDTH):
        yield texts[start : start + WIDTH]


def by_kind(wanted: bool, texts: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Bodies that together give every kind every text that it keeps (or, not ``wanted``, that it refuses), WIDTH of each at once."""
    columns = {kind: list(chunks([one for one in texts or naughty.everything() if is_kept(kind, one) is wanted])) for kind in KINDS}
    return [
        {f"{kind}_{number}": text for kind, parts in columns.items() if turn < len(parts) for number, text in enumerate(parts[turn])}
        for turn in range(max(map(len, columns.values())))
    ]


def expected(body: dict[str, str]) -> dict[str, str | None]:
    return {name: kept(name.rpartition("_")[0], text) for name, text in body.items()}


def total(app: World) -> int:
    return looking.count(app.platform, app.system, "naughty.sheet", Query())[0]


def test_the_collection_is_large() -> None:
    assert len(naughty.everything()) >= 500 and len(naughty.twenty()) == 20 and all(naughty.categories().values())


def test_the_api_keeps_exactly_or_refuses_with_a_sentence(app: World, api: Api) -> None:
    for body in by_kind(True):
        made = api("POST", "/sheet", {"name": "x", **body})
        assert made.status_code == 201, made.text
        want = expected(body)
        assert {name: made.json[name] for name in body} == want  # type: ignore[index]
        read = api("GET", f"/sheet/{made.json['id']}")  # type: ignore[index]
        assert {name: read.json[name] for name in body} == want  # type: ignore[index]
    before = total(app)
    for body in by_kind(False):
        refused = api("POST", "/sheet", {"name": "x", **body})
        assert refused.status_code == 422 and set(refused.json["errors"]) == set(body)  # type: ignore[index]
        assert all(len(sentence) > 10 for said in refused.json["errors"].values() for sentence in said)  # type: ignore[index]
    assert total(app) == before


def test_structured_fields_keep_exactly_or_refuse(api: Api) -> None:
    texts = [one for one in naughty.everything() if is_kept("text", one) and kept("text", one)]
    for part in chunks(texts):
        made = api("POST", "/sheet", {"name": "x", "said": [{"one": one, "more": one} for one in part], "data": {"in": part}})
        assert made.status_code == 201, made.text
        lines = made.json["said"]  # type: ignore[index]
        assert [line["one"] for line in lines] == [kept("text", one) for one in part]
        assert [line["more"] for line in lines] == [kept("long_text", one) for one in part]
        assert made.json["data"] == {"in": part}  # type: ignore[index]
    for one in (*naughty.categories()["nuls"], *naughty.categories()["halves"]):
        for body in ({"said": [{"one": one}]}, {"data": {one: 1}, "hush": one}):
            wrong = api("POST", "/sheet", {"name": "x", **body})
            assert wrong.status_code == 422 and set(wrong.json["errors"]) == set(body)  # type: ignore[index]


@lengthened
def test_fields_that_read_their_text_refuse_with_a_sentence(api: Api) -> None:
    for text in naughty.everything() if SOAK else naughty.everything()[::3]:
        answer = api("POST", "/strict", dict.fromkeys(STRICT, text))
        assert answer.status_code == 422, (text, answer.text)
        said = answer.json["errors"]  # type: ignore[index]
        assert set(said) <= set(STRICT) and all(len(sentence) > 10 for ones in said.values() for sentence in ones)
        read = set(STRICT) - set(said)
        if read and (SOAK or len(read) > 3):
            made = api("POST", "/strict", dict.fromkeys(read, text))
            assert made.status_code in (201, 422), (text, made.text)


def test_rich_text_runs_nothing(api: Api, pages: Pages) -> None:
    for part in chunks([one for one in naughty.everything() if is_kept("long_text", one)]):
        made = api("POST", "/sheet", {"name": "x", **{f"rich_text_{number}": one for number, one in enumerate(part)}})
        assert made.status_code == 201, made.text
        for number in range(len(part)):
            seen = Seen(made.json[f"rich_text_{number}"] or "")  # type: ignore[index]
            assert not seen.runs, (part[number], seen.runs)
        pages.get(f"/naughty/sheet/{made.json['id']}")  # type: ignore[index]


@lengthened
def test_forms_keep_exactly_and_pages_show_it_again(app: World, api: Api, pages: Pages) -> None:
    bodies = by_kind(True)
    for turn, body in enumerate(bodies):
        made = pages.send("/naughty/sheet/new", {"name": "y", **body})
        assert made.status_code == 303, Seen(made.text).texts[:400]
        number = str(made.location).rpartition("/")[2]
        read, want = api("GET", f"/sheet/{number}"), expected(body)
        assert {name: read.json[name] for name in body} == want  # type: ignore[index]
        if turn % 4 and not SOAK:
            continue
        edit = pages.get(f"/naughty/sheet/{number}/edit")
        assert {name: edit.controls[name] for name in body} == {name: text or "" for name, text in want.items()}
        shown = "\n".join(pages.get(f"/naughty/sheet/{number}").texts)
        missing = [text for text in want.values() if text and text.strip() and text.strip() not in shown]
        assert not missing, missing
    for url in ("/naughty/sheet?limit=50", "/naughty/sheet?page_size=100", f"/naughty/sheet/{number}/history", "/naughty/sheet/trash"):
        pages.get(url)


def test_a_refused_form_holds_everything_typed(app: World, pages: Pages) -> None:
    kept_too = by_kind(True)[7]
    before = total(app)
    for body in by_kind(False, tuple(one for one in naughty.everything() if one not in naughty.categories()["halves"])):
        answer = pages.send("/naughty/sheet/new", {"name": "z", **kept_too, **body})
        assert answer.status_code == 422
        seen = Seen(answer.text)
        assert not seen.runs
        for name, text in (kept_too | body).items():
            # A page cannot hold NUL, and browsers read every line break as one.
            bare = [re.sub("\r\n|\r", "\n", one.replace("\x00", "").replace("\ufffd", "")) for one in (seen.controls[name], text)]
            assert bare[0] in (bare[1], text if name in body else kept(name.rpartition("_")[0], text)), (name, text)
        for name in body:
            assert f'href="#{name}"' in answer.text
    assert total(app) == before


@lengthened
def test_words_in_addresses_find_or_refuse(api: Api, pages: Pages) -> None:
    names = ("q", "sort", "after", "fields", "expand", "limit", "text_0", "text_0__contains", "data", "nothing")
    texts = naughty.everything() if SOAK else [one for held in naughty.categories().values() for one in held[::20]]
    for turn, text in enumerate(one for one in texts if not any("\ud800" <= sign <= "\udfff" for sign in one)):
        for name in names if SOAK else {names[turn % len(names)], "q"}:
            answer = api.http.get("/api/v1/naughty/sheet", query_string={name: text[:400]}, headers=api.headers)
            assert answer.status_code in (200, 400), (name, text, answer.status_code)
        asked = dict.fromkeys(("q", "sort", "view", "after", "before", "page", "text_0__contains", "columns"), text[:400])
        for url in ("/naughty/sheet", "/search", "/palette"):
            answer = pages.client.get(url, query_string=asked)
            assert answer.status_code in (200, 400), (url, text, answer.status_code)
            assert not Seen(answer.text).runs, (url, text)


def unescaped(cell: str) -> str:
    """A cell as a spreadsheet would take it: our mark of a text that could be read as a formula is taken away."""
    return cell[1:] if cell[:1] == "'" and cell[1:].lstrip("'")[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def in_a_cell(text: str) -> str:
    return f"'{text}" if text.lstrip("'")[:1] in ("=", "+", "-", "@", "\t", "\r") and text.strip("'") else text


def sheet(rows: list[dict[str, str]], names: list[str], format: str) -> bytes:
    """The rows as a file of the format."""
    if format == "json":
        return json.dumps(rows).encode()
    if format == "csv":
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(names)
        table.writerows([in_a_cell(row.get(name, "")) for name in names] for row in rows)
        return text.getvalue().encode()
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as made:
        page = made.add_worksheet()
        for across, name in enumerate(names):
            page.write_string(0, across, name)
            for down, row in enumerate(rows, start=1):
                page.write_string(down, across, row.get(name, ""))
    return book.getvalue()


@pytest.mark.parametrize("format", ["csv", "json", "xlsx"])
def test_imports_keep_exactly_or_refuse_the_row(app: World, clerk: Actor, api: Api, format: str) -> None:
    good = [{"name": f"import {format} {turn}", **body} for turn, body in enumerate(by_kind(True))]
    names = ["name", *sorted({name for row in good for name in row} - {"name"})]
    if format == "xlsx":  # a workbook is XML: it can hold no control characters, and reads line ends as it likes
        good = [{name: text for name, text in row.items() if not re.search("[\x00-\x1f\ufffe\uffff]", text)} for row in good]
    report = importing.run(app.platform, clerk, "naughty.sheet", io.BytesIO(sheet(good, names, format)), format)
    assert (report.created, report.refused) == (len(good), 0), report.refusals[:3]
    for row in good:
        found = api.http.get("/api/v1/naughty/sheet", query_string={"name": row["name"]}, headers=api.headers).json["items"]  # type: ignore[index]
        want = expected({name: text for name, text in row.items() if name != "name"})
        assert [{name: one[name] for name in want} for one in found] == [want]
    if format == "xlsx":
        return
    halves = naughty.categories()["halves"] if format == "csv" else ()
    bad = [{"name": "x", **body} for body in by_kind(False, tuple(one for one in naughty.everything() if one not in halves))]
    before = total(app)
    report = importing.run(app.platform, clerk, "naughty.sheet", io.BytesIO(sheet(bad, names, format)), format)
    assert (report.created, report.refused) == (0, len(bad)) and total(app) == before
    assert [set(one.reasons) for one in report.refusals] == [set(row) - {"name"} for row in bad]


def test_exports_neutralise_formulas_and_read_back(app: World, clerk: Actor) -> None:
    by = app.actor("naughty.clerk")
    bodies = [{"name": f"out {turn}", **body} for turn, body in enumerate(by_kind(True))]
    for body in bodies:
        app.create("naughty.sheet", by=by, **body)
    for format in ("csv", "json"):
        raw = b"".join(exporting.whole(app.platform, clerk, "naughty.sheet", format).blocks)
        if format == "csv":
            rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
            for row in rows:
                for name, cell in row.items():
                    if name.rpartition("_")[0] in (*KINDS, "rich_text"):
                        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r"), (name, cell)
            for body in bodies:
                row = next(one for one in rows if one["name"] == body["name"])
                want = expected({name: text for name, text in body.items() if name != "name"})
                assert {name: unescaped(row[name]) for name in want} == {name: text or "" for name, text in want.items()}
        report = importing.run(app.platform, clerk, "naughty.sheet", io.BytesIO(raw), format, upsert="id")
        assert (report.created, report.changed, report.refused) == (0, 0, 0), report.refusals[:3]


def test_texts_of_a_megabyte(app: World, api: Api, pages: Pages) -> None:
    before = total(app)
    for turn, text in enumerate(naughty.huge()):
        name = ("text_0", "long_text_0")[turn % 2]
        made = api("POST", "/sheet", {"name": "x", name: text})
        if is_kept("text", text):
            assert made.status_code == 201 and made.json[name] == kept("text", text)  # type: ignore[index]
            before += 1
        else:
            assert made.status_code == 422 and set(made.json["errors"]) == {name}  # type: ignore[index]
    form = pages.send("/naughty/sheet/new", {"name": "x", "long_text_0": "a" * (naughty.MEGABYTE + 1)})
    assert form.status_code in (413, 422) and total(app) == before
