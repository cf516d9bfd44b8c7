"""What may be declared: one frozen model that YAML and Python declarations both become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Raw = Mapping[str, Any]
"""A declared block whose engine comes later: kept as read, frozen."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a declaration stands: file, line and column (from 1; 0 when unknown) and its dotted path."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    words: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] | None = field(default=None, compare=False, repr=False)
    """Where each word of the block stands and where its value does, as (line, column), when it was read from text."""

    def at(self, word: str) -> Place:
        """The place of a word's value in this block; of the block when it is not known."""
        path = f"{self.path}.{word}" if self.path else word
        spot = (self.words or {}).get(word)
        if spot is None or not spot[1][0]:
            return Place(self.file, self.line, self.column, path)
        return Place(self.file, spot[1][0], spot[1][1], path)

    def __str__(self) -> str:
        where = self.file or "declaration"
        if self.line:
            where += f":{self.line}:{self.column}"
        return f"{where}  {self.path}" if self.path else where


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake with its place, its meaning and its remedy. ``severity`` is ``error`` or ``warning``."""

    place: Place
    message: str
    remedy: str = ""
    severity: str = "error"
    plugin: str = ""

    def __str__(self) -> str:
        tail = f" {self.remedy}" if self.remedy else ""
        return f"{self.place}\n    {self.message}{tail}"


@dataclass(frozen=True, slots=True)
class Expression:
    """Source text in the expression language (docs/expressions.md); parsed and typed by the checker."""

    source: str


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a choice field: the stored ``name``, what people read, and an optional colour."""

    name: str
    label: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class NumberRule:
    """One pattern of a sequence; ``when`` (an expression) picks it, the first that holds wins."""

    pattern: str
    when: str = ""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Field:
    """One fact of an entity. Attribute names are the flags of the language.

    Expression-valued flags hold source text, empty when not declared. ``default`` is None, a plain
    literal of the declared source (text, bool, number text) or an :class:`Expression`.
    """

    name: str
    type: str
    label: str = ""
    help: str = ""
    required: bool = False
    unique: bool | tuple[str, ...] = False
    default: Any = None
    read_only: bool = False
    set_once: bool = False
    no_copy: bool = False
    editable_after_posting: bool = False
    indexed: bool = False
    searchable: bool = False
    in_list: bool = False
    quick_filter: bool = False
    min: Any = None
    max: Any = None
    max_length: int | None = None
    pattern: str = ""
    places: int | None = None
    options: tuple[Option, ...] = ()
    open: bool = False
    to: tuple[str, ...] = ()
    chosen_by: str = ""
    where: str = ""
    many: bool = False
    on_delete: str = "refuse"
    zoned: bool = False
    number: tuple[NumberRule, ...] = ()
    gap_free: bool = False
    formula: str = ""
    as_kind: str = ""
    of: str = ""
    via: str = ""
    from_entity: str = ""
    how: str = ""
    currency: str = ""
    fields: tuple[Field, ...] = ()
    form: tuple[str, ...] = ()
    show_if: str = ""
    required_if: str = ""
    read_only_if: str = ""
    warn_if: str = ""
    owner_department: bool = False
    sensitive: bool = False
    personal: bool = False
    provides: str = ""
    place: Place = field(default=Place(), compare=False)
    scope: str = ""
    """Which shape knows the field: "" everybody, else the code of the one department that added it."""
    overlay: str = ""
    """Name of the overlay that added the field, "" for the plugin's own."""
    hidden: bool = False
    """An overlay's ``hide``: left out of pages and forms; the API, rules and code know the field as before."""
    column: str = ""
    """Generated identifier on disk; empty means the plugin's own ``f_<name>``."""

    def child(self, name: str) -> Field | None:
        """The field ``name`` of a ``lines`` field."""
        return next((one for one in self.fields if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing standing in a form section. ``kind``: field, text, action or image; ``value`` names it."""

    kind: str
    value: str
    show_if: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    items: tuple[Item, ...]
    label: str = ""
    help: str = ""
    show_if: str = ""
    columns: int = 1
    open: bool | str = True


@dataclass(frozen=True, slots=True)
class Tab:
    sections: tuple[Section, ...]
    label: str = ""
    show_if: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """Fields offered for entry. ``layout`` is plain, sections, tabs or steps; plain and sections have one tab."""

    name: str
    tabs: tuple[Tab, ...]
    label: str = ""
    layout: str = "plain"
    place: Place = field(default=Place(), compare=False)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of all fields in order."""
        return tuple(
            item.value
            for tab in self.tabs for section in tab.sections for item in section.items
            if item.kind == "field"
        )


@dataclass(frozen=True, slots=True)
class View:
    """A way to look. ``sort`` entries are field names, a leading ``-`` means descending."""

    name: str
    kind: str = "list"
    label: str = ""
    where: str = ""
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    page_size: int = 50
    by: str = ""
    card: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    default: bool = False
    scope: str = ""
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, slots=True)
class State:
    name: str
    label: str = ""
    meaning: str = "progress"
    scope: str = ""
    overlay: str = ""
    """Name of the overlay that added the state, "" for the plugin's own."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal move. ``from_states`` is ("any",) or names; ``roles`` are ``plugin.role`` names."""

    name: str
    from_states: tuple[str, ...]
    to: str
    label: str = ""
    roles: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    guard: str = ""
    reason: bool = False
    confirm: str = ""
    approval: Raw | None = None
    effects: tuple[Any, ...] = ()
    scope: str = ""
    overlay: str = ""
    """Name of the overlay that added the transition, "" for the plugin's own."""
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Workflow:
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    @property
    def initial(self) -> str:
        return self.states[0].name

    def state(self, name: str) -> State | None:
        return next((one for one in self.states if one.name == name), None)

    def transition(self, name: str) -> Transition | None:
        return next((one for one in self.transitions if one.name == name), None)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """What one role may do to an entity (contract.md 4). Row scopes are keywords or expressions.

    ``create``: "none", "all" or names of forms. ``write``: "none", "all", field names, or with
    ``write_except`` all but those. Everything not named is none; ``print_``, ``report`` follow ``read`` and
    ``import_`` follows ``create`` when None.
    """

    role: str
    read: str = "none"
    write_rows: str | None = None
    delete: str = "none"
    export: str = "none"
    create: str | tuple[str, ...] = "none"
    write: str | tuple[str, ...] = "none"
    write_except: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    unmask: tuple[str, ...] = ()
    move: tuple[str, ...] = ()
    print_: str | None = None
    report: str | None = None
    import_: str | None = None
    share: str = "none"
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, slots=True)
class Constraint:
    """``kind``: unique, no_overlap, sum_at_most, acyclic or check; the other members as the kind needs them."""

    kind: str
    fields: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    where: str = ""
    of: str = ""
    by: str = ""
    max: str = ""
    expression: str = ""
    message: str = ""
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, slots=True)
class Effective:
    """Effective dating: rows of one ``by`` key never overlap between ``start`` and ``end`` (inclusive dates)."""

    by: tuple[str, ...]
    start: str
    end: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Entity:
    """A kind of record. ``name`` is without its plugin; ``full_name`` is ``plugin.entity``."""

    plugin: str
    name: str
    label: str = ""
    plural: str = ""
    help: str = ""
    icon: str = ""
    title: str = ""
    key: tuple[str, ...] = ()
    kind: str = "normal"
    parent: str = ""
    company: bool = False
    owner: str = ""
    due: str = ""
    home: str = ""
    provides: str = ""
    effective: Effective | None = None
    fields: tuple[Field, ...] = ()
    forms: tuple[Form, ...] = ()
    views: tuple[View, ...] = ()
    workflow: Workflow | None = None
    access: tuple[AccessRule, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    reports: Raw | None = None
    print: Raw | None = None
    automations: Any = None
    sla: Any = None
    place: Place = field(default=Place(), compare=False)

    @property
    def full_name(self) -> str:
        return f"{self.plugin}.{self.name}"

    def field(self, name: str) -> Field | None:
        """The field of that name, or None. Linear; hot paths build their own dictionary once."""
        return next((one for one in self.fields if one.name == name), None)

    def form(self, name: str) -> Form | None:
        return next((one for one in self.forms if one.name == name), None)

    def view(self, name: str) -> View | None:
        return next((one for one in self.views if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a package declares. ``segregation`` holds pairs of full role names nobody may hold together."""

    name: str
    label: str = ""
    version: str = "0.0.0"
    core: str = ""
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    segregation: tuple[tuple[str, str], ...] = ()
    entities: tuple[Entity, ...] = ()
    place: Place = field(default=Place(), compare=False)

    def entity(self, name: str) -> Entity | None:
        return next((one for one in self.entities if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Verb:
    """One amendment, such as ``add_field``; ``args`` as declared (a plain name becomes {"field": name})."""

    kind: str
    args: Raw
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Overlay:
    """Amendments of one entity; ``department`` "" means everybody. Identified by entity, department, name."""

    entity: str
    changes: tuple[Verb, ...]
    department: str = ""
    name: str = ""
    because: str = ""
    place: Place = field(default=Place(), compare=False)

    @property
    def identity(self) -> tuple[str, str, str]:
        name = self.name or "-".join(part for part in (self.entity, self.department) if part)
        return (self.entity, self.department, name)
