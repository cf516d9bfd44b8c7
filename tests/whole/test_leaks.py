"""What a person may not see is in no byte they receive: canaries in every forbidden value, and two worlds told apart by none.

The channels are taken from the application's own map of addresses: an address that is new and not in ``ASKED`` or ``APART`` fails.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.access.actor import Actor
from core.app import create_app
from core.facts import FixedClock, Record
from core.services.platform import Platform
from core.settings import Settings
from core.testing import World

HERE = Path(__file__).parent
ASKED = {
    "/<plugin>/<entity>",
    "/<plugin>/<entity>/<number>",
    "/<plugin>/<entity>/<number>/actions",
    "/<plugin>/<entity>/<number>/delete",
    "/<plugin>/<entity>/<number>/edit",
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
    "/api/v1/<plugin>/<entity>/<number>/history",
    "/api/v1/openapi.json",
    "/api/v1/me",
}
APART = {
    "/<plugin>/<entity>/": "redirects to the list",
    "/<plugin>/<entity>/<number>/attachments/<which>": "needs an attachment of the record",
    "/<plugin>/<entity>/<number>/files/<field>": "needs a file field",
    "/api/v1/<plugin>/<entity>/<number>/files/<field>": "needs a file field",
    "/api/v1/<plugin>/<entity>/<number>/transitions/<transition>": "writes only",
    "/api/v1/<plugin>/<entity>/<number>/restore": "writes only",
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


@pytest.fixture
def database_url() -> str:
    return ""


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
        return world.create(
            "leaks.file",
            by=by,
            subject=f"zqsubject{mark}{secret if mark == 'other' else ''}",
            holder=holder.person,
            source=self.source.id,
            amount="77777.25" if not secret else "11111.25",
            level="high",
            notes=[{"note": f"zqnote{mark}"}],
            **values,
        )

    def forbidden(self, who: str) -> set[str]:
        sources = {"zqcode", "zqsourcename", "zqsecretive"}
        of = lambda mark, *names: {f"zq{name}{mark}" for name in names}  # noqa: E731
        every = ("subject", "hidden", "masked", "private", "note")
        match who:
            case "part":
                return sources | of("mine", "hidden", "masked", "private", "note") | of("other", *every) | {"77777", "77,777"}
            case "branch":
                return sources | of("mine", "hidden", "masked", "private") | of("other", *every) | {"77777", "77,777"}
        return sources | of("mine", *every) | of("other", *every) | {"77777", "77,777"}


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
            for pick in ("all=1", *(f"ids={number}" for number in numbers))
        ]
        for number in numbers:
            one = f"{base}/{number}"
            found += [one, *(f"{one}/{part}" for part in ("actions", "delete", "edit", "history", "move/close", "print.pdf", "related"))]
            found += [f"{one}?layout=peek", f"{base}?peek={number}", *(f"{one}/set/{name}" for name in ("level", "hidden", "masked"))]
            found += [f"/api/v1{one}", f"/api/v1{one}?expand=source", f"/api/v1{one}?fields=hidden", f"/api/v1{one}/history"]
    return [*found, "/api/v1/openapi.json", "/api/v1/me"]


def received(client: FlaskClient, headers: dict[str, str], url: str) -> tuple[int, bytes]:
    answer = client.get(url, headers=headers if url.startswith("/api/") else {"Accept-Encoding": "identity"})
    body = answer.data
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"".join(book.read(name) for name in book.namelist())
    return answer.status_code, body + str(answer.headers).encode()


def test_every_reading_address_is_asked_or_set_apart(app: World) -> None:
    rules = {re.sub(r"<(?:[^:>]*:)?([a-z]+)>", r"<\1>", rule.rule) for rule in create_app(platform=app.platform).url_map.iter_rules()
             if "GET" in (rule.methods or ())}
    unknown = {rule for rule in rules if not rule.startswith("/admin")} - ASKED - set(APART)
    assert not unknown, f"new addresses: ask them in this test, or say why not: {sorted(unknown)}"


@pytest.mark.parametrize("who", ["part", "branch", "nobody"])
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
    assert not faults, faults
    assert not leaks, leaks[:20]


def test_the_owner_sees_the_canaries(app: World) -> None:
    planted = Planted(app)
    client, headers = app.client(planted.owner), app.token(planted.owner)
    seen = b"".join(received(client, headers, url)[1] for url in ("/leaks/file", f"/leaks/file/{planted.mine.id}", "/api/v1/leaks/file"))
    assert b"zqhiddenmine" in seen
    assert b"zqsourcename" in seen


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
