"""What every file of the tree keeps to: no machine's paths, no registry, documented public names, modules of a size to read."""

from __future__ import annotations

import re

import core
from tests.house.tree import ROOT, tracked

LONGEST = 600
# Written in pieces, so that this file does not name what it looks for.
MACHINE = re.compile("|".join(rf"(?<![\w.<])/{folder}/" for folder in ("work", "root", "tmp")))
REGISTRY = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", "npm" + "js", "un" + "pkg", "js" + "delivr", "cdn" + "js")))
TEXTS = (".py", ".md", ".yaml", ".html", ".css", ".js", ".cfg", ".toml", ".txt", ".json", "")


def _lines_with(wanted: re.Pattern[str], *, tests: bool) -> list[str]:
    found = []
    for name in tracked():
        if name.suffix not in TEXTS or (not tests and name.parts[0] == "tests"):
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1):
            if wanted.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    return found


def test_no_file_names_a_place_of_one_machine() -> None:
    assert _lines_with(MACHINE, tests=False) == []
    home = re.compile("|".join(rf"(?<![\w.<])/{folder}/" for folder in ("work", "root")))
    assert _lines_with(home, tests=True) == []


def test_no_file_names_a_package_registry() -> None:
    assert _lines_with(REGISTRY, tests=True) == []


def test_every_public_name_is_documented() -> None:
    prose = re.sub(r"(?ms)^```.*?^```", "", (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8"))
    written = " ".join(re.findall(r"`([^`]+)`", prose))
    missing = [name for name in core.__all__ if not re.search(rf"\b{name}\b", written)]
    assert missing == [], "docs/hooks.md does not say what these are for"


def test_every_public_name_is_there_and_none_twice() -> None:
    assert len(set(core.__all__)) == len(core.__all__)
    assert [name for name in core.__all__ if not hasattr(core, name)] == []


def test_modules_are_short_enough_to_be_read() -> None:
    sizes = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines())
             for name in tracked() if name.suffix == ".py" and name.parts[0] in ("core", "schemas", "plugins")}
    assert {str(name): size for name, size in sizes.items() if size >= LONGEST} == {}, "take a purpose out into a module of its own"
