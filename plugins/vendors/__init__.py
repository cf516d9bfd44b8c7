"""Vendors: identifiers are checked, papers expire, accounts are seen by four eyes, risks and scores add up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from core import Change, DemoWork, Money, Record, Work, hookimpl, on
from plugins.vendors import days, duplicates, identifiers, risk, scoring, terms
from plugins.vendors.accounts import call_back_first, check_the_number, keep_the_account_safe, one_account_in_force
from plugins.vendors.demo import fill
from plugins.vendors.diligence import close_when_complete, conclude
from plugins.vendors.merging import merge_with_care, move_what_belongs, stamp_the_merge, two_live_vendors

__all__ = [
    "call_back_first",
    "check_the_number",
    "close_when_complete",
    "conclude",
    "keep_the_account_safe",
    "merge_with_care",
    "move_what_belongs",
    "one_account_in_force",
    "stamp_the_merge",
    "two_live_vendors",
]

ONE_TIME_LIMIT = Decimal("2500.00")
PAYERS = frozenset({"vendors.accounts_payable", "vendors.treasury"})
BLOCKERS = frozenset({"vendors.vendor_manager", "vendors.compliance", "core.everything"})
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
    roles = change.actor.roles
    if change.touches("block") and not change.is_new and roles & PAYERS and not roles & BLOCKERS:
        if not {record["block"], change.before["block"] if change.before else "none"} <= {"none", "payments"}:
            found["block"] = "You may stop payments and let them go again; orders are stopped by compliance or the vendor manager."
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
    if record.get("one_time") and not record.get("one_time_limit"):
        record["one_time_limit"] = Money(ONE_TIME_LIMIT, record["currency"])
    if change.touches("block"):
        record["blocked_by"] = change.actor.person if record["block"] != "none" else None
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


@hookimpl(specname="allow_transition")
@on("vendors.document")
def valid_through_its_last_day(record: Record, transition: str, change: Change, work: Work) -> str | None:
    """A paper expires when its last valid day has ended where the vendor is (VE-R09)."""
    if transition != "expire":
        return None
    vendor = work.get("vendors.vendor", record["vendor"])
    if record.get("expires") is None:
        return "This paper does not expire."
    if vendor is not None and not days.is_over(record["expires"], vendor["country"], change.at):
        return f"It is valid through {record['expires']} in {vendor['country']}."
    return None


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
    """Counted criteria give their value (VE-R07); the weighted total over scored criteria, and its grade (VE-R06)."""
    lines = []
    for line in record.get("criteria") or ():
        if line.get("source") == "auto":
            good, base = line.get("good"), line.get("base")
            value = scoring.share(good, base, scoring.HUNDREDTH) if good is not None and base is not None else None
            line = {**line, "value": None if value is None else scoring.share(good, base), "score": value}
        lines.append(line)
    record["criteria"] = tuple(lines)
    result = scoring.score([(line["weight"], line.get("score")) for line in record.get("criteria") or ()])
    record["total"], record["grade"], record["missing"] = result.total, result.grade, result.missing


@hookimpl(specname="check_record")
@on("vendors.scorecard")
def weights_make_a_hundred(record: Record) -> dict[str, str]:
    """The weights of a scorecard add up to 100, and of what was counted no part is larger than the whole."""
    for line in record.get("criteria") or ():
        if line.get("good") is not None and line.get("base") is not None and line["good"] > line["base"]:
            return {"criteria": f"{line['criterion']}: {line['good']} of {line['base']} cannot be."}
    total = sum(line["weight"] for line in record.get("criteria") or () if line.get("weight") is not None)
    return (
        {} if not record.get("criteria") or total == 100 else {"criteria": f"The weights add up to {total.normalize():f} %, not to 100 %."}
    )


@hookimpl(specname="before_save")
@on("vendors.questionnaire")
def score_the_answers(record: Record) -> None:
    """The weighted score over the answers that have one."""
    record["score"] = scoring.score([(line["weight"], line.get("score")) for line in record.get("answers") or ()]).total


@hookimpl(specname="before_save")
@on("vendors.contract_link")
def renew_from_the_first_end(record: Record, change: Change) -> None:
    """A renewed contract ends so many months after its first end, however often it was renewed (VE-R08)."""
    if not change.is_new and change.touches("renewals") and record.get("end") and record.get("renew_months"):
        record["first_end"] = record.get("first_end") or record["end"]
        record["end"] = terms.renewed(record["first_end"], record["renew_months"], int(record.get("renewals") or 0))


@hookimpl
def demo(work: DemoWork) -> None:
    """Two hundred vendors through their onboarding."""
    fill(work)


def _similar(record: Record, work: Work) -> list[str]:
    mine, sites = record.get("id"), duplicates.sites(record)
    return [
        f"{other['code']} {other['legal_name']}"
        for other in work.find("vendors.vendor", country=record["country"], limit=1000)
        if other.id != mine and (duplicates.alike(record["legal_name"], other["legal_name"]) or sites & duplicates.sites(other))
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
