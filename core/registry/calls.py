"""The loop that calls plugins' hooks: timed, attributed, type-checked, and off for a plugin that keeps failing."""

from __future__ import annotations

import contextlib
import inspect
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pluggy

from core.facts import Record, apart
from core.hooks import HOOK_NAMES, ON, PROJECT, RETURNS, Refusal, Specifications
from core.registry.slot import Slot
from schemas.model import Place, Problem

LIMIT = 3
"""After so many failures a plugin's hooks are off until it is reloaded."""

_log = logging.getLogger("backoffice.hooks")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call of a plugin's hook, in a sentence."""

    plugin: str
    hook: str
    reason: str


@dataclass(slots=True)
class Timing:
    """How often a hook was called, how long it took in seconds altogether and at worst."""

    calls: int = 0
    seconds: float = 0.0
    worst: float = 0.0


@dataclass
class Ledger:
    """What is known about plugins' hooks across generations: failures, timings, and who is switched off.

    ``report`` is told every failure (the platform stores it, so that other processes know).
    """

    failures: dict[str, list[Failure]] = field(default_factory=dict)
    timings: dict[tuple[str, str], Timing] = field(default_factory=dict)
    report: Callable[[Failure], None] | None = None
    slot: Slot | None = None
    epoch: int = -1
    """The epoch at which the failures were read from the database."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_off(self, plugin: str) -> bool:
        """Whether the plugin's hooks are off because it failed too often."""
        return len(self.failures.get(plugin, ())) >= LIMIT

    def add(self, failure: Failure) -> None:
        """Count a failure and tell whoever wants to know."""
        with self._lock:
            self.failures.setdefault(failure.plugin, []).append(failure)
            off = len(self.failures[failure.plugin]) == LIMIT
        _log.error(
            "plugin %s failed in hook %s: %s%s",
            failure.plugin,
            failure.hook,
            failure.reason,
            "; its hooks are off now" if off else "",
        )
        if self.report is not None:
            try:
                self.report(failure)
            except Exception:  # the report must not turn one plugin's failure into everybody's
                _log.exception("a failure of plugin %s could not be stored", failure.plugin)

    def replace(self, failures: Iterable[Failure], epoch: int | None = None) -> None:
        """Forget what is known and take these failures instead (read from the database at that epoch)."""
        found: dict[str, list[Failure]] = {}
        for one in failures:
            found.setdefault(one.plugin, []).append(one)
        with self._lock:
            if epoch is None or epoch >= self.epoch:
                self.failures = found
                self.epoch = self.epoch if epoch is None else epoch

    def time(self, plugin: str, hook: str, seconds: float) -> None:
        timing = self.timings.setdefault((plugin, hook), Timing())
        timing.calls += 1
        timing.seconds += seconds
        timing.worst = max(timing.worst, seconds)


@dataclass(frozen=True, slots=True)
class Implementation:
    """One function of one plugin for one hook. ``entities`` limits it; ``takes`` are its arguments' names."""

    plugin: str
    hook: str
    function: Callable[..., object]
    takes: tuple[str, ...]
    entities: frozenset[str] | None


class Hooks:
    """The implementations of one generation. Made by :func:`collect`; ``ledger`` outlives generations."""

    def __init__(
        self, implementations: Mapping[str, tuple[Implementation, ...]] | None = None, ledger: Ledger | None = None
    ) -> None:
        self._by_name = dict(implementations or {})
        self._wanted: dict[tuple[str, str | None], tuple[Implementation, ...]] = {}
        self.ledger = ledger or Ledger()

    def implementations(self, name: str, entity: str | None = None) -> tuple[Implementation, ...]:
        """Who would be called for the hook, and for that entity, in order; without plugins that are off."""
        found = self._wanted.get((name, entity))
        if found is None:
            found = self._wanted[name, entity] = tuple(
                one for one in self._by_name.get(name, ()) if entity is None or one.entities is None or entity in one.entities
            )
        if not self.ledger.failures:
            return found
        return tuple(one for one in found if not self.ledger.is_off(one.plugin))

    def call(
        self, name: str, *, entity: str | None = None, only: str | None = None, failed: list[str] | None = None, **arguments: Any
    ) -> list[tuple[str, object]]:
        """Call every implementation of the hook; the answer pairs plugin names with what they returned, None left out.

        ``entity`` (``plugin.entity``) picks implementations limited with ``@on``, and is handed on to hooks that take an
        argument of that name; ``only`` picks one plugin. Raises Refusal when an implementation vetoes, and whatever
        carries ``passes_through_hooks`` (the engine's own refusals of a plugin's work); anything else that goes wrong
        inside a plugin is counted, attributed and left out of the answer.
        """
        if name not in RETURNS:
            raise LookupError(f"There is no hook {name!r}.")
        answers: list[tuple[str, object]] = []
        if name in self._by_name:
            if entity is not None:
                arguments["entity"] = entity
            for one in self.implementations(name, entity):
                if only is None or one.plugin == only:
                    self._call_one(one, arguments, answers, failed)
        return answers

    def _call_one(
        self, one: Implementation, arguments: dict[str, Any], answers: list[tuple[str, object]], failed: list[str] | None = None
    ) -> None:
        given, kept = self._guarded(one, arguments)
        started = time.perf_counter()
        slot = self.ledger.slot
        try:
            with slot.busy(one.plugin, one.hook) if slot is not None else contextlib.nullcontext():
                answer = one.function(**given)
            fault = _rubbish(one.hook, answer)
        except Refusal:
            raise
        except BaseException as error:  # a plugin may even call sys.exit(); the house stands
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise
            if getattr(error, "passes_through_hooks", False):
                # What the engine itself answered to the plugin's work: the caller's matter, not the plugin's fault.
                raise
            answer, fault = None, _described(error)
        finally:
            self.ledger.time(one.plugin, one.hook, time.perf_counter() - started)
        if fault:
            for record, values in kept:
                record.clear()
                record.update(values)
            self.ledger.add(Failure(one.plugin, one.hook, fault))
            if failed is not None:
                failed.append(one.plugin)
        elif answer is not None:
            answers.append((one.plugin, answer))

    def _guarded(
        self, one: Implementation, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], list[tuple[Record, dict[str, Any]]]]:
        """The arguments it takes: copies of records, but for the one that ``before_save`` may set, which is restorable."""
        given: dict[str, Any] = {}
        kept: list[tuple[Record, dict[str, Any]]] = []
        for name in one.takes:
            value = arguments.get(name)
            if isinstance(value, Record):
                if one.hook == "before_save" and name == "record":
                    kept.append((value, apart(dict(value))))
                else:
                    value = value.copy()
                    value.update(apart(dict(value)))
            given[name] = value
        return given, kept


def collect(modules: Mapping[str, ModuleType | object], ledger: Ledger | None = None) -> tuple[Hooks, list[Problem]]:
    """The hooks of these modules (by plugin name, in order) and what is wrong with them.

    A misspelled hook, an unknown argument or a wrapper is a Problem that names plugin and function; the others work.
    """
    problems: list[Problem] = []
    found: dict[str, list[Implementation]] = {}
    for plugin, module in modules.items():
        try:
            own = _implementations(plugin, module, problems)
        except Exception as error:  # a module whose attributes raise when looked at
            problems.append(_problem(plugin, f"Its hooks cannot be read: {_described(error)}."))
            continue
        for one in own:
            found.setdefault(one.hook, []).append(one)
    return Hooks({name: tuple(ones) for name, ones in found.items()}, ledger), problems


def _implementations(plugin: str, module: object, problems: list[Problem]) -> list[Implementation]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specifications)
    try:
        manager.register(module, name=plugin)
    except pluggy.PluginValidationError as error:
        problems.append(
            _problem(
                plugin,
                f"A hook does not fit: {str(error).strip().splitlines()[-1].strip()}.",
                "docs/hooks.md lists every hook with its arguments.",
            )
        )
        return []
    ones: list[Implementation] = []
    for name in HOOK_NAMES:
        for one in getattr(manager.hook, name).get_hookimpls():
            if one.hookwrapper or one.wrapper:
                problems.append(
                    _problem(
                        plugin, f"{name} is a wrapper, and hooks here cannot be wrapped.", "Implement the hook itself."
                    )
                )
                continue
            ones.append(
                Implementation(plugin, name, one.function, tuple(one.argnames), getattr(one.function, ON, None))
            )
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        word = str(error).split("'")[1] if "'" in str(error) else str(error)
        problems.append(_problem(plugin, f'There is no hook "{word}".', _near(word)))
    return sorted(ones, key=_position)


def _position(one: Implementation) -> tuple[str, int]:
    code = getattr(inspect.unwrap(one.function), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else ("", sys.maxsize)


def _near(word: str) -> str:
    near = [name for name in HOOK_NAMES if name[:5] == word[:5] or word in name]
    return f'Did you mean "{near[0]}"?' if near else "docs/hooks.md lists every hook."


def _rubbish(hook: str, answer: object) -> str:
    words, fits = RETURNS[hook]
    if answer is None:
        return ""
    try:
        good = fits(answer)
    except Exception:  # an answer whose members raise when looked at
        good = False
    return "" if good else f"it returned {type(answer).__name__}, and {hook} returns {words}"


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # an error that cannot be told
        text = ""
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _problem(plugin: str, message: str, remedy: str = "") -> Problem:
    return Problem(Place(file=plugin), message, remedy, plugin=plugin)
