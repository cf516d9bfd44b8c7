"""The grammar of overlay changes: which verbs there are and what each is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, post_load

from schemas import words
from schemas.grammar_field import EntityFieldPart, bad_field_name
from schemas.grammar_looks import VIEW_KINDS, ViewPart
from schemas.grammar_moves import MEANINGS, TransitionPart
from schemas.model import Field, Place, Transition, Verb, View
from schemas.source import Mapped
from schemas.values import freeze
from schemas.words import Fault, fault, meant

LONG = words.MAX_FIELD_NAME


class FieldName(words.Name):
    """The name of a new field."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        name = super()._deserialize(value, attr, data, **more)
        wrong = bad_field_name(name)
        if wrong:
            raise fault(str(wrong), wrong.remedy)
        return name


class AddField(EntityFieldPart):
    what = "in add_field"
    name = FieldName(LONG, required=True)
    after = words.Name(LONG)
    before = words.Name(LONG)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **more: Any) -> Field:
        made: Field = super().make(*_unplaced(data, original), **more)
        return made


class JustField(words.Part):
    field = words.Name(LONG, required=True)


class Relabel(JustField):
    what = "in relabel"
    label = words.Text(longest=200, required=True)


class Show(JustField):
    what = "in show"
    form = words.Name(required=True)
    after = words.Name(LONG)
    before = words.Name(LONG)


class ShowIf(JustField):
    what = "in show_if"
    when = words.Source(required=True)


class AddOption(JustField):
    what = "in add_option"
    name = words.Text(longest=100, required=True)
    label = words.Text(longest=200)
    colour = words.Text(longest=30)
    after = words.Text(longest=100)
    before = words.Text(longest=100)


class AddState(words.Part):
    what = "in add_state"
    name = words.Name(required=True)
    label = words.Text(longest=200)
    meaning = words.OneOf(*MEANINGS, what="meaning of a state")
    after = words.Name()
    before = words.Name()


class AddTransition(TransitionPart):
    what = "in add_transition"
    name = words.Name(required=True)
    from_states = words.Many(words.Name(), data_key="from", required=True)
    to = words.Name(required=True)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **more: Any) -> Transition:
        made: Transition = super().make(*_unplaced(data, original), **more)
        return made


class AddApproval(Schema):
    """A transition and whatever the approval says; its engine comes later."""

    class Meta:
        unknown = "include"

    transition = words.Name(required=True)


class AddView(ViewPart):
    what = "in add_view"
    name = words.Name(required=True)
    kind = words.OneOf(*VIEW_KINDS, "report", what="kind of view", load_default="list")
    group = words.Path()
    measure = words.Text(longest=130)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **more: Any) -> View:
        for word in ("group", "measure"):
            data.pop(word, None)
        made: View = super().make(*_unplaced(data, original), **more)
        return made


VERBS: dict[str, tuple[Schema, str]] = {
    "add_field": (AddField(), "Adds a field: its name, its type and flags, and where it stands (`after` or `before`)."),
    "remove_field": (JustField(), "Takes back a field that an overlay added."),
    "relabel": (Relabel(), "Gives a field another label."),
    "require": (JustField(), "Makes a field required."),
    "hide": (JustField(), "Leaves a field out of pages and forms."),
    "show": (Show(), "Puts a field into a form."),
    "show_if": (ShowIf(), "Shows a field only while the expression `when` is true."),
    "add_option": (AddOption(), "Adds an option to a choice that its author opened."),
    "add_state": (AddState(), "Adds a state to the workflow."),
    "add_transition": (AddTransition(), "Adds a transition to the workflow."),
    "add_approval": (AddApproval(), "Asks for an approval before a transition."),
    "add_view": (AddView(), "Adds a view."),
}
"""Every verb with the schema of what it is given and its meaning."""

_ALONE = ("remove_field", "require", "hide")
"""Verbs that take the name of a field alone."""
_SAME = {"show_if": {"show_if": "when", "if": "when"}, "add_option": {"option": "name"}}
"""Other words that people use, and the one that is kept."""


class ChangeList(words.Word):
    """A list of verbs, each a mapping from one verb to what it is given."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Verb, ...]:
        if not isinstance(value, list):
            raise fault("A list of changes must stand here.", "Begin each with `- `, such as `- require: details`.")
        made: list[Verb] = []
        errors: dict[int, Any] = {}
        for index, one in enumerate(value):
            try:
                made.append(_verb(one))
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)


def _unplaced(data: dict[str, Any], original: Any) -> tuple[dict[str, Any], Mapped]:
    """The words of the thing itself, under its own name, without those that say where it stands."""
    named = Mapped(getattr(original, "place", Place()), data.pop("name"))
    for word in ("after", "before"):
        data.pop(word, None)
    return data, named


def _verb(value: Any) -> Verb:
    if not isinstance(value, Mapped) or len(value) != 1:
        raise fault("One change must stand here.", "Write one verb and what it is given, such as `- require: details`.")
    kind, block = next(iter(value.items()))
    if kind not in VERBS:
        raise ValidationError({kind: [Fault(f'There is no verb "{kind}".', meant(kind, VERBS), True)]})
    if not isinstance(block, Mapping):
        if kind not in _ALONE:
            raise ValidationError({kind: [Fault(f"{kind} needs a block of words and values.", VERBS[kind][1])]})
        short = Mapped(value.place, kind)
        short["field"] = block
        block = short
    elif kind in _SAME:
        block = _renamed(block, _SAME[kind])
    try:
        VERBS[kind][0].load(block)
    except ValidationError as error:
        raise ValidationError({kind: error.messages}) from error
    return Verb(kind, freeze(block), block.place if isinstance(block, Mapped) else Place())


def _renamed(block: Any, same: Mapping[str, str]) -> Mapped:
    made = Mapped(block.place, block.name)
    for word, value in block.items():
        kept = same.get(word, word)
        made[kept] = value
        made.spots[kept] = block.spots.get(word, ((0, 0), (0, 0)))
    return made
