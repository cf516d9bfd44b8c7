"""The command ``backoffice``: thin, every verb is one of core.services."""

from __future__ import annotations

from core.cli.main import main

__all__ = ["main"]
