"""What an actor may do to an entity: decided here, from the declarations alone, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from core.access.actor import Actor
from core.facts import SYSTEM_FIELDS
from core.held import Held
from schemas.model import AccessRule, Entity

ROW_WORDS = ("own", "team", "department", "department_tree", "company")
CHANGES = frozenset({"write", "delete", "share"})
"""Actions on rows for which a token needs its scope to write."""
_GIVEN_BY_NOBODY = ("computed", "lookup", "rollup", "sequence")
_MOST_CACHED = 4_000


@dataclass(frozen=True, slots=True)
class Scope:
    """Rows a right reaches: none, all, or those for which any of ``sources`` holds (row words or expressions)."""

    sources: tuple[str, ...] = ()
    is_all: bool = False

    @property
    def is_none(self) -> bool:
        return not self.is_all and not self.sources

    def __or__(self, other: Scope) -> Scope:
        if self.is_all or other.is_all:
            return ALL
        return Scope(tuple(dict.fromkeys((*self.sources, *other.sources))))

    def holds(self, test: Callable[[str], bool]) -> bool:
        """Whether the scope reaches the row that ``test`` judges a source for."""
        return self.is_all or any(test(source) for source in self.sources)


NONE, ALL = Scope(), Scope(is_all=True)
EVERYTHING, ADMIN = "core.everything", "core.admin"


def scope_of(word: str | None) -> Scope:
    """The scope a declaration names; empty and unnamed is none."""
    if not word or word == "none":
        return NONE
    return ALL if word == "all" else Scope((word,))


@dataclass(frozen=True, slots=True)
class Lens:
    """What one role reads: its rows, the fields it shows, and those it shows masked."""

    role: str
    rows: Scope
    visible: frozenset[str]
    masked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Right:
    """Everything one held role may do; each scope lies within the role's readable rows."""

    lens: Lens
    write_rows: Scope
    writable: frozenset[str]
    delete: Scope
    export: Scope
    print_: Scope
    report: Scope
    share: Scope
    create: bool
    create_forms: tuple[str, ...] | None
    import_: bool
    moves: frozenset[str]


@dataclass(frozen=True)
class RowRights:
    """What may be done to one record. ``visible`` are shown with their values, ``masked`` only by name."""

    readable: bool
    visible: frozenset[str]
    masked: frozenset[str]
    writable: frozenset[str]
    may_delete: bool
    exportable: bool
    printable: bool
    moves: frozenset[str] = frozenset()
    everything: bool = False

    def may_move(self, transition: str) -> bool:
        """Whether an access rule (not the transition's own ``role``) names the transition."""
        return self.readable and (self.everything or transition in self.moves)


@dataclass(frozen=True)
class Grant:
    """An actor's rights to one entity. A store of records cannot be made without one."""

    entity: Entity
    actor: Actor
    rights: tuple[Right, ...]
    everything: bool = False
    purpose: str = ""
    """The action a narrowed grant is for; "" for the whole grant. Whoever remembers what a grant reads keeps them apart."""
    _scopes: dict[str, Scope] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def lenses(self) -> tuple[Lens, ...]:
        """What each held role reads; none when nothing is readable."""
        return tuple(right.lens for right in self.rights if not right.lens.rows.is_none)

    def scope(self, action: str) -> Scope:
        """The rows an action reaches: read, write, delete, export, print, report, share."""
        found = self._scopes.get(action)
        if found is None:
            found = NONE
            # A token that only reads changes nothing, whatever its owner may.
            if action not in CHANGES or self._token(True):
                for right in self.rights:
                    found = found | _within(right, action)
            self._scopes[action] = found
        return found

    def may(self, action: str) -> bool:
        """Whether the action is possible on some row; ``create`` and ``import`` on the entity."""
        if action == "create":
            return any(right.create for right in self.rights) and self._token(True)
        if action == "import":
            return any(right.import_ for right in self.rights) and self._token(True)
        if action == "move":
            return self.may("read")
        return not self.scope(action).is_none

    def visible(self) -> frozenset[str]:
        """Fields shown with their values on some row; system fields among them."""
        found: frozenset[str] = frozenset()
        for lens in self.lenses:
            found |= lens.visible
        return found | SYSTEM_FIELDS.keys() if self.lenses else found

    def masked(self) -> frozenset[str]:
        """Fields known on some row, but never shown with a value."""
        found: frozenset[str] = frozenset()
        for lens in self.lenses:
            found |= lens.masked
        return found - self.visible()

    def narrowed(self, action: str) -> Grant:
        """The same grant, reading only the rows that ``action`` (export, print, report) reaches as well.

        A field still shows where any role shows it on the row: only rows are taken away.
        """
        reach = self.scope(action)
        if reach.is_all:
            return self
        rights = tuple(replace(one, lens=replace(one.lens, rows=meet(one.lens.rows, reach))) for one in self.rights)
        return Grant(self.entity, self.actor, rights, self.everything, action)

    def creatable(self, form: str | None = None) -> frozenset[str]:
        """Fields that may be given to a new record, through the form when one is named; empty: none may be created."""
        return self._any_form if form is None else self._offered(form)

    @cached_property
    def _any_form(self) -> frozenset[str]:
        return self._offered(None)

    def _offered(self, form: str | None) -> frozenset[str]:
        if not self.may("create"):
            return frozenset()
        names: frozenset[str] = frozenset()
        for right in self.rights:
            if not right.create:
                continue
            if right.create_forms is None:
                offered = _givable(self.entity) if form is None else self._of_form(form)
            else:
                forms = [name for name in right.create_forms if form is None or name == form]
                offered = frozenset().union(*(self._of_form(name) for name in forms)) if forms else frozenset()
            hidden = frozenset() if self.everything else _unseen(self.entity, right)
            names |= offered - hidden
        return names

    def forms(self) -> tuple[str, ...]:
        """Names of the forms through which this actor may create, in their declared order."""
        if not self.may("create"):
            return ()
        if any(right.create and right.create_forms is None for right in self.rights):
            return tuple(one.name for one in self.entity.forms)
        named = {name for right in self.rights if right.create for name in right.create_forms or ()}
        return tuple(one.name for one in self.entity.forms if one.name in named)

    def writable(self) -> frozenset[str]:
        """Fields writable on some row."""
        if not self._token(True):
            return frozenset()
        return frozenset().union(*(right.writable for right in self.rights if not right.write_rows.is_none), frozenset())

    def on(self, record: Any, test: Callable[[str], bool]) -> RowRights:
        """The rights on one record; ``test(source)`` tells whether a scope source holds for it."""
        seen: dict[str, bool] = {}

        def once(source: str) -> bool:
            if source not in seen:
                seen[source] = bool(test(source))
            return seen[source]

        visible: frozenset[str] = frozenset()
        masked: frozenset[str] = frozenset()
        writable: frozenset[str] = frozenset()
        moves: frozenset[str] = frozenset()
        readable = deletes = exports = prints = False
        for right in self.rights:
            if not right.lens.rows.holds(once):
                continue
            readable = True
            visible |= right.lens.visible
            masked |= right.lens.masked
            moves |= right.moves
            if right.write_rows.holds(once):
                writable |= right.writable
            deletes = deletes or right.delete.holds(once)
            exports = exports or right.export.holds(once)
            prints = prints or right.print_.holds(once)
        may_write = self._token(True)
        return RowRights(
            readable,
            visible | SYSTEM_FIELDS.keys() if readable else frozenset(),
            masked - visible,
            writable if may_write else frozenset(),
            deletes and may_write,
            exports,
            prints,
            moves if may_write else frozenset(),
            self.everything and readable and may_write,
        )

    def _of_form(self, name: str) -> frozenset[str]:
        form = self.entity.form(name)
        return frozenset(form.field_names) & _givable(self.entity) if form is not None else frozenset()

    def _token(self, write: bool) -> bool:
        return self.actor.scope_allows(self.entity.full_name, write)


_cache: Held[Grant] = Held(_MOST_CACHED)


def grant(entity: Entity, actor: Actor) -> Grant:
    """The actor's rights to the entity, from the roles held and the token in use."""
    return _cache.get(entity, actor, lambda: _decide(entity, actor))


def _decide(entity: Entity, actor: Actor) -> Grant:
    if not actor.scope_allows(entity.full_name, False):
        return Grant(entity, actor, ())
    if actor.is_system or EVERYTHING in actor.roles:
        return Grant(entity, actor, (_everything(entity, actor),), everything=True)
    rights = tuple(_right(entity, rule) for rule in entity.access if rule.role in actor.roles)
    return Grant(entity, actor, rights)


def _everything(entity: Entity, actor: Actor) -> Right:
    every = frozenset(one.name for one in entity.fields)
    lens = Lens(EVERYTHING, ALL, every, frozenset())
    return Right(lens, ALL, _givable(entity), ALL, ALL, ALL, ALL, ALL, True, None, True, frozenset())


def _right(entity: Entity, rule: AccessRule) -> Right:
    rows = scope_of(rule.read)
    names = {one.name for one in entity.fields}
    # Who configures the system sees no sensitive content, whatever a rule says.
    unmasked = set() if rule.role == ADMIN else set(rule.unmask)
    sensitive = {one.name for one in entity.fields if one.sensitive} | _sensitive_lines(entity, unmasked)
    hidden = set(rule.hide) | (sensitive - unmasked - set(rule.mask))
    masked = (set(rule.mask) - unmasked) & names - set(rule.hide)
    visible = frozenset(names - hidden - masked)
    if rule.write_except or rule.write == "all":
        writable = _givable(entity) - set(rule.write_except)
    elif rule.write == "none":
        writable = frozenset()
    else:
        writable = frozenset(rule.write) & _givable(entity)
    writable = writable & visible
    create = rule.create not in ("none", ())
    return Right(
        lens=Lens(rule.role, rows, visible, frozenset(masked)),
        write_rows=scope_of(rule.write_rows) if rule.write_rows is not None else (rows if writable else NONE),
        writable=frozenset(writable),
        delete=scope_of(rule.delete),
        export=scope_of(rule.export),
        print_=rows if rule.print_ is None else scope_of(rule.print_),
        report=rows if rule.report is None else scope_of(rule.report),
        share=scope_of(rule.share),
        create=create,
        create_forms=None if rule.create == "all" or not create else tuple(rule.create),
        import_=create if rule.import_ is None else rule.import_ not in ("none", ""),
        moves=frozenset(rule.move),
    )


def _sensitive_lines(entity: Entity, unmasked: set[str]) -> set[str]:
    """Lines that hold a sensitive field which is not unmasked (as ``lines.field``): they show as a whole or not at all."""
    return {
        one.name for one in entity.fields if any(child.sensitive and f"{one.name}.{child.name}" not in unmasked for child in one.fields)
    }


def _givable(entity: Entity) -> frozenset[str]:
    return frozenset(one.name for one in entity.fields if not one.read_only and one.type not in _GIVEN_BY_NOBODY)


def _unseen(entity: Entity, right: Right) -> frozenset[str]:
    """Fields a role may not even give: those it is declared never to see, but a sensitive value may be entered by who creates."""
    hidden = {one.name for one in entity.fields} - right.lens.visible - right.lens.masked
    return frozenset(hidden - {one.name for one in entity.fields if one.sensitive})


def _within(right: Right, action: str) -> Scope:
    rows = right.lens.rows
    match action:
        case "read":
            return rows
        case "write":
            inner = right.write_rows if right.writable else NONE
        case "delete":
            inner = right.delete
        case "export":
            inner = right.export
        case "print":
            inner = right.print_
        case "report":
            inner = right.report
        case "share":
            inner = right.share
        case _:
            return NONE
    return meet(rows, inner)


def meet(rows: Scope, inner: Scope) -> Scope:
    """Rows of both scopes; a source that is in neither alone is written as a pair, ``(a) and (b)`` in the rules' own notation."""
    if rows.is_none or inner.is_none:
        return NONE
    if rows.is_all:
        return inner
    if inner.is_all or inner == rows:
        return rows
    return Scope(tuple(f"{PAIR}{one}{PAIR}{other}" if one != other else one for one in rows.sources for other in inner.sources))


PAIR = "\x1e"
"""Marks a source that stands for two which both have to hold."""


def pair_of(source: str) -> tuple[str, ...]:
    """The sources that all have to hold: two for a pair, else the source itself."""
    return tuple(source.split(PAIR)[1:]) if source.startswith(PAIR) else (source,)
