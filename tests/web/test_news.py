"""What tells people that something happened: notifications, the pulse of open lists, and the mail page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from core.access.actor import Actor
from core.services import accounts
from core.storage import outbox
from core.testing.world import World
from core.worker import once
from tests.storage.test_outbox import Mailbox, mailbox  # noqa: F401 - a fixture
from tests.web.conftest import Browser, words


@pytest.fixture(scope="module")
def person(house: World) -> Actor:
    return house.actor("desk.clerk", "core.admin")


@pytest.fixture
def page(browser: Callable[..., Browser], house: World, person: Actor, clerk: Browser) -> Browser:
    """A browser of one person whom notifications reach."""
    client = clerk.client.application.test_client()
    client.set_cookie("session", accounts.open_session(house.platform, person.account or 0))
    return Browser(client)


def tell(house: World, person: Actor, text: str, key: str, **about: object) -> None:
    with house.platform.write(house.system) as unit:
        outbox.put(unit, "notification", {"person": person.person, "text": text, **about}, key=key)
    once(house.platform)


def test_notifications_are_listed_counted_and_read(house: World, person: Actor, page: Browser, guest: Browser) -> None:
    assert "Nobody told you anything yet" in words(page.get("/inbox/notifications"))
    order = house.create("desk.order", name="Lamp")
    tell(house, person, "The lamp was <b>ordered</b>", "lamp", entity="desk.order", record=order.id)
    tell(house, person, "Take a break", "break")
    assert page.get("/pulse").get_json()["unread"] == 2
    answer = page.get("/inbox/notifications")
    assert "2 unread" in words(answer) and "&lt;b&gt;ordered" in answer.text and f'href="/desk/order/{order.id}"' in answer.text
    number = re.search(r'data-reads="(\d+)"', answer.text)
    assert number is not None
    guest.post("/inbox/notifications/read", {"id": number[1]})
    assert page.get("/pulse").get_json()["unread"] == 2, "others cannot read them for me"
    assert page.post("/inbox/notifications/read", {"id": number[1]}).status_code == 303
    assert page.get("/pulse").get_json()["unread"] == 1
    assert "1 unread notification." in words(page.get("/"))
    page.post("/inbox/notifications/read", {"all": "1"})
    assert page.get("/pulse").get_json()["unread"] == 0
    assert "Mark all as read" not in page.get("/inbox/notifications").text


def test_the_pulse_tells_only_of_changes_that_may_be_seen(house: World, clerk: Browser, guest: Browser) -> None:
    small, large = house.create("desk.order", name="Seen", kind="small"), house.create("desk.order", name="Unseen", kind="large")
    news = clerk.get("/pulse?of=desk.order").get_json()
    quiet = f"/pulse?of=desk.order&since={news['mark']}&unread={news['unread']}"
    assert clerk.get(quiet).status_code == 204
    house.change("desk.order", small, name="Seen again")
    house.change("desk.order", large, name="Unseen again")
    assert sorted(clerk.get(quiet).get_json()["changed"]) == [small.id, large.id]
    assert guest.get(quiet).get_json()["changed"] == [small.id], "a guest reads small orders only"
    assert guest.get(f"/pulse?of=desk.shelf&since={news['mark']}").get_json()["changed"] == []
    assert clerk.get("/pulse?of=no.such&since=none").status_code in (200, 204)
    mark = clerk.get("/pulse?of=desk.order").get_json()["mark"]
    house.delete("desk.order", small)
    house.delete("desk.order", large)
    news = clerk.get(f"/pulse?of=desk.order&since={mark}").get_json()
    assert news["changed"] == [] and sorted(news["gone"]) == [small.id, large.id]
    assert guest.get(f"/pulse?of=desk.order&since={mark}").get_json()["gone"] == [small.id]


@pytest.fixture
def mail_on(house: World, mailbox: Mailbox) -> Iterator[Mailbox]:  # noqa: F811
    before = house.platform.settings
    house.platform.settings = replace(before, smtp_url=f"smtp://127.0.0.1:{mailbox.server_address[1]}")
    yield mailbox
    house.platform.settings = before


def test_the_mail_page_says_that_mail_is_off(page: Browser, clerk: Browser) -> None:
    assert "Mail is off" in words(page.get("/admin/mail"))
    answer = page.post("/admin/mail", {"to": "ann@example.org"})
    assert answer.status_code == 409 and "BACKOFFICE_SMTP_URL is not set. Nothing was sent" in words(answer)
    assert 'value="ann@example.org"' in answer.text
    assert "Nothing was tried yet" in words(answer)
    assert clerk.get("/admin/mail").status_code == 404


def test_a_message_goes_out_and_the_page_says_what_became_of_it(house: World, page: Browser, mail_on: Mailbox) -> None:
    assert page.post("/admin/mail", {"to": "no address"}).status_code == 422
    assert page.post("/admin/mail", {"to": "ann@example.org"}).status_code == 303
    assert "Waiting for the worker" in words(page.get("/admin/mail"))
    once(house.platform)
    assert len(mail_on.mails) == 1 and "To: ann@example.org" in mail_on.mails[0]
    assert "Handed to the mail server" in words(page.part("/admin/mail?part=1"))
    mail_on.refuse = "550 no such box"
    page.post("/admin/mail", {"to": "bob@example.org"})
    once(house.platform)
    assert "Failed" in words(page.get("/admin/mail")) and "550" in words(page.get("/admin/mail"))
