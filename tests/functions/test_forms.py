"""Forms as they are sent by a page: what stays empty, and what the address names."""

from __future__ import annotations

import re
from datetime import date

from flask.testing import FlaskClient

from core.testing import World


def sent(client: FlaskClient, url: str, **fields: str) -> str:
    """Send the form of a new record; the address of what was made."""
    page = client.get(url).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    answer = client.post(url, data={"csrf_token": token[1], **fields})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_a_pay_date_left_empty_is_that_of_the_period(app: World) -> None:
    group = app.create("payroll.pay_group", code="FORM", name="Monthly", employer=app.any("directory.company"))
    days = {"start": date(2026, 6, 1), "end": date(2026, 6, 30), "pay_date": date(2026, 6, 26)}
    period = app.create("payroll.pay_period", group=group.id, number=6, tax_year=2026, **days)
    client = app.client(app.actor("payroll.specialist"))
    sent(client, "/payroll/pay_run/new", group=str(group.id), period=str(period.id), kind="regular", pay_date="", comments="")
    assert app.find("payroll.pay_run", group=group.id)[0]["pay_date"] == date(2026, 6, 26)


def test_what_the_address_names_is_taken_and_what_can_be_set_once_stays_open(app: World) -> None:
    manager = app.actor("vendors.vendor_manager")
    vendor = app.create(
        "vendors.vendor", legal_name="Alder", country="DE", payment_term=app.any("vendors.payment_term"), owner=manager.person
    )
    page = app.client(manager).get(f"/vendors/bank_account/new?vendor={vendor.id}").text
    control = re.search(r'<input[^>]*name="vendor"[^>]*>', page)
    assert control is not None
    assert vendor["code"] in control[0]
    assert re.search(r'<input[^>]*name="currency"[^>]*value="EUR"', page)
