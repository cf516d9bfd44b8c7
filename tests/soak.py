"""How long a test goes on: the quick form of every day, or the long form that ``make soak`` runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

SOAK = bool(os.environ.get("BACKOFFICE_SOAK"))
Test = TypeVar("Test", bound=Callable[..., Any])


def rounds(quick: int) -> int:
    """``quick``, or twenty times as many in the long form."""
    return quick * 20 if SOAK else quick


def amount(quick: int, long: int) -> int:
    """``quick``, or ``long`` in the long form; for a test that is marked with :func:`lengthened`."""
    return long if SOAK else quick


def lengthened(test: Test) -> Test:
    """Mark a test that runs every day and, with larger numbers, in ``make soak``."""
    return pytest.mark.soak(test) if SOAK else test
