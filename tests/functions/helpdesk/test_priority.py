"""HD-R01 as people meet it: the matrix decides a ticket's priority, a lead's own choice stays until it is removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.access.actor import Actor
from core.errors import Forbidden, Invalid
from core.testing import World


def test_hd_r01_a_priority_set_by_hand_survives_until_it_is_removed(both: World) -> None:
    app, actor = both, both.actor
    lead, asker = actor("helpdesk.team_lead"), actor("helpdesk.requester")
    someone = app.person().id
    team = app.create("directory.team", name="Desk", members=(someone,))
    agent = app.actor("helpdesk.agent", person=someone)
    queue = app.create("helpdesk.queue", name="Desk", team=team.id)
    code = app.create("helpdesk.resolution_code", code="MENDED", name="Mended")
    made = app.create("helpdesk.ticket", by=lead, subject="Printer", requester=asker.person, queue=queue.id, impact="2", urgency="2")

    def now() -> str:
        return str(app.get("helpdesk.ticket", made)["priority"])

    assert now() == "P3"
    with pytest.raises((Forbidden, Invalid)):
        app.change("helpdesk.ticket", made, by=agent, priority_override="P1", override_reason="Mine.")
    with pytest.raises(Invalid) as refused:
        app.change("helpdesk.ticket", made, by=lead, priority_override="P1")
    assert set(refused.value.errors) == {"override_reason"}
    app.change("helpdesk.ticket", made, by=lead, priority_override="P1", override_reason="The whole floor waits.")
    assert now() == "P1"
    app.change("helpdesk.ticket", made, by=agent, impact="3", urgency="3")
    assert now() == "P1"
    app.move("helpdesk.ticket", made, "assign", by=agent, assignee=someone)
    app.move("helpdesk.ticket", made, "resolve", by=agent, resolution_code=code.id, resolution="<p>Done.</p>")
    app.move("helpdesk.ticket", made, "reopen", by=asker, reason="Again.")
    assert now() == "P1"
    app.change("helpdesk.ticket", made, by=lead, priority_override=None, override_reason=None)
    assert now() == "P5"
    with pytest.raises((Forbidden, Invalid)):
        app.change("helpdesk.ticket", made, by=lead, priority="P1")


def test_hd_r01_an_agent_overrides_nothing_from_the_start_either(app: World, actor: Callable[..., Actor]) -> None:
    agent, queue = actor("helpdesk.agent"), app.any("helpdesk.queue")
    with pytest.raises((Forbidden, Invalid)):
        app.create("helpdesk.ticket", by=agent, subject="Mine", queue=queue, priority_override="P1", override_reason="Now.")
