"""The language of declarations: what plugins and departments may say, read, checked and written."""

from schemas.check import check
from schemas.dump import dump_overlay, dump_plugin
from schemas.grammar import read_overlay, read_plugin
from schemas.kinds import KINDS, Kind
from schemas.model import (
    AccessRule,
    Constraint,
    Effective,
    Entity,
    Expression,
    Field,
    Form,
    Item,
    NumberRule,
    Option,
    Overlay,
    Place,
    Plugin,
    Problem,
    Role,
    Section,
    State,
    Tab,
    Transition,
    Verb,
    View,
    Workflow,
)
from schemas.overlays import amend, made_form, refusals
from schemas.values import Block, Number

__all__ = [
    "KINDS",
    "AccessRule",
    "Block",
    "Constraint",
    "Effective",
    "Entity",
    "Expression",
    "Field",
    "Form",
    "Item",
    "Kind",
    "Number",
    "NumberRule",
    "Option",
    "Overlay",
    "Place",
    "Plugin",
    "Problem",
    "Role",
    "Section",
    "State",
    "Tab",
    "Transition",
    "Verb",
    "View",
    "Workflow",
    "amend",
    "check",
    "dump_overlay",
    "dump_plugin",
    "made_form",
    "read_overlay",
    "read_plugin",
    "refusals",
]
