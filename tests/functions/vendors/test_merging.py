"""VE-R04: duplicates become one vendor, by two people, and can be taken apart again."""

from __future__ import annotations

import pytest

from core.access.actor import Actor
from core.errors import Conflict, Forbidden, Invalid
from core.testing import World
from tests.functions.vendors.test_onboarding import go, paid_into, staff, vendor

__all__ = ["staff"]


def test_ve_r04_what_belonged_to_the_duplicate_belongs_to_the_survivor_until_it_is_undone(app: World, staff: dict[str, Actor]) -> None:
    kept, double = vendor(app, staff), vendor(app, staff)
    account = paid_into(app, staff, double)
    incident = app.create("vendors.incident", by=staff["buyer"], vendor=double.id, summary="Late", type="delivery")
    given = {"duplicate": double.id, "survivor": kept.id, "reason": "The same company."}
    with pytest.raises(Invalid):
        app.create("vendors.merge", by=staff["vendor_manager"], **given | {"survivor": double.id})
    merge = app.create("vendors.merge", by=staff["vendor_manager"], **given)
    with pytest.raises((Conflict, Forbidden)):
        go(app, merge, "confirm", staff["vendor_manager"])
    go(app, merge, "confirm", staff["accounts_payable"])
    assert {app.get(one.entity, one)["vendor"] for one in (account, incident)} == {kept.id}
    alias = app.get("vendors.vendor", double)
    assert (alias["alias_of"], alias["block"]) == (kept.id, "all")
    go(app, merge, "undo", staff["vendor_manager"], reason="They are two.")
    assert {app.get(one.entity, one)["vendor"] for one in (account, incident)} == {double.id}
    assert app.get("vendors.vendor", double)["block"] == "none"


def test_ve_r04_two_different_active_accounts_are_settled_first_and_a_month_ends_undoing(app: World, staff: dict[str, Actor]) -> None:
    kept, double = vendor(app, staff), vendor(app, staff)
    paid_into(app, staff, kept)
    account = paid_into(app, staff, double)
    merge = app.create("vendors.merge", by=staff["vendor_manager"], duplicate=double.id, survivor=kept.id, reason="The same.")
    with pytest.raises(Conflict, match="they differ"):
        go(app, merge, "confirm", staff["accounts_payable"])
    go(app, account, "retire", staff["treasury"], reason="Not theirs.")
    go(app, merge, "confirm", staff["accounts_payable"])
    app.clock.advance(days=31)
    with pytest.raises(Conflict, match="30 days"):
        go(app, merge, "undo", staff["vendor_manager"], reason="Too late.")
