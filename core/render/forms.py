"""Forms built at run time from a shape: controls named like their fields, texts kept when they are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape
from wtforms.fields.core import Field as Control
from wtforms.fields.core import UnboundField
from wtforms.form import BaseForm
from wtforms.meta import DefaultMeta

from core.facts import Money, Record, Value
from core.fields import Formatter, Parsing, formatter, kind
from core.fields.identity import PerObject
from core.fields.structures import MOST_LINES
from schemas.model import Entity, Field, Form, Item, Section, Tab
from schemas.overlays import made_form

Truth = Callable[[str], bool | None]
"""What a condition's source gives for the values in the form: True, False or None (unknown)."""
_SERVER = frozenset({"computed", "lookup", "rollup", "sequence"})


class _Meta(DefaultMeta):  # type: ignore[misc]
    """What every control of one form shares."""

    def __init__(self, parsing: Parsing, fmt: Formatter, parent: Any = None) -> None:
        self.parsing = parsing
        self.fmt = fmt
        self._parent_form = parent

    locales = False
    csrf = False


REQUIRED_MARK = Markup(' <span class="opt">(required)</span>')
_WIDE = frozenset({"textarea", "rich", "lines", "json"})
_GROUPS = frozenset({"checkbox", "checks", "lines", "rating"})
"""Controls of several parts, which a label cannot name by one id."""
_choices: PerObject[tuple[tuple[str, Markup, Markup], ...]] = PerObject()


@lru_cache(maxsize=20_000)
def said(text: str) -> Markup:
    """A declared name or label, escaped; not for values, which are many and may be secret."""
    return escape(text)


def _choices_of(declared: Field) -> tuple[tuple[str, Markup, Markup], ...]:
    """Each choice: its name, and what stands before and after the mark of the chosen one."""
    return tuple(
        (one.name, Markup(f'<option value="{escape(one.name)}"'), Markup(f">{escape(one.label or one.name)}</option>"))  # noqa: S704
        for one in declared.options
    )


class Slot(Control):  # type: ignore[misc]
    """One control. ``data`` is the value, ``text`` what stands in the control (what was typed, when it was refused).

    ``declared`` is the field, ``kind`` its FieldKind, ``control`` the name of its template; ``title`` the readable title of
    what a picker refers to. ``required`` and ``read_only`` are what the layout found.
    """

    def __init__(self, declared: Field, read_only: bool = False, **options: Any) -> None:
        super().__init__(label=declared.label or declared.name.replace("_", " ").capitalize(), description=declared.help, **options)
        self.declared = declared
        self.kind = kind(declared)
        self.control = self.kind.control
        self.required = declared.required
        self.read_only = read_only
        self.shown = True
        self.typed: list[str] | None = None
        self.untouched = False
        self.title: Any = None
        self.errors: list[str] = []

    @property
    def attrs(self) -> Markup:
        """What every control carries: its names, and what is said of it."""
        number = said(self.id)
        found = f'id="{number}" name="{said(self.name)}"'
        if self.required:
            found += " required"
        if self.errors:
            found += ' aria-invalid="true"'
        if self.errors or self.description:
            found += f' aria-describedby="{number}-said"'
        return Markup(found)  # noqa: S704 - its parts are escaped

    def opening(self, hidden: bool = False) -> Markup:
        """How its field begins: the box, and the label that names it."""
        number = said(self.id)
        classes = "field invalid" if self.errors else "field"
        if self.control in _WIDE:
            classes += " full"
        label = said(self.label.text)
        if self.required and not self.read_only:
            label += REQUIRED_MARK
        if self.read_only or self.control in _GROUPS:
            caption = f'<span class="label" id="{number}-label">{label}</span>'
        else:
            caption = f'<label for="{number}">{label}</label>'
        return Markup(f'<div class="{classes}" id="f-{number}"{" hidden" if hidden else ""}>{caption}')  # noqa: S704 - parts are escaped

    @property
    def left(self) -> tuple[str, ...]:
        """What is chosen among several and is no choice any more: it stands below the choices until somebody takes it away."""
        names = {one.name for one in self.declared.options}
        return tuple(text for text in self.texts if text not in names)

    @property
    def options(self) -> Markup:
        """The choices of a select, the one that stands in the control marked."""
        chosen = self.text
        each = _choices.get(self.declared, lambda: _choices_of(self.declared))
        rest = "".join(f'{start}{" selected" if name == chosen else ""}{end}' for name, start, end in each)
        if chosen and all(name != chosen for name, _, _ in each):
            rest += f'<option value="{escape(chosen)}" selected>{escape(chosen)}</option>'  # it left the choices, and is still the value
        return Markup('<option value=""></option>' + rest)  # noqa: S704 - its parts are escaped

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        self.process_errors = []
        self.data = self.object_data = data
        self.typed = None
        self.untouched = False
        if formdata is None or self.read_only:
            return
        self.raw_data = formdata.getlist(self.name)
        try:
            self.read(formdata)
        except ValueError as refused:
            self.process_errors.append(str(refused))
            self.data = None

    def read(self, formdata: Any) -> None:
        """Take the control's texts from the form; ValueError with a sentence."""
        self.typed = [text for text in self.raw_data if isinstance(text, str)]
        if self.stayed():
            self.keep()
        elif self.kind.family == "boolean":
            self.data = self.kind.from_text(self.declared, self.typed[-1] if self.typed else "", self.meta.parsing)
        elif self.kind.family in ("choices", "references"):
            self.data = self.kind.from_text(self.declared, ";".join(self.typed), self.meta.parsing)
            if self.kind.family == "choices" and self.object_data and set(self.data) == set(self.object_data):
                self.keep()
        else:
            self.data = self.kind.from_text(self.declared, self.typed[0] if self.typed else "", self.meta.parsing)

    def stayed(self) -> bool:
        """Whether the control came back with the one text that was written into it.

        A text may say less than the value (an instant without its microseconds, or one of the two half past two in autumn), so
        the value that nobody touched is kept, not read again.
        """
        if self.object_data is None or self.typed is None or len(self.typed) != 1 or self.kind.name == "secret":
            return False
        if self.kind.family in ("boolean", "choices", "references"):
            return False
        return _lines(self.typed[0]) == _lines(self.kind.input(self.declared, self.object_data, self.meta.fmt))

    def keep(self) -> None:
        """Leave the value as it was; its limits may be others today, which is no matter until it is changed."""
        self.data = self.object_data
        self.untouched = True

    def pre_validate(self, form: Any) -> None:
        if not self.untouched and not self.process_errors and self.data not in (None, ()):
            self.errors.extend(self.kind.refuse(self.declared, self.data))

    @property
    def text(self) -> str:
        """What stands in the control. A secret goes back only to who just typed it; a stored one never stands in a page."""
        if self.typed is not None and (self.process_errors or self.errors or self.kind.name == "secret"):
            return self.typed[0] if self.typed else ""
        if self.data is None or self.kind.name == "secret":
            return ""
        return self.kind.input(self.declared, self.data, self.meta.fmt)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is chosen in a control of several values."""
        if self.typed is not None and self.process_errors:
            return tuple(self.typed)
        return tuple(str(one) for one in self.data or ())

    @property
    def display(self) -> str:
        """The value as a person reads it, for controls that are shown read-only."""
        if self.kind.name == "secret" or self.data is None:
            return ""
        return self.kind.display(self.declared, self.data, self.meta.fmt)

    @property
    def given(self) -> bool:
        """Whether the form sent anything for it (an empty secret keeps the stored one)."""
        return not self.read_only and not (self.kind.name == "secret" and self.data is None)

    @property
    def sound(self) -> bool:
        """Whether what was sent could be read and lies within the field's limits."""
        return not self.errors and not self.process_errors


class MoneySlot(Slot):
    """An amount and, beside it, the control ``<name>_currency`` unless another field names the currency."""

    currency_typed: str | None = None

    def read(self, formdata: Any) -> None:
        self.typed = [text for text in self.raw_data if isinstance(text, str)]
        self.currency_typed = next(iter(formdata.getlist(f"{self.name}_currency")), None)
        amount = self.typed[0] if self.typed else ""
        currency = (self.currency_typed or "").strip()
        if self.stayed() and (self.declared.currency or currency.upper() == self.object_data.currency):
            self.keep()
        elif not amount.strip():
            self.data = None
        elif self.declared.currency and not re.search(r"[A-Za-z]{3}", amount):
            self.data = self.kind.from_text(self.declared, amount, self._in_named(formdata))
        elif currency and re.fullmatch(r"[A-Za-z]{3}", currency) and not re.search(r"[A-Za-z]{3}", amount):
            self.data = self.kind.from_text(self.declared, f"{amount} {currency}", self.meta.parsing)
        elif currency and not re.search(r"[A-Za-z]{3}", amount):
            raise ValueError("The currency is a code such as EUR.")
        else:
            self.data = self.kind.from_text(self.declared, amount, self.meta.parsing)

    def _in_named(self, formdata: Any) -> Parsing:
        """How an amount is read whose currency another field names: in what stands in that field's control, else in that of its
        record. Where neither is here, the amount says none, and takes the one that is named when the record is written."""
        reading: Parsing = self.meta.parsing
        name = self.declared.currency
        control = self.name.removesuffix(self.declared.name) + name
        beside = self._form[name] if name in self._form else None  # noqa: SIM401 - a form has no get
        if control in formdata:
            said = next(iter(formdata.getlist(control)), "").strip()
        elif beside is not None:
            said = str(beside.object_data or "").strip()
        else:
            return replace(reading, currency="", comparing=True)
        if not said:
            return reading
        known = re.fullmatch(r"[A-Z]{3}", said) is not None
        return replace(reading, currency=said if known else "", comparing=not known)

    @property
    def currency(self) -> str:
        """What stands in the currency's control."""
        if self.currency_typed is not None:
            return self.currency_typed
        if isinstance(self.data, Money) and self.data.currency:
            return self.data.currency
        return str(self.meta.parsing.currency)


@dataclass
class Row:
    """One line item in the form: ``index`` numbers its controls, ``id`` is the stored line's (None: a new one)."""

    index: int
    id: int | None
    form: BaseForm

    @property
    def slots(self) -> list[Slot]:
        """The line's controls in order."""
        return list(self.form)

    @property
    def empty(self) -> bool:
        """A new line in which nothing was entered."""
        return self.id is None and all(slot.data in (None, False, ()) and not slot.process_errors for slot in self.slots)


class LinesSlot(Slot):
    """Line items: controls ``lines-0-field``, the stored line's id in ``lines-0-id``; a line that is not sent is deleted."""

    rows: list[Row]

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        self.process_errors = []
        self.data = self.object_data = tuple(data or ())
        self.rows = [self._row(number, line.get("id"), None, line) for number, line in enumerate(self.data)]
        if formdata is None or self.read_only:
            return
        stored = {str(line.get("id")): line for line in self.data if line.get("id") is not None}
        self.typed = []
        self.rows = []
        for number in self._numbers(formdata):
            text = next(iter(formdata.getlist(f"{self.name}-{number}-id")), "")
            line = stored.get(text, {})
            if not text and number < len(self.data) and self.data[number].get("id") is None:
                line = self.data[number]  # a copy's line has no id yet: it is the one that began at this place
            row = self._row(number, line.get("id"), formdata, line)
            if text and not line:
                self.process_errors.append("One of the lines was deleted meanwhile.")
            elif not row.empty:
                self.rows.append(row)
        self.data = tuple(self._line(row) for row in self.rows)

    def blank(self, index: int) -> Row:
        """An empty line for the next free index, for the button that adds one and for the template behind it."""
        return self._row(index, None, None, {})

    @property
    def sound(self) -> bool:
        return not self.errors and not self.process_errors and not any(row.form.errors for row in self.rows)

    @property
    def next_index(self) -> int:
        """The first index that no line uses."""
        return max((row.index for row in self.rows), default=-1) + 1

    @property
    def children(self) -> tuple[Field, ...]:
        """The fields of a line in the order of its form."""
        return line_fields(self.declared)

    def validate(self, form: Any, extra_validators: Any = ()) -> bool:
        self.errors = list(self.process_errors)
        for row in self.rows:
            row.form.validate()
        return not self.errors and not any(row.form.errors for row in self.rows)

    def _row(self, index: int, number: int | None, formdata: Any, line: Mapping[str, Value]) -> Row:
        meta = _Meta(self.meta.parsing, self.meta.fmt, self._form)
        made = BaseForm(_unbound(self.children, frozenset(), self.read_only), prefix=f"{self.name}-{index}-", meta=meta)
        made.process(formdata, data={child.name: line.get(child.name) for child in self.children})
        return Row(index, number, made)

    def _numbers(self, formdata: Any) -> list[int]:
        pattern = re.compile(re.escape(self.name) + r"-([0-9]{1,4})-")
        found = {int(match[1]) for key in formdata if (match := pattern.match(key))}
        if len(found) > MOST_LINES:
            raise ValueError(f"At most {MOST_LINES} lines.")
        return sorted(found)

    def _line(self, row: Row) -> dict[str, Value]:
        values = {slot.declared.name: slot.data for slot in row.slots if slot.given and slot.declared.type not in _SERVER}
        return ({"id": row.id} if row.id is not None else {}) | values


@dataclass
class LaidItem:
    """One thing in a section: ``slot`` for a field; ``value`` names what it is otherwise (a text, an action, an image)."""

    kind: str
    value: str
    slot: Slot | None = None
    shown: bool = True


@dataclass
class LaidSection:
    items: list[LaidItem]
    label: str = ""
    help: str = ""
    columns: int = 1
    open: bool = True
    shown: bool = True


@dataclass
class LaidTab:
    sections: list[LaidSection]
    label: str = ""
    shown: bool = True

    @property
    def errors(self) -> int:
        """How many of its controls hold an error."""
        return sum(bool(item.slot.errors) for part in self.sections for item in part.items if item.slot is not None)


@dataclass
class Entry:
    """A form over one record, new or existing. Make it with :func:`entry`; ask ``values`` after ``validate``."""

    shape: Entity
    form: Form
    fields: BaseForm
    loose: dict[str, list[str]] = field(default_factory=dict)
    """Refusals that belong to no control, by field name; "" is the record as a whole."""

    def validate(self) -> bool:
        """Check every control by its kind's own limits. What only the engine knows, it says when the record is written."""
        return bool(self.fields.validate())

    def values(self) -> dict[str, Value]:
        """The values to give the engine: those of the controls that could be read."""
        return {slot.declared.name: slot.data for slot in self.fields if slot.given and slot.sound}

    def view(self, record: Mapping[str, Value] | None) -> dict[str, Value]:
        """The record as it would be with what stands in the form, for conditions."""
        return {**(record or {}), **{slot.declared.name: slot.data for slot in self.fields}}

    def take(self, errors: Mapping[str, Sequence[str]]) -> None:
        """Put the engine's refusals at their controls, those of other fields into ``loose``."""
        for name, said in errors.items():
            slot = self.slot(name)
            if slot is None:
                self.loose.setdefault("" if self.shape.field(name) is None else name, []).extend(said)
            else:
                slot.errors = [*slot.errors, *(one for one in said if one not in slot.errors)]

    def slot(self, name: str) -> Slot | None:
        """The control of a field, if it stands in this form."""
        found: Slot | None = self.fields[name] if name in self.fields else None  # noqa: SIM401 - a form has no get
        return found

    def __iter__(self) -> Iterator[Slot]:
        return iter(self.fields)

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """(control's id or "", label, sentence) for the summary above the form, in order of the controls."""
        found = [(slot.id, slot.label.text, sentence) for slot in self.fields for sentence in slot.errors]
        for slot in self.fields:
            for row in getattr(slot, "rows", ()):
                found += [(cell.id, f"{slot.label.text} {row.index + 1}: {cell.label.text}", sentence)
                          for cell in row.slots for sentence in cell.errors]
        labels = {one.name: one.label or one.name for one in self.shape.fields}
        return found + [("", labels.get(name, ""), sentence) for name, said in self.loose.items() for sentence in said]

    def sources(self) -> frozenset[str]:
        """Every condition this form depends on, to be decided by whoever can evaluate them."""
        found: set[str] = set()
        for tab in self.form.tabs:
            found.add(tab.show_if)
            for part in tab.sections:
                found.update((part.show_if, part.open if isinstance(part.open, str) else ""))
                found.update(item.show_if for item in part.items)
        for slot in self.fields:
            found.update((slot.declared.show_if, slot.declared.required_if, slot.declared.read_only_if))
        return frozenset(found - {""})

    def layout(self, truth: Truth) -> list[LaidTab]:
        """Tabs, sections and items as they show now. ``show_if`` and ``required_if`` act on True only, ``read_only_if``
        unless it is False. Empty sections and tabs are left out."""
        for slot in self.fields:
            one = slot.declared
            slot.shown = not one.show_if or truth(one.show_if) is True
            slot.required = one.required or bool(one.required_if) and truth(one.required_if) is True
            if one.read_only_if and truth(one.read_only_if) is not False:
                slot.read_only = True
        tabs = []
        for tab in self.form.tabs:
            shown = not tab.show_if or truth(tab.show_if) is True
            parts = [laid for part in tab.sections if (laid := self._section(part, truth)).items]
            if parts:
                tabs.append(LaidTab(parts, tab.label, shown))
        return tabs

    def _section(self, part: Section, truth: Truth) -> LaidSection:
        items = [laid for item in part.items if (laid := self._item(item, truth)) is not None]
        opened = part.open if isinstance(part.open, bool) else truth(part.open) is True
        faulty = any(item.slot is not None and item.slot.errors for item in items)
        return LaidSection(items, part.label, part.help, part.columns, opened or faulty, not part.show_if or truth(part.show_if) is True)

    def _item(self, item: Item, truth: Truth) -> LaidItem | None:
        shown = not item.show_if or truth(item.show_if) is True
        if item.kind != "field":
            return LaidItem(item.kind, item.value, None, shown)
        slot = self.slot(item.value)
        return None if slot is None else LaidItem("field", item.value, slot, shown and slot.shown)


def entry(
    shape: Entity,
    form: Form | None,
    parsing: Parsing,
    *,
    visible: Collection[str],
    writable: Collection[str],
    record: Record | Mapping[str, Value] | None = None,
    formdata: Any = None,
    only: Collection[str] | None = None,
) -> Entry:
    """The form over a record (None, or values to begin with: a new one), filled from ``formdata`` (a MultiDict of a POST) where given.

    ``form`` None is the made form of all fields; ``only`` names the fields of a transition's form instead. Fields outside
    ``visible`` are left out; those outside ``writable``, derived and masked ones stand read-only. An uploaded file is
    stored by the door first, which puts its id under the control's name.
    """
    chosen = form or made_form(shape)
    names = tuple(only) if only is not None else chosen.field_names
    if only is not None:
        chosen = Form(chosen.name, (_tab(names),), chosen.label)
    masked: Collection[str] = record.masked if isinstance(record, Record) else ()
    declared = {one.name: one for one in shape.fields}
    shown = tuple(declared[name] for name in names
                  if name in declared and (name in visible or name in writable) and not declared[name].hidden)
    fixed = frozenset(one.name for one in shown if one.name not in writable or one.read_only or one.type in _SERVER or one.name in masked
                      or (one.set_once and isinstance(record, Record) and record.get(one.name) not in (None, ())))
    meta = _Meta(parsing, formatter(parsing.locale, parsing.zone))
    made = BaseForm(_unbound(shown, fixed, False), meta=meta)
    made.process(_Texts(formdata) if formdata is not None else None, data={one.name: (record or {}).get(one.name) for one in shown})
    if isinstance(record, Record):
        for slot in made:
            slot.title = record.labels.get(slot.declared.name)
    return Entry(shape, chosen, made)


def line_fields(declared: Field) -> tuple[Field, ...]:
    """The fields of a line in the order of its form, hidden ones left out."""
    order = declared.form or tuple(child.name for child in declared.fields)
    return tuple(child for name in order if (child := declared.child(name)) is not None and not child.hidden)


def _lines(text: str) -> str:
    """A text with its line ends as LF: a browser sends all of them as CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tab(names: Iterable[str]) -> Tab:
    from_names = tuple(Item("field", name) for name in names)
    return Tab((Section(from_names),))


def _unbound(fields: Iterable[Field], fixed: Collection[str], all_fixed: bool) -> list[tuple[str, UnboundField]]:
    classes = {"lines": LinesSlot, "money": MoneySlot}
    return [(one.name, classes.get(one.type, Slot)(one, read_only=all_fixed or one.name in fixed or one.type in _SERVER, name=one.name))
            for one in fields]


class _Texts:
    """A POST's texts; wtforms asks it for ``getlist`` and the names in it."""

    def __init__(self, formdata: Any) -> None:
        self._formdata = formdata
        self._names = frozenset(formdata)

    def getlist(self, name: str) -> list[Any]:
        found = self._formdata.getlist(name) if hasattr(self._formdata, "getlist") else self._formdata.get(name, [])
        return [found] if isinstance(found, str) else list(found)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Any:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
