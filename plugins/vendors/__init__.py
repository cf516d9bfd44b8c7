"""Vendors: identifiers are checked, papers expire, accounts are seen by four eyes, risks and scores add up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from core import Change, DemoWork, Record, Work, hookimpl, on
from plugins.vendors import duplicates, identifiers, risk, scoring, terms
from plugins.vendors.demo import fill
from plugins.vendors.merging import merge_with_care, move_what_belongs, stamp_the_merge, two_live_vendors

__all__ = ["merge_with_care", "move_what_belongs", "stamp_the_merge", "two_live_vendors"]

FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com", "gmx.de", "web.de", "hotmail.com")
COOLING = 2
LONGEST_OVERRIDE = timedelta(days=366)


@hookimpl(specname="check_record")
@on("vendors.vendor")
def check_identifiers(record: Record, change: Change) -> dict[str, str]:
    """VAT id, LEI and GLN have check digits; a tier is overridden for twelve months at most."""
    found: dict[str, str] = {}
    checks: dict[str, Callable[[str], object]] = {
        "lei": identifiers.compact_lei,
        "gln": identifiers.compact_gln,
        "vat_id": lambda text: identifiers.compact_vat(text, record.get("country") or ""),
    }
    for name, check in checks.items():
        if record.get(name) and change.touches(name):
            try:
                check(record[name])
            except ValueError as wrong:
                found[name] = str(wrong)
    if record.get("tier_until") and change.touches("tier_until") and record["tier_until"] > change.at.date() + LONGEST_OVERRIDE:
        found["tier_until"] = "A tier can be overridden for twelve months at most."
    return found


@hookimpl(specname="before_save")
@on("vendors.vendor")
def look_for_the_same(record: Record, change: Change, work: Work) -> None:
    """Stored forms of identifiers, possible duplicates, the tier in force, and who approved."""
    if record.get("vat_id"):
        record["vat_id"] = identifiers.compact_vat(record["vat_id"], record.get("country") or "")[0]
    for name, compact in (("lei", identifiers.compact_lei), ("gln", identifiers.compact_gln)):
        if record.get(name):
            record[name] = compact(record[name])
    if change.is_new or change.touches("legal_name"):
        record["similar"] = "\n".join(_similar(record, work)) or None
    if record.get("tier_override") and record.get("tier_until") and record["tier_until"] >= change.at.date():
        record["risk_tier"] = record["tier_override"]
    if change.transition == "approve":
        record["approved_by"] = change.actor.person
    if change.transition == "activate" and record.get("risk_tier"):
        record["next_review"] = risk.next_review(change.at.date(), record["risk_tier"])


@hookimpl(specname="allow_transition")
@on("vendors.vendor")
def approve_with_papers(record: Record, transition: str, work: Work) -> str | None:
    """Due diligence is closed and clear, mandatory papers are verified, and an account is active before payments."""
    if transition == "approve":
        files = work.find("vendors.due_diligence", vendor=record.id)
        closed = [one for one in files if one["state"] == "closed"]
        if not closed:
            return "A due diligence file has to be closed first."
        if closed[0].get("outcome") == "stopped":
            return "The due diligence stopped this vendor: only compliance can clear it."
        missing = _missing_papers(record, work)
        if missing:
            return f"These papers are not verified: {', '.join(missing)}."
    if transition == "activate" and not work.find("vendors.bank_account", vendor=record.id, state="active", limit=1):
        return "An active bank account is needed first."
    return None


@hookimpl(specname="before_save")
@on("vendors.bank_account")
def keep_the_account_safe(record: Record, before: Record | None, change: Change, work: Work) -> None:
    """The IBAN in stored form, its fingerprint and last digits; red flags of a new account; who verified and approved."""
    if change.is_new and record.get("iban"):
        record["iban"] = identifiers.compact_iban(record["iban"])
        record["last4"], record["bank_country"] = record["iban"][-4:], record["iban"][:2]
        record["fingerprint"] = hashlib.sha256(f"vendors.bank_account:{record['iban']}".encode()).hexdigest()
        record["red_flags"] = "\n".join(_red_flags(record, work)) or None
        if record.get("bic"):
            record["bic"] = identifiers.compact_bic(record["bic"])
    match change.transition:
        case "verify":
            record["verified_by"] = change.actor.person
        case "approve":
            record["approved_by"] = change.actor.person
            record["cooling_until"] = terms.working_days_after(change.at.date(), COOLING)
        case "activate" | "hurry":
            record["valid_from"] = change.at.date()
        case "retire":
            record["valid_to"] = change.at.date()


@hookimpl(specname="check_record")
@on("vendors.bank_account")
def check_the_iban(record: Record, change: Change) -> dict[str, str]:
    """Length and check digits of the IBAN, the form of the BIC."""
    found: dict[str, str] = {}
    for name, check in (("iban", identifiers.compact_iban), ("bic", identifiers.compact_bic)):
        if change.is_new and record.get(name):
            try:
                check(record[name])
            except ValueError as wrong:
                found[name] = str(wrong)
    return found


@hookimpl(specname="allow_transition")
@on("vendors.bank_account")
def call_back_first(record: Record, transition: str, work: Work) -> str | None:
    """A call to a number already on file confirms the account before anybody approves it."""
    if transition == "approve":
        lines = record.get("verification") or ()
        if any(line.get("result") == "denied" for line in lines):
            return "A verification denied this account."
        if not any(line.get("method") == "callback" and line.get("result") == "confirmed" for line in lines):
            return "A call back to a number on file has to confirm the account first."
    return None


@hookimpl(specname="after_transition")
@on("vendors.bank_account")
def retire_the_old(record: Record, transition: str, work: Work) -> None:
    """A new active account takes the place of the one before: under the vendor's lock there is one (VE-R02)."""
    if transition in ("activate", "hurry"):
        work.lock("vendors.vendor", record["vendor"])
        for old in work.find(
            "vendors.bank_account", vendor=record["vendor"], currency=record["currency"], purpose=record["purpose"], state="active"
        ):
            if old.id != record.id:
                work.move("vendors.bank_account", old.id, "retire", reason="Replaced by a newer account.")


@hookimpl(specname="before_save")
@on("vendors.document")
def name_the_verifier(record: Record, change: Change) -> None:
    """Who received and who verified a paper are two people."""
    if change.transition == "receive":
        record["uploaded_by"] = change.actor.person
    if change.transition == "verify":
        record["verified_by"] = change.actor.person


@hookimpl(specname="check_record")
@on("vendors.document")
def expiring_papers_have_a_date(record: Record, work: Work) -> dict[str, str]:
    """A type that expires needs the last day on which the paper is valid."""
    if record.get("issued") and not record.get("expires"):
        kind = work.get("vendors.document_type", record["type"])
        if kind and kind.get("expires"):
            return {"expires": "Papers of this type expire: give the last valid day."}
    return {}


@hookimpl(specname="after_transition")
@on("vendors.document")
def block_on_expiry(record: Record, transition: str, work: Work) -> None:
    """An expired mandatory paper blocks orders; a verified one lifts the block (VE 4.3)."""
    vendor = work.get("vendors.vendor", record["vendor"])
    if vendor is None:
        return
    if transition == "expire" and _missing_papers(vendor, work) and vendor["block"] == "none":
        work.change("vendors.vendor", vendor.id, block="orders", block_reason="A mandatory paper has expired.")
    elif (
        transition == "verify"
        and vendor["block"] == "orders"
        and vendor.get("block_reason") == "A mandatory paper has expired."
        and not _missing_papers(vendor, work)
    ):
        work.change("vendors.vendor", vendor.id, block="none", block_reason=None)


@hookimpl(specname="before_save")
@on("vendors.due_diligence")
def conclude(record: Record, change: Change) -> None:
    """A sanctions hit stops, open findings need the sign-off of compliance."""
    lines = record.get("checks") or ()
    hits = [line for line in lines if line.get("result") == "hit" and not line.get("signed_off")]
    open_ = [line for line in lines if line.get("result") == "review" and not line.get("signed_off")]
    record["outcome"] = "stopped" if hits else "conditional" if open_ else "clear" if lines else None
    if change.transition == "close":
        record["closed_by"] = change.actor.person


@hookimpl(specname="allow_transition")
@on("vendors.due_diligence")
def close_when_complete(record: Record, transition: str) -> str | None:
    """Every required check has a result, and what needs a look is signed off."""
    if transition != "close":
        return None
    bare = [line["check"] for line in record.get("checks") or () if line.get("required") and not line.get("result")]
    if bare or not record.get("checks"):
        return f"These checks have no result: {', '.join(bare)}." if bare else "There are no checks yet."
    return "Compliance has to sign off what needs a look." if record.get("outcome") == "conditional" else None


@hookimpl(specname="before_save")
@on("vendors.risk_assessment")
def rate_the_risk(record: Record, work: Work) -> None:
    """Likelihood times impact; the highest residual counts, and gives the tier with the vendor's criticality (VE-R05)."""
    lines = []
    for line in record.get("dimensions") or ():
        rating = int(line["likelihood"]) * int(line["impact"])
        residual = int(line.get("residual_likelihood") or line["likelihood"]) * int(line.get("residual_impact") or line["impact"])
        lines.append({**line, "rating": rating, "residual": residual})
    record["dimensions"] = tuple(lines)
    record["inherent"] = risk.overall([line["rating"] for line in lines])
    record["residual"] = risk.overall([line["residual"] for line in lines])
    record["level"] = risk.level(record["residual"])
    vendor = work.get("vendors.vendor", record["vendor"])
    record["tier"] = risk.tier(record["residual"], int(vendor["criticality"]) if vendor else 3)


@hookimpl(specname="after_save")
@on("vendors.risk_assessment")
def set_the_tier(record: Record, change: Change, work: Work) -> None:
    """The vendor takes over the tier, unless it is overridden."""
    vendor = work.get("vendors.vendor", record["vendor"])
    if vendor is not None and not vendor.get("tier_override") and vendor.get("risk_tier") != record["tier"]:
        values = {"risk_tier": record["tier"]}
        if vendor.get("next_review"):
            values["next_review"] = risk.next_review(change.at.date(), record["tier"])
        work.change("vendors.vendor", vendor.id, **values)


@hookimpl(specname="before_save")
@on("vendors.scorecard")
def add_up_the_scores(record: Record) -> None:
    """The weighted total over scored criteria, and its grade (VE-R06)."""
    result = scoring.score([(line["weight"], line.get("score")) for line in record.get("criteria") or ()])
    record["total"], record["grade"], record["missing"] = result.total, result.grade, result.missing


@hookimpl(specname="check_record")
@on("vendors.scorecard")
def weights_make_a_hundred(record: Record) -> dict[str, str]:
    """The weights of a scorecard add up to 100."""
    total = sum(line["weight"] for line in record.get("criteria") or () if line.get("weight") is not None)
    return (
        {} if not record.get("criteria") or total == 100 else {"criteria": f"The weights add up to {total.normalize():f} %, not to 100 %."}
    )


@hookimpl
def demo(work: DemoWork) -> None:
    """Two hundred vendors through their onboarding."""
    fill(work)


def _similar(record: Record, work: Work) -> list[str]:
    mine = record.get("id")
    return [
        f"{other['code']} {other['legal_name']}"
        for other in work.find("vendors.vendor", country=record["country"], limit=1000)
        if other.id != mine and duplicates.alike(record["legal_name"], other["legal_name"])
    ][:20]


def _missing_papers(vendor: Record, work: Work) -> list[str]:
    tier = vendor.get("risk_tier")
    if not tier:
        return []
    needed = [
        one for one in work.find("vendors.document_type", limit=200) if one.get("mandatory_to_tier") and tier <= one["mandatory_to_tier"]
    ]
    have = {one["type"] for one in work.find("vendors.document", vendor=vendor.id, state="verified", limit=200)}
    return [one["name"] for one in needed if one.id not in have]


def _red_flags(record: Record, work: Work) -> list[str]:
    """What a careful clerk would ask about (VE 4.3)."""
    flags: list[str] = []
    vendor = work.get("vendors.vendor", record["vendor"])
    if vendor is None:
        return flags
    if record["bank_country"] != vendor["country"]:
        flags.append(f"The account is in {record['bank_country']}, the vendor in {vendor['country']}.")
    if duplicates.similarity(duplicates.normal(record["holder"]), duplicates.normal(vendor["legal_name"])) < 0.85:
        flags.append("The holder's name differs from the vendor's.")
    if any((line.get("email") or "").rpartition("@")[2].lower() in FREE_MAIL for line in vendor.get("contacts") or ()):
        flags.append("A contact uses a free mail address.")
    if any(other["vendor"] != record["vendor"] for other in work.find("vendors.bank_account", fingerprint=record["fingerprint"], limit=20)):
        flags.append("Another vendor uses the same account.")
    return flags
