"""The worked examples of vendor management."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from plugins.vendors import duplicates, identifiers, risk, scoring, terms

VALID = ["GB82 WEST 1234 5698 7654 32", "DE89 3704 0044 0532 0130 00", "NL91 ABNA 0417 1643 00"]


@pytest.mark.parametrize("text", VALID)
def test_ve_x01_ibans_and_every_changed_digit(text: str) -> None:
    plain = identifiers.compact_iban(text)
    assert identifiers.grouped_iban(plain) == text
    for at, sign in enumerate(plain):
        if sign.isdigit():
            for other in "0123456789".replace(sign, ""):
                with pytest.raises(ValueError, match="not a valid IBAN"):
                    identifiers.compact_iban(plain[:at] + other + plain[at + 1 :])
    for at in range(4, len(plain) - 1):
        if plain[at] != plain[at + 1] and plain[at].isdigit() and plain[at + 1].isdigit():
            with pytest.raises(ValueError, match="not a valid IBAN"):
                identifiers.compact_iban(plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :])


def test_ve_r06_ve_x02_scorecard() -> None:
    criteria = [(D(40), D("98.2")), (D(30), D("91.67")), (D(15), D(80)), (D(15), D(75))]
    assert scoring.score(criteria) == scoring.Score(D("90.0"), "A", D("0.0000"))
    without = scoring.score([*criteria[:3], (D(15), None)])
    assert (without.total, without.grade, without.missing) == (D("92.7"), "A", D("15.0000"))
    assert scoring.score([(D(70), D(90)), (D(30), None)]).grade is None


def test_ve_x03_shares() -> None:
    assert scoring.share(D(171), D(200)) == D("85.5")
    assert scoring.share(D(9800 - 176), D(9800)) == D("98.2")
    assert scoring.share(D(1), D(0)) is None


def test_ve_x04_terms() -> None:
    assert terms.due("invoice", date(2026, 1, 15), 10) == date(2026, 1, 25)
    assert terms.due("invoice", date(2026, 1, 31), 30) == date(2026, 3, 2)
    assert terms.due("end_of_month", date(2026, 1, 15), 30) == date(2026, 2, 28)


def test_ve_r08_ve_x05_notice() -> None:
    deadline = terms.notice_deadline(date(2026, 12, 31), 90)
    assert deadline == date(2026, 10, 2)
    assert terms.first_reminder(deadline) == date(2026, 8, 3)
    assert terms.renewed(date(2026, 1, 31), 1, 2) == date(2026, 3, 31)


def test_ve_x06_the_highest_residual_decides() -> None:
    highest = risk.overall([6, 12, 4])
    assert (highest, risk.level(highest)) == (12, "high")
    assert (risk.tier(highest, 2), risk.tier(highest, 3)) == (1, 2)


@pytest.mark.parametrize(
    ("rating", "word", "tiers"),
    [
        (1, "low", (3, 3, 4, 4)),
        (4, "low", (3, 3, 4, 4)),
        (5, "medium", (2, 3, 3, 3)),
        (9, "medium", (2, 3, 3, 3)),
        (10, "high", (1, 1, 2, 2)),
        (14, "high", (1, 1, 2, 2)),
        (15, "critical", (1, 1, 1, 1)),
        (25, "critical", (1, 1, 1, 1)),
    ],
)
def test_ve_r05_rating_and_tier(rating: int, word: str, tiers: tuple[int, ...]) -> None:
    assert risk.level(rating) == word
    assert tuple(risk.tier(rating, criticality) for criticality in (1, 2, 3, 4)) == tiers


@pytest.mark.parametrize(
    ("one", "other", "value"), [("MARTHA", "MARHTA", 0.9611), ("DWAYNE", "DUANE", 0.84), ("DIXON", "DICKSONX", 0.8133)]
)
def test_ve_x07_name_similarity(one: str, other: str, value: float) -> None:
    assert round(duplicates.similarity(one, other), 4) == value


def test_ve_x07_legal_forms_do_not_count() -> None:
    assert duplicates.alike("Nordlicht Bürotechnik GmbH", "Nordlicht Burotechnik Ltd.")
    assert not duplicates.alike("Nordlicht Bürotechnik GmbH", "Sandberg Logistik AG")


def test_identifiers_with_check_digits() -> None:
    assert identifiers.compact_lei("213800 KUD8LAJWSQ9D15") == "213800KUD8LAJWSQ9D15"
    with pytest.raises(ValueError, match="20 characters"):
        identifiers.compact_lei("213800KUD8LAJWSQ9D16")
    assert identifiers.compact_vat("DE136695976", "DE") == ("DE136695976", True)
    with pytest.raises(ValueError, match="VAT id of DE"):
        identifiers.compact_vat("DE136695978", "DE")
    assert identifiers.compact_vat("AB 123", "XK") == ("AB123", False)


def test_cooling_takes_two_working_days() -> None:
    assert terms.working_days_after(date(2026, 6, 5), 2) == date(2026, 6, 9)
