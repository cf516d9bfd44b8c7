"""How alike two company names are: legal forms and punctuation removed, then Jaro-Winkler."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

ALIKE = 0.92
FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com", "gmx.de", "web.de", "hotmail.com")
LEGAL_FORMS = frozenset(
    [
        "ab",
        "ag",
        "as",
        "asa",
        "bv",
        "bvba",
        "co",
        "corp",
        "corporation",
        "company",
        "gmbh",
        "inc",
        "incorporated",
        "kg",
        "kgaa",
        "llc",
        "llp",
        "lp",
        "ltd",
        "limited",
        "nv",
        "ohg",
        "oy",
        "oyj",
        "plc",
        "pty",
        "sa",
        "sarl",
        "sas",
        "se",
        "sl",
        "spa",
        "srl",
        "sro",
        "ug",
        "zoo",
        "sp",
        "aps",
    ]
)


def normal(name: str | None) -> str:
    """The name without accents, punctuation and legal forms, in upper case; empty for none."""
    plain = unicodedata.normalize("NFKD", name or "")
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    words = re.findall(r"[a-z0-9]+", plain.lower())
    kept = [word for word in words if word not in LEGAL_FORMS]
    return " ".join(kept or words).upper()


def similarity(one: str, other: str) -> float:
    """Jaro-Winkler with p = 0.1 and a prefix of at most four letters, between 0 and 1; no normalisation."""
    jaro = _jaro(one, other)
    prefix = 0
    for left, right in zip(one[:4], other[:4], strict=False):
        if left != right:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


def alike(one: str | None, other: str | None) -> bool:
    """Whether two company names are so similar that they may be the same vendor (VE 4.3)."""
    return similarity(normal(one), normal(other)) >= ALIKE


def sites(vendor: Mapping[str, Any]) -> set[str]:
    """The domains of the vendor's website and of its contacts' addresses, without those of free mail."""
    found = {(urlsplit(vendor.get("website") or "").hostname or "").removeprefix("www.")}
    found |= {(line.get("email") or "").rpartition("@")[2].lower() for line in vendor.get("contacts") or ()}
    return found - {"", *FREE_MAIL}


def _jaro(one: str, other: str) -> float:
    if one == other:
        return 1.0
    reach = max(max(len(one), len(other)) // 2 - 1, 0)
    taken = [False] * len(other)
    matches: list[str] = []
    for at, sign in enumerate(one):
        for place in range(max(0, at - reach), min(len(other), at + reach + 1)):
            if not taken[place] and other[place] == sign:
                taken[place] = True
                matches.append(sign)
                break
    if not matches:
        return 0.0
    others = [sign for sign, is_taken in zip(other, taken, strict=True) if is_taken]
    swaps = sum(1 for left, right in zip(matches, others, strict=True) if left != right) // 2
    count = len(matches)
    return (count / len(one) + count / len(other) + (count - swaps) / count) / 3
