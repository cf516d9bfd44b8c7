"""Whoever leaves is signed out at once, by every door; delegations form no chains."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import Invalid, NotSignedIn
from core.services import accounts
from core.testing import World


def test_whoever_leaves_is_signed_out_within_one_request_and_back_when_that_was_wrong(app: World) -> None:
    who = app.actor("directory.hr_officer")
    page, token = app.client(who), app.token(who)
    address = "/directory/person"
    assert page.get(address).status_code == 200
    assert app.client(who).get("/api/v1/directory/person", headers=token).status_code == 200
    app.change("directory.person", who.person or 0, active=False)
    assert page.get(address).status_code != 200
    assert page.get("/api/v1/directory/person", headers=token).status_code == 401
    with pytest.raises(NotSignedIn):
        accounts.actor_for_account(app.platform, who.account or 0)
    app.change("directory.person", who.person or 0, active=True)
    assert page.get(address).status_code == 200


def test_the_last_day_is_the_last_on_which_somebody_signs_in(app: World) -> None:
    who = app.actor("directory.hr_officer")
    app.change("directory.person", who.person or 0, end=date(2026, 6, 1))
    assert app.client(who).get("/directory/person").status_code == 200
    app.clock.advance(hours=14)
    assert app.client(who).get("/directory/person").status_code == 200
    app.clock.advance(hours=2)
    assert app.client(who).get("/directory/person").status_code != 200
    with pytest.raises(NotSignedIn):
        accounts.actor_for_account(app.platform, who.account or 0)


def test_delegations_form_no_chains(app: World) -> None:
    first, second, third = (app.person().id for _ in range(3))
    june = {"start": date(2026, 6, 1), "end": date(2026, 6, 30)}
    app.create("directory.delegation", from_person=first, to_person=second, **june)
    for one, other in ((second, third), (third, first)):
        with pytest.raises(Invalid, match="marked"):
            app.create("directory.delegation", from_person=one, to_person=other, **june)
    app.create("directory.delegation", from_person=second, to_person=third, start=date(2026, 7, 1), end=date(2026, 7, 31))
