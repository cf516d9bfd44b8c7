"""The grammar of workflows, access rules and constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from schemas import words
from schemas.model import AccessRule, Constraint, Effective, State, Transition, Workflow
from schemas.source import Mapped
from schemas.values import NUMBER, Number, label_of, qualified
from schemas.words import Fault, fault

MEANINGS = ("new", "progress", "waiting", "done", "cancelled")
CONSTRAINTS = ("unique", "no_overlap", "sum_at_most", "acyclic", "check")


class StatePart(words.Part):
    what = "in a state"
    label = words.Text(longest=200)
    meaning = words.OneOf(*MEANINGS, what="meaning of a state", load_default="")

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> State:
        return State(original.name, data.get("label", label_of(original.name)), data["meaning"])


class States(words.Named):
    """A list of names, or a mapping from names to labels and meanings."""

    def __init__(self, **more: Any) -> None:
        super().__init__(StatePart(), "state", **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> tuple[State, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            named: tuple[State, ...] = super()._deserialize(value, attr, data, **more)
            return named
        states: list[State] = []
        errors: dict[int, Any] = {}
        for index, one in enumerate(value):
            wrong = words.bad_name(one) if isinstance(one, str) else Fault("The name of a state must stand here.")
            if wrong is None and any(state.name == one for state in states):
                wrong = Fault(f'The state "{one}" is given twice.', "Keep one of the two.")
            if wrong:
                errors[index] = [wrong]
            else:
                states.append(State(str(one), label_of(one), ""))
        if errors:
            raise ValidationError(errors)
        return tuple(states)


class TransitionPart(words.Part):
    what = "in a transition"
    from_states = words.Many(words.Name(), data_key="from")
    to = words.Name()
    label = words.Text(longest=200)
    roles = words.Many(words.Owned(), data_key="role")
    requires = words.Many(words.Name(words.MAX_FIELD_NAME))
    form = words.Many(words.Name(words.MAX_FIELD_NAME))
    guard = words.Source()
    reason = words.Flag()
    confirm = words.Text()
    approval = words.RawBlock()
    effects = words.RawBlock(blocks_only=False)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Transition:
        effects = data.pop("effects", ())
        return Transition(
            original.name,
            data.pop("from_states", ()),
            data.pop("to", ""),
            place=original.place,
            label=data.pop("label", label_of(original.name)),
            effects=effects if isinstance(effects, tuple) else (effects,),
            **data,
        )


class WorkflowPart(words.Part):
    """States and transitions; a document's may leave out what is built in."""

    what = "in a workflow"
    states = States()
    transitions = words.Named(TransitionPart(), "transition", load_default=())

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Workflow:
        return Workflow(data.get("states", ()), data["transitions"])


def completed(workflow: Workflow) -> tuple[Workflow, dict[str, Any]]:
    """The workflow with its states' meanings, and its faults as marshmallow keeps them."""
    faults: dict[str, Any] = {}
    if not workflow.states:
        faults["states"] = [Fault("A workflow needs states.", "List them; the first is the initial one.")]
        return workflow, faults
    for one in workflow.transitions:
        missing = [word for word, there in (("from", one.from_states), ("to", one.to)) if not there]
        if missing:
            faults.setdefault("transitions", {})[one.name] = {
                word: [Fault(f'A transition needs "{word}".', "Name the states.")] for word in missing
            }
    left = {name for one in workflow.transitions for name in one.from_states}
    states = []
    for index, state in enumerate(workflow.states):
        meaning = state.meaning
        if not meaning:
            meaning = "new" if index == 0 else "progress" if state.name in left or "any" in left else "done"
        states.append(replace(state, meaning=meaning))
    return Workflow(tuple(states), workflow.transitions), faults


_DOCUMENT_STATES = (
    State("draft", "Draft", "new"),
    State("posted", "Posted", "done"),
    State("reversed", "Reversed", "cancelled"),
    State("cancelled", "Cancelled", "cancelled"),
)
_DOCUMENT_MOVES = (
    Transition("post", ("draft",), "posted", "Post"),
    Transition("reverse", ("posted",), "reversed", "Reverse"),
    Transition("cancel", ("draft",), "cancelled", "Cancel"),
    Transition("amend", ("reversed", "cancelled"), "draft", "Amend"),
)
DOCUMENT_STATES = tuple(state.name for state in _DOCUMENT_STATES)
DOCUMENT_MOVES = tuple(move.name for move in _DOCUMENT_MOVES)


def document_workflow(declared: Workflow | None) -> Workflow:
    """A document's built-in life with what the author restricts.

    States may be added; a transition of a built-in name keeps its way unless it names another.
    """
    given = declared or Workflow((), ())
    own = {state.name: state for state in given.states}
    states = [own.pop(state.name, state) for state in _DOCUMENT_STATES]
    states = [
        replace(one, meaning=one.meaning or built.meaning) for one, built in zip(states, _DOCUMENT_STATES, strict=True)
    ]
    moves: list[Transition] = []
    for built in _DOCUMENT_MOVES:
        mine = given.transition(built.name)
        moves.append(
            built
            if mine is None
            else replace(mine, from_states=mine.from_states or built.from_states, to=mine.to or built.to)
        )
    moves.extend(one for one in given.transitions if one.name not in DOCUMENT_MOVES)
    return Workflow((*states, *own.values()), tuple(moves))


class Grantable(words.Word):
    """What may be made or written: ``none``, ``all``, or names; for ``write`` also ``{all_but: [field]}``."""

    _names = words.Many(words.Name(words.MAX_FIELD_NAME))

    def __init__(self, all_but: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.all_but = all_but

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if isinstance(value, Mapping) and self.all_but:
            if list(value) != ["all_but"]:
                raise fault("Only {all_but: [field]} may stand here as a block.")
            try:
                return Mapped(), self._names.deserialize(value["all_but"])
            except ValidationError as error:
                raise ValidationError({"all_but": error.messages}) from error
        if isinstance(value, str) and value in ("none", "all"):
            return str(value)
        if value == []:
            return "none"
        return self._names.deserialize(value, attr, data)


class AccessPart(words.Part):
    what = "in an access rule"
    read = words.RowScope()
    write_rows = words.RowScope()
    delete = words.RowScope()
    export = words.RowScope()
    create = Grantable()
    write = Grantable(all_but=True)
    hide = words.Many(words.Name(words.MAX_FIELD_NAME))
    mask = words.Many(words.Name(words.MAX_FIELD_NAME))
    unmask = words.Many(words.Name(words.MAX_FIELD_NAME))
    move = words.Many(words.Name())
    print_ = words.RowScope(data_key="print")
    report = words.RowScope()
    import_ = words.RowScope(data_key="import")
    share = words.RowScope()

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> AccessRule:
        write = data.get("write")
        if isinstance(write, tuple) and len(write) == 2 and isinstance(write[0], Mapped):
            data["write"], data["write_except"] = "all", write[1]
        role = qualified(original.name, words.READING.get().plugin)
        return AccessRule(role, place=original.place, **data)


class Roles(words.Named):
    """Access rules by role; a role of another plugin is ``plugin.role``."""

    def wrong(self, name: str) -> Fault | None:
        parts = name.split(".")
        if len(parts) > 2:
            return Fault(f'"{name}" is no role.', "Write a role, or plugin.role.", True)
        return next((wrong for wrong in map(words.bad_name, parts) if wrong), None)


class OverlapPart(words.Part):
    what = "in no_overlap"
    key = words.Many(words.Name(words.MAX_FIELD_NAME), load_default=())
    start = words.Name(words.MAX_FIELD_NAME, required=True, data_key="from")
    end = words.Name(words.MAX_FIELD_NAME, required=True, data_key="to")
    where = words.Source(load_default="")


class AtMost(words.Word):
    """A number, or a one-hop path."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if isinstance(value, str) and NUMBER.match(value):
            return Number(value)
        made: str = words.Path().deserialize(value)
        return made


class SumPart(words.Part):
    what = "in sum_at_most"
    of = words.Name(words.MAX_FIELD_NAME, required=True)
    by = words.Name(words.MAX_FIELD_NAME, required=True)
    max = AtMost(required=True)


class ConstraintPart(words.Part):
    what = "in a constraint"
    unique = words.Many(words.Name(words.MAX_FIELD_NAME))
    no_overlap = words.Inside(OverlapPart())
    sum_at_most = words.Inside(SumPart())
    acyclic = words.Name(words.MAX_FIELD_NAME)
    check = words.Source()
    where = words.Source()
    message = words.Text(longest=500)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def one_kind(self, data: Any, original: Any, **_: Any) -> None:
        given = [one for one in CONSTRAINTS if one in original]
        if len(given) != 1:
            raise ValidationError(
                [Fault("A constraint says one thing.", "Give one of " + ", ".join(CONSTRAINTS) + ".")]
            )
        if "where" in original and given != ["unique"]:
            raise ValidationError(
                {"where": [Fault(f"{given[0]} takes no where here.", "no_overlap takes it inside its block.", True)]}
            )

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Constraint:
        kind = next(one for one in CONSTRAINTS if one in data)
        value = data[kind]
        made: dict[str, Any] = {
            "message": data.get("message", ""),
            "where": data.get("where", ""),
            "place": original.place,
        }
        if kind == "unique":
            made["fields"] = value
        elif kind == "no_overlap":
            made.update(fields=value["key"], start=value["start"], end=value["end"], where=value["where"])
        elif kind == "sum_at_most":
            made.update(value)
        elif kind == "acyclic":
            made["fields"] = (value,)
        else:
            made["expression"] = value
        return Constraint(kind, **made)


class EffectivePart(words.Part):
    what = "in effective"
    by = words.Many(words.Name(words.MAX_FIELD_NAME), required=True)
    start = words.Name(words.MAX_FIELD_NAME, required=True, data_key="from")
    end = words.Name(words.MAX_FIELD_NAME, required=True, data_key="to")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Effective:
        return Effective(**data)
