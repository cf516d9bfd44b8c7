"""What docs/overlays.md shows to departments is accepted by the plugins that are shipped, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from core.access.actor import Actor
from core.services import publish
from core.services.platform import Platform
from core.settings import Settings
from schemas import read_overlay

PAGE = Path(__file__).resolve().parents[2] / "docs" / "overlays.md"
SYSTEM = Actor.system("manual")


def test_every_overlay_of_the_manual_is_published_and_taken_back(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.S)
    assert len(blocks) >= 6
    platform = Platform(Settings.for_tests(tmp_path / "data"))
    platform.start()
    try:
        before = platform.current.number
        for block in blocks:
            overlays, problems = read_overlay(block, "overlays.md")
            assert overlays and not problems, problems
            plan = publish.plan(platform, SYSTEM, overlays)
            assert not plan.refused, [str(one) for one in plan.problems]
            publish.apply(platform, SYSTEM, overlays)
        first = platform.current.shape("facilities.work_order", "OPS")
        assert first.field("floor") is not None and first.field("floor").required  # type: ignore[union-attr]
        assert any("floor" in form.field_names for form in first.forms)
        assert platform.current.shape("facilities.work_order", "IT").field("floor") is None
        publish.revert(platform, SYSTEM, before)
        assert platform.current.shape("facilities.work_order", "OPS").field("floor") is None
    finally:
        platform.close()


def test_every_verb_stands_in_the_manual() -> None:
    table = PAGE.read_text(encoding="utf-8")
    verbs = ("add_field remove_field relabel require hide show show_if add_option add_state add_transition add_approval add_view").split()
    assert all(f"`{verb}`" in table for verb in verbs)
