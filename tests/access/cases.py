"""The matrix: every kind of rule, every relation between an actor and a row, every held set of roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from core.access.actor import Actor
from schemas.model import AccessRule, Entity, Field, Form, Item, Section, State, Tab, Transition, Workflow
from tests.access.model import Row

WORDS = ("none", "own", "team", "department", "department_tree", "company", "all", "flag")
FIELDS = (
    Field("title", "text"),
    Field("flag", "boolean"),
    Field("note", "text"),
    Field("salary", "decimal", sensitive=True),
    Field("fixed", "text", read_only=True),
    Field("number", "sequence"),
)
FORMS = (
    Form("short", tabs=(Tab(sections=(Section(items=(Item("field", "title"),)),)),)),
    Form("long", tabs=(Tab(sections=(Section(items=(Item("field", "title"), Item("field", "note"))),)),)),
)
FLOW = Workflow((State("new"), State("done")), (Transition("finish", ("new",), "done"), Transition("undo", ("done",), "new")))

RULES = tuple(
    [AccessRule(f"a.{word}", read=word, write="all", move=("finish",)) for word in WORDS]
    + [
        AccessRule("core.everyone", read="own", create=("short",)),
        AccessRule("a.hides", read="all", hide=("note",), write="all"),
        AccessRule("a.masks", read="department", mask=("note", "salary"), write=("title", "note")),
        AccessRule("a.unmasks", read="department", unmask=("salary",), write=("salary",), export="own"),
        AccessRule("a.narrow", read="all", write=("title", "fixed", "number"), write_rows="own", delete="team", export="all"),
        AccessRule("a.but", read="company", write="all", write_except=("note",), create="all", print_="none", delete="all"),
        AccessRule("a.writes_more", read="own", write="all", write_rows="all", delete="all", export="department"),
        AccessRule("core.admin", read="all", unmask=("salary",), move=("undo",)),
    ]
)
ROLES = tuple(rule.role for rule in RULES)
ENTITIES = tuple(
    Entity(
        "a", name, owner=owner, fields=(*FIELDS, *((Field(owner, "person"),) if owner else ())), forms=FORMS, workflow=FLOW, access=RULES
    )
    for name, owner in (("made", ""), ("held", "holder"))
)
FULL = Actor(
    person=1,
    department=10,
    departments_below=frozenset({10, 11}),
    company=100,
    company_departments=frozenset({10, 11, 12}),
    teammates=frozenset({1, 2}),
    roles=frozenset({"core.everyone"}),
)
ACTORS = (
    FULL,
    replace(FULL, department=None, departments_below=frozenset(), company=None, company_departments=frozenset(), teammates=frozenset()),
    replace(FULL, person=None, teammates=frozenset()),
    Actor(roles=frozenset({"core.everyone"})),
)
SCOPES = (None, frozenset[str](), frozenset({"read"}), frozenset({"a.made:write"}), frozenset({"a.held:read"}), frozenset({"write"}))


def role_sets() -> Iterator[frozenset[str]]:
    """Every role alone, every pair of roles, and the two that pass rules."""
    yield frozenset()
    yield from (frozenset({one}) for one in (*ROLES, "core.everything"))
    yield from (frozenset(pair) for pair in combinations(ROLES, 2))
    yield frozenset({"core.everything", "core.admin", "a.hides"})


def rows() -> Iterator[Row]:
    """Every relation: own, a team-mate's, another's, nobody's; in the own, a lower, the company's, a foreign and no department."""
    for owner in (1, 2, 3, None):
        for department in (10, 11, 12, 13, None):
            for flag in (True, False):
                yield {"id": 5, "created_by": owner, "holder": owner, "department_id": department, "flag": flag, "title": "x"}
