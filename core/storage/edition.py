"""Which edition of the database's layout a program writes: one that is older than the data refuses to touch them."""

from __future__ import annotations

from importlib import metadata

import sqlalchemy as sa

from core.errors import BackofficeError
from core.storage.database import Database
from core.storage.models import Setting

EDITION = 1
"""Raised by one whenever a program of the edition before would read what this one writes wrong."""
_NAME = "edition"


class NewerData(BackofficeError):
    """The data were written by a later edition of this program."""

    status, title = 500, "The data are newer than this program"


def refuse_newer(database: Database) -> None:
    """Raises NewerData when a later edition wrote here; nothing was changed then. A database without any mark is of the first."""
    with database.begin(writing=False) as connection:
        if not sa.inspect(connection).has_table(Setting.__tablename__):
            return
        number, _, version = (connection.scalar(sa.select(Setting.value).where(Setting.name == _NAME)) or "").partition(" ")
    if number.isdigit() and int(number) > EDITION:
        raise NewerData(
            f"These data were written by Backoffice {version or 'of a later version'}, whose edition {number} of the layout this program, "
            f"{program()}, does not know (it knows {EDITION}). Nothing was changed. Install that version again, or restore a backup "
            "that was made before the upgrade into an empty data directory."
        )


def note(database: Database) -> None:
    """Say which edition wrote last."""
    with database.begin(writing=True) as connection:
        told = f"{EDITION} {program()}"
        if connection.scalar(sa.select(Setting.value).where(Setting.name == _NAME)) != told:
            connection.execute(sa.delete(Setting).where(Setting.name == _NAME))
            connection.execute(sa.insert(Setting).values(name=_NAME, value=told))


def program() -> str:
    """The version of this program as it was installed."""
    try:
        return metadata.version("backoffice")
    except metadata.PackageNotFoundError:
        return "(not installed)"
