"""What every part of the static proof stands on: the entity under proof, its neighbours, the problems so far."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from schemas import expressions
from schemas.kinds import KINDS
from schemas.model import Entity, Field, Place, Plugin, Problem
from schemas.words import meant

SYSTEM_KINDS: dict[str, str] = {
    "id": "integer",
    "display_title": "text",
    "version": "integer",
    "created_at": "datetime",
    "created_by": "person",
    "updated_at": "datetime",
    "updated_by": "person",
    "state": "choice",
}
"""The fields that every record has beside the declared ones."""
NEVER_EMPTY = frozenset(
    {"id", "display_title", "version", "created_at", "created_by", "updated_at", "updated_by", "state"}
)


@dataclass(slots=True)
class Proof:
    """The entity under proof among ``entities`` (by full name, all plugins); problems are gathered in ``problems``."""

    plugin: Plugin
    entity: Entity
    entities: Mapping[str, Entity]
    plugins: Mapping[str, Plugin]
    problems: list[Problem] = field(default_factory=list)
    functions: Mapping[str, expressions.Function] = field(default_factory=dict)
    _fields: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fields = {one.name: one for one in self.entity.fields}

    def say(self, place: Place, message: str, remedy: str = "", severity: str = "error") -> None:
        """Gather a problem."""
        self.problems.append(Problem(replace(place, words=None), message, remedy, severity, self.plugin.name))

    def warn(self, place: Place, message: str, remedy: str = "") -> None:
        """Gather a warning."""
        self.say(place, message, remedy, "warning")

    def field(self, name: str) -> Field | None:
        """The declared field of that name."""
        return self._fields.get(name)

    def kind_of(self, name: str) -> str:
        """The kind of a declared or system field of this entity; "" when there is none."""
        return kind_in(self.entity, name)

    def want(self, name: str, place: Place, what: str = "field") -> bool:
        """Whether the entity has this field (or a path that leads to one); says so where not."""
        reference, dot, rest = name.partition(".")
        if self.kind_of(reference):
            if not dot:
                return True
            one = self.field(reference)
            target = self.target(one) if one else None
            if one is None or target is None:
                self.say(
                    place, f'"{reference}" is no reference, so "{name}" leads nowhere.', "A path follows one reference."
                )
                return False
            if kind_in(target, rest):
                return True
            self.say(place, f'{target.full_name} has no field "{rest}".', meant(rest, names_in(target)))
            return False
        self.say(place, f'{self.entity.full_name} has no {what} "{name}".', meant(name, names_in(self.entity)))
        return False

    def want_all(self, names: Iterable[str], place: Place) -> None:
        """Says each name that is no field of the entity."""
        for name in names:
            self.want(name, place)

    def target(self, one: Field) -> Entity | None:
        """The entity that a reference field points to, when it is one and known."""
        if one.type in ("person", "department"):
            return self.provider(one.type)
        if one.type in ("reference", "references") and one.to:
            return self.entities.get(one.to[0])
        return None

    def provider(self, what: str) -> Entity | None:
        """The entity that provides this part of the directory."""
        return next((one for one in self.entities.values() if one.provides == what), None)

    def known_entity(self, name: str, place: Place) -> Entity | None:
        """The entity of that name; says so where there is none, or where its plugin is not named in needs or uses."""
        owner = name.partition(".")[0]
        near = {owner} | {self.plugin.name, *self.plugin.needs, *self.plugin.uses}
        found = self.entities.get(name)
        if found is None:
            if owner in self.plugin.uses and owner not in self.plugins:
                self.warn(
                    place,
                    f'The plugin "{owner}" is not here, so "{name}" leads nowhere.',
                    "Nothing to do: it is a soft dependency.",
                )
            else:
                self.say(
                    place,
                    f'There is no entity "{name}".',
                    meant(name, (one for one in self.entities if one.partition(".")[0] in near)),
                )
            return None
        if (
            owner not in (self.plugin.name, "directory")
            and owner not in self.plugin.needs
            and owner not in self.plugin.uses
        ):
            self.warn(
                place,
                f'"{name}" belongs to the plugin "{owner}", which this plugin neither needs nor uses.',
                f"Add {owner} to needs, or to uses when it may be absent.",
            )
        return found

    def condition(
        self,
        source: str,
        place: Place,
        *,
        line: Field | None = None,
        in_sql: bool = False,
        entity: Entity | None = None,
    ) -> None:
        """Proves that the source is a condition over the entity (or over ``line``).

        With ``in_sql`` rows are selected by it, and the database must be able to decide it.
        """
        if not source:
            return
        typed = self.typed(source, place, "boolean", line=line, entity=entity)
        if typed is not None and in_sql and not typed.sql_able:
            self.say(
                place,
                f'"{source}" selects rows, and the database cannot decide it.',
                "Use fields, one-hop paths and functions that SQL knows.",
            )
        self._warn_about_empties(source, place, line, entity or self.entity)

    def typed(
        self,
        source: str,
        place: Place,
        expect: str | None = None,
        *,
        line: Field | None = None,
        entity: Entity | None = None,
    ) -> expressions.Typed | None:
        """The expression, typed; None when it is none, which is said."""
        over = entity or self.entity
        try:
            if line is not None:
                child = replace(over, name=f"{over.name}.{line.name}", fields=line.fields, workflow=None)
                names = expressions.names_of(child, self.entities, parent=over, functions=self.functions)
            else:
                names = expressions.names_of(over, self.entities, functions=self.functions)
            return expressions.check(expressions.parse(source), names, expect)
        except expressions.ExpressionError as error:
            where = f' (character {error.column} of "{source}")' if error.column else f' (in "{source}")'
            self.say(place, f"{str(error.message).rstrip('.')}{where}.", error.remedy)
            return None

    def _warn_about_empties(self, source: str, place: Place, line: Field | None, entity: Entity) -> None:
        fields = {one.name: one for one in (line.fields if line is not None else entity.fields)}
        for name, how in doubtful(source):
            one = fields.get(name)
            if (
                one is None
                or one.required
                or one.type in ("boolean", "sequence", "lines", "computed", "lookup", "rollup")
            ):
                continue
            remedy = (
                f"Write differs({name}, ...), or test {name} == None too."
                if how == "!="
                else f"Test {name} == None too."
            )
            self.warn(
                place, f'Where "{name}" is empty, `{how}` in "{source}" is unknown, and unknown counts as no.', remedy
            )


def kind_in(entity: Entity, name: str) -> str:
    """The kind of a field of the entity, declared or of the system; "" when there is none."""
    one = entity.field(name)
    if one is not None:
        return one.type
    if name == "state" and entity.workflow is None:
        return ""
    return SYSTEM_KINDS.get(name, "")


def names_in(entity: Entity) -> list[str]:
    """All names of the entity's fields, the system's at the end."""
    system = [name for name in SYSTEM_KINDS if name != "state" or entity.workflow is not None]
    return [one.name for one in entity.fields] + system


def family(one: Field) -> str:
    """The family of a field's values; of a computed field, that of what its formula makes when it is said."""
    if one.type == "computed" and one.as_kind:
        return KINDS[one.as_kind].family
    return KINDS[one.type].family


def names_read(source: str) -> set[str]:
    """Names and one-hop paths that the source reads; empty when it is no expression."""
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    read: set[str] = set()
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            read.add(f"{_bare(node.value.id)}.{_bare(node.attr)}")
            inner.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in called and id(node) not in inner:
            read.add(_bare(node.id))
    return read


def doubtful(source: str) -> list[tuple[str, str]]:
    """Names compared by ``!=`` with something that is not None, or standing under ``not`` within a comparison."""
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.NotEq) for one in node.ops):
            found += [(name, "!=") for name in _compared(node)]
        elif isinstance(node, ast.Compare) and any(isinstance(one, ast.NotIn) for one in node.ops):
            found += [(name, "not in") for name in _compared(node)]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            for below in ast.walk(node.operand):
                if isinstance(below, ast.Compare):
                    found += [(name, "not") for name in _compared(below)]
    return list(dict.fromkeys(found))


def _compared(node: ast.Compare) -> list[str]:
    sides = [node.left, *node.comparators]
    if any(isinstance(side, ast.Constant) and side.value is None for side in sides):
        return []
    return [_bare(side.id) for side in sides if isinstance(side, ast.Name) and _bare(side.id) not in NEVER_EMPTY]


def _bare(name: str) -> str:
    """A field named like a keyword is written with a trailing underscore."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def in_words(names: list[str]) -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
