"""The directory: the display name of a person follows the given and the family name, and time zones are known ones."""

from core import DemoWork, Record, Work, hookimpl, on
from plugins.directory.calendar import is_zone
from plugins.directory.demo import fill


@hookimpl(specname="before_save")
@on("directory.person")
def say_the_full_name(record: Record) -> None:
    """People are shown by given and family name."""
    record["display_name"] = f"{record.get('given_name') or ''} {record.get('family_name') or ''}".strip() or None


@hookimpl(specname="check_record")
@on("directory.company", "directory.person", "directory.calendar")
def know_the_zone(record: Record) -> dict[str, str]:
    """Time zones have names such as Europe/Berlin."""
    wrong = [name for name in ("zone", "time_zone") if record.get(name) and not is_zone(record[name])]
    return dict.fromkeys(wrong, "This time zone is not known: write it as Europe/Berlin.")


@hookimpl(specname="check_record")
@on("directory.delegation")
def no_chains(record: Record, work: Work) -> dict[str, str]:
    """Who stands in for somebody has nobody standing in for the same days: delegations form no chains."""
    if record.get("start") is None or record.get("end") is None:
        return {}
    for name, other, told in (
        ("to_person", "from_person", "has somebody else standing in"),
        ("from_person", "to_person", "stands in for somebody"),
    ):
        for one in work.find("directory.delegation", **{other: record.get(name)}, limit=200) if record.get(name) else ():
            if one.id != record.get("id") and one["start"] <= record["end"] and record["start"] <= one["end"]:
                return {name: f"On these days this person {told} ({one['number']}): nobody passes on what was passed on."}
    return {}


@hookimpl
def demo(work: DemoWork) -> None:
    """Two companies, six departments, two hundred people."""
    fill(work)
