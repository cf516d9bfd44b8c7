"""Due diligence: every check has a result, and only compliance signs off what was found (VE 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core import Change, Record, hookimpl, on

FINDINGS = ("hit", "review")
FACTS = ("check", "result", "note", "evidence")


@hookimpl(specname="before_save")
@on("vendors.due_diligence")
def conclude(record: Record, before: Record | None, change: Change) -> None:
    """A sanctions hit stops, open findings wait for compliance; a line that changes loses its sign-off."""
    earlier = {line["check"]: line for line in (before.get("checks") or () if before else ())}
    lines = []
    for line in record.get("checks") or ():
        was = earlier.get(line["check"])
        if line.get("result") and _differ(line, was):
            line = {**line, "by": change.actor.person, "at": change.at, "signed_off": False}
        elif was is not None:
            line = {**line, **{name: was.get(name) for name in ("by", "at", "signed_off")}}
        if change.transition == "sign_off" and line.get("result") in FINDINGS:
            line = {**line, "signed_off": True}
        lines.append(line)
    record["checks"] = tuple(lines)
    waiting = {line["result"] for line in lines if line.get("result") in FINDINGS and not line.get("signed_off")}
    record["outcome"] = "stopped" if "hit" in waiting else "conditional" if waiting else "clear" if lines else None
    days = [line["valid_until"] for line in lines if line.get("valid_until")]
    record["next_review"] = min(days, default=None)
    if change.transition == "sign_off":
        record["signed_by"], record["signed_because"] = change.actor.person, change.reason
    if change.transition == "close":
        record["closed_by"] = change.actor.person


@hookimpl(specname="allow_transition")
@on("vendors.due_diligence")
def close_when_complete(record: Record, transition: str) -> str | None:
    """Every required check has a result, and what needs a look is signed off."""
    lines = record.get("checks") or ()
    if transition == "sign_off" and not any(line.get("result") in FINDINGS and not line.get("signed_off") for line in lines):
        return "There is nothing to sign off."
    if transition != "close":
        return None
    bare = [line["check"] for line in lines if line.get("required") and not line.get("result")]
    if bare or not lines:
        return f"These checks have no result: {', '.join(bare)}." if bare else "There are no checks yet."
    return "Compliance has to sign off what needs a look." if record.get("outcome") == "conditional" else None


def _differ(line: Mapping[str, Any], was: Mapping[str, Any] | None) -> bool:
    return was is None or any(line.get(name) != was.get(name) for name in FACTS)
