"""Bank accounts: never edited, seen by four eyes, confirmed by a call to a number that was on file before (VE-R02, VE-R03, VE-R10)."""

from __future__ import annotations

import hashlib
import re

from core import Change, Record, Work, hookimpl, on
from plugins.vendors import duplicates, identifiers, terms

COOLING = 2
ROLLED_BACK = "A bank account was rolled back: pay again once an account is verified anew."
_DIGITS = re.compile(r"\d+")


@hookimpl(specname="before_save")
@on("vendors.bank_account")
def keep_the_account_safe(record: Record, before: Record | None, change: Change, work: Work) -> None:
    """The number in stored form, its fingerprint and last digits; red flags of a new account; who verified and approved."""
    if change.is_new and (number := _number(record)):
        record["last4"], record["fingerprint"] = number[-4:], _fingerprint(number)
        if record.get("iban"):
            record["iban"] = number
            record["bank_country"] = number[:2]
        else:
            record["bank_country"], record["routing"] = "US", identifiers.compact_routing(record["routing"])
        vendor = work.get("vendors.vendor", record["vendor"])
        record["numbers_on_file"] = "\n".join(_numbers(vendor)) or None
        flags = _red_flags(record, vendor, work)
        record["red_flags"] = "\n".join(flags) or None
        record["answers"] = tuple({"flag": one, "answer": None} for one in flags)
        if record.get("bic"):
            record["bic"] = identifiers.compact_bic(record["bic"])
    elif before is not None and change.touches("answers"):
        # The flags are the platform's: people answer them, and neither add nor leave out one.
        said = {line["flag"]: line.get("answer") for line in record.get("answers") or ()}
        record["answers"] = tuple({**line, "answer": said.get(line["flag"])} for line in before.get("answers") or ())
    match change.transition:
        case "verify":
            record["verified_by"] = change.actor.person
        case "approve":
            record["approved_by"] = change.actor.person
            record["cooling_until"] = terms.working_days_after(change.at.date(), COOLING)
        case "activate" | "hurry":
            record["valid_from"] = change.at.date()
        case "retire" | "roll_back":
            record["valid_to"] = change.at.date()


@hookimpl(specname="check_record")
@on("vendors.bank_account")
def check_the_number(record: Record, change: Change, work: Work) -> dict[str, str]:
    """Length and check digits; an IBAN or an American number; a one-time vendor's account belongs to nobody else (VE-R10)."""
    if not change.is_new:
        return {}
    found: dict[str, str] = {}
    checks = (("iban", identifiers.compact_iban), ("bic", identifiers.compact_bic), ("routing", identifiers.compact_routing))
    for name, check in checks:
        if record.get(name):
            try:
                check(record[name])
            except ValueError as wrong:
                found[name] = str(wrong)
    if not record.get("iban") and not (record.get("routing") and record.get("account_number")):
        found["iban"] = "Give the IBAN, or the account number with its routing number."
    if not found and (other := _of_a_one_time_vendor(record, work)):
        found["iban" if record.get("iban") else "account_number"] = other
    return found


@hookimpl(specname="allow_transition")
@on("vendors.bank_account")
def call_back_first(record: Record, transition: str, work: Work) -> str | None:
    """A call to a number on file before the request confirms the account, and every red flag has its answer."""
    if transition != "approve":
        return None
    lines = record.get("verification") or ()
    if any(line.get("result") == "denied" for line in lines):
        return "A verification denied this account."
    calls = [line for line in lines if line.get("method") == "callback" and line.get("result") == "confirmed"]
    if not calls:
        return "A call back to a number on file has to confirm the account first."
    known = {_plain(number) for number in (record.get("numbers_on_file") or "").splitlines()}
    if not any(_plain(line.get("called")) in known for line in calls):
        return "The number that was called was not on file before the request: call one of the vendor's contacts as they were then."
    bare = [line["flag"] for line in record.get("answers") or () if not line.get("answer")]
    return f"Answer every red flag first: {bare[0]}" if bare else None


@hookimpl(specname="after_transition")
@on("vendors.bank_account")
def one_account_in_force(record: Record, transition: str, work: Work) -> None:
    """A new active account takes the place of the one before (VE-R02); one that was rolled back stops payments."""
    if transition in ("activate", "hurry"):
        work.lock("vendors.vendor", record["vendor"])
        for old in work.find(
            "vendors.bank_account", vendor=record["vendor"], currency=record["currency"], purpose=record["purpose"], state="active"
        ):
            if old.id != record.id:
                work.move("vendors.bank_account", old.id, "retire", reason="Replaced by a newer account.")
        vendor = work.get("vendors.vendor", record["vendor"])
        if vendor is not None and vendor.get("block_reason") == ROLLED_BACK:
            work.change("vendors.vendor", vendor.id, block="none", block_reason=None)
    if transition == "roll_back":
        vendor = work.get("vendors.vendor", record["vendor"])
        if vendor is not None and vendor["block"] in ("none", "orders"):
            kept = {"block": "payments", "block_reason": ROLLED_BACK} if vendor["block"] == "none" else {"block": "all"}
            work.change("vendors.vendor", vendor.id, **kept)


def _number(record: Record) -> str:
    """The account in the form in which it is compared."""
    if record.get("iban"):
        return identifiers.compact_iban(record["iban"])
    return f"{record.get('routing') or ''}{record.get('account_number') or ''}".replace(" ", "")


def _fingerprint(number: str) -> str:
    return hashlib.sha256(f"vendors.bank_account:{number}".encode()).hexdigest()


def _plain(number: str | None) -> str:
    return "".join(_DIGITS.findall(number or ""))


def _numbers(vendor: Record | None) -> list[str]:
    return [line["phone"] for line in (vendor.get("contacts") or () if vendor else ()) if line.get("phone")]


def _sharing(fingerprint: str, vendor: int, work: Work) -> list[Record]:
    """Other vendors with the same account."""
    same = work.find("vendors.bank_account", fingerprint=fingerprint, limit=50)
    found = (work.get("vendors.vendor", number) for number in {one["vendor"] for one in same} - {vendor})
    return [one for one in found if one is not None]


def _of_a_one_time_vendor(record: Record, work: Work) -> str:
    vendor = work.get("vendors.vendor", record.get("vendor"))
    others = _sharing(_fingerprint(_number(record)), record["vendor"], work) if vendor is not None else []
    if vendor is not None and others and vendor.get("one_time"):
        return f"{others[0]['code']} uses this account: a one-time vendor has one of its own."
    theirs = next((one for one in others if one.get("one_time")), None)
    return f"This account belongs to {theirs['code']}, a one-time vendor: nobody else may use it." if theirs else ""


def _domain(mail: str | None) -> str:
    return (mail or "").rpartition("@")[2].lower()


def _red_flags(record: Record, vendor: Record | None, work: Work) -> list[str]:
    """What a careful clerk would ask about (VE 4.3)."""
    flags: list[str] = []
    if vendor is None:
        return flags
    if record["bank_country"] != vendor["country"]:
        flags.append(f"The account is in {record['bank_country']}, the vendor in {vendor['country']}.")
    if duplicates.similarity(duplicates.normal(record["holder"]), duplicates.normal(vendor["legal_name"])) < 0.85:
        flags.append("The holder's name differs from the vendor's.")
    known = {_domain(line.get("email")) for line in vendor.get("contacts") or ()} - {""}
    if record.get("sender") and _domain(record["sender"]) not in known:
        flags.append(f"The request came from {_domain(record['sender'])}, which no contact uses.")
    if (known | {_domain(record.get("sender"))}) & set(duplicates.FREE_MAIL):
        flags.append("A free mail address is used.")
    if _sharing(record["fingerprint"], record["vendor"], work):
        flags.append("Another vendor uses the same account.")
    return flags
