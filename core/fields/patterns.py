"""Patterns of the language, matched in linear time by RE2, so that no pattern can hold a worker."""

from __future__ import annotations

from functools import lru_cache

import re2


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re2._Regexp:
    """The compiled pattern; ValueError with a sentence when it is not one RE2 understands."""
    try:
        return re2.compile(pattern)
    except re2.error:
        raise ValueError(f'"{pattern}" is not a pattern this platform understands (RE2 syntax, no look-around).') from None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches."""
    return compiled(pattern).fullmatch(text) is not None
