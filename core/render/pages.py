"""Typed pages: everything a template is given. A page holds plain values and ready cells, and asks nobody for more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from core.render.actions import Action
from core.render.navigation import Group
from core.render.views import Column


@dataclass
class Crumb:
    """One step of the way to this page; without ``url`` it is this page."""

    label: str
    url: str = ""


@dataclass
class Toast:
    """Something that happened. ``undo`` is the operation that can be taken back."""

    text: str
    undo: str = ""
    bad: bool = False


@dataclass
class Shell:
    """What stands around every page."""

    title: str
    csrf: str = ""
    nav: tuple[Group, ...] = ()
    here: str = ""
    name: str = ""
    initials: str = ""
    email: str = ""
    is_admin: bool = False
    theme: str = ""
    density: str = ""
    rail: bool = False
    lang: str = "en"
    direction: str = "ltr"
    crumbs: tuple[Crumb, ...] = ()
    toasts: tuple[Toast, ...] = ()
    create: tuple[tuple[str, str], ...] = ()
    notice: str = ""


@dataclass
class Tab:
    """One way to look at a list."""

    label: str
    url: str
    icon: str = ""
    current: bool = False
    id: int = 0
    mine: bool = False


@dataclass
class Chip:
    """One filter in force. ``without`` is the list without it."""

    field: str
    operator: str
    value: str
    without: str
    group: str = ""


@dataclass
class Head:
    """A column's heading: ``sort`` is the address that sorts by it, ``state`` ascending, descending or ""."""

    column: Column
    sort: str = ""
    state: str = ""


@dataclass
class ListPage:
    """A list of records, or the part of it that changed."""

    shell: Shell
    entity: str
    singular: str
    plural: str
    help: str
    url: str
    here: str
    tabs: list[Tab]
    saved: list[Tab]
    kind: str
    q: str
    chips: list[Chip]
    heads: list[Head]
    rows: Markup
    shown: int
    older: str = ""
    newer: str = ""
    first: str = ""
    last: str = ""
    total: int | None = None
    total_is_capped: bool = False
    notes: tuple[str, ...] = ()
    pick: bool = False
    can_create: bool = False
    can_delete: bool = False
    can_export: bool = False
    can_import: bool = False
    bulk: list[Action] = field(default_factory=list)
    columns: list[tuple[str, str, bool]] = field(default_factory=list)
    filterable: list[tuple[str, str]] = field(default_factory=list)
    sizes: list[tuple[int, str, bool]] = field(default_factory=list)
    hidden: list[tuple[str, str]] = field(default_factory=list)
    exports: list[tuple[str, str]] = field(default_factory=list)
    count_url: str = ""
    facets_url: str = ""
    clear: str = ""
    filtered: bool = False
    narrow: bool = False
    changed: bool = False
    view: str = ""
    query: str = ""
    body: Any = None
    icon: str = ""
    peek: RecordPage | None = None


@dataclass
class Fact:
    """One field on a record's page: label and ready HTML. ``wide`` stands over the whole width."""

    name: str
    label: str
    html: Markup
    wide: bool = False
    note: str = ""


@dataclass
class FactSection:
    label: str
    facts: list[Fact]
    open: bool = True


@dataclass
class MoveButton:
    """A move from here; ``why_not`` says why it cannot be made."""

    name: str
    label: str
    url: str
    allowed: bool
    why_not: str = ""
    asks: bool = False
    confirm: str = ""
    key: str = ""


@dataclass
class Related:
    """A list of records that point here."""

    label: str
    url: str
    part: str
    new: str = ""


@dataclass
class Said:
    """One entry of the stream: a change in a sentence, or a comment."""

    kind: str
    who: str
    when: str
    iso: str
    sentence: str
    changes: list[tuple[str, Markup, Markup]] = field(default_factory=list)
    reason: str = ""
    revert: str = ""
    hidden: int = 0
    body: str = ""
    remove: str = ""
    then: str = ""
    whole: str = ""


@dataclass
class Attached:
    """A file beside a record."""

    name: str
    url: str
    size: str
    who: str
    when: str
    remove: str = ""
    image: bool = False


@dataclass
class RecordPage:
    """One record."""

    shell: Shell
    singular: str
    plural: str
    url: str
    list_url: str
    id: int
    version: int
    title: str
    key: str
    state: Markup
    moves: list[MoveButton]
    sections: list[FactSection]
    rail: list[Fact]
    actions: list[Action]
    related: list[Related]
    links: list[tuple[str, str, str]] = field(default_factory=list)
    panels: list[Any] = field(default_factory=list)
    attachments: list[Attached] = field(default_factory=list)
    notice: str = ""
    can_write: bool = False
    can_comment: bool = True
    prev: str = ""
    next: str = ""
    walk: str = ""
    trashed: bool = False


@dataclass
class FormPage:
    """A form over a record. ``tabs`` are ``core.render.forms.LaidTab``."""

    shell: Shell
    title: str
    action: str
    back: str
    submit: str
    tabs: list[Any]
    layout: str = "plain"
    version: int | None = None
    step: int = 0
    errors: list[tuple[str, str, str]] = field(default_factory=list)
    notice: str = ""
    forms: list[Tab] = field(default_factory=list)
    draft: str = ""
    draft_at: str = ""
    place: str = ""
    partial: str = ""
    help: str = ""
    reason: bool = False
    reason_text: str = ""
    confirm: str = ""
    base: str = ""
    options: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    chosen: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    quick: dict[str, str] = field(default_factory=dict)
    danger: bool = False
    warned: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Message:
    """A page that says something: an error, a confirmation."""

    shell: Shell
    status: int
    title: str
    sentence: str
    hint: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    request_id: str = ""
    typed: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Plain:
    """A page whose template takes named facts; for pages that exist once."""

    shell: Shell
    facts: dict[str, Any] = field(default_factory=dict)
