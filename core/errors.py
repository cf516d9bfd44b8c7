"""Every refusal the engine can utter: one class per HTTP status, each with a sentence for the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKEEPABLE = "The request holds characters or numbers that cannot be kept, such as NUL. Take them out and send it again."
"""Said where the database itself refuses a value."""


class BackofficeError(Exception):
    """A refusal with a sentence. ``status`` is the HTTP status a door answers; ``title`` the short form."""

    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, *, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors: dict[str, list[str]] = {name: list(sentences) for name, sentences in (errors or {}).items()}


class BadRequest(BackofficeError):
    status, title = 400, "Bad request"


class NotSignedIn(BackofficeError):
    status, title = 401, "Not signed in"


class Forbidden(BackofficeError):
    """Not allowed on something one may see; says which rule and whom to ask."""

    status, title = 403, "Not allowed"


class NotFound(BackofficeError):
    """Unknown or invisible: the same answer."""

    status, title = 404, "Not found"

    def __init__(self, detail: str = "There is no such record, or you may not see it.") -> None:
        super().__init__(detail)


class Conflict(BackofficeError):
    """Illegal transition, broken constraint, reference in use, generation moved, key in progress."""

    status, title = 409, "Conflict"


class StaleVersion(BackofficeError):
    """The record moved on. ``current`` is the record now, ``base`` the version the writer had seen.

    ``base_values`` are the fields as that version had them (pages only), ``fields`` those that both sides changed.
    """

    status, title = 412, "The record has changed"

    def __init__(self, detail: str, *, current: Any = None, base: int | None = None,
                 base_values: Mapping[str, Any] | None = None, fields: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.current = current
        self.base = base
        self.base_values: dict[str, Any] = dict(base_values or {})
        self.fields: tuple[str, ...] = tuple(fields)


class TooLarge(BackofficeError):
    status, title = 413, "Too large"


class WrongType(BackofficeError):
    status, title = 415, "Unsupported type"


class Invalid(BackofficeError):
    """Field errors: ``errors`` maps a field (or "" for the record as a whole) to sentences."""

    status, title = 422, "Please check the marked fields"

    def __init__(self, errors: Mapping[str, Sequence[str]], detail: str = "") -> None:
        super().__init__(detail or "Please check the marked fields.", errors=errors)


class Unaccepted(Invalid):
    """Nothing is wrong, but soft warnings (``errors``, by field) wait for somebody to accept them; nothing was written."""


class TooMany(BackofficeError):
    status, title = 429, "Too many requests"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Busy(BackofficeError):
    """The database is busy or away; trying again later may help."""

    status, title = 503, "Busy"

    def __init__(self, detail: str = "The database is busy. Please try again.", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Away(Busy):
    """The database cannot be reached at all. The sentence names neither its address nor who signs in there."""

    title = "Database away"

    def __init__(self) -> None:
        super().__init__("The database cannot be reached. Please try again later, or tell whoever runs this system.", retry_after=5)
