"""Files in and out: exports that read back, imports row by row, and what neither lets through."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from core.access.actor import Actor
from core.errors import BadRequest, Forbidden, TooLarge
from core.services import audit, exporting, importing, looking, undo
from core.settings import Settings
from core.storage.query import Query
from core.testing.world import World
from tests.api.conftest import STORE


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "store.yaml").write_text(STORE, encoding="utf-8")
    return Settings(data_dir=tmp_path / "data", database_url=database_url, plugins_dir=folder,
                    secret_key="for-tests-only-0123456789-abcdefgh").completed()


@pytest.fixture
def clerk(actor: Callable[..., Actor]) -> Actor:
    return actor("store.clerk")


def bring(app: World, by: Actor, text: str | bytes, entity: str = "store.item", format: str = "csv", **options: Any) -> importing.Report:
    raw = text.encode("utf-8") if isinstance(text, str) else text
    return importing.run(app.platform, by, entity, io.BytesIO(raw), format, **options)


def exported(app: World, by: Actor, format: str = "csv", entity: str = "store.item") -> bytes:
    return b"".join(exporting.whole(app.platform, by, entity, format).blocks)


def total(app: World, entity: str = "store.item") -> int:
    return looking.count(app.platform, app.system, entity, Query())[0]


def test_rows_stand_alone(app: World, clerk: Actor) -> None:
    report = bring(app, clerk, "name,count,kind\nChair,3,small\n,4,large\nTable,x,large\nBed,5,huge\nLamp,6,\n")
    assert (report.created, report.refused) == (2, 3)
    assert [one.row for one in report.refusals] == [2, 3, 4]
    assert "name" in report.refusals[0].reasons and "count" in report.refusals[1].reasons and "kind" in report.refusals[2].reasons
    assert total(app) == 2


def test_all_or_nothing_and_dry_run_write_nothing(app: World, clerk: Actor) -> None:
    text = "name,count\nChair,3\n,4\n"
    assert bring(app, clerk, text, all_or_nothing=True).written is False and total(app) == 0
    report = bring(app, clerk, text, dry_run=True)
    assert (report.created, report.refused, report.written) == (1, 1, False) and total(app) == 0
    assert bring(app, clerk, "name\nChair\nTable\n", all_or_nothing=True).created == 2 and total(app) == 2


MANY = "code,name\n" + "".join(f"c{number},Chair {number}\n" for number in range(300))


@pytest.mark.parametrize("how", ["dry_run", "all_or_nothing"])
def test_others_write_while_a_large_file_is_tried(app: World, clerk: Actor, how: str) -> None:
    """A dry run, and the trial that goes before all or nothing, hold no lock: the same thread could not write otherwise."""
    written: list[int] = []

    def meanwhile(_report: importing.Report) -> None:
        if not written:
            written.append(app.create("store.item", by=clerk, code="between", name="Written between").id)

    report = bring(app, clerk, MANY + "c7,Again\n", **{how: True}, progress=meanwhile)
    assert written and (report.created, report.refused, report.written) == (300, 1, False)
    assert [one.row for one in report.refusals] == [301] and total(app) == 1
    assert not list(app.platform.settings.data_dir.rglob("rehearsal-*"))


def test_all_or_nothing_meets_what_others_wrote_after_the_trial(app: World, clerk: Actor) -> None:
    came: list[int] = []

    def meanwhile(_report: importing.Report) -> None:
        if not came:
            came.append(app.create("store.item", by=clerk, code="c280", name="Came first").id)

    report = bring(app, clerk, MANY, all_or_nothing=True, progress=meanwhile)
    assert (report.refused, report.written) == (1, False) and total(app) == 1
    assert [one.row for one in report.refusals] == [281]
    again = bring(app, clerk, MANY.replace("c280,", "d280,"), all_or_nothing=True)
    assert (again.created, again.refused, again.written) == (300, 0, True) and total(app) == 301
    assert audit.verify(app.platform).faults == []


def test_rows_may_name_rows_before_them(app: World, clerk: Actor) -> None:
    assert bring(app, clerk, "code\nA-1\nA-2\n", "store.shelf").created == 2
    report = bring(app, clerk, "name,place,others\nBox,A-2,A-1;A-2\nBag,Z-9,\n")
    assert report.created == 1 and report.refused == 1
    assert bring(app, clerk, "code\nB-1\nB-1\nB-2\n", "store.shelf").refused == 1


def test_upsert_creates_changes_and_leaves_alone(app: World, clerk: Actor) -> None:
    bring(app, clerk, "code,name,count\na,One,1\nb,Two,2\n")
    report = bring(app, clerk, "code,name,count\na,One,1\nb,Two,22\nc,Three,3\nc,Third,3\n", upsert="code")
    assert (report.created, report.changed, report.unchanged, report.refused) == (1, 2, 1, 0)
    versions = {one["code"]: one["version"] for one in looking.page(app.platform, app.system, "store.item", Query()).items}
    assert versions == {"a": 1, "b": 2, "c": 2}
    unknown = bring(app, clerk, "id,name\n999,Ghost\n", upsert="id")
    assert unknown.refused == 1 and "never invents" in str(unknown.refusals[0])
    assert bring(app, clerk, "id,name\n999,Ghost\n").created == 1


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_an_export_reads_back_unchanged(app: World, clerk: Actor, format: str) -> None:
    shelf = app.create("store.shelf", by=clerk, code="S/1")
    app.create("store.item", by=clerk, name="=1+1", notes="'=quoted\nline two", code="x-1", count=12, weight="1.500", share="12.5",
               price={"amount": "1234.50", "currency": "EUR"}, bought="2026-05-01", at="14:30", seen="2026-05-01T10:00:00Z", took=90,
               fresh=True, kind="small", tags=["a", "c"], place=shelf.id, others=[shelf.id], parts=[{"label": "leg", "amount": 4}],
               mail="a@example.org", colour="#aabbcc", stars=3, data={"a": [1]}, where={"lat": "52.5", "lon": "13.4"})
    app.create("store.item", by=clerk, name="-2", notes="''=twice")
    raw = exported(app, clerk, format)
    report = bring(app, clerk, raw, format=format, upsert="id")
    assert [str(one) for one in report.refusals] == [] and report.unchanged == 2
    fresh = bring(app, clerk, raw, format=format, dry_run=True)
    assert fresh.refused == 1 and "code" in str(fresh.refusals[0])  # taken; the other row is new


def test_csv_guards_formulas_and_import_takes_one_mark_off(app: World, clerk: Actor) -> None:
    for text in ("=cmd", "+1", "-1", "@x", "'=a", "plain", "'tis"):
        app.create("store.item", by=clerk, name=text)
    rows = list(csv.DictReader(io.StringIO(exported(app, clerk).decode())))
    assert [one["name"] for one in rows] == ["'=cmd", "'+1", "'-1", "'@x", "''=a", "plain", "'tis"]
    assert next(iter(rows[0])) == "id" and list(rows[0])[-2:] == ["state", "version"]
    assert "token" not in rows[0]
    assert bring(app, clerk, "name\n'=cmd\n''=a\n'tis\n").created == 3
    newest = looking.page(app.platform, app.system, "store.item", Query(sort=(("id", True),), limit=3)).items
    assert [one["name"] for one in newest] == ["'tis", "'=a", "=cmd"]


def test_read_only_columns_are_compared(app: World, clerk: Actor) -> None:
    number = app.create("store.item", by=clerk, name="Chair").id
    assert bring(app, clerk, f"id,name,state,version\n{number},Chair,draft,1\n", upsert="id").unchanged == 1
    assert bring(app, clerk, f"id,name,state,version\n{number},Chair 2,draft,1\n", upsert="id").changed == 1
    refused = bring(app, clerk, f"id,name,state\n{number},Chair 2,open\n", upsert="id")
    assert refused.refused == 1 and "state" in refused.refusals[0].reasons
    assert bring(app, clerk, "name,state\nNew,open\nNew,draft\n").created == 1


def test_only_who_may_exports_and_imports(app: World, actor: Callable[..., Actor], clerk: Actor) -> None:
    guest = actor("store.guest")
    with pytest.raises(Forbidden):
        exported(app, guest)
    with pytest.raises(Forbidden):
        bring(app, guest, "name\nx\n")
    with pytest.raises(BadRequest) as unknown:
        bring(app, clerk, "name,nonsense\nx,1\n")
    with pytest.raises(BadRequest) as hidden:
        bring(app, clerk, "name,trashed_at\nx,1\n")
    assert unknown.value.detail.replace("nonsense", "trashed_at") == hidden.value.detail


def test_files_that_are_not_what_they_say(app: World, clerk: Actor) -> None:
    for format, raw in (
        ("csv", b"\xff\xfe"),
        ("csv", b""),
        ("csv", b"name,name\n"),
        ("xlsx", b"PK\x03\x04"),
        ("xlsx", b""),
        ("json", b"{}"),
        ("json", b"[1]"),
        ("json", b"[" * 100_000),
    ):
        with pytest.raises(BadRequest):
            bring(app, clerk, raw, format=format)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    with pytest.raises(TooLarge):
        bring(app, clerk, bomb.getvalue(), format="xlsx")


def sheet_with(last: str, cell: bytes = b"<v>1</v>", more: dict[str, bytes] | None = None) -> bytes:
    """A workbook with one heading in A1 and one more cell far away."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet().write_string(0, 0, "name")
    packed = io.BytesIO()
    row = f'<row r="{last.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}"><c r="{last}">'.encode() + cell + b"</c></row></sheetData>"
    with zipfile.ZipFile(out) as made, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted({*made.namelist()} - {*(more or {})}):
            target.writestr(name, made.read(name).replace(b"</sheetData>", row))
        for name, raw in (more or {}).items():
            target.writestr(name, raw)
    return packed.getvalue()


def test_a_workbook_is_not_laid_out_far_beyond_what_it_holds(app: World, clerk: Actor) -> None:
    assert bring(app, clerk, sheet_with("A3"), format="xlsx").created == 1
    walked = b"<v>1</v></c>" + b"<c/>" * 16_000 + b'<c t="s"><v>0</v></c></row><row r="1048576"><c><v>1</v>'
    for raw in (sheet_with("XFD1048576"), sheet_with("ALL10000"), sheet_with("A3", walked)):
        assert len(raw) < 10_000
        with pytest.raises(TooLarge, match="far apart"):
            bring(app, clerk, raw, format="xlsx")
    long = b"<sst><si><t>" + b"a" * 1_000_000 + b"</t></si></sst>"
    named = b"<v>1</v></c>" + b'<c t="s"><v>0</v></c>' * 600 + b"<c>"
    with pytest.raises(TooLarge, match="long texts"):
        bring(app, clerk, sheet_with("A3", named, {"xl/sharedStrings.xml": long}), format="xlsx")
    for raw in (sheet_with("A3", more={"content.xml": b"<a/>"}), sheet_with("A3", b"<v>1</v>&unknown;"), sheet_with("A3", b"<v>")):
        with pytest.raises(BadRequest, match="not a workbook"):
            bring(app, clerk, raw, format="xlsx")


def test_json_is_what_the_api_answers(app: World, clerk: Actor) -> None:
    number = app.create("store.item", by=clerk, name="Chair", price={"amount": "5", "currency": "EUR"}).id
    found = json.loads(exported(app, clerk, "json"))
    assert len(found) == 1 and found[0]["id"] == number and found[0]["price"] == {"amount": "5.00", "currency": "EUR"}
    assert found[0]["display_title"] == "Chair" and found[0]["masked"] == []
    assert json.loads(exported(app, clerk, "json", "store.shelf")) == []


def test_an_import_is_one_operation_in_an_unbroken_log(app: World, clerk: Actor) -> None:
    report = bring(app, clerk, "code\n" + "\n".join(f"C-{number}" for number in range(60)) + "\n", "store.shelf")
    assert report.created == 60
    assert audit.verify(app.platform).faults == []
    assert undo.undo(app.platform, clerk, report.operation).done == 60
    assert total(app, "store.shelf") == 0


def test_imported_records_are_found_and_have_a_history(app: World, clerk: Actor) -> None:
    bring(app, clerk, "name,notes\nChair,upholstered\nTable,round\n")
    hit = looking.page(app.platform, clerk, "store.item", Query(q="upholstered")).items
    assert [one["name"] for one in hit] == ["Chair"]
    events = looking.history(app.platform, clerk, "store.item", hit[0].id).items
    assert len(events) == 1 and events[0].channel == "import" and {one.field for one in events[0].changes} >= {"name", "notes"}
