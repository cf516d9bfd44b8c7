"""Bad plugins are named and contained; the good ones beside them are served."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.registry import discover as module
from core.registry import probe
from core.registry.discover import Discovery, discover
from core.settings import Settings

DOCUMENT = 'plugin: {name}\nlabel: {name}\n{more}entities:\n  thing:\n    title: "{{name}}"\n    fields:\n      name: {{type: text}}\n'


def write(folder: Path, name: str, code: str | None = None, more: str = "", document: str = DOCUMENT) -> None:
    place = folder / name
    place.mkdir(parents=True)
    (place / f"{name}.yaml").write_text(document.format(name=name, more=more))
    if code is not None:
        (place / "__init__.py").write_text(code)


def found(tmp_path: Path, **more: object) -> Discovery:
    return discover(Settings(data_dir=tmp_path / "data", plugins_dir=tmp_path / "plugins", **more).completed())  # type: ignore[arg-type]


def said(discovery: Discovery, name: str) -> str:
    return "\n".join(str(problem) for one in discovery.plugins if one.name == name for problem in one.problems)


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    write(tmp_path / "plugins", "good")
    return tmp_path / "plugins"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("raise ValueError('broken at import')", "broken at import"),
        ("import sys\nsys.exit(3)", "SystemExit"),
        ("import os\nos._exit(0)", "ended the process"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("kept = []\nwhile True:\n    kept.append(bytearray(50_000_000))", "MemoryError"),
        ("def broken(:", "SyntaxError"),
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named_and_the_others_are_served(
    tmp_path: Path, plugins: Path, code: str, sentence: str
) -> None:
    write(plugins, "bad", code)
    discovery = found(tmp_path)
    assert sentence in said(discovery, "bad")
    assert "good" in [one.name for one in discovery.usable] and "bad" not in [one.name for one in discovery.usable]


def test_a_plugin_that_hangs_at_import_is_ended(tmp_path: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "faults", lambda sources: probe.faults(sources, deadline=2.0))
    write(plugins, "bad", "import threading\nthreading.Event().wait()")
    discovery = found(tmp_path)
    assert "did not end within" in said(discovery, "bad")
    assert "good" in [one.name for one in discovery.usable]


def test_a_version_that_imported_well_is_not_tried_again(tmp_path: Path, plugins: Path) -> None:
    write(
        plugins,
        "mine",
        "from pathlib import Path\nwith open(Path(__file__).with_name('count.txt'), 'a') as out:\n    out.write('x')\n",
    )
    found(tmp_path)
    assert (plugins / "mine" / "count.txt").read_text() == "xx"  # once in the child, once here
    found(tmp_path)
    assert (plugins / "mine" / "count.txt").read_text() == "xxx"


def test_a_second_plugin_of_a_name_is_a_problem_and_hides_nothing(tmp_path: Path, plugins: Path) -> None:
    write(plugins, "directory")
    discovery = found(tmp_path)
    assert "already a plugin" in said(discovery, "directory")
    served = next(one for one in discovery.usable if one.name == "directory")
    assert served.kind == "shipped"


def test_needs_in_a_circle_name_their_members(tmp_path: Path, plugins: Path) -> None:
    write(plugins, "one", more="needs: [two]\n")
    write(plugins, "two", more="needs: [one]\n")
    discovery = found(tmp_path)
    assert "circle" in said(discovery, "one") and "circle" in said(discovery, "two")
    assert "good" in [one.name for one in discovery.usable]


def test_a_missing_need_takes_along_what_needs_it(tmp_path: Path, plugins: Path) -> None:
    write(plugins, "one", more="needs: [absent]\n")
    write(plugins, "two", more="needs: [one]\n")
    discovery = found(tmp_path)
    assert '"absent"' in said(discovery, "one") and '"one"' in said(discovery, "two")


def test_plugins_stand_after_what_they_need(tmp_path: Path, plugins: Path) -> None:
    write(plugins, "aaa", more="needs: [good]\n")
    order = [one.name for one in found(tmp_path).usable]
    assert order.index("good") < order.index("aaa")


@pytest.mark.parametrize(
    ("bounds", "fits"),
    [(">=1,<2", True), (">=1.0", True), (">=2", False), ("<1", False), ("~=1.0", True), ("1", True), ("newest", False)],
)
def test_bounds_on_the_plugin_interface(tmp_path: Path, plugins: Path, bounds: str, fits: bool) -> None:
    write(plugins, "bound", more=f'core: "{bounds}"\n')
    assert ("bound" in [one.name for one in found(tmp_path).usable]) is fits


@pytest.mark.parametrize("name", ["api", "core", "admin", "_x", "Bad"])
def test_reserved_and_ill_formed_names_are_refused(tmp_path: Path, plugins: Path, name: str) -> None:
    write(plugins, name)
    discovery = found(tmp_path)
    assert name not in [one.name for one in discovery.usable]
    assert said(discovery, name)


def test_a_document_of_another_name_is_refused(tmp_path: Path, plugins: Path) -> None:
    (plugins / "mine.yaml").write_text(DOCUMENT.format(name="yours", more=""))
    assert "calls itself" in said(found(tmp_path), "mine")


def test_other_files_in_the_folder_are_ignored(tmp_path: Path, plugins: Path) -> None:
    before = [one.name for one in found(tmp_path).plugins]
    (plugins / "notes.txt").write_text("hello")
    (plugins / "code.py").write_text("raise SystemExit")
    (plugins / "folder").mkdir()
    (plugins / "folder" / "__init__.py").write_text("raise SystemExit")
    assert [one.name for one in found(tmp_path).plugins] == before


def test_safe_mode_runs_no_code_and_keeps_declarations(tmp_path: Path, plugins: Path) -> None:
    write(plugins, "loud", "raise SystemExit")
    discovery = found(tmp_path, safe_mode=True)
    assert "loud" in [one.name for one in discovery.usable]
    hooks, problems = discovery.hooks()
    assert not problems and not any(hooks.implementations(name) for name in ("before_save", "demo"))


def test_unreadable_documents_are_problems(tmp_path: Path, plugins: Path) -> None:
    (plugins / "binary.yaml").write_bytes(b"\xff\xfe\x00plugin")
    (plugins / "empty.yaml").write_text("")
    (plugins / "list.yaml").write_text("- a\n- b\n")
    discovery = found(tmp_path)
    for name in ("binary", "empty", "list"):
        assert said(discovery, name) and name not in [one.name for one in discovery.usable]
