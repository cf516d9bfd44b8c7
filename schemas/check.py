"""Static proof over all plugins at once (first form; the proofs follow)."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.model import Entity, Plugin, Problem


def check(plugins: Mapping[str, Plugin], known: Mapping[str, Entity]) -> list[Problem]:
    """Every problem of the plugins; ``known`` holds the entities that exist beside theirs, by full name."""
    return []
