"""The directory: the display name of a person follows the given and the family name."""

from core import DemoWork, Record, hookimpl, on
from plugins.directory.demo import fill


@hookimpl(specname="before_save")
@on("directory.person")
def say_the_full_name(record: Record) -> None:
    """People are shown by given and family name."""
    record["display_name"] = f"{record.get('given_name') or ''} {record.get('family_name') or ''}".strip() or None


@hookimpl
def demo(work: DemoWork) -> None:
    """Two companies, six departments, two hundred people."""
    fill(work)
