"""Passwords: argon2id, so few at a time that a burst of sign-ins cannot eat the machine's memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Busy, Invalid

SHORTEST = 10
LONGEST = 1000
PARALLEL = 2
"""Hashes a process computes at once; each takes about 19 MiB."""
PATIENCE = 10.0
"""Seconds somebody waits for a turn before being told to try again."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_turns = threading.BoundedSemaphore(PARALLEL)
_COMMON = frozenset(
    {"password", "passwort", "1234567890", "12345678", "qwertyuiop", "backoffice", "changeme", "letmein123"}
)


def hashed(password: str) -> str:
    """The argon2id hash to store. Raises Busy when too many are being computed."""
    with _turn():
        return _hasher.hash(password)


def verify(stored: str, password: str) -> bool:
    """Whether the password fits. An empty ``stored`` costs the same time and never fits."""
    with _turn():
        # Somebody unknown costs what somebody known costs, so that time tells nothing.
        nobody = _nobody()
        try:
            fits = _hasher.verify(stored or nobody, password)
        except (VerificationError, InvalidHashError):
            return False
    return fits and bool(stored)


def outdated(stored: str) -> bool:
    """Whether the hash was made with former parameters and should be made again at the next sign-in."""
    return _hasher.check_needs_rehash(stored)


def require_good(password: str, email: str = "") -> None:
    """Raise Invalid unless the password may be chosen."""
    sentence = ""
    if len(password) < SHORTEST:
        sentence = f"Choose at least {SHORTEST} characters."
    elif len(password) > LONGEST:
        sentence = f"Choose at most {LONGEST} characters."
    elif password.lower() in _COMMON or password.lower() == email.lower() or len(set(password)) < 4:
        sentence = "This password is too easy to guess. Choose another one."
    if sentence:
        raise Invalid({"password": [sentence]})


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE):
        raise Busy("Too many people are signing in at this moment. Please try again in a few seconds.", retry_after=5)
    try:
        yield
    finally:
        _turns.release()


_nobodys: list[str] = []


def _nobody() -> str:
    if not _nobodys:
        _nobodys.append(_hasher.hash("the password of nobody"))
    return _nobodys[0]
