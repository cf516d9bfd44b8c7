"""What a person may not see is in no byte they receive: canaries in every forbidden value, and two worlds told apart by none.

The channels are taken from what is there: the application's map of addresses, its commands that act for somebody, and whoever
puts effects into the outbox. One that is new and not in ``ASKED``, ``POSTED``, ``COMMANDS``, ``SENDERS`` or ``APART`` fails.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from core.access.actor import Actor
from core.app import create_app
from core.cli.main import cli
from core.facts import FixedClock, Record
from core.services import desk, files, people
from core.services.platform import Platform
from core.settings import Settings
from core.storage import log
from core.testing import World

HERE = Path(__file__).parent
ASKED = {
    "/<plugin>/<entity>",
    "/<plugin>/<entity>/<number>",
    "/<plugin>/<entity>/<number>/actions",
    "/<plugin>/<entity>/<number>/as-of",
    "/<plugin>/<entity>/<number>/attachments/<which>",
    "/<plugin>/<entity>/<number>/delete",
    "/<plugin>/<entity>/<number>/edit",
    "/<plugin>/<entity>/<number>/files/<field>",
    "/<plugin>/<entity>/<number>/history",
    "/<plugin>/<entity>/<number>/move/<transition>",
    "/<plugin>/<entity>/<number>/print.pdf",
    "/<plugin>/<entity>/<number>/related",
    "/<plugin>/<entity>/bulk/delete",
    "/<plugin>/<entity>/bulk/edit",
    "/<plugin>/<entity>/bulk/move/<transition>",
    "/<plugin>/<entity>/count",
    "/<plugin>/<entity>/<number>/set/<field>",
    "/<plugin>/<entity>/export",
    "/<plugin>/<entity>/import",
    "/<plugin>/<entity>/import.csv",
    "/<plugin>/<entity>/facets",
    "/<plugin>/<entity>/filter",
    "/<plugin>/<entity>/new",
    "/<plugin>/<entity>/pick",
    "/<plugin>/<entity>/trash",
    "/<plugin>",
    "/",
    "/search",
    "/palette",
    "/inbox",
    "/inbox/notifications",
    "/create",
    "/pulse",
    "/account",
    "/studio",
    "/drafts",
    "/api/v1/<plugin>/<entity>",
    "/api/v1/<plugin>/<entity>/<number>",
    "/api/v1/<plugin>/<entity>/<number>/files/<field>",
    "/api/v1/<plugin>/<entity>/<number>/history",
    "/api/v1/<plugin>/<entity>/<number>/as-of",
    "/api/v1/openapi.json",
    "/api/v1/me",
    "/admin",
    "/admin/people",
    "/admin/people/<number>",
    "/admin/explain",
    "/admin/plugins",
    "/admin/generations",
    "/admin/generations/<number>",
    "/admin/audit",
    "/admin/reads",
    "/admin/jobs",
    "/admin/mail",
    "/admin/health",
    "/admin/roles",
    "/admin/roles/<plugin>/<role>",
}
POSTED = {
    "/<plugin>/<entity>/<number>/attachments",
    "/<plugin>/<entity>/<number>/attachments/<which>/remove",
    "/<plugin>/<entity>/<number>/comments",
    "/<plugin>/<entity>/<number>/comments/<which>/remove",
    "/<plugin>/<entity>/<number>/delete",
    "/<plugin>/<entity>/<number>/edit",
    "/<plugin>/<entity>/<number>/move/<transition>",
    "/<plugin>/<entity>/<number>/restore",
    "/<plugin>/<entity>/<number>/revert/<entry>",
    "/<plugin>/<entity>/<number>/set/<field>",
    "/<plugin>/<entity>/bulk/delete",
    "/<plugin>/<entity>/bulk/edit",
    "/<plugin>/<entity>/bulk/move/<transition>",
    "/<plugin>/<entity>/import",
    "/<plugin>/<entity>/new",
    "/<plugin>/<entity>/views",
    "/drafts",
    "/undo/<operation>",
    "/api/v1/<plugin>/<entity>",
    "/api/v1/<plugin>/<entity>/<number>",
    "/api/v1/<plugin>/<entity>/<number>/transitions/<transition>",
    "/api/v1/<plugin>/<entity>/<number>/restore",
    "/api/v1/-/undo/<operation>",
    "/api/v1/-/explain",
}
"""Addresses that write: what they answer to those who may not is looked through as well."""
POSTED_APART = {
    "/api/v1/<plugin>/<entity>/<number>/as-of": "reads only: ASKED",
    "/api/v1/<plugin>/<entity>/<number>/files/<field>": "reads only: ASKED",
    "/api/v1/<plugin>/<entity>/<number>/history": "reads only: ASKED",
    "/api/v1/me": "reads only: ASKED",
    "/api/v1/openapi.json": "reads only: ASKED",
    "/<plugin>/<entity>/views/<number>/remove": "one's own views",
    "/account/devices/<number>/end": "one's own account",
    "/account/devices/end": "one's own account",
    "/account/password": "one's own account",
    "/account/tokens": "one's own account",
    "/account/tokens/<number>/end": "one's own account",
    "/drafts/forget": "one's own drafts",
    "/inbox/notifications/read": "one's own notices",
    "/login": "nobody signed in",
    "/login/choose": "nobody signed in",
    "/login/forgotten": "nobody signed in",
    "/logout": "nobody signed in",
    "/setup": "an empty house",
    "/api/v1/files": "what was just sent",
    "/api/v1/": "unknown addresses",
    "/api/v1/<rest>": "unknown addresses",
    "/admin/people": "accounts, no records of a function",
    "/admin/people/<number>": "accounts, no records of a function",
    "/admin/people/<number>/<verb>": "accounts, no records of a function",
    "/admin/mail": "a message to try mail",
    "/admin/generations/revert": "shapes, no records",
    "/admin/outbox/<number>/again": "says that it is done again",
    "/admin/plugins/<name>/<verb>": "plugins, no records",
    "/admin/plugins/reload": "plugins, no records",
}
COMMANDS = {"export", "import"}
"""Commands that act for somebody."""
APART = {
    "/<plugin>/<entity>/": "redirects to the list",
    "/api/v1/<plugin>/<entity>/<number>/transitions/<transition>": "writes only: POSTED",
    "/api/v1/<plugin>/<entity>/<number>/restore": "writes only: POSTED",
    "/api/v1/-/undo/<operation>": "writes only: POSTED",
    "/api/v1/-/explain": "answers to what is sent: POSTED",
    "/api/v1/files": "writes only",
    "/api/v1/": "unknown addresses",
    "/api/v1/<rest>": "unknown addresses",
    "/static/<hash>/<path>": "no records",
    "/login": "nobody signed in",
    "/login/choose": "nobody signed in",
    "/login/forgotten": "nobody signed in",
    "/setup": "an empty house",
    "/healthz": "no records",
    "/readyz": "no records",
    "/metrics": "counts of the process",
    "/styleguide": "no records",
}


ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite every day, and both for the canaries below; both in the long form."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def house(settings: Settings, clock: FixedClock, folder: Path) -> World:
    folder.mkdir(exist_ok=True)
    (folder / "leaks.yaml").write_text((HERE / "leaks.yaml").read_text())
    platform = Platform(replace(settings, plugins_dir=folder), clock)
    platform.start()
    return World(platform, clock)


@pytest.fixture
def app(settings: Settings, clock: FixedClock, tmp_path: Path) -> Iterator[World]:
    world = house(settings, clock, tmp_path / "plugins")
    yield world
    world.platform.close()


def kept(world: World, by: Actor, name: str, text: str) -> int:
    """The id of an uploaded file."""
    return files.put(world.platform, by, io.BytesIO(text.encode()), name).id


def text_of(pdf: bytes) -> str:
    """What a reader of a PDF sees: each text decoded with the letters of each of its fonts."""
    streams = []
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.S):
        try:
            streams.append(zlib.decompressobj().decompress(found[1]))
        except zlib.error:
            streams.append(found[1])  # the tables of letters stand there as they are
    fonts = [{int(glyph, 16): chr(int(sign, 16)) for glyph, sign in re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>", one)}
             for one in streams if b"beginbfchar" in one]
    escaped = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
    raw = [one for held in streams if b"BT" in held for one in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", held, re.S)]
    texts = [re.sub(rb"(?s)\\(.)", lambda found: escaped.get(found[1], found[1]), one) for one in raw]
    return "\n".join("".join(font.get(text[at] << 8 | text[at + 1], "?") for at in range(0, len(text) - 1, 2))
                     for text in texts for font in fonts)


class Planted:
    """Records with a canary in every text, and what each reader may see of them."""

    def __init__(self, world: World, secret: str = "") -> None:
        company = world.create(
            "directory.company", code="C", legal_name="Company", country="DE", base_currency="EUR", time_zone="Europe/Berlin"
        )
        self.here = world.create("directory.department", code="HERE", name="Here", company=company.id).id
        self.there = world.create("directory.department", code="THERE", name="There", company=company.id).id
        self.owner = world.actor("leaks.owner", department=self.there)
        self.part = world.actor("leaks.part", department=self.here)
        self.branch = world.actor("leaks.branch", department=self.here)
        self.nobody = world.actor(department=self.here)
        self.admin = world.actor("core.admin", department=self.here)
        self.source = world.create(
            "leaks.source", by=self.owner, code="zqcode" + secret, name="zqsourcename" + secret, secretive="zqsecretive" + secret
        )
        boss = world.actor("leaks.owner", department=self.here)
        self.mine = self._file(world, boss, self.part, "mine", secret)
        self.other = self._file(world, self.owner, self.owner, "other", secret)
        self.records: list[Record] = [self.mine, self.other]

    def _file(self, world: World, by: Actor, holder: Actor, mark: str, secret: str) -> Record:
        values = {
            name: f"zq{name}{mark}{secret if name != 'subject' or mark == 'other' else ''}" for name in ("hidden", "masked", "private")
        }
        open_secret = secret if mark == "other" else ""
        files = {"paper": kept(world, by, f"zqpapername{mark}.txt", f"zqpapercontent{mark}{open_secret}"),
                 "proof": kept(world, by, f"zqproofname{mark}.txt", f"zqproofcontent{mark}{secret}")}
        made = world.create(
            "leaks.file",
            by=by,
            **files,
            subject=f"zqsubject{mark}{secret if mark == 'other' else ''}",
            holder=holder.person,
            source=self.source.id,
            amount="77777.25" if not secret else "11111.25",
            level="high",
            notes=[{"note": f"zqnote{mark}"}],
            **values,
        )
        beside = kept(world, by, f"zqbesidename{mark}.txt", f"zqbesidecontent{mark}{open_secret}")
        desk.attach(world.platform, by, "leaks.file", made.id, beside)
        desk.comment(world.platform, by, "leaks.file", made.id, f"zqcomment{mark}{open_secret}")
        return made

    def forbidden(self, who: str) -> set[str]:
        sources = {"zqcode", "zqsourcename", "zqsecretive"}
        of = lambda mark, *names: {f"zq{name}{mark}" for name in names}  # noqa: E731
        proof = ("proofname", "proofcontent")
        # What stands beside a record is seen by whoever reads the record.
        every = ("subject", "hidden", "masked", "private", "note", "papername", "papercontent", "besidename", "besidecontent", "comment",
                 *proof)
        match who:
            case "part":
                return sources | of("mine", "hidden", "masked", "private", "note", *proof) | of("other", *every) | {"77777.25", "77,777"}
            case "branch":
                return sources | of("mine", "hidden", "masked", "private", *proof) | of("other", *every) | {"77777.25", "77,777"}
        return sources | of("mine", *every) | of("other", *every) | {"77777.25", "77,777"}


def addresses(planted: Planted) -> list[str]:
    """Every reading address with values that could draw something out."""
    found = ["/leaks", "/", "/inbox", "/inbox/notifications", "/create", "/account", "/studio", "/drafts?place=/leaks/file/new"]
    found += ["/pulse", "/pulse?of=leaks.file&since=1", "/pulse?of=leaks.source&since=1"]
    words = ("zq", "zqhiddenmine", "zqprivatemine", "zqsecretive")
    found += [f"/search?q={word}" for word in words] + [f"/palette?q={word}" for word in words]
    for entity, numbers in (("file", [one.id for one in planted.records]), ("source", [planted.source.id])):
        base = f"/leaks/{entity}"
        queries = ["", "view=all", "sort=hidden", "sort=-masked", "sort=source", "sort=private", "hidden=zqhiddenmine", "masked__starts=zq",
                   "private__contains=zq", "amount__gt=1", "level=high", "look=zqsecretive", "source__empty=0", "page=last",
                   "columns=hidden,masked,private,amount,look,notes,source,subject", *(f"q={word}" for word in words)]
        for query in queries:
            found += [f"{base}?{query}", f"{base}/count?{query}", f"{base}/facets?{query}", f"{base}/export?format=csv&{query}"]
            found.append(f"/api/v1{base}?count=1&{query.replace('columns=', 'fields=').replace('view=all', '')}")
        found += [f"{base}/export?format=json", f"{base}/export?format=xlsx", f"{base}/filter", f"{base}/new", f"{base}/trash"]
        found += [f"{base}/import", f"{base}/import.csv"]
        found += [f"{base}/pick?q={word}&for=source" for word in ("", *words)] + [
            f"{base}/pick?field=source&q={word}" for word in ("", *words)
        ]
        found += [
            f"{base}/bulk/{what}?{pick}"
            for what in ("delete", "edit", "move/close")
            for pick in ("all=1", *(f"id={number}" for number in numbers))
        ]
        for number in numbers:
            one = f"{base}/{number}"
            found += [one, *(f"{one}/{part}" for part in ("actions", "delete", "edit", "history", "move/close", "print.pdf", "related"))]
            found += [f"{one}?layout=peek", f"{base}?peek={number}", *(f"{one}/set/{name}" for name in ("level", "hidden", "masked"))]
            found += [f"{where}{one}/files/{field}" for where in ("", "/api/v1") for field in ("paper", "proof", "subject")]
            found += [f"{one}/attachments/{which}" for which in (1, 2)]
            found += [f"/api/v1{one}", f"/api/v1{one}?expand=source", f"/api/v1{one}?fields=hidden", f"/api/v1{one}/history"]
            found += [f"{where}{one}/as-of?at={when}" for where in ("", "/api/v1") for when in ("2019-01-01", "2999-01-01")]
    found += [f"/admin{page}" for page in (
        "", "/people", "/people?q=zq", "/people/1", "/plugins", "/generations", "/generations/1", "/audit", "/audit?entity=leaks.file",
        "/audit?verify=1", "/jobs", "/mail", "/health", "/roles", "/roles/leaks/part", "/explain")]
    found += [f"/admin/explain?user={user}&entity=leaks.file&id={one.id}&action={action}&field={field}"
              for one in planted.records for user in (planted.owner.email, planted.part.email)
              for action, field in (("read", ""), ("write", "hidden"), ("read", "private"))]
    return [*found, "/api/v1/openapi.json", "/api/v1/me"]


def posts(planted: Planted, operation: str) -> list[tuple[str, str, dict[str, object]]]:
    """What somebody sends who wants an answer that tells something: method, address, body."""
    found: list[tuple[str, str, dict[str, object]]] = [("POST", "/drafts", {"place": "/leaks/file/new", "values": "{}"})]
    for entity, numbers in (("file", [one.id for one in planted.records]), ("source", [planted.source.id])):
        base, api = f"/leaks/{entity}", f"/api/v1/leaks/{entity}"
        wrong: dict[str, object] = {"subject": "", "source": str(planted.source.id), "code": "zqcode", "name": ""}
        found += [("POST", f"{base}/new", wrong), ("POST", api, {"subject": "one", "source": planted.source.id, "holder": 1}),
                  ("POST", api, {"source": {"code": "zqcode"}}), ("POST", f"{base}/views", {"name": "x", "sort": "hidden"}),
                  ("POST", f"{base}/import", {})]
        for number in numbers:
            one = f"{base}/{number}"
            found += [("POST", f"{base}/bulk/{what}?id={number}", {"level": "low", "fields": "level", "_do": "1"})
                      for what in ("edit", "move/close", "delete")]
            found += [("POST", f"{one}/{what}", body) for what, body in (
                ("edit", {"subject": "", "hidden": "x"}), ("edit", {"subject": "again", "_version": "0"}), ("set/hidden", {"hidden": "x"}),
                ("set/level", {"level": "none"}), ("set/subject", {"subject": ""}), ("move/close", {}),
                ("attachments", {}), ("attachments/2/remove", {}), ("comments", {"body": ""}), ("comments/2/remove", {}),
                ("revert/2", {}), ("restore", {}), ("delete", {"_version": "0"}))]
            found += [("PATCH", f"{api}/{number}", {"hidden": "x"}), ("PATCH", f"{api}/{number}", {"subject": None}),
                      ("PATCH", f"{api}/{number}", {"source": planted.source.id, "subject": "zq"}),
                      ("POST", f"{api}/{number}/transitions/close", {}), ("POST", f"{api}/{number}/restore", {}),
                      ("DELETE", f"{api}/{number}", {})]
            found += [("POST", "/api/v1/-/explain", {"entity": f"leaks.{entity}", "id": number, "action": "read", "field": "hidden"})]
    return [*found, ("POST", f"/undo/{operation}", {}), ("POST", f"/api/v1/-/undo/{operation}", {})]


def received(client: FlaskClient, headers: dict[str, str], url: str) -> tuple[int, bytes]:
    answer = client.get(url, headers=headers if url.startswith("/api/") else {"Accept-Encoding": "identity"})
    body = answer.data
    if body[:4] == b"%PDF":
        body += text_of(body).encode()
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"".join(book.read(name) for name in book.namelist())
    return answer.status_code, body + str(answer.headers).encode()


@ONE_ENGINE
def test_every_reading_address_is_asked_or_set_apart(app: World) -> None:
    rules = {re.sub(r"<(?:[^:>]*:)?([a-z]+)>", r"<\1>", rule.rule) for rule in create_app(platform=app.platform).url_map.iter_rules()
             if "GET" in (rule.methods or ())}
    unknown = rules - ASKED - set(APART)
    assert not unknown, f"new addresses: ask them in this test, or say why not: {sorted(unknown)}"
    gone = (ASKED | set(APART)) - rules
    assert not gone, f"addresses that are gone: take them out here: {sorted(gone)}"


@ONE_ENGINE
def test_every_writing_address_is_tried_or_set_apart(app: World) -> None:
    rules = {re.sub(r"<(?:[^:>]*:)?([a-z]+)>", r"<\1>", rule.rule) for rule in create_app(platform=app.platform).url_map.iter_rules()
             if (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}}
    unknown = rules - POSTED - set(POSTED_APART)
    assert not unknown, f"new addresses: post to them in this test, or say why not: {sorted(unknown)}"
    gone = (POSTED | set(POSTED_APART)) - rules
    assert not gone, f"addresses that are gone: take them out here: {sorted(gone)}"


def test_every_command_that_acts_for_somebody_is_tried() -> None:
    def acting(group: click.Command, path: str = "") -> set[str]:
        if not isinstance(group, click.Group):
            return {path.strip()} if any("--as" in option.opts for option in group.params) else set()
        within = click.Context(group)
        return {found for name in group.list_commands(within) if (one := group.get_command(within, name)) is not None
                for found in acting(one, f"{path} {name}")}

    found = acting(cli)
    assert found == COMMANDS, f"try these below as well: {sorted(found ^ COMMANDS)}"


@ONE_ENGINE
@pytest.mark.parametrize("who", ["part", "nobody"])
def test_commands_tell_nothing_that_their_actor_may_not_see(settings: Settings, clock: FixedClock, tmp_path: Path, who: str) -> None:
    world = house(settings, clock, tmp_path / "plugins")
    planted = Planted(world)
    actor = getattr(planted, who)
    forbidden = planted.forbidden(who)
    world.platform.close()
    file = tmp_path / "tried.csv"
    file.write_text("subject,source,holder\nzq,zqcode,somebody@example.org\n,zq,\n")
    env = {"BACKOFFICE_DATA_DIR": str(settings.data_dir), "BACKOFFICE_PLUGINS_DIR": str(tmp_path / "plugins"),
           "BACKOFFICE_DATABASE_URL": settings.database_url, "BACKOFFICE_SECRET_KEY": settings.secret_key}
    for arguments in (["export", "leaks.file"], ["export", "leaks.file", "--format", "json"], ["export", "leaks.source"],
                      ["import", "leaks.file", str(file), "--dry-run"], ["import", "leaks.file", str(file), "--upsert", "subject"]):
        answer = CliRunner().invoke(cli, [*arguments, "--as", actor.email], env=env, prog_name="backoffice")
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        told = answer.output + answer.stderr
        assert not [one for one in forbidden if one in told.replace("“zqcode”", "")], (arguments, told)


READERS = ("part", "branch", "nobody", "admin")
"""``part`` is the one whose rights differ most from record to record."""


@pytest.mark.parametrize(
    ("database_url", "who"),
    [
        *(("sqlite", who) for who in READERS),
        ("postgresql", "part"),
        *(pytest.param("postgresql", who, marks=pytest.mark.soak) for who in READERS[1:]),
    ],
    indirect=["database_url"],
)
def test_canaries_reach_nobody_who_may_not_see_them(app: World, who: str) -> None:
    planted = Planted(app)
    actor = getattr(planted, who)
    client, headers = app.client(actor), app.token(actor)
    forbidden = planted.forbidden(who)
    leaks, faults = [], []
    for url in addresses(planted):
        status, body = received(client, headers, url)
        if status >= 500:
            faults.append(f"{status} {url}")
        text = body.decode("utf-8", "replace")
        leaks += [f"{canary} at {url}" for canary in forbidden if canary in text and canary not in url.lower()]
        if url.startswith("/admin") and who != "admin" and status not in (403, 404):
            faults.append(f"{status} {url}")
    with app.platform.read(app.system) as unit:
        operation = log.entries(unit, "leaks.file", planted.other.id)[0].operation
    page = client.get("/account").text
    secret = re.search(r'name="csrf" content="([^"]+)"', page)
    assert secret is not None
    for method, url, body in posts(planted, operation):
        api = url.startswith("/api/")
        answer = client.open(url, method=method, json=body if api else None, headers=headers if api else {"Accept-Encoding": "identity"},
                             data=None if api else {"csrf_token": secret[1], **body})
        if answer.status_code >= 500:
            faults.append(f"{answer.status_code} {method} {url}")
        text = answer.text + str(answer.headers)
        leaks += [f"{canary} at {method} {url}" for canary in forbidden if canary in text and canary not in str(body)]
    assert not faults, faults
    assert not leaks, leaks[:20]


def test_the_owner_sees_the_canaries(app: World) -> None:
    planted = Planted(app)
    client, headers = app.client(planted.owner), app.token(planted.owner)
    seen = b"".join(received(client, headers, url)[1] for url in addresses(planted))
    unseen = [one for mark in ("mine", "other") for one in planted.forbidden("nobody") if one.encode() not in seen]
    assert all(one.startswith("zqprivate") for one in unseen), unseen  # sensitive: no role here unmasks it
    page = received(client, headers, f"/leaks/file/{planted.mine.id}/print.pdf")[1]
    assert b"zqhiddenmine" in page and b"zqsourcename" in page


SENDERS = {
    "core/services/people.py": "links to an account's own address",
    "core/services/mailing.py": "the text of a test",
    "core/services/work.py": "what a plugin says, in its own words",
}
"""Who puts effects into the outbox, and what goes out there."""


def test_every_sender_is_listed() -> None:
    root = HERE.parents[1]
    found = {str(path.relative_to(root)) for folder in ("core", "plugins") for path in (root / folder).rglob("*.py")
             if re.search(r"\boutbox\.put\(|\bwork\.effect\(|\.effect\(", path.read_text(encoding="utf-8"))}
    assert found == set(SENDERS), f"new or gone senders: say here what they send, and try it below: {sorted(found ^ set(SENDERS))}"


def test_mail_holds_nothing_that_its_reader_may_not_see(settings: Settings, clock: FixedClock, tmp_path: Path) -> None:
    mailing = replace(settings, smtp_url="smtp://127.0.0.1:9", base_url="https://house.test")
    world = house(mailing, clock, tmp_path / "plugins")
    planted = Planted(world)
    browser = world.client(planted.owner)
    token = re.search(r'name="csrf" content="([^"]+)"', browser.get("/account").text)
    assert token is not None
    one = f"/leaks/file/{planted.mine.id}"
    for url, body in ((f"{one}/comments", {"body": "zqcommentmine again"}), (f"{one}/move/close", {}),
                      (f"{one}/edit", {"subject": "zqsubjectmine 2"}), (f"{one}/delete", {}), (f"{one}/restore", {}),
                      ("/login/forgotten", {"email": planted.part.email})):
        assert browser.post(url, data={"csrf_token": token[1], **body}).status_code < 500
    people.invite(world.platform, world.system, planted.part.account or 0)
    people.reset(world.platform, planted.branch.email)
    sent = world.effects()
    world.platform.close()
    assert {planted.part.email, planted.branch.email} <= {one["payload"]["to"] for one in sent}
    assert {one["kind"] for one in sent} == {"mail"}, "a new channel: say who receives it"
    leaks = [canary for canary in planted.forbidden("nobody") if canary in json.dumps(sent, default=str)]
    assert not leaks, leaks


def test_two_worlds_that_differ_in_hidden_values_answer_alike(settings: Settings, clock: FixedClock, tmp_path: Path) -> None:
    answers = []
    for number, secret in enumerate(("", "x")):
        mine = replace(Settings.for_tests(tmp_path / f"data{number}"), secret_key=settings.secret_key)
        world = house(mine, clock, tmp_path / "plugins")
        planted = Planted(world, secret)
        got = {}
        for who in ("part", "branch"):
            actor = getattr(planted, who)
            client, headers = world.client(actor), world.token(actor)
            for url in addresses(planted):
                if not url.startswith(
                    ("/api/v1/leaks", "/leaks/file?", "/leaks/file/count", "/leaks/file/facets", "/search", "/leaks/source/pick")
                ):
                    continue  # the others are fragments of these, or hold the moment of their making
                status, body = received(client, headers, url)
                text = re.sub(
                    r'(nonce|csrf_token|value|content|ETag|data-op|Set-Cookie)[^\n]*?["\'][A-Za-z0-9_=\-]{16,}["\']',
                    "",
                    body.decode("utf-8", "replace"),
                )
                text = re.sub(r"nonce-[A-Za-z0-9_\-]+|[0-9a-f]{32}|X-CSRF-Token[^}]*", "", text)
                got[who, url] = (status, text)
        world.platform.close()
        answers.append(got)
    first, second = answers
    different = [key for key in first if key[1] in {url for _, url in second} and first[key] != second[key]]
    assert not different, different[:10]
