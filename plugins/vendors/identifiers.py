"""Identifiers of vendors, checked by the rules of their registries (python-stdnum)."""

from __future__ import annotations

from stdnum import bic, ean, iban, lei
from stdnum.exceptions import ValidationError
from stdnum.us import rtn
from stdnum.util import get_cc_module


def compact_iban(text: str) -> str:
    """The IBAN in stored form; raises ValueError with a sentence when length, format or check digits are wrong."""
    try:
        return str(iban.validate(text, check_country=False))
    except ValidationError:
        raise ValueError("This is not a valid IBAN: please compare its length and digits with the bank's letter.") from None


def grouped_iban(text: str) -> str:
    """The IBAN in groups of four, as people read it."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def compact_bic(text: str) -> str:
    """The BIC in stored form, 8 or 11 characters."""
    try:
        return str(bic.validate(text))
    except ValidationError:
        raise ValueError("A BIC has 8 or 11 characters, such as COBADEFF or COBADEFF370.") from None


def compact_routing(text: str) -> str:
    """The routing number of an American bank, nine digits with a check digit (weights 3, 7, 1)."""
    try:
        return str(rtn.validate(text))
    except ValidationError:
        raise ValueError("A routing number has 9 digits, of which the last checks the others.") from None


def compact_lei(text: str) -> str:
    """The legal entity identifier (ISO 17442), 20 characters with two check digits."""
    try:
        return str(lei.validate(text))
    except ValidationError:
        raise ValueError("A LEI has 20 characters, of which the last two check the others.") from None


def compact_gln(text: str) -> str:
    """The global location number, 13 digits with a check digit."""
    try:
        number = str(ean.validate(text))
    except ValidationError:
        number = ""
    if len(number) != 13:
        raise ValueError("A GLN has 13 digits, of which the last checks the others.")
    return number


def compact_vat(text: str, country: str) -> tuple[str, bool]:
    """The VAT id in stored form, and whether a rule for ``country`` was known and has been checked."""
    plain = "".join(sign for sign in text.upper() if sign.isalnum())
    rule = get_cc_module(country.lower(), "vat")
    if rule is None:
        return plain, False
    try:
        rule.validate(plain)
    except ValidationError:
        raise ValueError(f"This is not a valid VAT id of {country}: please check its digits.") from None
    return plain, True
