"""What has to hold when eight clients write at the same moment, on both engines, and when all of them are killed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, count

import pytest

from core.access.actor import Actor
from core.facts import Record
from core.services import audit
from core.testing import World
from plugins.vendors.demo import iban
from tests.functions.together import CLIENTS, Attempt, Outcome, together

SERIAL = count(1)
DAY = datetime(2026, 6, 10, tzinfo=UTC)
CALL = ({"method": "callback", "called": "+44 7700 900123", "result": "confirmed"},)


def refused(outcomes: Iterable[Outcome]) -> Counter[str]:
    """How many attempts were refused, by the kind of refusal; a broken one is nobody's refusal."""
    found = Counter(kind for kind, _ in outcomes if kind != "done")
    assert not found["broken"], [said for kind, said in outcomes if kind == "broken"]
    return found


def done(outcomes: Iterable[Outcome]) -> list[str]:
    return [said for kind, said in outcomes if kind == "done"]


# Rooms ----------------------------------------------------------------------------------------------------------------------


def rooms(app: World) -> dict[str, Record]:
    """Two halls that share a room: booking one takes its parts, and the shared room takes both halls."""
    number = next(SERIAL)
    made = {
        name: app.create("facilities.resource", name=f"Room {name} {number}", type="room", buffer_after=15)
        for name in ("one", "two", "three")
    }
    for name, parts in (("left", ("one", "two")), ("right", ("two", "three"))):
        made[name] = app.create(
            "facilities.resource", name=f"Hall {name} {number}", type="room", combines=tuple(made[part].id for part in parts)
        )
    return made


PARTS = {"one": {"one"}, "two": {"two"}, "three": {"three"}, "left": {"one", "two"}, "right": {"two", "three"}}


def meetings(app: World, of: dict[str, Record]) -> list[tuple[str, Record]]:
    """Two live bookings that have a part in common and do not keep the minutes between them."""
    names = {record.id: name for name, record in of.items()}
    live = [
        (names[one["resource"]], one)
        for record in of.values()
        for one in app.find("facilities.booking", resource=record.id)
        if one["state"] in ("tentative", "requested", "confirmed", "checked_in")
    ]
    wrong = []
    for (name, one), (other_name, other) in combinations(live, 2):
        if PARTS[name] & PARTS[other_name]:
            first, second = sorted([(one["start"], one["end"], name), (other["start"], other["end"], other_name)])
            kept_free = timedelta(minutes=15 if first[2] in ("one", "two", "three") else 0)
            if second[0] < first[1] + kept_free:
                wrong.append((name, one))
    return wrong


def booking_attempts(app: World, of: dict[str, Record], holder: int, tries: int, client: int) -> list[Attempt]:
    """Bookings of half an hour or more, drawn at random over one morning."""
    drawn = random.Random(client)

    def one() -> Attempt:
        name, start, length = drawn.choice(list(of)), drawn.randrange(0, 16), drawn.choice((30, 60, 90))
        begin = DAY + timedelta(hours=8, minutes=15 * start)
        return lambda: (
            app.create(
                "facilities.booking", resource=of[name].id, holder=holder, title="Talk", start=begin, end=begin + timedelta(minutes=length)
            ).id
        )

    return [one() for _ in range(tries)]


def test_fa_r01_fa_r02_one_slot_has_one_booking_and_halls_keep_their_rooms(both: World) -> None:
    of, holder = rooms(both), both.person().id
    begin = DAY + timedelta(days=1, hours=9)

    def same(client: int) -> list[Attempt]:
        name = ("one", "left", "two", "right")[client % 4]
        return [
            lambda: (
                both.create(
                    "facilities.booking",
                    resource=of["two" if name == "one" else name].id,
                    holder=holder,
                    title="Talk",
                    start=begin,
                    end=begin + timedelta(hours=1),
                ).id
            )
        ]

    outcomes = together(same)
    assert len(done(outcomes)) == 1
    assert refused(outcomes) == {"Invalid": CLIENTS - 1}
    outcomes = together(lambda client: booking_attempts(both, of, holder, 4, client))
    assert set(refused(outcomes)) <= {"Invalid"}
    assert len(done(outcomes)) >= 3
    assert meetings(both, of) == []


# Bank accounts --------------------------------------------------------------------------------------------------------------


def vendor(app: World, owner: Actor) -> Record:
    number = next(SERIAL)
    term = app.create("vendors.payment_term", code=f"T{number}", name="30 days net", lines=({"days": 30},))
    contacts = ({"name": "Front desk", "phone": "+44 7700 900123"},)
    return app.create(
        "vendors.vendor", legal_name=f"Alder {number}", country="DE", payment_term=term.id, owner=owner.person, contacts=contacts
    )


def cooling(app: World, of: Record, people: dict[str, Actor]) -> Record:
    """An account that was entered, verified and approved by three people."""
    made = app.create(
        "vendors.bank_account",
        by=people["entering"],
        vendor=of.id,
        holder=of["legal_name"],
        iban=iban("DE", f"99999999{next(SERIAL):010d}"),
    )
    app.move("vendors.bank_account", made, "verify", by=people["verifying"], verification=CALL)
    return app.move("vendors.bank_account", made, "approve", by=people["approving"])


@pytest.fixture(scope="module")
def people(both: World) -> dict[str, Actor]:
    return {
        "entering": both.actor("vendors.vendor_manager"),
        "verifying": both.actor("vendors.accounts_payable"),
        "approving": both.actor("vendors.treasury"),
    }


def test_ve_r02_a_vendor_has_one_active_account_whoever_activates_which(both: World, people: dict[str, Actor]) -> None:
    of = vendor(both, people["entering"])
    accounts = [cooling(both, of, people) for _ in range(4)]
    both.clock.advance(days=5)

    def activate(client: int) -> list[Attempt]:
        order = random.Random(client).sample(accounts, len(accounts))
        return [lambda one=one: both.move("vendors.bank_account", one, "activate", by=people["verifying"]).id for one in order]

    outcomes = together(activate)
    assert len(done(outcomes)) >= 1
    assert set(refused(outcomes)) <= {"Conflict"}
    states = Counter(both.get("vendors.bank_account", one)["state"] for one in accounts)
    assert states["active"] == 1
    assert states["active"] + states["retired"] + states["cooling"] == len(accounts)


def test_4_3_four_eyes_hold_though_everybody_approves_at_once(both: World, people: dict[str, Actor]) -> None:
    of = vendor(both, people["entering"])
    made = both.create("vendors.bank_account", by=people["entering"], vendor=of.id, holder="Alder", iban=iban("DE", "999999990000009999"))
    everybody = list(people.values())

    def approve(client: int) -> list[Attempt]:
        who = everybody[client % 3]
        return [
            lambda: both.move("vendors.bank_account", made, "verify", by=who, verification=CALL).id,
            lambda: both.move("vendors.bank_account", made, "approve", by=who).id,
        ]

    outcomes = together(approve)
    assert set(refused(outcomes)) <= {"Conflict", "Forbidden"}
    stored = both.get("vendors.bank_account", made)
    assert stored["entered_by"] == people["entering"].person
    assert stored["verified_by"] in (None, people["verifying"].person)
    assert stored["approved_by"] in (None, people["approving"].person)
    assert len(done(outcomes)) == (stored["verified_by"] is not None) + (stored["approved_by"] is not None)


# Runs, numbers, trees -------------------------------------------------------------------------------------------------------


def test_i2_a_regular_run_exists_once_for_a_group_and_period(both: World) -> None:
    number = next(SERIAL)
    group = both.create("payroll.pay_group", code=f"G{number}", name="Monthly", employer=both.any("directory.company"))
    period = both.create(
        "payroll.pay_period",
        group=group.id,
        number=6,
        tax_year=2026,
        start=date(2026, 6, 1),
        end=date(2026, 6, 30),
        pay_date=date(2026, 6, 26),
    )
    outcomes = together(lambda _: [lambda: both.create("payroll.pay_run", group=group.id, period=period.id).id] * 2)
    assert len(done(outcomes)) == 1
    assert refused(outcomes) == {"Conflict": 2 * CLIENTS - 1}
    assert len(both.find("payroll.pay_run", group=group.id)) == 1


def test_numbers_of_tickets_and_vendors_are_given_once(both: World) -> None:
    queue, term = both.any("helpdesk.queue"), both.any("vendors.payment_term")
    asker = both.person().id

    def number(client: int) -> list[Attempt]:
        return [
            lambda: both.create("helpdesk.ticket", subject=f"From {client}", requester=asker, queue=queue)["number"],
            lambda: both.create(
                "vendors.vendor", legal_name=f"Client {client} {next(SERIAL)}", country="FR", payment_term=term, owner=asker
            )["code"],
        ] * 3

    outcomes = together(number)
    assert not refused(outcomes)
    given = done(outcomes)
    assert len(given) == len(set(given)) == 6 * CLIENTS
    for mark in ("T", "V-"):
        counted = sorted(int(one[-5:]) for one in given if one.startswith(mark))
        assert counted == list(range(counted[0], counted[0] + 3 * CLIENTS))


def cycle_of(parents: dict[int, int | None]) -> list[int]:
    """The records that are above themselves."""
    found = []
    for start in parents:
        above, seen = parents[start], 0
        while above is not None and above != start and seen <= len(parents):
            above, seen = parents.get(above), seen + 1
        if above is not None:
            found.append(start)
    return found


def test_directory_departments_never_lie_in_themselves(both: World) -> None:
    company = both.any("directory.company")
    ring = [both.create("directory.department", code=f"R{next(SERIAL)}", name="Ring", company=company) for _ in range(CLIENTS)]

    def turn(client: int) -> list[Attempt]:
        pairs = random.Random(client).sample(range(CLIENTS), 4)
        moves = [(client, (client + 1) % CLIENTS), *((one, (one + 3) % CLIENTS) for one in pairs)]
        return [lambda at=at: both.change("directory.department", ring[at[0]], parent=ring[at[1]].id).id for at in moves]

    outcomes = together(turn)
    assert set(refused(outcomes)) <= {"Invalid", "Conflict"}
    assert refused(outcomes).total() >= 1
    assert cycle_of({one.id: both.get("directory.department", one)["parent"] for one in ring}) == []


def test_3_2_locations_keep_their_order_and_never_lie_in_themselves(both: World) -> None:
    ring = [both.create("facilities.location", code=f"L{next(SERIAL)}", name="Ring", kind="building") for _ in range(CLIENTS)]
    kinds = ("site", "building", "floor", "room", "desk")

    def turn(client: int) -> list[Attempt]:
        drawn = random.Random(client)
        return [
            lambda: both.change("facilities.location", ring[client], kind=kinds[drawn.randrange(5)]).id,
            lambda: both.change("facilities.location", ring[client], parent=ring[(client + 1) % CLIENTS].id).id,
        ] * 3

    outcomes = together(turn)
    assert set(refused(outcomes)) <= {"Invalid", "Conflict"}
    stored = {one.id: both.get("facilities.location", one) for one in ring}
    assert cycle_of({number: one["parent"] for number, one in stored.items()}) == []
    for one in stored.values():
        if one["parent"]:
            assert kinds.index(stored[one["parent"]]["kind"]) < kinds.index(one["kind"])


# Killed ---------------------------------------------------------------------------------------------------------------------


def test_whoever_is_killed_in_the_middle_leaves_whole_records_behind(both: World, people: dict[str, Actor]) -> None:
    of, supplier, queue, asker = rooms(both), vendor(both, people["entering"]), both.any("helpdesk.queue"), both.person().id
    accounts = [cooling(both, supplier, people) for _ in range(4)]
    both.clock.advance(days=5)

    def work(client: int) -> list[Attempt]:
        one = accounts[client % 4]
        return [
            lambda: both.create("helpdesk.ticket", subject="Before the end", requester=asker, queue=queue)["number"],
            *booking_attempts(both, of, asker, 3, client),
            lambda: both.move("vendors.bank_account", one, "activate", by=people["verifying"]).id,
            *booking_attempts(both, of, asker, 200, 100 + client),
        ]

    outcomes = together(work, kill_after=24)
    assert set(refused(outcomes)) <= {"Invalid", "Conflict"}
    assert meetings(both, of) == []
    assert sum(both.get("vendors.bank_account", one)["state"] == "active" for one in accounts) <= 1
    numbers = [one["number"] for one in both.find("helpdesk.ticket", requester=asker)]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) >= {said for said in done(outcomes) if said.startswith("T")}
    # What was told to somebody is there, and the next one writes on.
    assert both.create("helpdesk.ticket", subject="After", requester=asker, queue=queue)["number"] not in numbers
    assert audit.verify(both.platform).good
