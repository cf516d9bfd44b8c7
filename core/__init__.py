"""What a plugin may use of the core: these names, and no other module below this one."""

from core.facts import EntityRef, Money, Record, Value
from core.hooks import Change, DemoWork, Document, Link, Panel, Refusal, Table, Work, hookimpl, on

PLUGIN_INTERFACE = "1.0"
"""The version that a plugin's ``core:`` bounds are compared with, whatever the distribution's version."""

__all__ = [
    "PLUGIN_INTERFACE", "Change", "DemoWork", "Document", "EntityRef", "Link", "Money", "Panel", "Record", "Refusal", "Table", "Value",
    "Work", "hookimpl", "on",
]
