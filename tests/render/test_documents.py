"""Documents on paper: readable in many scripts, and never with what their reader may not see."""

from __future__ import annotations

from datetime import UTC, datetime

from core.facts import Record
from core.fields import formatter
from core.render.documents import Document, Table, of_record, pdf
from schemas.model import Entity, Field

AT = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def test_a_document_in_many_scripts_becomes_pdf() -> None:
    made = pdf(Document("Größe Ωμέγα Москва 東京 🏳️", "Łódź", (("Price", "€ 12.50 →"), ("Long", "word " * 3_000)),
                        (Table("Lines", ("A", "B"), tuple((str(n), "x" * 60) for n in range(120)), (False, True)),), "foot"), AT)
    assert made.startswith(b"%PDF-") and len(made) > 5_000
    assert made == pdf(Document("Größe Ωμέγα Москва 東京 🏳️", "Łódź", (("Price", "€ 12.50 →"), ("Long", "word " * 3_000)),
                                (Table("Lines", ("A", "B"), tuple((str(n), "x" * 60) for n in range(120)), (False, True)),), "foot"), AT)


def test_a_record_on_paper_leaves_out_what_is_hidden() -> None:
    shape = Entity(
        "p",
        "e",
        "Thing",
        fields=(
            Field("name", "text", "Name"),
            Field("code", "secret"),
            Field("pay", "money"),
            Field("hr", "text"),
            Field("gone", "text", hidden=True),
            Field("parts", "lines", "Parts", fields=(Field("label", "text"), Field("count", "integer"))),
        ),
    )
    record = Record("p.e", {"id": 1, "display_title": "Chair", "name": "Chair", "code": "hush", "pay": None, "gone": "hush",
                            "parts": ({"id": 1, "label": "leg", "count": 4},)})
    record.masked = ("pay",)
    found = of_record(shape, record, {}, formatter("en", "UTC"))
    assert found.title == "Chair" and found.facts == (("Name", "Chair"), ("Pay", "(not shown)"))
    assert found.tables[0].headings == ("Label", "Count") and found.tables[0].rows == (("leg", "4"),)
