"""Which moves a record may make now, and the sentence for each one it may not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.access.actor import Actor
from core.facts import Record, Value
from schemas.model import Entity, Transition, Workflow

NOT_PERFORMED = "An approval is declared, not performed by this version; this move is refused until it is."
"""The sentence for a transition with ``approval`` (contract.md 8): declared, never let through."""


@dataclass(frozen=True, slots=True)
class Move:
    """One transition that starts in the record's state. ``why_not`` is empty exactly when ``allowed``.

    ``kind`` of a refusal: ``role`` (403), ``illegal`` (409: guard, approval, wrong state) or ``missing`` (422: fields
    still empty).
    """

    transition: Transition
    allowed: bool
    why_not: str = ""
    kind: str = ""
    missing: tuple[str, ...] = ()


def starts(transition: Transition, state: Value) -> bool:
    """Whether the transition may start in ``state``; ``any`` means every other state than its goal."""
    if "any" in transition.from_states:
        return bool(state != transition.to)
    return state in transition.from_states


def judge(
    entity: Entity,
    record: Record,
    transition: Transition,
    actor: Actor,
    *,
    may_move: bool,
    holds: Callable[[str], bool],
    empties: Callable[[Iterable[str]], tuple[str, ...]],
    told: Callable[[str], str],
) -> Move:
    """Test one transition against a record.

    ``may_move``: the actor's roles or rights cover it. ``holds`` evaluates a guard (true only when it is true);
    ``empties`` gives those of some fields that have no value; ``told`` says a condition in words.
    """
    if not starts(transition, record.get("state")):
        return Move(
            transition,
            False,
            f"{label(transition)} cannot start from {state_label(entity, record.get('state'))}.",
            "illegal",
        )
    if not may_move:
        wanted = ", ".join(sorted(transition.roles)) or "a role that may change this record"
        return Move(transition, False, f"{label(transition)} needs {wanted}.", "role")
    if transition.approval is not None:
        return Move(transition, False, NOT_PERFORMED, "illegal")
    if transition.guard and not holds(transition.guard):
        return Move(
            transition,
            False,
            f"{label(transition)} is only possible if {told(transition.guard)}.",
            "illegal",
        )
    missing = empties(transition.requires)
    if missing:
        names = ", ".join(field_label(entity, name) for name in missing)
        return Move(transition, False, f"{label(transition)} needs {names} first.", "missing", missing)
    return Move(transition, True)


def from_here(workflow: Workflow, state: Value) -> tuple[Transition, ...]:
    """The transitions that start in ``state``, in declared order."""
    return tuple(one for one in workflow.transitions if starts(one, state))


def label(transition: Transition) -> str:
    """What people read for a transition."""
    return transition.label or transition.name.replace("_", " ").capitalize()


def state_label(entity: Entity, state: Value) -> str:
    """What people read for a state; the name where the shape does not know it."""
    found = entity.workflow.state(state) if entity.workflow and state else None
    if found and found.label:
        return found.label
    return str(state or "no state").replace("_", " ")


def field_label(entity: Entity, name: str) -> str:
    """What people read for a field."""
    found = entity.field(name)
    return found.label if found and found.label else name.replace("_", " ").capitalize()
