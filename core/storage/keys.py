"""The id that the database gave a new row."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def new_id(made: sa.CursorResult[Any]) -> int:
    """The id of the one row that an INSERT through SQLAlchemy made; LookupError when the statement made none."""
    key = made.inserted_primary_key
    if key is None:
        raise LookupError("This statement made no row with an id.")
    return int(key[0])
