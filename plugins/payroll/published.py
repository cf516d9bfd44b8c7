"""Figures as authorities published them, to be loaded into rate tables and checked by two people before use."""

from __future__ import annotations

from decimal import Decimal

from plugins.payroll.brackets import Bracket, rows
from plugins.payroll.uk import Rate, Thresholds

US_2025_SOURCE = "IRS Publication 15-T (2025), percentage method tables for automated payroll systems"
US_2025: dict[tuple[str, bool], tuple[Bracket, ...]] = {
    ("single", False): rows(
        ("6400", "0", "10"),
        ("18325", "1192.50", "12"),
        ("54875", "5578.50", "22"),
        ("109750", "17651.00", "24"),
        ("203700", "40199.00", "32"),
        ("256925", "57231.00", "35"),
        ("632750", "188769.75", "37"),
    ),
    ("joint", False): rows(
        ("17100", "0", "10"),
        ("40950", "2385.00", "12"),
        ("114050", "11157.00", "22"),
        ("223800", "35302.00", "24"),
        ("411700", "80398.00", "32"),
        ("518150", "114462.00", "35"),
        ("768700", "202154.50", "37"),
    ),
    ("head", False): rows(
        ("13900", "0", "10"),
        ("30900", "1700.00", "12"),
        ("78750", "7442.00", "22"),
        ("117250", "15912.00", "24"),
        ("211200", "38460.00", "32"),
        ("264400", "55484.00", "35"),
        ("640250", "187031.50", "37"),
    ),
    ("single", True): rows(
        ("7500", "0", "10"),
        ("13463", "596.25", "12"),
        ("31735", "2789.25", "22"),
        ("59175", "8825.50", "24"),
        ("106150", "20099.50", "32"),
        ("132763", "28615.50", "35"),
        ("320675", "94384.88", "37"),
    ),
    ("joint", True): rows(
        ("15000", "0", "10"),
        ("26925", "1192.50", "12"),
        ("63475", "5578.50", "22"),
        ("118350", "17651.00", "24"),
        ("212300", "40199.00", "32"),
        ("265525", "57231.00", "35"),
        ("390800", "101077.25", "37"),
    ),
    ("head", True): rows(
        ("11250", "0", "10"),
        ("19750", "850.00", "12"),
        ("43675", "3721.00", "22"),
        ("62925", "7956.00", "24"),
        ("109900", "19230.00", "32"),
        ("136500", "27742.00", "35"),
        ("324425", "93515.75", "37"),
    ),
}
US_2024_SINGLE_START = rows(("6000", "0", "10"), ("17600", "1160.00", "12"), ("53150", "5426.00", "22"))
US_WAGE_BASE = {2024: Decimal(168_600), 2025: Decimal(176_100), 2026: Decimal(184_500)}

UK_SOURCE = "GOV.UK, Rates and thresholds for employers"
UK_RATES = (Rate(Decimal(37_700), Decimal(20)), Rate(Decimal(125_140), Decimal(40)), Rate(None, Decimal(45)))
UK_RATES_2009 = (Rate(Decimal(37_400), Decimal(20)), Rate(None, Decimal(40)))
UK_NICS: dict[tuple[str, str], Thresholds] = {
    ("2024-25", "monthly"): Thresholds(Decimal(1_048), Decimal(4_189), Decimal(758), employer=Decimal("13.8")),
    ("2025-26", "monthly"): Thresholds(Decimal(1_048), Decimal(4_189), Decimal(417)),
    ("2026-27", "monthly"): Thresholds(Decimal(1_048), Decimal(4_189), Decimal(417)),
    ("2024-25", "weekly"): Thresholds(Decimal(242), Decimal(967), Decimal(175), employer=Decimal("13.8")),
    ("2025-26", "weekly"): Thresholds(Decimal(242), Decimal(967), Decimal(96)),
}
