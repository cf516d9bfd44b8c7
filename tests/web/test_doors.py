"""Signing in and out, and what every answer and every unsafe request must carry."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import request
from flask.testing import FlaskClient

from core.access.actor import Actor
from core.app import create_app
from core.services import accounts
from core.testing.world import World
from tests.web.conftest import Browser, words


@pytest.fixture
def stranger(house: World) -> FlaskClient:
    """Somebody who is not signed in; others have accounts, so that the door is not the one of an empty house."""
    house.actor("desk.clerk")
    return create_app(platform=house.platform).test_client()


def _hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input name="([^"]*)" type="hidden" value="([^"]*)"', text))


def _account(house: World, password: str = "demo-password") -> str:
    return house.actor("desk.clerk").email


def test_somebody_signs_in_with_the_forms_hidden_inputs_and_out_again(house: World, stranger: FlaskClient) -> None:
    email = _account(house)
    page = stranger.get("/login?next=/desk/order")
    answer = stranger.post("/login", data={**_hidden(page.text), "email": email, "password": "demo-password"})
    assert answer.status_code == 303 and answer.location == "/desk/order"
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith("session="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
    assert stranger.get("/desk/order").status_code == 200
    assert Browser(stranger).post("/logout").status_code == 303
    assert stranger.get("/desk/order").location.startswith("/login?next=")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "/login", "javascript:alert(1)"])
def test_after_signing_in_nobody_is_sent_elsewhere(house: World, stranger: FlaskClient, target: str) -> None:
    page = stranger.get("/login")
    answer = stranger.post("/login", data={**_hidden(page.text), "next": target, "email": _account(house), "password": "demo-password"})
    assert answer.status_code == 303 and answer.location == "/"


def test_a_wrong_password_is_one_sentence_and_keeps_the_address(house: World, stranger: FlaskClient) -> None:
    page = stranger.get("/login")
    answer = stranger.post("/login", data={**_hidden(page.text), "email": "nobody@example.org", "password": "wrong"})
    assert answer.status_code == 401 and "not right" in words(answer) and 'value="nobody@example.org"' in answer.text


def test_a_link_to_choose_a_password_opens_once_and_says_so_before_anything_is_typed(house: World, stranger: FlaskClient) -> None:
    account = house.actor("desk.guest").account or 0
    key = accounts.invite(house.platform, Actor.system("test"), account)
    page = stranger.get(f"/login/choose?key={key}")
    assert page.status_code == 200 and 'name="again"' in page.text
    unlike = {**_hidden(page.text), "password": "correct horse battery", "again": "correct horse"}
    assert stranger.post("/login/choose", data=unlike).status_code == 422
    assert stranger.post("/login/choose", data={**unlike, "again": unlike["password"]}).status_code == 303
    for link in (key, "never-was", ""):
        spent = stranger.get(f"/login/choose?key={link}")
        assert spent.status_code == 404 and "used already" in spent.text and 'name="again"' not in spent.text


def test_signing_in_needs_the_token_of_the_page(house: World, stranger: FlaskClient) -> None:
    assert stranger.post("/login", data={"email": _account(house), "password": "demo-password"}).status_code == 403


def test_an_unsafe_request_needs_the_token_and_no_foreign_origin(clerk: Browser) -> None:
    data = {"name": "Chair"}
    assert clerk.client.post("/desk/order/new", data=data).status_code == 403
    assert clerk.client.post("/desk/order/new", data={**data, "csrf_token": "00" * 40}).status_code == 403
    token = clerk.token()
    foreign = clerk.client.post("/desk/order/new", data={**data, "csrf_token": token}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert clerk.client.post("/desk/order/new", data={**data, "csrf_token": token}, headers={"Origin": "null"}).status_code == 403
    assert clerk.client.post("/desk/order/new", data={**data, "csrf_token": token}, headers={"Origin": "http://["}).status_code == 403
    ours = clerk.client.post("/desk/order/new", data=data, headers={"X-CSRF-Token": token, "Origin": "http://localhost"})
    assert ours.status_code == 303


def test_what_was_typed_is_shown_when_a_request_is_refused(clerk: Browser) -> None:
    answer = clerk.client.post("/desk/order/new", data={"name": "A long story", "csrf_token": "x"})
    assert answer.status_code == 403 and "A long story" in answer.text


def test_every_page_needs_somebody_signed_in_and_says_nothing_before(house: World, stranger: FlaskClient) -> None:
    app = create_app(platform=house.platform)
    open_to_all = {"/login", "/logout", "/login/forgotten", "/login/choose", "/setup"}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("web.") or rule.rule in open_to_all:
            continue
        url = re.sub(r"<name:plugin>", "desk", rule.rule)
        url = re.sub(r"<name:entity>", "order", url)
        url = re.sub(r"<number:[a-z]+>", "1", url)
        url = re.sub(r"<any\(([a-z]+)[^>]*>", r"\1", url)
        url = re.sub(r"<string\(length=32\):[a-z]+>", "0" * 32, url)
        url = re.sub(r"<[^>]*>", "name", url)
        if "GET" in (rule.methods or ()):
            assert stranger.get(url).status_code == 303, url
        if "POST" in (rule.methods or ()):
            assert stranger.post(url).status_code in (401, 403), url


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/login",
        "/desk/order",
        "/nowhere",
        "/desk/order/999999",
        "/healthz",
        "/api/v1/me",
        "/static/x/ops.css",
        "/desk/order/new",
        "/admin",
    ],
)
def test_every_answer_carries_the_security_headers(clerk: Browser, url: str) -> None:
    answer = clerk.get(url)
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert re.search(r"script-src 'self' 'nonce-[\w-]{16,}'", policy)
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in answer.headers


def test_signed_in_pages_are_not_stored_and_say_what_they_vary_by(clerk: Browser) -> None:
    answer = clerk.get("/desk/order")
    assert answer.headers["Cache-Control"] == "no-store" and "HX-Request" in answer.headers["Vary"]


def test_no_page_holds_a_script_or_a_style_of_its_own(clerk: Browser) -> None:
    url = clerk.made()
    for page in ("/", "/desk/order", "/desk/order/new", url, f"{url}/edit", "/styleguide", "/account"):
        text = clerk.get(page).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|hx-on|<script(?![^>]*src=)", text), page


def test_static_files_are_kept_for_ever_and_compressed(clerk: Browser) -> None:
    page = clerk.get("/desk/order").text
    for url in set(re.findall(r'(?:src|href)="(/static/[^"#]+)"', page)):
        answer = clerk.get(url, Accept_Encoding="gzip")
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"], url
    assert clerk.get("/static/000000000000/ops.css").status_code == 404


def test_pages_take_no_bearer_token(house: World, stranger: FlaskClient) -> None:
    headers = house.token(house.actor("desk.clerk"))
    assert stranger.get("/desk/order", headers=headers).status_code == 303


def test_a_disabled_accounts_session_ends_at_once(house: World, browser: Callable[..., Browser]) -> None:
    actor = house.actor("desk.clerk")
    client = create_app(platform=house.platform).test_client()
    client.set_cookie("session", accounts.open_session(house.platform, actor.account or 0))
    assert client.get("/desk/order").status_code == 200
    accounts.disable(house.platform, house.system, actor.account or 0)
    assert client.get("/desk/order").status_code == 303


def test_health_needs_nobody(stranger: FlaskClient) -> None:
    assert stranger.get("/healthz").status_code == 200 and stranger.get("/readyz").status_code == 200
    assert "backoffice_generation" in stranger.get("/metrics").text


def test_administration_does_not_exist_for_others(clerk: Browser, browser: Callable[..., Browser]) -> None:
    assert clerk.get("/admin").status_code == 404 and clerk.get("/admin/people").status_code == 404
    admin = browser("core.admin")
    for page in ("", "/people", "/explain", "/plugins", "/generations", "/generations/1", "/audit", "/jobs", "/health"):
        assert admin.get(f"/admin{page}").status_code == 200, page


def test_a_roles_page_says_what_it_reaches_and_who_holds_it(house: World, browser: Callable[..., Browser], clerk: Browser) -> None:
    keeper = browser("core.admin")
    assert clerk.get("/admin/roles").status_code == 404
    listed = keeper.get("/admin/roles")
    assert 'href="/admin/roles/desk/clerk"' in listed.text and "Guest" in words(listed)
    shown = words(keeper.get("/admin/roles/desk/guest"))
    assert "Orders Does not see Secretly." in shown and "kind == 'small'" in shown
    assert "Moves: Start, Close, Close at once." in words(keeper.get("/admin/roles/desk/clerk"))
    assert keeper.get("/admin/roles/desk/nobody").status_code == 404


@pytest.mark.parametrize("url", ["/api", "/api/v1", "/api/none", "/api/none/1", "/api/none/new", "/static/order", "/static/order/new"])
def test_addresses_beside_those_of_the_api_are_pages(clerk: Browser, stranger: FlaskClient, url: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert stranger.open(url, method=method).status_code < 500, method
        assert 400 <= clerk.client.open(url, method=method).status_code < 500 or url == "/api/v1", method


def test_an_address_forges_no_line_of_the_log(house: World, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(platform=house.platform)

    def broken(rest: str) -> None:
        raise LookupError("broken")

    app.add_url_rule("/-/broken/<rest>", "broken", broken)
    assert app.test_client().get("/-/broken/a%0AWARNING all is well").status_code == 500
    assert any("WARNING all is well" in one.getMessage() for one in caplog.records)
    assert not any("\n" in one.getMessage() for one in caplog.records)


def test_a_note_for_the_next_page_that_is_none_is_left_out(clerk: Browser) -> None:
    for raw in (b"[" * 2_900, b"[1]", b'{"text": 1}', b"\xff"):
        note = base64.urlsafe_b64encode(raw).decode()
        clerk.client.set_cookie("flash", note)
        assert clerk.get("/account").status_code == 200


@pytest.mark.parametrize(("proxies", "told"), [(0, "192.0.2.9 http"), (1, "198.51.100.2 https"), (2, "203.0.113.7 http")])
def test_an_address_is_told_by_as_many_proxies_as_are_trusted(
    house: World, monkeypatch: pytest.MonkeyPatch, proxies: int, told: str
) -> None:
    monkeypatch.setattr(house.platform, "settings", replace(house.platform.settings, trusted_proxies=proxies))
    app = create_app(platform=house.platform)
    app.add_url_rule("/-/who/<rest>", "who", lambda rest: f"{request.remote_addr} {request.scheme}")
    headers = {"X-Forwarded-For": "10.9.9.9, 203.0.113.7, 198.51.100.2", "X-Forwarded-Proto": "http, https"}
    assert app.test_client().get("/-/who/x", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.9"}).text == told
