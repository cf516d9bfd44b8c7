"""A start remembers what it read and proved, and is never wrong because of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from core.registry import discover as discovering
from core.registry import remembered
from core.registry.discover import Discovery, discover
from core.settings import Settings
from schemas import packed, read_overlay, read_plugin

BOOK = """plugin: library
entities:
  book:
    title: "{name}"
    fields:
      name: {type: text, required: true, default: Book}
      pages: {type: integer, min: 1, default: 10}
    access:
      core.everything: {read: all, create: all, write: all}
"""


def same(one: Any, other: Any) -> None:
    """Equal, of equal types, and at equal places, which equality alone does not compare."""
    assert type(one) is type(other)
    if dataclasses.is_dataclass(one):
        for part in dataclasses.fields(one):
            same(getattr(one, part.name), getattr(other, part.name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            same(left, right)
    else:
        assert one == other


@pytest.mark.parametrize("document", sorted(Path("plugins").glob("*/*.yaml")), ids=lambda path: path.stem)
def test_a_packed_plugin_comes_back_with_every_place(document: Path) -> None:
    plugin, problems = read_plugin(document.read_text(encoding="utf-8"), str(document))
    assert plugin is not None
    same(packed.unpack(packed.pack((plugin, tuple(problems)))), (plugin, tuple(problems)))


def test_packed_overlays_and_problems_come_back_too() -> None:
    text = "overlay: library.book\nchanges:\n  - add_field: {name: floor, type: decimal, max: 1.50}\n  - require: pages\n"
    overlays, _ = read_overlay(text, "floor.yaml")
    _, problems = read_plugin("plugin: x\nentities: 3\n", "x.yaml")
    assert overlays and problems
    same(packed.unpack(packed.pack((*overlays, *problems))), (*overlays, *problems))
    with pytest.raises(TypeError):
        packed.pack(object())


@pytest.fixture
def look(tmp_path: Path) -> Any:
    """Look for plugins as a new process would: with the file of the data directory, and nothing in memory."""
    (tmp_path / "plugins").mkdir()
    settings = Settings(data_dir=tmp_path / "data", plugins_dir=tmp_path / "plugins")

    def looking() -> Discovery:
        remembered.forget()
        return discover(settings)

    return looking


def test_what_is_remembered_is_what_would_be_read(look: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugins" / "library.yaml").write_text(BOOK)
    first = look()
    assert first.found("library").usable
    with monkeypatch.context() as patched:
        # The second look reads no YAML and proves nothing: it would fail here if it did.
        patched.setattr(remembered, "read_plugin", None)
        patched.setattr(discovering, "check", None)
        second = look()
    assert [one.name for one in second.plugins] == [one.name for one in first.plugins]
    for one, other in zip(first.plugins, second.plugins, strict=True):
        same((one.plugin, one.problems), (other.plugin, other.problems))


def test_a_changed_document_is_read_and_proven_again(look: Any, tmp_path: Path) -> None:
    file = tmp_path / "plugins" / "library.yaml"
    file.write_text(BOOK)
    assert look().found("library").plugin.entities[0].field("pages").min == "1"
    file.write_text(BOOK.replace("min: 1,", "min: 5,"))
    assert look().found("library").plugin.entities[0].field("pages").min == "5"
    file.write_text(BOOK.replace('"{name}"', '"{nothing}"'))
    assert not look().found("library").usable
    file.write_text(BOOK)
    assert look().found("library").usable


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "a list", "gone"])
def test_a_damaged_file_is_as_good_as_none(look: Any, tmp_path: Path, damage: str) -> None:
    (tmp_path / "plugins" / "library.yaml").write_text(BOOK)
    first = look()
    file = tmp_path / "data" / "run" / "declared.json"
    text = file.read_text()
    assert "core.everything" in text
    if damage == "gone":
        file.unlink()
    else:
        wrong = text.replace("core.everything", "core.admin")
        file.write_text({"cut": text[: len(text) // 2], "changed": wrong, "emptied": "", "a list": "[]"}[damage])
    second = look()
    assert second.found("library").plugin == first.found("library").plugin
    assert file.read_text() == text


def test_another_reader_reads_again(look: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugins" / "library.yaml").write_text(BOOK)
    look()
    told: list[str] = []
    monkeypatch.setattr(remembered, "_reader", lambda: "another version of this program")
    reading = remembered.read_plugin
    monkeypatch.setattr(remembered, "read_plugin", lambda text, file: told.append(file) or reading(text, file))
    look()
    assert str(tmp_path / "plugins" / "library.yaml") in told


def test_who_else_ships_our_names_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert discovering.foreign_owners() == []
    for name, files in {"alien": "core/__init__.py,,\nalien/__init__.py,,\n", "tame": "tame/core/__init__.py,,\n"}.items():
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "RECORD").write_text(files)
    monkeypatch.syspath_prepend(str(tmp_path))
    told = discovering.foreign_owners()
    assert len(told) == 1 and "alien" in told[0] and '"core"' in told[0] and "tame" not in told[0]
