"""Bad requests at every address of the application's own map: a 4xx with a sentence, never a 5xx, nothing written."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import xlsxwriter
from flask import Response
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from core.access.actor import Actor
from core.app import create_app
from core.errors import BadRequest, TooLarge
from core.services import importing, looking
from core.storage.query import Query
from core.testing.world import World
from tests.soak import SOAK, lengthened
from tests.whole.naughty_house import house

NUMBERS = (str(2**70), str(2**63), "0", "-1", "\u00b2", "\u0661", "1e3", "%00", "%ed%a0%80", "1" * 400, "..%2f", "1%0a")
BATTERY: tuple[tuple[str, bytes], ...] = (
    ("application/json", b"[" * 60_000),
    ("application/json", b'{"a":' * 500 + b"1" + b"}" * 500),
    ("application/json", b'{"name": "\xff"}'),
    ("application/json", b'{"name": 1e999, "id": ' + b"9" * 5_000 + b"}"),
    (
        "application/json",
        b'{"name": {"a": [1]}, "text_0": [], "nothing": 1, "version": 3, "created_by": 1, "said": {"id": 1}, "data": NaN}',
    ),
    (
        "application/json",
        b'{"said": [1, null, [], {"id": "x"}, {"id": 1180591620717411303424}], "text_0": true, "hush": {}, "data": {"a": []}}',
    ),
    (
        "application/x-www-form-urlencoded",
        b"name=%ff%fe&id=%C2%B2&id=" + str(2**70).encode() + b"&_v=%C2%B2&all=1&query=%00&step=%C2%B2&_go=next",
    ),
    (
        "application/x-www-form-urlencoded",
        b"&".join(b"said-%d-one=x" % number for number in range(0, 10**6, 5_000)) + b"&said-%C2%B2-one=x",
    ),
    (
        "application/x-www-form-urlencoded",
        b"id=1&before=x&body=%00&because=%ed%a0%80&place=%00&email=%00&password=%00&version=%C2%B2&group=%00",
    ),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename="\x00/../\xff"\r\n\r\nabc\r\n--x'),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\n" * 3_000),
    ("text/xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'),
    ("", b"\x00\x01"),
)
QUERY = (
    "id=%C2%B2&id=1180591620717411303424&_field=%00&page=%C2%B2&year=%C2%B2&month=%C2%B2&from=%00&to=%ed%a0%80&limit=%C2%B2&peek=%C2%B2"
    "&copy=%C2%B2&step=%C2%B2&after=%C2%B2&before=%C2%B2&last=%00&number=%C2%B2&person=%C2%B2&record=%C2%B2&entity=%00&since=%00"
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bad")
    url = f"sqlite:///{folder / 'backoffice.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres").fresh()
    with house(folder, url) as world:
        yield world


@pytest.fixture(scope="module")
def clerk(app: World) -> Actor:
    return app.actor("naughty.clerk", "core.admin")


class Door:
    """A signed-in browser that also sends a token, and what it was answered."""

    def __init__(self, app: World, by: Actor) -> None:
        self.application = create_app(platform=app.platform)
        self.client: FlaskClient = app.client(by)
        found = re.search(r'name="csrf" content="([^"]+)"', self.client.get("/account").text)
        assert found is not None
        self.headers = {**app.token(by), "X-CSRF-Token": found[1]}
        self.faults: list[str] = []

    def rules(self) -> list[tuple[str, str]]:
        """(address, method) of everything but what would end this very session."""
        apart = ("/logout", "/static", "/metrics")
        return sorted(
            {
                (rule.rule, method)
                for rule in self.application.url_map.iter_rules()
                for method in (rule.methods or ())
                if method in ("GET", "POST", "PATCH", "DELETE") and not rule.rule.startswith(apart)
            }
        )

    def __call__(self, method: str, url: str, **options: Any) -> int:
        answer = self.client.open(url, method=method, headers=self.headers, **options)
        if answer.status_code >= 500 or answer.status_code >= 400 and not answer.data and method != "HEAD":
            self.faults.append(f"{answer.status_code} {method} {url[:150]} {str(options)[:150]}")
        return answer.status_code


@pytest.fixture
def door(app: World, clerk: Actor) -> Door:
    return Door(app, clerk)


def address(rule: str, **given: str) -> str:
    """An address of the rule: named parts as given, the others as they exist."""
    usual = {
        "plugin": "naughty",
        "entity": "sheet",
        "number": "1",
        "which": "1",
        "entry": "1",
        "field": "text_0",
        "transition": "x",
        "verb": "enable",
        "name": "naughty",
        "role": "core.everyone",
        "operation": "0" * 32,
        "rest": "x",
    } | given
    return re.sub(r"<(?:[^:>]*(?:\([^)]*\))?:)?([a-z]+)>", lambda found: usual[found[1]], rule)


@lengthened
def test_strange_numbers_in_every_address(door: Door, app: World) -> None:
    door.faults.clear()
    tried = 0
    for rule, method in door.rules():
        for part in ("number", "which", "entry"):
            if not re.search(rf"[:<]{part}>", rule):
                continue
            for number in NUMBERS if SOAK or method == "GET" else NUMBERS[:2]:
                status = door(method, address(rule, **{part: number}))
                # Digits of another script may be read as the number they are.
                assert status != 200 or number == "\u0661" or status in (200,) and rule.startswith("/admin"), (method, rule, number)
                tried += 1
    assert tried > 150 and not door.faults, door.faults[:10]


@lengthened
def test_strange_names_and_queries_at_every_address(door: Door) -> None:
    door.faults.clear()
    for rule, method in door.rules():
        if method == "GET":
            door(method, f"{address(rule)}?{QUERY}")
        for part in ("plugin", "entity", "field", "transition", "name", "operation", "rest"):
            if re.search(rf"[:<]{part}>", rule):
                for text in ("%00", "%ed%a0%80", "a" * 3_000, "..%2f..%2f", "%F0%9F%98%80") if method == "GET" or SOAK else ("%00",):
                    door(method, address(rule, **{part: text}))
    assert not door.faults, door.faults[:10]


@lengthened
def test_unreadable_bodies_at_every_address(door: Door, app: World, clerk: Actor) -> None:
    made = app.create("naughty.sheet", by=clerk, name="here").id
    before = looking.count(app.platform, app.system, "naughty.sheet", Query())[0]
    door.faults.clear()
    rules = [(rule, method) for rule, method in door.rules() if method in ("POST", "PATCH")]
    for turn, (rule, method) in enumerate(rules):
        for number, (kind, body) in enumerate(BATTERY):
            if SOAK or (number + turn) % (2 if rule.startswith("/api") else 5) == 0:
                # The clerk's own account is left as it is.
                url = address(rule, number="999" if rule.startswith(("/admin", "/account")) else str(made))
                door(method, url, data=body, content_type=kind)
    assert not door.faults, door.faults[:10]
    assert looking.count(app.platform, app.system, "naughty.sheet", Query())[0] <= before + len(rules)


class Endless:
    """Fifty megabytes that are made while they are read, as a server would hand them on."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        size = self.left if size is None or size < 0 else min(size, self.left)
        self.left -= size
        self.read_bytes += size
        return b"a" * size

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


def test_fifty_megabytes_are_refused_unread(door: Door) -> None:
    for url, kind in (
        ("/api/v1/naughty/sheet", "application/json"),
        ("/api/v1/files", "multipart/form-data; boundary=x"),
        ("/naughty/sheet/new", "application/x-www-form-urlencoded"),
        ("/naughty/sheet/new", "multipart/form-data; boundary=x"),
        ("/login", "application/x-www-form-urlencoded"),
        ("/drafts", "application/x-www-form-urlencoded"),
    ):
        for told in (True, False):
            body = Endless(50 * 2**20)
            environ: dict[str, Any] = EnvironBuilder(path=url, method="POST", content_type=kind, headers=door.headers).get_environ()
            cookie = door.client.get_cookie("session")
            environ |= {"HTTP_COOKIE": f"session={cookie.value}" if cookie is not None else "", "wsgi.input": body}
            environ.pop("CONTENT_LENGTH", None)
            if told:
                environ["CONTENT_LENGTH"] = str(50 * 2**20)
            else:
                environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
            status = Response.from_app(door.application, environ).status_code
            assert status in (400, 413), (url, kind, told, status)
            assert body.read_bytes <= (0 if told else 26 * 2**20), (url, kind, told, body.read_bytes)


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, raw in parts.items():
            made.writestr(name, raw)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def workbook(length: int) -> dict[str, bytes]:
    """The parts of a workbook whose second row is a text of that length."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet().write_string(0, 0, "name")
    with zipfile.ZipFile(out) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    row = b'<row r="2"><c r="A2" t="inlineStr"><is><t>' + b"a" * length + b"</t></is></c></row></sheetData>"
    return parts | {SHEET: parts[SHEET].replace(b"</sheetData>", row)}


def lying(raw: bytes) -> bytes:
    """The same archive, whose sheet says that it is six hundred bytes long."""
    found = bytearray(raw)
    for mark, size, named, start in ((b"PK\x03\x04", 22, 26, 30), (b"PK\x01\x02", 24, 28, 46)):
        at = found.find(mark)
        while at >= 0:
            (length,) = struct.unpack_from("<H", found, at + named)
            if found[at + start : at + start + length] == SHEET.encode():
                struct.pack_into("<I", found, at + size, 600)
            at = found.find(mark, at + 4)
    return bytes(found)


def test_a_workbook_that_unfolds_without_end_is_refused(app: World, clerk: Actor) -> None:
    def bring(raw: bytes) -> importing.Report:
        return importing.run(app.platform, clerk, "naughty.sheet", io.BytesIO(raw), "xlsx")

    assert bring(packed(workbook(10))).created == 1
    bomb = packed(workbook(100 * 2**20))
    assert len(bomb) < 200_000
    with pytest.raises(TooLarge, match="unfolds"):
        bring(bomb)
    with pytest.raises(BadRequest, match="cannot|not a workbook"):
        bring(lying(bomb))


def test_uploaded_bombs_are_kept_as_bytes_and_never_unfolded(door: Door) -> None:
    bomb = packed({"a.xml": b"0" * (20 * 2**20)})
    bodies = {
        "bomb.zip": bomb,
        "bomb.xlsx": bomb,
        "bomb.docx": bomb,
        "bomb.gz": zlib.compress(b"0" * (20 * 2**20)),
        "bomb.svg": b"<svg onload='x'/>",
        "bomb.png": b"\x89PNG\r\n\x1a\n" + b"\xff" * 100,
        "bomb.html": b"<script>alert(1)</script>",
    }
    for name, raw in bodies.items():
        sent = door.client.post("/api/v1/files", data={"file": (io.BytesIO(raw), name)}, headers=door.headers)
        assert sent.status_code == 201 and sent.json["size"] == len(raw), (name, sent.text)  # type: ignore[index]
        made = door.client.post("/api/v1/naughty/strict", json={"name": name, "paper": sent.json["id"]}, headers=door.headers)  # type: ignore[index]
        assert made.status_code == 201
        number = made.json["id"]  # type: ignore[index]
        for url in (f"/api/v1/naughty/strict/{number}/files/paper", f"/naughty/strict/{number}/files/paper"):
            got = door.client.get(url, headers=door.headers)
            assert got.status_code == 200 and got.data == raw
            saved = "attachment" in got.headers["Content-Disposition"] or got.content_type == "image/png"
            assert saved and got.headers["X-Content-Type-Options"] == "nosniff", (url, got.headers)
        page = door.client.get(f"/naughty/strict/{number}")
        assert page.status_code == 200


def test_broken_cursors_are_refused(door: Door, app: World, clerk: Actor) -> None:
    for number in range(4):
        app.create("naughty.sheet", by=clerk, name=f"page {number}")
    page = door.client.get("/api/v1/naughty/sheet?limit=2", headers=door.headers).json
    cursor = page["next"]  # type: ignore[index]
    broken = [
        cursor[:-1],
        cursor + "A",
        cursor[::-1],
        ("B" if cursor[0] == "A" else "A") + cursor[1:],
        cursor * 50,
        "e30",
        "\u00e9",
        "null",
        "{}",
        "W10.W10",
        "=" * 40,
        "",
    ]
    for text in broken:
        for name in ("after", "before"):
            query = {"limit": "2", name: text}
            answer = door.client.get("/api/v1/naughty/sheet", query_string=query, headers=door.headers)
            assert answer.status_code == (400 if text else 200) and (not text or answer.json["detail"]), (name, text)  # type: ignore[index]
            assert door.client.get("/naughty/sheet", query_string=query).status_code in (200, 400)
    other = door.client.get(f"/api/v1/naughty/sheet?limit=2&sort=name&after={cursor}", headers=door.headers)
    assert other.status_code == 400
