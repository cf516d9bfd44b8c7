"""The two questions about an overlay: what does it make of an entity, and why may it not."""

from schemas.amending import amend, made_form, renamed
from schemas.refusals import refusals

__all__ = ["amend", "made_form", "refusals", "renamed"]
