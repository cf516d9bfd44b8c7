"""The model back to YAML: reading what was dumped gives an equal model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields as members
from dataclasses import is_dataclass
from typing import Any

import yaml

from schemas.grammar_field import settle_default
from schemas.model import (
    AccessRule,
    Constraint,
    Entity,
    Expression,
    Field,
    Form,
    Item,
    Option,
    Overlay,
    Plugin,
    Section,
    State,
    Tab,
    Transition,
    View,
    Workflow,
)
from schemas.values import Block, Number, label_of, plural_of

try:
    from yaml import CSafeDumper as _Base
except ImportError:  # pragma: no cover - wheels of PyYAML carry libyaml
    from yaml import SafeDumper as _Base  # type: ignore[assignment]

_SKIPPED = frozenset({"name", "place", "scope", "overlay", "hidden", "column", "plugin"})
_WORDS = {
    "as_kind": "as",
    "from_entity": "from",
    "print_": "print",
    "import_": "import",
    "from_states": "from",
    "roles": "role",
    "start": "start",
}


class _Dumper(_Base):
    """Writes the 1.2 core schema: quotes exactly what would be read as something else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(?:inf|Inf|INF)"
        r"|\.(?:nan|NaN|NAN))\Z"
    ),
    list("-+0123456789."),
)
_Dumper.add_representer(Number, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", str(value)))
_Dumper.add_representer(
    Block, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", list(value.items()))
)
_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value))


def dump_plugin(plugin: Plugin) -> str:
    """The plugin as a YAML document."""
    return _text(plain(plugin, whole=True))


def dump_overlay(overlay: Overlay) -> str:
    """The overlay as a YAML document."""
    return _text(plain(overlay, whole=True))


def plain(value: Any, whole: bool = False) -> Any:
    """A model (or plain values that hold models) as the mappings and lists of its document.

    With ``whole`` empty labels are written too, so that an unfinished model comes back as it is; without, they are
    left to the grammar to make.
    """
    if is_dataclass(value) and not isinstance(value, type):
        writer = _WRITERS.get(type(value))
        return (
            writer(value, whole)
            if writer
            else {one.name: plain(getattr(value, one.name), whole) for one in members(value)}
        )
    if isinstance(value, Mapping):
        return {key: plain(inner, whole) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        if value and all(hasattr(one, "name") and type(one) in _WRITERS for one in value):
            return {one.name: plain(one, whole) for one in value}
        return [plain(inner, whole) for inner in value]
    return value


def _text(document: Any) -> str:
    written: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return written


def _plugin(plugin: Plugin, whole: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"plugin": plugin.name}
    _label(made, plugin.label, label_of(plugin.name), whole)
    made["version"] = plugin.version
    _given(made, core=plugin.core, needs=list(plugin.needs), uses=list(plugin.uses))
    if plugin.roles:
        made["roles"] = {role.name: _labelled(role.label, role.name, whole) for role in plugin.roles}
    _given(made, segregation=[[_own(one, plugin.name) for one in pair] for pair in plugin.segregation])
    made["entities"] = {entity.name: _entity(entity, whole, plugin.name) for entity in plugin.entities}
    return made


def _entity(entity: Entity, whole: bool, plugin: str = "") -> dict[str, Any]:
    plugin = plugin or entity.plugin
    made: dict[str, Any] = {}
    _label(made, entity.label, label_of(entity.name), whole)
    _label(made, entity.plural, plural_of(entity.label or label_of(entity.name)), whole, "plural")
    _given(
        made,
        help=entity.help,
        icon=entity.icon,
        title=entity.title,
        key=_few(entity.key),
        parent=entity.parent,
        owner=entity.owner,
        company=entity.company,
        due=entity.due,
        home=entity.home,
        provides=entity.provides,
    )
    if entity.kind != "normal":
        made["kind"] = entity.kind
    if entity.effective:
        made["effective"] = {
            "by": _few(entity.effective.by),
            "from": entity.effective.start,
            "to": entity.effective.end,
        }
    names = {field.name for field in entity.fields}
    made["fields"] = {field.name: _field(field, whole, plugin, names) for field in entity.fields}
    _given(
        made,
        forms={form.name: _form(form, whole) for form in entity.forms},
        views={view.name: _view(view, whole) for view in entity.views},
    )
    if entity.workflow:
        made["workflow"] = _workflow(entity.workflow, whole, plugin)
    _given(
        made,
        access={_own(rule.role, plugin): _access(rule, whole) for rule in entity.access},
        constraints=[_constraint(one, whole) for one in entity.constraints],
    )
    for word in ("reports", "print", "automations", "sla"):
        if getattr(entity, word) is not None:
            made[word] = getattr(entity, word)
    return made


def _field(field: Field, whole: bool, plugin: str = "", names: Iterable[str] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"type": field.type}
    _label(made, field.label, label_of(field.name), whole)
    for one in members(field):
        value = getattr(field, one.name)
        if (
            one.name in _SKIPPED
            or one.name in ("type", "label", "default", "options", "number", "fields")
            or value == one.default
        ):
            continue
        word = _WORDS.get(one.name, one.name)
        if one.name in ("to", "form"):
            value = _few(tuple(_own(name, plugin) for name in value) if one.name == "to" else value)
        elif one.name == "from_entity":
            value = _own(value, plugin)
        made[word] = list(value) if isinstance(value, tuple) else value
    if field.options:
        made["options"] = _options(field.options, whole)
    if field.number:
        single = len(field.number) == 1 and not field.number[0].when
        made["number"] = (
            field.number[0].pattern
            if single
            else [{"pattern": rule.pattern, **({"when": rule.when} if rule.when else {})} for rule in field.number]
        )
    if field.default is not None:
        made["default"] = _default(field, names)
    if field.fields:
        inner = {child.name for child in field.fields}
        made["fields"] = {child.name: _field(child, whole, plugin, inner) for child in field.fields}
    return made


def _default(field: Field, names: Iterable[str]) -> Any:
    """The default so that reading tells it apart alike; where the short form would not, the explicit one."""
    from_source = isinstance(field.default, Expression)
    short = field.default.source if from_source else field.default
    if isinstance(short, tuple):
        return list(short)
    if isinstance(short, Block):
        return {"literal": short} if len(short) == 1 and ("expression" in short or "literal" in short) else short
    if isinstance(short, str):
        bare = Field(field.name, field.type, options=field.options, default=short)
        again = settle_default(bare, set(names)).default
        if again != field.default or isinstance(again, Expression) != from_source:
            return {"expression": short} if from_source else {"literal": short}
    return short


def _options(options: tuple[Option, ...], whole: bool) -> Any:
    if all(one.label == label_of(one.name) and not one.colour for one in options):
        return [one.name for one in options]
    return {
        one.name: {**_labelled(one.label, one.name, whole), **({"colour": one.colour} if one.colour else {})}
        for one in options
    }


def _form(form: Form, whole: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    _label(made, form.label, label_of(form.name), whole)
    if form.layout == "plain":
        made["fields"] = [_item(item) for tab in form.tabs for section in tab.sections for item in section.items]
    elif form.layout == "sections":
        made["sections"] = [_section(section) for tab in form.tabs for section in tab.sections]
    else:
        made[form.layout] = [_tab(tab) for tab in form.tabs]
    return made


def _tab(tab: Tab, _: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {}
    _given(made, label=tab.label, show_if=tab.show_if)
    made["sections"] = [_section(section) for section in tab.sections]
    return made


def _section(section: Section, _: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {}
    _given(made, label=section.label, help=section.help, show_if=section.show_if)
    if section.columns != 1:
        made["columns"] = section.columns
    if section.open is not True:
        made["open"] = section.open
    made["fields"] = [_item(item) for item in section.items]
    return made


def _item(item: Item, _: bool = False) -> Any:
    if item.kind == "field" and not item.show_if:
        return item.value
    return {item.kind: item.value, **({"show_if": item.show_if} if item.show_if else {})}


def _view(view: View, whole: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": view.kind}
    _label(made, view.label, label_of(view.name), whole)
    _given(
        made,
        where=view.where,
        sort=_few(view.sort),
        columns=list(view.columns),
        by=view.by,
        card=list(view.card),
        start=view.start,
        end=view.end,
        default=view.default,
    )
    if view.page_size != 50:
        made["page_size"] = view.page_size
    return made


def _workflow(workflow: Workflow, whole: bool, plugin: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"states": {state.name: _state(state, whole) for state in workflow.states}}
    _given(made, transitions={one.name: _transition(one, whole, plugin) for one in workflow.transitions})
    return made


def _state(state: State, whole: bool) -> dict[str, Any]:
    return {**_labelled(state.label, state.name, whole), "meaning": state.meaning}


def _transition(one: Transition, whole: bool, plugin: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"from": _few(one.from_states), "to": one.to}
    _label(made, one.label, label_of(one.name), whole)
    _given(
        made,
        role=_few(tuple(_own(role, plugin) for role in one.roles)),
        requires=_few(one.requires),
        form=_few(one.form),
        guard=one.guard,
        reason=one.reason,
        confirm=one.confirm,
    )
    if one.approval is not None:
        made["approval"] = one.approval
    _given(made, effects=list(one.effects))
    return made


def _access(rule: AccessRule, _: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for one in members(rule):
        value = getattr(rule, one.name)
        if one.name in ("role", "place", "write_except") or value == one.default:
            continue
        made[_WORDS.get(one.name, one.name)] = list(value) if isinstance(value, tuple) else value
    if rule.write_except:
        made["write"] = {"all_but": list(rule.write_except)}
    return made


def _constraint(one: Constraint, _: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if one.kind == "unique":
        made["unique"] = list(one.fields)
        _given(made, where=one.where)
    elif one.kind == "no_overlap":
        made["no_overlap"] = {
            "key": list(one.fields),
            "from": one.start,
            "to": one.end,
            **({"where": one.where} if one.where else {}),
        }
    elif one.kind == "sum_at_most":
        made["sum_at_most"] = {"of": one.of, "by": one.by, "max": one.max}
    elif one.kind == "acyclic":
        made["acyclic"] = one.fields[0]
    else:
        made["check"] = one.expression
    _given(made, message=one.message)
    return made


def _overlay(overlay: Overlay, _: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"overlay": overlay.entity}
    _given(made, department=overlay.department, name=overlay.name, because=overlay.because)
    made["changes"] = [{verb.kind: verb.args} for verb in overlay.changes]
    return made


def _label(made: dict[str, Any], label: str, made_label: str, whole: bool, word: str = "label") -> None:
    if label != made_label and (label or whole):
        made[word] = label


def _labelled(label: str, name: str, whole: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    _label(made, label, label_of(name), whole)
    return made


def _given(made: dict[str, Any], **values: Any) -> None:
    made.update({word: value for word, value in values.items() if value not in ("", (), [], {}, None, False)})


def _few(names: tuple[str, ...]) -> Any:
    return names[0] if len(names) == 1 else list(names)


def _own(name: str, plugin: str) -> str:
    """The name without the plugin that it is read in; dotted names of others stay."""
    return name.removeprefix(f"{plugin}.") if plugin else name


_WRITERS: dict[type, Any] = {
    Plugin: _plugin,
    Entity: _entity,
    Field: _field,
    Form: _form,
    Tab: _tab,
    Section: _section,
    Item: _item,
    View: _view,
    Workflow: _workflow,
    State: _state,
    Transition: _transition,
    AccessRule: _access,
    Constraint: _constraint,
    Overlay: _overlay,
}
