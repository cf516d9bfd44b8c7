"""Time zones that nobody knows are refused where they are entered, before anything counts hours with them."""

from __future__ import annotations

import pytest

from core.errors import Invalid
from core.testing import World


def test_an_unknown_time_zone_is_refused_in_words(app: World) -> None:
    with pytest.raises(Invalid) as refused:
        app.create("directory.calendar", code="X", name="X", zone="Berlin")
    assert "Europe/Berlin" in str(refused.value.errors["zone"])
    with pytest.raises(Invalid) as refused:
        app.person(time_zone="../etc/localtime")
    assert set(refused.value.errors) == {"time_zone"}
