"""The grammar of forms and views: what is offered for entry, and the ways to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from schemas import words
from schemas.model import Form, Item, Section, Tab, View
from schemas.source import Mapped
from schemas.values import Number, label_of
from schemas.words import Fault, fault

VIEW_KINDS = ("list", "board", "calendar", "timeline", "tree", "gallery")
_LAYOUTS = ("fields", "sections", "tabs", "steps")


class Items(words.Word):
    """What stands in a section: names of fields; among them ``{text: ...}``, ``{action: NAME}``, ``{image: FIELD}``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Item, ...]:
        made: list[Item] = []
        errors: dict[int, Any] = {}
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            try:
                made.append(self._item(one))
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(made)

    def _item(self, value: Any) -> Item:
        if isinstance(value, Mapping):
            item: Item = _ITEM.load(value)
            return item
        if not isinstance(value, str) or isinstance(value, Number):
            raise fault("The name of a field must stand here.", "Or {text: ...}, {action: NAME}, {image: FIELD}.")
        wrong = words.bad_name(value, words.MAX_FIELD_NAME)
        if wrong:
            raise fault(str(wrong), wrong.remedy)
        return Item("field", str(value))


class ItemPart(words.Part):
    what = "among the fields of a form"
    field = words.Name(words.MAX_FIELD_NAME)
    text = words.Text()
    action = words.Name()
    image = words.Name(words.MAX_FIELD_NAME)
    show_if = words.Source(load_default="")

    @validates_schema(skip_on_field_errors=True)
    def one_thing(self, data: Any, **_: Any) -> None:
        if len(set(data) - {"show_if"}) != 1:
            raise ValidationError(
                [Fault("One of field, text, action and image must stand here.", "Write each as its own member.")]
            )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Item:
        show_if = data.pop("show_if")
        kind, value = next(iter(data.items()))
        return Item(kind, value, show_if)


_ITEM = ItemPart()


class Open(words.Word):
    """Whether a section stands open: true, false or an expression."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool | str:
        if isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise fault("true, false or an expression must stand here.")
        return str(value)


class SectionPart(words.Part):
    what = "in a section"
    label = words.Text(longest=200, load_default="")
    help = words.Text(load_default="")
    show_if = words.Source(load_default="")
    columns = words.Count(1, 4, load_default=1)
    open = Open(load_default=True)
    items = Items(required=True, data_key="fields")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Section:
        return Section(**data)


class TabPart(words.Part):
    what = "in a tab"
    label = words.Text(longest=200, load_default="")
    show_if = words.Source(load_default="")
    sections = words.Each(SectionPart(), alone=True)
    items = Items(data_key="fields")

    @validates_schema(skip_on_field_errors=True)
    def one_content(self, data: Any, **_: Any) -> None:
        if ("sections" in data) == ("items" in data):
            raise ValidationError(
                [
                    Fault(
                        "A tab has sections.",
                        "Give `sections:`, or `fields:` when there is only one without a heading.",
                    )
                ]
            )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Tab:
        if "items" in data:
            data["sections"] = (Section(data.pop("items")),)
        return Tab(**data)


class FormPart(words.Part):
    what = "in a form"
    label = words.Text(longest=200)
    items = Items(data_key="fields")
    sections = words.Each(SectionPart(), alone=True)
    tabs = words.Each(TabPart(), alone=True)
    steps = words.Each(TabPart(), alone=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def one_layout(self, data: Any, original: Any, **_: Any) -> None:
        given = [one for one in _LAYOUTS if one in original]
        if len(given) != 1:
            said = f"This form has {' and '.join(given)}." if given else "This form offers no field."
            raise ValidationError([Fault(said, "Give one of fields, sections, tabs and steps.")])

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> Form:
        if "items" in data:
            layout, tabs = "plain", (Tab((Section(data["items"]),)),)
        elif "sections" in data:
            layout, tabs = "sections", (Tab(data["sections"]),)
        else:
            layout = "tabs" if "tabs" in data else "steps"
            tabs = data[layout]
        return Form(original.name, tabs, data.get("label", label_of(original.name)), layout, original.place)


class FormNames(words.Named):
    """Forms by name; a bare list of fields is a form of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> tuple[Any, ...]:
        if isinstance(value, Mapped) and any(isinstance(one, list) for one in value.values()):
            opened = Mapped(value.place, value.name)
            opened.spots = value.spots
            for name, one in value.items():
                if isinstance(one, list):
                    block = Mapped(getattr(one, "place", value.place), name)
                    block["fields"] = one
                    one = block
                opened[name] = one
            value = opened
        return super()._deserialize(value, attr, data, **more)


class ViewPart(words.Part):
    what = "in a view"
    kind = words.OneOf(*VIEW_KINDS, what="kind of view", load_default="list")
    label = words.Text(longest=200)
    where = words.Source()
    sort = words.Many(words.Text(longest=130))
    columns = words.Many(words.Path())
    page_size = words.Count(1, 200)
    by = words.Name(words.MAX_FIELD_NAME)
    card = words.Many(words.Name(words.MAX_FIELD_NAME))
    start = words.Name(words.MAX_FIELD_NAME)
    end = words.Name(words.MAX_FIELD_NAME)
    default = words.Flag()

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Any, **_: Any) -> View:
        return View(original.name, place=original.place, label=data.pop("label", label_of(original.name)), **data)
