"""The tutorial is true: its one file gives every screen and the API, and its hook holds; nothing else was touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from core.facts import FixedClock
from core.services.platform import Platform
from core.settings import Settings
from core.testing import World

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial.md").read_text()
YAML = re.search(r"```yaml\n(.*?)```", PAGE, re.S)[1]  # type: ignore[index]
PYTHON = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]  # type: ignore[index]
README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
SHORT = re.search(r"```yaml\n(.*?)```", README, re.S)[1]  # type: ignore[index]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my-plugins"
    made.mkdir()
    return made


@pytest.fixture
def app(settings: Settings, clock: FixedClock, folder: Path) -> Iterator[World]:
    platform = Platform(replace(settings, plugins_dir=folder), clock)
    platform.start()
    yield World(platform, clock)
    platform.close()


@pytest.mark.parametrize("text", [YAML, SHORT], ids=["tutorial", "readme"])
def test_one_file_is_a_whole_function_after_a_reload(app: World, folder: Path, text: str) -> None:
    assert "library" not in app.platform.current.plugins
    assert text.count("\n") <= 32
    (folder / "library.yaml").write_text(text)
    app.platform.reload()
    problems = [one for one in app.platform.current.problems if one.plugin == "library" and one.severity == "error"]
    assert not problems, problems
    librarian = app.actor("library.librarian")
    client, headers = app.client(librarian), app.token(librarian)
    made = client.post("/api/v1/library/book", json={"title": "The Long Voyage", "author": "N. Example"}, headers=headers)
    assert made.status_code == 201, made.text
    number = made.json["id"]
    assert "The Long Voyage" in client.get("/library/book").text
    assert client.get("/library/book/new").status_code == 200
    record = client.get(f"/library/book/{number}")
    assert record.status_code == 200
    assert "The Long Voyage" in record.text
    assert [one["id"] for one in client.get("/api/v1/library/book?q=voyage", headers=headers).json["items"]] == [number]
    assert "The Long Voyage" in client.get("/library/book?q=voyage").text
    assert "No" in client.get("/library/book?q=nowhere").text
    assert len(client.get(f"/api/v1/library/book/{number}/history", headers=headers).json["items"]) == 1
    exported = client.get("/library/book/export?format=csv")
    assert exported.status_code == 200
    assert exported.text.splitlines()[0].startswith(("id,", "\ufeffid,"))
    assert "/library/book" in client.get("/api/v1/openapi.json", headers=headers).text
    lent = client.post(
        f"/api/v1/library/book/{number}/transitions/lend",
        json={"borrower": librarian.person, "due": (app.clock.now().date() + timedelta(days=9)).isoformat()},
        headers=headers,
    )
    assert (lent.status_code, lent.json["state"]) == (200, "lent"), lent.text
    reader = app.actor()
    assert app.client(reader).get("/library/book").status_code == 200
    refused = app.client(reader).post("/api/v1/library/book", json={"title": "X"}, headers=app.token(reader))
    assert refused.status_code == 403
    assert client.delete(f"/api/v1/library/book/{number}", headers=headers).status_code in (204, 403)


def test_the_board_offers_legal_moves_only(app: World, folder: Path) -> None:
    (folder / "library.yaml").write_text(YAML)
    app.platform.reload()
    librarian = app.actor("library.librarian")
    app.create("library.book", by=librarian, title="One")
    page = app.client(librarian).get("/library/book?view=board").text
    lane = page.partition('data-value="on_shelf"')[2].partition("</section>")[0]
    assert 'data-targets="lend:lent"' in lane
    assert "Lose" not in lane


def test_the_hook_of_the_tutorial_holds(app: World, folder: Path) -> None:
    package = folder / "library"
    package.mkdir()
    (package / "library.yaml").write_text(YAML)
    (package / "__init__.py").write_text(PYTHON)
    app.platform.reload()
    librarian = app.actor("library.librarian")
    book = app.create("library.book", by=librarian, title="One")
    client, headers = app.client(librarian), app.token(librarian)
    today: date = app.clock.now().date()
    url = f"/api/v1/library/book/{book.id}/transitions/lend"
    late = client.post(url, json={"borrower": librarian.person, "due": (today + timedelta(days=60)).isoformat()}, headers=headers)
    assert late.status_code == 422, late.text
    assert late.json["errors"]["due"] == ["A book is lent for at most four weeks."]
    good = client.post(url, json={"borrower": librarian.person, "due": (today + timedelta(days=20)).isoformat()}, headers=headers)
    assert good.status_code == 200, good.text
