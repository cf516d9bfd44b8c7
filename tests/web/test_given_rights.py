"""Whoever gives or takes rights is told in the log, like whoever changes a record."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from core.errors import NotSignedIn
from core.services import accounts, audit, exporting, looking
from core.storage.models import ChangeRow, ChangeValue
from core.storage.query import Query
from core.testing.world import World


def test_roles_accounts_and_passwords_that_change_stand_in_the_log(app: World) -> None:
    admin = app.actor("core.everything")
    account = accounts.add(app.platform, admin, email="new@example.org", roles=("core.admin",))
    accounts.set_roles(app.platform, admin, account, ())
    accounts.disable(app.platform, admin, account)
    accounts.enable(app.platform, admin, account)
    accounts.set_password(app.platform, admin, account, "a long enough phrase")
    accounts.invite(app.platform, admin, account)
    found = audit.newest(app.platform, admin, entity=accounts.ACCOUNT)
    mine = [one for one in found if one.record == account]
    assert [one.reason for one in reversed(mine)] == [
        "account made", "roles changed", "account disabled", "account enabled", "password changed", "invite link made",
    ]  # fmt: skip
    assert {one.actor for one in mine} == {admin.email}
    with app.platform.read(admin) as unit:
        changed = sa.select(ChangeValue.before, ChangeValue.after).join(ChangeRow, ChangeRow.id == ChangeValue.change_id)
        mine_ = sa.and_(ChangeRow.entity == accounts.ACCOUNT, ChangeRow.record == account)
        values = unit.connection.execute(changed.where(mine_, ChangeValue.field == "roles").order_by(ChangeValue.change_id)).all()
        told = str(unit.connection.execute(changed.where(mine_)).all())
    assert "core.admin" in str(values[0].after) and "core.admin" in str(values[1].before)
    assert "long enough" not in told
    assert audit.verify(app.platform).good


def test_the_log_of_administration_leads_to_the_account(app: World) -> None:
    admin = app.actor("core.everything")
    account = accounts.add(app.platform, admin, email="new@example.org", roles=("core.admin",))
    page = app.client(admin).get(f"/admin/audit?entity={accounts.ACCOUNT}").get_data(as_text=True)
    assert f'href="/admin/people/{account}"' in page and "roles changed" not in page and "account made" in page


def test_an_export_of_nothing_sensitive_stands_in_the_log_of_reads_once(app: World) -> None:
    clerk = app.actor("core.everything")
    made = [app.create("directory.tag", by=clerk, code=f"T{number}", name=f"Topic {number}") for number in range(3)]
    before = len(audit.reads(app.platform, clerk))
    b"".join(exporting.listed(app.platform, clerk, "directory.tag", Query(), None, "csv").blocks)
    (entry,) = audit.reads(app.platform, clerk)[: len(audit.reads(app.platform, clerk)) - before]
    assert (entry.what, entry.entity, entry.number, entry.fields) == ("exported", "directory.tag", 3, ())
    assert entry.actor == clerk.email and set(entry.records) == {one.id for one in made}


def test_a_long_export_goes_on_with_the_rights_of_the_moment(app: World) -> None:
    admin, clerk = app.actor("core.everything"), app.actor("core.everything")
    for number in range(5):
        app.create("directory.tag", by=admin, code=f"T{number}", name=f"Topic {number}")
    assert clerk.account is not None
    walked = looking.walk(app.platform, clerk, "directory.tag", Query(), batch=2, what="exported", action="export")
    assert next(walked) and next(walked)
    accounts.disable(app.platform, admin, clerk.account)
    with pytest.raises(NotSignedIn):
        next(walked)
