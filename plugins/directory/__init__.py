"""The directory: the display name of a person follows the given and the family name, and time zones are known ones."""

from core import DemoWork, Record, hookimpl, on
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


@hookimpl
def demo(work: DemoWork) -> None:
    """Two companies, six departments, two hundred people."""
    fill(work)
