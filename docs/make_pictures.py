"""Make the pictures of README and docs: the demo in a temporary folder, photographed in headless Chromium.

Run it from the top of the tree: ``.venv/bin/python docs/make_pictures.py [NAME ...]``.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from core.access.actor import Actor
from core.app import create_app
from core.services import accounts, demo, desk, looking, publish, records
from core.services.platform import Platform
from core.settings import Settings
from core.storage.query import Query
from schemas import read_overlay
from schemas.model import Overlay

HERE = Path(__file__).parent / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WIDE, NARROW = 1440, 390
PICTURES = {
    "list-light": ("/helpdesk/ticket", "light", WIDE),
    "board-light": ("/helpdesk/ticket?view=board", "light", WIDE),
    "record-dark": ("/helpdesk/ticket/{helpdesk.ticket}", "dark", WIDE),
    "form-narrow": ("/helpdesk/ticket/new", "light", NARROW),
    "home-light": ("/", "light", WIDE),
    "history": ("/helpdesk/ticket/{helpdesk.ticket}/history", "light", WIDE),
    "generations": ("/admin/generations", "light", WIDE),
    "directory": ("/directory/department", "light", WIDE),
    "helpdesk": ("/helpdesk/ticket/{helpdesk.ticket}", "light", WIDE),
    "facilities": ("/facilities/booking?view=calendar", "light", WIDE),
    "facilities-structure": ("/facilities/location?view=structure", "light", WIDE),
    "vendors": ("/vendors/vendor?view=board", "light", WIDE),
    "payroll": ("/payroll/payslip/{payroll.payslip}", "light", WIDE),
}


_PLACE = re.compile(r"{([a-z_.]+)}")


def _newest(platform: Platform, entity: str) -> int:
    query = Query(sort=(("id", True),), limit=1, fields=())
    return looking.page(platform, Actor.system("pictures"), entity, query).items[0].id


def _first_overlay() -> list[Overlay]:
    """The one that docs/overlays.md begins with."""
    block = re.search(r"```yaml\n(.*?)```", (HERE.parent / "overlays.md").read_text(encoding="utf-8"), re.S)
    return read_overlay(block[1], "overlays.md")[0] if block is not None else []


def _work(platform: Platform, account: int) -> None:
    """Let somebody work on the newest ticket, so that its history has something to tell."""
    actor = accounts.actor_for_account(platform, account)
    ticket = _newest(platform, "helpdesk.ticket")
    for values in ({"impact": "2"}, {"urgency": "1", "subject": "Access to the shared drive of the audit"}):
        records.change(platform, actor, "helpdesk.ticket", ticket, values)
    desk.comment(platform, actor, "helpdesk.ticket", ticket, "The audit begins on Monday: please let them in before.")


def main(*names: str) -> None:
    """Make the demo and photograph its pages; ``names`` are those wanted, without one all."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Settings.for_tests(Path(folder) / "data"))
        platform.start()
        demo.make(platform)
        publish.apply(platform, Actor.system("pictures"), _first_overlay())
        account = accounts.find(platform, demo.ADMIN).id
        _work(platform, account)
        server = make_server("127.0.0.1", random.randrange(20_000, 32_000), create_app(platform=platform), threaded=True)  # noqa: S311
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        cookie = {"name": "session", "value": accounts.open_session(platform, account), "url": base}
        HERE.mkdir(exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            for name, (url, scheme, width) in PICTURES.items():
                if names and name not in names:
                    continue
                context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)
                context.add_cookies([cookie])
                page = context.new_page()
                page.goto(base + _PLACE.sub(lambda found: str(_newest(platform, found[1])), url))
                page.wait_for_load_state("networkidle")
                page.screenshot(path=HERE / f"{name}.png")
                context.close()
            browser.close()
        server.shutdown()
        platform.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
