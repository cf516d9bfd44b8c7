"""Facts per field kind that need no database: its family, its flags, and whether SQL and a column know it."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = (
    "text",
    "number",
    "money",
    "date",
    "datetime",
    "time",
    "boolean",
    "choice",
    "choices",
    "reference",
    "references",
    "any_reference",
    "lines",
    "file",
    "json",
    "secret",
    "none",
)
"""What kinds have in common: kinds of one family are compared, filtered and typed alike."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One field kind. ``flags`` are the words allowed beside ``type``; ``needs`` those that must be there.

    ``sql_able``: SQL can compare its values. ``has_column``: the record's own table holds it (``references`` and
    ``lines`` have tables of their own; a computed field's column depends on its formula). ``text``: its value is text
    that search reads. ``derived``: nobody gives its value.
    """

    name: str
    family: str
    means: str
    sql_able: bool = True
    has_column: bool = True
    text: bool = False
    derived: bool = False
    flags: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()


SHOWN = frozenset(
    {
        "label",
        "help",
        "in_list",
        "quick_filter",
        "indexed",
        "searchable",
        "show_if",
        "warn_if",
        "sensitive",
        "personal",
        "provides",
        "no_copy",
        "editable_after_posting",
    }
)
"""Flags that every kind takes."""
GIVEN = SHOWN | {"required", "default", "read_only", "set_once", "required_if", "read_only_if", "unique"}
"""Flags of kinds whose values somebody gives."""
UNCOMPARED = GIVEN - {"unique", "indexed", "quick_filter"}
"""Flags of kinds whose values are not compared with each other."""


def _kind(
    name: str,
    family: str,
    means: str,
    *flags: str,
    base: frozenset[str] = GIVEN,
    needs: tuple[str, ...] = (),
    sql_able: bool = True,
    has_column: bool = True,
    text: bool = False,
    derived: bool = False,
) -> Kind:
    return Kind(name, family, means, sql_able, has_column, text, derived, base | set(flags), needs)


_DERIVED = SHOWN | {"read_only"}

KINDS: dict[str, Kind] = {
    one.name: one
    for one in (
        _kind("text", "text", "One line of text.", "max_length", "pattern", text=True),
        _kind("long_text", "text", "Text of several lines.", "max_length", "pattern", base=UNCOMPARED, text=True),
        _kind(
            "rich_text",
            "text",
            "Text with headings, lists, links and emphasis, cleaned of everything else.",
            "max_length",
            base=UNCOMPARED,
            text=True,
        ),
        _kind("integer", "number", "A whole number.", "min", "max"),
        _kind(
            "decimal",
            "number",
            "An exact number with a fixed number of decimal places (2, or `places`).",
            "min",
            "max",
            "places",
        ),
        _kind("money", "money", "An exact amount with its currency.", "min", "max", "places", "currency"),
        _kind("percent", "number", "An exact percentage: 15 is 15 %.", "min", "max", "places"),
        _kind("date", "date", "A calendar day.", "min", "max"),
        _kind("time", "time", "A time of day.", "min", "max"),
        _kind("datetime", "datetime", "An instant, shown in the reader's time zone.", "min", "max", "zoned"),
        _kind("duration", "number", "A length of time, in seconds.", "min", "max"),
        _kind("boolean", "boolean", "Yes or no; never empty.", base=GIVEN - {"unique"}),
        _kind("choice", "choice", "One of the declared options.", "options", "open", needs=("options",)),
        _kind(
            "choices",
            "choices",
            "Several of the declared options.",
            "options",
            "open",
            needs=("options",),
            base=UNCOMPARED | {"quick_filter"},
        ),
        _kind(
            "reference",
            "reference",
            "Another record of one entity.",
            "to",
            "where",
            "on_delete",
            "many",
            "owner_department",
            needs=("to",),
        ),
        _kind(
            "references",
            "references",
            "Several records of one entity.",
            "to",
            "where",
            "on_delete",
            "many",
            needs=("to",),
            base=UNCOMPARED | {"quick_filter"},
            has_column=False,
        ),
        _kind(
            "any_reference",
            "any_reference",
            "A record of one of several entities.",
            "to",
            "chosen_by",
            "on_delete",
            base=GIVEN - {"unique"},
        ),
        _kind(
            "lines",
            "lines",
            "Line items: child records with fields of their own, one level deep, without `references`, `lookup`, `rollup` and `sequence`.",
            "fields",
            "form",
            base=UNCOMPARED - {"default", "searchable"},
            needs=("fields",),
            sql_able=False,
            has_column=False,
        ),
        _kind("file", "file", "An uploaded file.", base=UNCOMPARED, sql_able=False),
        _kind("image", "file", "An uploaded picture.", base=UNCOMPARED, sql_able=False),
        _kind("email", "text", "A mail address.", "max_length", "pattern", text=True),
        _kind("phone", "text", "A telephone number.", "max_length", "pattern", text=True),
        _kind("url", "text", "An address on the web.", "max_length", "pattern", text=True),
        _kind("colour", "text", "A colour such as #2453c9."),
        _kind("rating", "number", "Stars, from 0 to `max` (5).", "max", "min", base=GIVEN - {"unique"}),
        _kind("barcode", "text", "A code that is scanned.", "max_length", "pattern", text=True),
        _kind(
            "signature", "file", "A signature drawn on the screen, kept as a picture.", base=UNCOMPARED, sql_able=False
        ),
        _kind("json", "json", "Any JSON, up to 64 KiB.", base=UNCOMPARED, sql_able=False),
        _kind("location", "none", "A place on the map: latitude and longitude.", base=UNCOMPARED, sql_able=False),
        _kind("entity", "text", "The name of an entity, such as `directory.person`."),
        _kind(
            "secret",
            "secret",
            "Text that is kept encrypted and never shown again.",
            "max_length",
            base=UNCOMPARED - {"searchable"},
            sql_able=False,
        ),
        _kind(
            "sequence",
            "text",
            "A number for people, drawn at creation, such as HD-1042.",
            "number",
            "gap_free",
            "unique",
            base=_DERIVED,
            needs=("number",),
            text=True,
            derived=True,
        ),
        _kind(
            "computed",
            "none",
            "A value that a formula makes from other fields.",
            "formula",
            "as",
            "places",
            "currency",
            "options",
            "to",
            base=_DERIVED,
            needs=("formula",),
            derived=True,
        ),
        _kind(
            "lookup",
            "none",
            "A field of a referenced record, shown here.",
            "via",
            "of",
            base=_DERIVED,
            needs=("via", "of"),
            has_column=False,
            derived=True,
        ),
        _kind(
            "rollup",
            "none",
            "A sum, count, minimum, maximum or average over records that point here.",
            "from",
            "via",
            "of",
            "how",
            "where",
            "places",
            base=_DERIVED,
            needs=("from", "via", "how"),
            derived=True,
        ),
        _kind("person", "reference", "Somebody of the directory.", "where", "on_delete", "many"),
        _kind(
            "department",
            "reference",
            "A department of the directory.",
            "where",
            "on_delete",
            "many",
            "owner_department",
        ),
    )
}
"""Every field kind of the language, in the order of the reference."""

TEXT_KINDS = frozenset(one.name for one in KINDS.values() if one.family == "text" and not one.derived)
"""Kinds whose given value is text."""
NUMBER_KINDS = frozenset({"integer", "decimal", "money", "percent", "duration", "rating"})
"""Kinds whose literals are numbers."""
REFERENCE_KINDS = frozenset({"reference", "references", "any_reference", "person", "department"})
"""Kinds that point to other records."""
DERIVED_KINDS = frozenset(one.name for one in KINDS.values() if one.derived)
"""Kinds whose values nobody gives."""

FLAGS: dict[str, str] = {
    "label": "What people read; made from the name when left out.",
    "help": "A sentence beside the control.",
    "required": "Must have a value; tested after `before_save`, so read-only fields may be required.",
    "unique": "`true`, or the fields within whose values it is unique.",
    "default": "A literal or an expression, taken while the field is empty or untouched.",
    "read_only": "Set by code, imports of equal values and defaults only.",
    "set_once": "May be given while it is empty, then stays.",
    "no_copy": "Left empty in a duplicate.",
    "editable_after_posting": "Stays writable in a posted document.",
    "indexed": "The database keeps an index: sortable and filterable in large tables.",
    "searchable": "Read by the full-text search.",
    "in_list": "A column of the made list.",
    "quick_filter": "Offered as a filter beside the list.",
    "min": "The smallest value allowed.",
    "max": "The largest value allowed.",
    "max_length": "The longest text allowed, in characters.",
    "pattern": "A regular expression that the whole text must match.",
    "places": "Digits after the point, 0 to 10.",
    "options": "The choices: a list of texts, or `{name: {label, colour}}`.",
    "open": "Overlays may add options.",
    "to": "The entity pointed to; several for `any_reference`.",
    "chosen_by": "The `entity` field that names the entity pointed to.",
    "where": "An expression that records must fulfil to be offered or counted.",
    "many": "Several records instead of one.",
    "on_delete": "`refuse` (default), `clear` or `with_parent` when the target is deleted.",
    "zoned": "Keeps the time zone in which it was entered.",
    "number": "The pattern of a sequence, or a list of `{when, pattern}`.",
    "gap_free": "No number of the sequence is left out.",
    "formula": "The expression of a computed field.",
    "as": "The kind of a computed field's value.",
    "via": "The reference that leads to the other record.",
    "of": "The field of the other record.",
    "from": "The entity whose records a rollup gathers.",
    "how": "`sum`, `count`, `min`, `max` or `average`.",
    "currency": "The field that holds the currency of the amount.",
    "fields": "The fields of the lines.",
    "form": "The fields of the lines in the order in which they are entered.",
    "show_if": "An expression; the control is shown while it is true.",
    "required_if": "An expression; a value is needed while it is true.",
    "read_only_if": "An expression; the field is read-only unless it is false.",
    "warn_if": "An expression; a warning that may be accepted is shown while it is true.",
    "owner_department": "The department that this field names decides what must hold for the record.",
    "sensitive": "Hidden unless a role unmasks it; reading it is logged.",
    "personal": "About a person: erasable without breaking the history (`work.forget`).",
    "provides": "The part that the field plays for the platform.",
}
"""Every flag of a field and what it says, in the order of the reference."""


def takers(flag: str) -> tuple[str, ...]:
    """The kinds that take the flag."""
    return tuple(name for name, one in KINDS.items() if flag in one.flags)
