"""Which cells say what a record says already, and which are corrections: only numbers are compared as numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from core.access.actor import Actor
from core.facts import Money
from core.services import exporting, importing
from core.settings import Settings
from core.testing.world import World
from tests import houses

GOODS = """
plugin: goods
label: Goods
version: 1.0.0
core: ">=1,<2"
roles: {clerk: {label: Clerk}}
entities:
  shelf:
    label: Shelf
    plural: Shelves
    title: "{code}"
    key: code
    fields:
      code: {type: text, required: true, unique: true}
      secretly: {type: boolean}
    access:
      clerk: {read: "not secretly", create: all, write: all}
  item:
    label: Item
    title: "{name}"
    fields:
      name: {type: text, required: true}
      code: {type: text}
      notes: {type: long_text}
      phone: {type: phone}
      bar: {type: barcode}
      count: {type: integer}
      weight: {type: decimal, places: 3}
      price: {type: money}
      place: {type: reference, to: shelf}
      places: {type: references, to: shelf}
    access:
      clerk: {read: all, create: all, write: all, export: all, import: all}
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return houses.settings_with(tmp_path, "goods", GOODS, database_url)


@pytest.fixture
def clerk(actor: Callable[..., Actor]) -> Actor:
    return actor("goods.clerk")


def csv_of(app: World, by: Actor, text: str, **options: Any) -> importing.Report:
    return importing.run(app.platform, by, "goods.item", io.BytesIO(text.encode("utf-8")), "csv", **options)


def sheet_of(app: World, by: Actor, rows: list[list[Any]], **options: Any) -> importing.Report:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_numbers": False})
    page = book.add_worksheet()
    for number, cells in enumerate(rows):
        page.write_row(number, 0, cells)
    book.close()
    out.seek(0)
    return importing.run(app.platform, by, "goods.item", out, "xlsx", **options)


def test_a_correction_of_text_is_no_number(app: World, clerk: Actor) -> None:
    corrections = (
        ("code", "1234", "01234"),
        ("code", "1.1", "1.10"),
        ("code", "007", "7"),
        ("phone", "030123", "30123"),
        ("notes", "1.0", "1.00"),
        ("bar", "12345678901234567", "12345678901234568"),
        ("code", "'=x", "'=x"),  # one sign of a guard is taken away, as from every text
    )
    for name, old, new in corrections:
        record = app.create("goods.item", name="Box", **{name: old})
        report = csv_of(app, clerk, f"id,{name}\n{record.id},{new}\n", upsert="id")
        assert (report.changed, report.unchanged) == (1, 0), (name, old, new)
        assert app.get("goods.item", record.id)[name] == new.removeprefix("'")


def test_a_number_is_the_same_however_it_is_written(app: World, clerk: Actor) -> None:
    record = app.create("goods.item", name="Box", count=7, weight=Decimal("1.5"), price=Money(Decimal("12.50"), "EUR"))
    same = f"id,count,weight,price,price_currency\n{record.id},007,1.50,12.5,EUR\n"
    assert csv_of(app, clerk, same, upsert="id").unchanged == 1


def test_a_number_in_a_worksheet_is_not_how_a_text_was_written(app: World, clerk: Actor) -> None:
    record = app.create("goods.item", name="Box", code="007")
    assert sheet_of(app, clerk, [["id", "code"], [record.id, 7]], upsert="id").unchanged == 1
    assert sheet_of(app, clerk, [["id", "code"], [record.id, "7"]], upsert="id").changed == 1
    assert app.get("goods.item", record.id)["code"] == "7"


def test_a_worksheet_keeps_fifteen_digits(app: World, clerk: Actor) -> None:
    heads = ["name", "bar", "count"]
    report = sheet_of(app, clerk, [heads, ["Cut", 1234567890123456, None], ["Cut", 1234567890123456789, None]])
    assert (report.created, report.refused) == (0, 2)
    assert all("Format the column as text" in str(one) for one in report.refusals)
    rows = [heads, ["Kept", 123456789012345, 9007199254740990], ["Text", "1234567890123456789", 0]]
    assert sheet_of(app, clerk, rows).created == 2
    kept, text = (app.find("goods.item", name=name)[0] for name in ("Kept", "Text"))
    assert (kept["bar"], kept["count"], text["bar"]) == ("123456789012345", 9007199254740990, "1234567890123456789")


def test_what_points_to_an_unreadable_record_points_there_again(app: World, clerk: Actor) -> None:
    """Its key does not show, so that its id stands in the file; another record has that id as its key."""
    hidden = app.create("goods.shelf", code="HID", secretly=True)
    split = app.create("goods.shelf", code="x;y")
    app.create("goods.shelf", code=str(hidden.id))
    app.create("goods.shelf", code=str(split.id))
    alone = app.create("goods.shelf", code="ALONE", secretly=True)
    app.create("goods.item", name="Box", place=hidden.id, places=(hidden.id, split.id, alone.id))
    app.create("goods.item", name="Bag", place=alone.id)
    text = b"".join(exporting.whole(app.platform, clerk, "goods.item", "csv").blocks).decode("utf-8")
    assert f",goods.shelf:{hidden.id},goods.shelf:{hidden.id};goods.shelf:{split.id};{alone.id}," in text
    assert f",{alone.id},," in text  # where nothing else is meant, the bare id stands
    assert csv_of(app, clerk, text, upsert="id").unchanged == 2
    assert csv_of(app, app.system, text).created == 2
    old, new = app.find("goods.item", name="Box")
    assert (old["place"], old["places"]) == (new["place"], new["places"]) == (hidden.id, (hidden.id, split.id, alone.id))
