"""How long a test goes on: the quick form of every day, or the long form that ``make soak`` runs."""

from __future__ import annotations

import os

SOAK = bool(os.environ.get("BACKOFFICE_SOAK"))


def rounds(quick: int) -> int:
    """``quick``, or twenty times as many in the long form."""
    return quick * 20 if SOAK else quick
