"""The log of reads as administrators see it: who was shown sensitive values of what, and never a value."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.conftest import Browser, words


def test_who_was_shown_sensitive_values_is_told_and_never_the_value(clerk: Browser, browser: Callable[..., Browser]) -> None:
    made = clerk.post("/desk/safe/new", {"code": "Safe", "worth": "zqworth"})
    url = str(made.location)
    number = url.rpartition("/")[2]
    assert "zqworth" in clerk.get(url).text
    keeper = browser("core.admin")
    assert 'href="/admin/reads"' in keeper.get("/admin/audit").text
    page = keeper.get(f"/admin/reads?entity=desk.safe&record={number}")
    assert page.status_code == 200 and "zqworth" not in page.text
    assert f'href="{url}">{number}' in page.text and "shown Worth 1 Safe" in words(page)
    assert "Nobody was shown" in words(keeper.get("/admin/reads?record=999999"))
    assert "Nobody was shown" in words(keeper.get("/admin/reads?by=nobody%40example.org"))
    assert keeper.get("/admin/reads?record=x&before=9999999999999999999").status_code == 200
    assert clerk.get("/admin/reads").status_code == 404
