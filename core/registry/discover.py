"""Find plugins, read and check each in its own guard, and put the good ones in the order of their needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from types import ModuleType

from core import PLUGIN_INTERFACE
from core.errors import BackofficeError
from core.registry.calls import Hooks, Implementation, Ledger, collect
from core.registry.found import Source, folder, load, packages, shipped
from core.registry.probe import faults, known_good, remember
from core.registry.remembered import Remembered
from core.settings import Settings
from schemas import check, dump_plugin, read_plugin
from schemas.expressions import Function
from schemas.model import Entity, Place, Plugin, Problem

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
RESERVED = frozenset(
    "api login logout setup account inbox search studio admin static files drafts pulse palette undo healthz readyz metrics "
    "styleguide core schemas plugins templates tests public hooks mcp scim feed help".split()
)
OURS = ("core", "schemas", "plugins", "templates")
_BOUND = re.compile(r"\s*(>=|<=|==|!=|>|<|~=)?\s*(\d+(?:\.\d+)*)\s*\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """One plugin that was seen: its declaration (None when it cannot be used), its code, and what is wrong with it."""

    name: str
    plugin: Plugin | None = None
    module: ModuleType | None = None
    source: str = ""
    kind: str = "shipped"
    document: str = ""
    """The declaration as a YAML document: what a generation stores."""
    digest: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether nothing is wrong that would keep it from being served."""
        return self.plugin is not None and not any(one.severity == "error" for one in self.problems)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything seen, in the order of needs. ``plugins`` holds bad ones too, with their problems."""

    plugins: list[Found] = field(default_factory=list)
    safe_mode: bool = False

    @property
    def usable(self) -> list[Found]:
        """The plugins that can be served, each after those it needs."""
        return [one for one in self.plugins if one.usable]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, plugin by plugin."""
        return tuple(problem for one in self.plugins for problem in one.problems)

    def found(self, name: str) -> Found | None:
        return next((one for one in self.plugins if one.name == name), None)

    def without(self, names: Iterable[str]) -> Discovery:
        """The same without these plugins (they are switched off) and without what needs them."""
        off = set(names)
        if not off:
            return self
        return Discovery(_settled([one for one in self.plugins if one.name not in off], Remembered()), self.safe_mode)

    def hooks(self, ledger: Ledger | None = None) -> tuple[Hooks, list[Problem]]:
        """The hooks of all usable plugins and what is wrong with them; none in safe mode."""
        modules = {one.name: one.module for one in self.usable if one.module is not None and not self.safe_mode}
        return collect(modules, ledger)


def discover(settings: Settings) -> Discovery:
    """Look for plugins in the package, in installed packages and in the administrator's folder. Never raises for a bad one."""
    sources = [*shipped(), *packages(), *folder(settings.plugins_dir)]
    bad = {} if settings.safe_mode else _untried(sources, settings)
    memory = Remembered(settings.data_dir / "run" / "declared.json")
    found: list[Found] = []
    first: dict[str, Found] = {}
    for source in sources:
        one = _read(source, bad.get(source.name, ""), settings.safe_mode, memory)
        if one.name in first:
            # It adds, and hides nothing: the one seen first stays.
            one = _with(
                one,
                f'There is already a plugin "{one.name}" at {first[one.name].source}.',
                "Give this one another name.",
            )
        else:
            first[one.name] = one
        found.append(one)
    settled = _settled(found, memory)
    memory.save()
    return Discovery(settled, settings.safe_mode)


def of(plugins: Iterable[Plugin], modules: Mapping[str, ModuleType] | None = None) -> Discovery:
    """A discovery of these plugins alone, checked like any other, for tests and tools."""
    return Discovery(
        _settled(
            [
                Found(
                    plugin.name,
                    plugin,
                    (modules or {}).get(plugin.name),
                    source="given",
                    kind="given",
                    document=dump_plugin(plugin),
                )
                for plugin in plugins
            ]
        )
    )


def foreign_owners() -> list[str]:
    """Other distributions that ship one of our top-level packages, in sentences; the start is refused then."""
    sentences = []
    owners: dict[str, set[str]] = {name: set() for name in OURS}
    for one in metadata.distributions():
        shipped_ = _tops(one)
        for name in OURS:
            if name in shipped_:
                owners[name].add(one.metadata["Name"])
    for name, found in owners.items():
        others = sorted(found - {"backoffice"})
        if others:
            sentences.append(
                f'The installed distribution {", ".join(others)} ships a top-level package "{name}", which is ours. '
                "Uninstall it, or install Backoffice in an environment of its own."
            )
    return sentences


def _tops(one: metadata.Distribution) -> set[str]:
    """Which of our names a distribution ships at its top level; only its lists of files are looked at, which is quick."""
    told = one.read_text("top_level.txt")
    if told is not None:
        return set(told.split()) & set(OURS)
    files = "\n" + (one.read_text("RECORD") or one.read_text("SOURCES.txt") or "")
    return {name for name in OURS if f"\n{name}/" in files or f"\n{name}.py" in files}


def refuse_foreign_owners() -> None:
    """Raise when another distribution owns one of our packages: half of each would be imported."""
    sentences = foreign_owners()
    if sentences:
        raise BackofficeError(" ".join(sentences))


def _untried(sources: list[Source], settings: Settings) -> dict[str, str]:
    """Versions never imported before go through a child process; the answer names the bad ones."""
    memory = settings.data_dir / "run" / "imported.json"
    good = known_good(memory)
    digests = {source.name: source.digest() for source in sources if source.has_code}
    new = [source for source in sources if source.has_code and digests[source.name] not in good]
    bad = faults(new)
    if new:
        remember(memory, (good | {digests[one.name] for one in new if one.name not in bad}) & set(digests.values()))
    return bad


def _read(source: Source, fault: str, safe_mode: bool, memory: Remembered) -> Found:
    name = source.name
    found = Found(name, source=source.where, kind=source.kind)
    if fault:
        return _with(found, f"The plugin cannot be used: {fault}.", "Correct its code, then reload.")
    try:
        found = replace(found, digest=source.digest())
        module = None
        if source.has_code and not (safe_mode and source.document):
            if safe_mode:
                return _with(found, "Its declaration is computed by code, and safe mode runs none.", severity="warning")
            module = load(source.module, source.code)
        plugin, text, problems = _declaration(source, module, memory)
    except BaseException as error:  # sys.exit() at import must not end the house either
        if isinstance(error, KeyboardInterrupt):
            raise
        return _with(
            found,
            f"The plugin cannot be used: {type(error).__name__}: {str(error)[:300]}.",
            "Correct its code, then reload.",
        )
    problems = [replace(one, plugin=one.plugin or name) for one in problems]
    found = replace(found, plugin=plugin, module=module, document=text, problems=tuple(problems))
    if plugin is None:
        return (
            found
            if problems
            else _with(found, "It declares nothing.", f"Write {name}.yaml, or implement the hook declare.")
        )
    return _named(found, plugin)


def _declaration(
    source: Source, module: ModuleType | None, memory: Remembered
) -> tuple[Plugin | None, str, list[Problem]]:
    if source.document is not None:
        text = source.document.read_text(encoding="utf-8")
        plugin, problems = memory.read(text, str(source.document))
        return plugin, text, problems
    hooks, problems = collect({source.name: module}) if module is not None else (Hooks(), [])
    for declared in _declared(hooks.implementations("declare")):
        if isinstance(declared, Plugin):
            # Read like a document: labels and a document's built-in life are filled in, and mistakes are told.
            finished, more = read_plugin(declared, source.where)
            return finished, dump_plugin(finished) if finished else "", [*problems, *more]
        if isinstance(declared, str):
            plugin, more = read_plugin(declared, source.where)
            return plugin, declared, [*problems, *more]
    return None, "", problems


def _declared(implementations: Iterable[Implementation]) -> Iterable[object]:
    for one in implementations:
        yield one.function()


def _named(found: Found, plugin: Plugin) -> Found:
    if plugin.name != found.name:
        return _with(
            found,
            f'The document calls itself "{plugin.name}", and it stands at {found.source}.',
            f'Write "plugin: {found.name}", or rename the file and its folder.',
        )
    if not NAME.match(plugin.name):
        return _with(
            found,
            f'"{plugin.name}" is no name for a plugin.',
            "Use lower-case letters, digits and _, a letter first, at most 40 characters.",
        )
    if plugin.name in RESERVED:
        return _with(found, f'The name "{plugin.name}" is reserved.', "Choose another one.")
    fault = bounds_fault(plugin.core)
    return _with(found, fault, f'The plugin interface is {PLUGIN_INTERFACE}: write core: ">=1,<2".') if fault else found


def bounds_fault(bounds: str, version: str = PLUGIN_INTERFACE) -> str:
    """Why ``version`` does not lie in bounds such as ``>=1,<2``, in a sentence; "" when it does."""
    here = _numbers(version)
    for part in filter(None, (one.strip() for one in bounds.split(","))):
        match = _BOUND.match(part)
        if match is None:
            return f'"{part}" is no bound on a version.'
        operator, there = match[1] or "==", _numbers(match[2])
        good = {
            "==": here == there,
            "!=": here != there,
            ">=": here >= there,
            "<=": here <= there,
            ">": here > there,
            "<": here < there,
            "~=": here >= there and here[0] == there[0],
        }[operator]
        if not good:
            return f"It wants a plugin interface {bounds}, and this is {version}."
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))


def _settled(found: list[Found], memory: Remembered | None = None) -> list[Found]:
    """Needs, cycles and the static proof over all plugins; repeated, because taking one away may break another."""
    ones = list(found)
    while True:
        ordered = _ordered(_needing(ones))
        good = {one.name: one.plugin for one in ordered if one.usable and one.plugin is not None}
        known = {entity.full_name: entity for plugin in good.values() for entity in plugin.entities}
        told: dict[str, list[Problem]] = {}
        for problem in _proven(ordered, good, known, memory):
            told.setdefault(problem.plugin or problem.place.file, []).append(problem)
        newly = {
            name for name, problems in told.items() if name in good and any(p.severity == "error" for p in problems)
        }
        if not newly:
            return [
                replace(one, problems=_joined(one.problems, told.get(one.name, ())))
                if one.name in good and one.usable
                else one
                for one in ordered
            ]
        ones = [
            replace(one, problems=_joined(one.problems, told[one.name])) if one.usable and one.name in newly else one
            for one in ordered
        ]


def _proven(
    ordered: list[Found], good: Mapping[str, Plugin], known: Mapping[str, Entity], memory: Remembered | None
) -> list[Problem]:
    """The static proof; remembered for plugins that were read from files, which a hash stands for."""
    added = functions(ordered)
    usable = [one for one in ordered if one.name in good and one.usable]
    if memory is None or not all(one.digest for one in usable):
        return check(good, known, added)
    made_of = [part for one in usable for part in (one.name, one.source, one.digest, one.document)]
    words = [f"{one.name} {one.params} {one.result} {one.places} {one.sql is None}" for one in added.values()]
    return memory.proof([*made_of, "with", *words], lambda: check(good, known, added))


def functions(found: Iterable[Found]) -> dict[str, Function]:
    """What usable plugins add to the expression language, so that expressions with it can be proven."""
    modules = {one.name: one.module for one in found if one.usable and one.module is not None}
    added: dict[str, Function] = {}
    for _, several in collect(modules)[0].call("expression_functions") if modules else ():
        for one in several if isinstance(several, list | tuple) else ():
            if isinstance(one, Function):
                added.setdefault(one.name, one)
    return added


def _joined(problems: tuple[Problem, ...], more: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys((*problems, *more)))


def _needing(ones: list[Found]) -> list[Found]:
    while True:
        usable = {one.name for one in ones if one.usable}
        after = [
            _with(
                one,
                f'It needs the plugin "{missing[0]}", which is not here or cannot be used.',
                "Install or repair it, or take it out of needs.",
            )
            if one.usable and one.plugin and (missing := [need for need in one.plugin.needs if need not in usable])
            else one
            for one in ones
        ]
        if after == ones:
            return ones
        ones = after


def _ordered(ones: list[Found]) -> list[Found]:
    """Usable ones after what they need; members of a cycle of needs become unusable and are named."""
    left = {one.name: one for one in ones if one.usable}
    ordered: list[Found] = []
    while left:
        ready = [one for one in left.values() if one.plugin and not any(need in left for need in one.plugin.needs)]
        if not ready:
            names = " -> ".join(left)
            ordered += [
                _with(one, f"Its needs go in a circle: {names}.", "Turn one of them into uses.")
                for one in left.values()
            ]
            break
        for one in ready:
            ordered.append(one)
            del left[one.name]
    seen = {id(one) for one in ones if one.usable}
    return _needing(ordered) + [one for one in ones if id(one) not in seen]


def _with(found: Found, message: str, remedy: str = "", severity: str = "error") -> Found:
    problem = Problem(Place(file=found.source), message, remedy, severity, found.name)
    return replace(found, plugin=None if severity == "warning" else found.plugin, problems=(*found.problems, problem))
