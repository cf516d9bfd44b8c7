"""Accounts: signing in, guessing, sessions, tokens, roles and what a person's place means for rights."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, TooMany
from core.facts import FixedClock
from core.services import accounts, demo, jobs, people, publish, records, sessions, setup
from core.services.platform import Platform
from core.storage.models import Account, Invitation, Session, Token
from tests.publish.world import SYSTEM, house

GOOD = "correct horse battery"


def clock(p: Platform) -> FixedClock:
    assert isinstance(p.clock, FixedClock)
    return p.clock


def add(p: Platform, email: str = "ann@example.org", *roles: str, **more: str) -> int:
    return people.add(p, SYSTEM, email=email, name="Ann Example", roles=roles, password=GOOD, **more)


def place(p: Platform) -> tuple[int, int, int]:
    company = records.create(
        p,
        SYSTEM,
        "directory.company",
        {"code": "C", "legal_name": "C", "country": "DE", "base_currency": "EUR", "time_zone": "Europe/Berlin"},
    ).id
    top = records.create(p, SYSTEM, "directory.department", {"code": "TOP", "name": "Top", "company": company}).id
    low = records.create(
        p, SYSTEM, "directory.department", {"code": "LOW", "name": "Low", "company": company, "parent": top}
    ).id
    return company, top, low


def test_signing_in_opens_a_session_that_knows_who_it_is(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    account = add(p, "ann@example.org", "things.keeper")
    token, who = accounts.sign_in(p, " Ann@Example.org ", GOOD, address="192.0.2.1", agent="a browser")
    assert who == account
    found = accounts.signed_in(p, token)
    assert found is not None and found.head == 1 and found.csrf
    assert found.actor.roles == {"things.keeper", "core.everyone"} and found.actor.person is not None
    assert [one.agent for one in accounts.my_sessions(p, found.actor)] == ["a browser"]


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@example.org", "wrong"), ("nobody@example.org", GOOD), ("", ""), ("ann@example.org", "x" * 5000)],
)
def test_wrong_unknown_and_disabled_get_the_same_sentence(tmp_path: Path, email: str, password: str) -> None:
    p = house(tmp_path)
    add(p)
    with pytest.raises(NotSignedIn, match=re.escape(sessions.WRONG)):
        accounts.sign_in(p, email, password)
    accounts.disable(p, SYSTEM, accounts.find(p, "ann@example.org").id)
    with pytest.raises(NotSignedIn, match=re.escape(sessions.WRONG)):
        accounts.sign_in(p, "ann@example.org", GOOD)


def test_guessing_is_stopped_and_locks_nobody_out_who_comes_from_elsewhere(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    add(p)
    refused = 0
    for number in range(500):
        try:
            accounts.sign_in(p, "ann@example.org", f"guess {number}", address="203.0.113.9")
        except TooMany as error:
            refused += 1
            assert 1 <= error.retry_after <= 300
        except NotSignedIn:
            pass
    assert refused >= 490
    assert accounts.sign_in(p, "ann@example.org", GOOD, address="192.0.2.1")
    clock(p).advance(minutes=6)
    assert accounts.sign_in(p, "ann@example.org", GOOD, address="203.0.113.9")


def test_one_address_cannot_try_many_accounts(tmp_path: Path) -> None:
    p = house(tmp_path)
    refused = 0
    for number in range(sessions.PER_ADDRESS + 20):
        try:
            accounts.sign_in(p, f"user{number}@example.org", "guess", address="203.0.113.9")
        except TooMany:
            refused += 1
        except NotSignedIn:
            pass
    assert refused == 20


def test_sessions_end_when_idle_when_old_and_when_asked(tmp_path: Path) -> None:
    p = house(tmp_path)
    account = add(p)
    idle = accounts.open_session(p, account)
    clock(p).advance(seconds=p.settings.session_idle + 1)
    assert accounts.signed_in(p, idle) is None
    old = accounts.open_session(p, account)
    for _ in range(p.settings.session_limit // (p.settings.session_idle // 2) + 1):
        clock(p).advance(seconds=p.settings.session_idle // 2)
        accounts.signed_in(p, old)
    assert accounts.signed_in(p, old) is None
    one, two = accounts.open_session(p, account), accounts.open_session(p, account)
    accounts.close_session(p, one)
    assert accounts.signed_in(p, one) is None and accounts.signed_in(p, two) is not None
    actor = accounts.actor_for_account(p, account)
    for device in accounts.my_sessions(p, actor):
        accounts.revoke_session(p, actor, device.id)
    assert accounts.signed_in(p, two) is None


def test_a_disabled_account_is_out_at_once_and_a_changed_password_ends_sessions(
    tmp_path: Path, database_url: str
) -> None:
    p = house(tmp_path, database_url)
    other = house(tmp_path, database_url)
    account = add(p)
    session, token = accounts.open_session(p, account), accounts.create_token(p, account, "t")
    assert accounts.signed_in(other, session) and accounts.actor_for_token(other, token)
    accounts.disable(p, SYSTEM, account)
    assert accounts.signed_in(other, session) is None
    with pytest.raises(NotSignedIn):
        accounts.actor_for_token(other, token)
    accounts.enable(p, SYSTEM, account)
    assert accounts.actor_for_token(other, token)
    again = accounts.open_session(p, account)
    accounts.change_password(p, accounts.actor_for_account(p, account), GOOD, "another good password")
    assert accounts.signed_in(other, again) is None
    with pytest.raises(Invalid):
        accounts.change_password(p, accounts.actor_for_account(p, account), "wrong", "yet another password")


def test_secrets_are_stored_as_hashes_only(tmp_path: Path) -> None:
    p = house(tmp_path)
    account = add(p)
    secrets = [
        accounts.open_session(p, account),
        accounts.create_token(p, account, "t"),
        accounts.invite(p, SYSTEM, account),
        GOOD,
    ]
    with p.database.begin(writing=False) as connection:
        stored = str([connection.execute(sa.select(model)).all() for model in (Account, Session, Token, Invitation)])
        rows = connection.execute(sa.select(Account.password)).scalars().all()
    stored += str(list(rows)) + str([path.read_bytes() for path in (tmp_path / "data").glob("backoffice.db*")])
    assert all(secret not in stored for secret in secrets) and "argon2id" in stored


def test_a_role_change_is_seen_in_the_next_request_of_every_process(tmp_path: Path, database_url: str) -> None:
    p, other = house(tmp_path, database_url), house(tmp_path, database_url)
    account = add(p)
    session = accounts.open_session(p, account)
    before = accounts.signed_in(other, session)
    assert before is not None and "things.keeper" not in before.actor.roles
    accounts.grant_role(p, SYSTEM, account, "things.keeper")
    after = accounts.signed_in(other, session)
    assert after is not None and "things.keeper" in after.actor.roles
    accounts.revoke_role(p, SYSTEM, account, "things.keeper")
    last = accounts.signed_in(other, session)
    assert last is not None and "things.keeper" not in last.actor.roles


def test_roles_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    p = house(tmp_path)
    with pytest.raises(Invalid) as caught:
        add(p, "ann@example.org", "things.keeper", "things.auditor")
    assert "both" in caught.value.errors["roles"][0]
    account = add(p, "ann@example.org", "things.keeper")
    with pytest.raises(Invalid):
        accounts.grant_role(p, SYSTEM, account, "things.auditor")
    with pytest.raises(Invalid):
        accounts.grant_role(p, SYSTEM, account, "things.nothing")


def test_nobody_gives_more_than_is_theirs_to_give(tmp_path: Path) -> None:
    p = house(tmp_path)
    admin = accounts.actor_for_account(p, add(p, "admin@example.org", "core.admin"))
    plain = accounts.actor_for_account(p, add(p, "ann@example.org"))
    with pytest.raises(Forbidden):
        accounts.grant_role(p, plain, plain.account or 0, "things.keeper")
    with pytest.raises(Forbidden):
        accounts.grant_role(p, admin, admin.account or 0, "things.keeper")
    with pytest.raises(Forbidden):
        accounts.grant_role(p, admin, plain.account or 0, "core.everything")
    accounts.grant_role(p, admin, plain.account or 0, "things.keeper")
    with pytest.raises(Forbidden):
        accounts.create_token(p, plain.account or 0, "stolen", actor=admin)
    with pytest.raises(Conflict):
        accounts.disable(p, admin, admin.account or 0)


def test_scopes_of_a_token_limit_its_owner(tmp_path: Path) -> None:
    p = house(tmp_path)
    account = add(p, "ann@example.org", "things.keeper")
    actor, _ = accounts.actor_for_token(p, accounts.create_token(p, account, "t", ["things.box:read"]))
    assert actor.scope_allows("things.box", False) and not actor.scope_allows("things.box", True)
    assert not actor.scope_allows("directory.person", False) and actor.channel == "api" and actor.token
    every, _ = accounts.actor_for_token(p, accounts.create_token(p, account, "t"))
    assert every.scopes is None
    for bad in ("everything", "things.crate:read", "things.box:delete", ""):
        with pytest.raises(Invalid):
            accounts.create_token(p, account, "t", [bad])
    own = accounts.actor_for_account(p, account)
    accounts.revoke_token(p, own, actor.token)
    assert len(accounts.my_tokens(p, own)) == 1
    with pytest.raises(NotFound):
        accounts.revoke_token(p, own, actor.token)


def test_an_invitation_chooses_a_password_once(tmp_path: Path) -> None:
    p = house(tmp_path)
    account = people.add(p, SYSTEM, email="bo@example.org", name="Bo")
    secret = accounts.invite(p, SYSTEM, account)
    with pytest.raises(Invalid):
        accounts.redeem(p, secret, "short")
    assert accounts.redeem(p, secret, GOOD) == account
    assert accounts.sign_in(p, "bo@example.org", GOOD)[1] == account
    with pytest.raises(NotFound):
        accounts.redeem(p, secret, "another good password")
    late = accounts.invite(p, SYSTEM, account)
    clock(p).advance(days=8)
    with pytest.raises(NotFound):
        accounts.redeem(p, late, GOOD)
    assert accounts.request_reset(p, "nobody@example.org") is None
    found = accounts.request_reset(p, "BO@example.org")
    assert found is not None and accounts.redeem(p, found[1], "another good password") == account


def test_whoever_asks_for_a_reset_ends_no_invitation_and_a_chosen_password_ends_every_link(tmp_path: Path) -> None:
    p = house(tmp_path)
    account = people.add(p, SYSTEM, email="bo@example.org", name="Bo")
    invited = accounts.invite(p, SYSTEM, account)
    people.ask_reset(p, "bo@example.org")
    reset = accounts.request_reset(p, "bo@example.org")
    assert reset is not None and accounts.redeem(p, invited, GOOD) == account
    with pytest.raises(NotFound):
        accounts.redeem(p, reset[1], "another good password")
    late = accounts.request_reset(p, "bo@example.org")
    assert late is not None
    accounts.change_password(p, accounts.actor_for_account(p, account), GOOD, "another good password")
    with pytest.raises(NotFound):
        accounts.require_link(p, late[1])


def test_asking_for_a_reset_does_the_same_for_an_address_that_nobody_has(tmp_path: Path) -> None:
    p = house(tmp_path)
    p.settings = replace(p.settings, smtp_url="smtp://127.0.0.1:9")
    add(p)
    for email in ("ann@example.org", "nobody@example.org", "no\x00body"):
        people.ask_reset(p, email)
    assert jobs.waiting(p) == [] and [one.verb for one in jobs.listed(p, SYSTEM)] == ["reset"] * 3
    while jobs.work(p, "test", threading.Event()):
        pass
    assert [one["payload"]["to"] for one in jobs.waiting(p)] == ["ann@example.org"]


def test_an_administrator_does_not_become_somebody_who_passes_every_rule(tmp_path: Path) -> None:
    p = house(tmp_path)
    owner = add(p, "owner@example.org", "core.everything")
    admin = accounts.actor_for_account(p, add(p, "admin@example.org", "core.admin"))
    for attempt in (
        lambda: accounts.invite(p, admin, owner),
        lambda: accounts.set_password(p, admin, owner, GOOD),
        lambda: accounts.disable(p, admin, owner),
    ):
        with pytest.raises(Forbidden, match="core.everything"):
            attempt()
    assert accounts.invite(p, accounts.actor_for_account(p, owner), owner)


def test_rights_know_a_persons_place_and_follow_it(tmp_path: Path, database_url: str) -> None:
    p = house(tmp_path, database_url)
    company, top, low = place(p)
    account = add(p, "ann@example.org", department="TOP")
    session = accounts.open_session(p, account)
    found = accounts.signed_in(p, session)
    assert found is not None
    actor = found.actor
    assert (actor.department, actor.department_code, actor.company) == (top, "TOP", company)
    assert actor.departments_below == {top, low} and actor.teammates == {actor.person}
    team = records.create(p, SYSTEM, "directory.team", {"name": "Team", "members": (actor.person,)}).id
    records.change(p, SYSTEM, "directory.person", actor.person or 0, {"department": low})
    moved = accounts.signed_in(p, session)
    assert moved is not None
    assert (moved.actor.department_code, moved.actor.departments_below, moved.actor.teams) == ("LOW", {low}, {team})


def test_an_unknown_department_or_address_makes_nobody(tmp_path: Path) -> None:
    p = house(tmp_path)
    with pytest.raises(Invalid):
        add(p, "ann@example.org", department="NONE")
    with pytest.raises(Invalid):
        add(p, "no address")
    add(p)
    with pytest.raises(Conflict):
        add(p, "ANN@example.org")
    assert len(accounts.listed(p, SYSTEM)) == 1


def test_set_up_takes_its_token_once(tmp_path: Path) -> None:
    p = house(tmp_path)
    assert setup.is_open(p)
    old, new = setup.token(p), setup.token(p)
    for wrong in (old, "", "x"):
        with pytest.raises(Forbidden):
            setup.first_account(p, wrong, email="ann@example.org", name="Ann", password=GOOD)
    account = setup.first_account(p, new, email="ann@example.org", name="Ann", password=GOOD)
    assert set(accounts.roles_of(p, account)) == {"core.admin", "core.everything"} and not setup.is_open(p)
    with pytest.raises(Conflict):
        setup.first_account(p, new, email="eve@example.org", name="Eve", password=GOOD)


def test_demo_accounts_are_one_for_every_role(tmp_path: Path) -> None:
    p = house(tmp_path)
    said: list[str] = []
    demo.make(p, "small", said.append)
    emails = {row.email: row.roles for row in accounts.listed(p, SYSTEM)}
    assert emails["admin@example.org"] == ("core.admin", "core.everything")
    assert emails["things.keeper@example.org"] == ("things.keeper",)
    assert {f"{role}@example.org" for role in p.current.roles()} | {"admin@example.org"} == set(emails)
    assert accounts.sign_in(p, "things.keeper@example.org", "demo")
    offered = demo.shown_accounts(p)
    assert offered[0][0] == "admin@example.org"
    few = demo.few_accounts(offered, 8)
    plugins = {email.partition(".")[0] for email, _ in offered[1:]}
    assert few[0] == offered[0] and len(few) == min(8, len(offered))
    assert {email.partition(".")[0] for email, _ in few[1:]} == plugins or len(plugins) > 7
    demo.make(p, "small", said.append)
    assert len(accounts.listed(p, SYSTEM)) == len(emails) and publish.head(p) == 1
    with pytest.raises(Conflict):
        used = house(tmp_path / "used")
        add(used)
        demo.make(used, "small", said.append)


def test_an_actor_without_account_has_no_password(tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        accounts.change_password(house(tmp_path), Actor(), "a", "b")
