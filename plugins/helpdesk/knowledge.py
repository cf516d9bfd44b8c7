"""What the helpdesk knows: articles that are reviewed, versioned and judged by their readers, canned replies, and problems."""

from __future__ import annotations

import re

from core import Change, Record, Work, hookimpl, on

PLACEHOLDERS = ("requester", "number", "subject", "agent", "queue", "service", "resolution")
_PLACEHOLDER = re.compile(r"\{([^{}<>]*)\}")


@hookimpl(specname="before_save")
@on("helpdesk.knowledge_article")
def name_the_reviewer(record: Record, change: Change) -> None:
    """Whoever publishes an article has reviewed it; each publication is a version, and readers say whether it helped."""
    match change.transition:
        case "publish":
            record["reviewed_by"] = change.actor.person
            record["revision"] = int(record.get("revision") or 0) + 1
        case "helped":
            record["helpful"] = int(record.get("helpful") or 0) + 1
        case "did_not_help":
            record["unhelpful"] = int(record.get("unhelpful") or 0) + 1


@hookimpl(specname="check_record")
@on("helpdesk.canned_reply")
def know_the_placeholders(record: Record) -> dict[str, str]:
    """A placeholder that nobody fills is refused while the reply is written, not when it is sent."""
    unknown = [name for name in _PLACEHOLDER.findall(record.get("body") or "") if name.strip() not in PLACEHOLDERS]
    if not unknown:
        return {}
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    return {"body": f"Nothing is known as {{{unknown[0]}}}. There are {known}."}


@hookimpl(specname="allow_transition")
@on("helpdesk.problem")
def close_a_problem_with_care(record: Record, transition: str, work: Work) -> str | None:
    """Resolved: its change is closed, or a reason says that none is needed. Closed: a major incident has been reviewed."""
    if transition == "resolve":
        change = work.get("helpdesk.change", record.get("change"))
        if change is not None and change["state"] != "closed":
            return f"{change['number']} has to be closed first."
        if change is None and not record.get("no_change_reason"):
            return "Name the change that solves it, or say why none is needed."
    if transition == "close" and not record.get("review_note") and work.count("helpdesk.ticket", problem=record.id, major=True):
        return "It had a major incident: write the review note first."
    return None
