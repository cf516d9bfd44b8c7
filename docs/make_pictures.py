"""Make the pictures of README and docs: a small house in a temporary folder, photographed in headless Chromium.

Run it from the top of the tree: ``.venv/bin/python docs/make_pictures.py``.
"""

from __future__ import annotations

import random
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from core.app import create_app
from core.facts import FixedClock, SystemClock
from core.services import accounts
from core.services.platform import Platform
from core.settings import Settings
from core.testing import World

HERE = Path(__file__).parent / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
SUBJECTS = ("The printer jams", "The network drops every hour", "A laptop for a new colleague", "The shared drive asks again")
PICTURES = {
    "list-light": ("/helpdesk/ticket", "light", 1440),
    "board-light": ("/helpdesk/ticket?view=board", "light", 1440),
    "record-dark": ("/helpdesk/ticket/{last}", "dark", 1440),
    "form-narrow": ("/helpdesk/ticket/new", "light", 390),
}


def main() -> None:
    """Fill a house and photograph its pages."""
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Settings.for_tests(Path(folder) / "data"), FixedClock(SystemClock().now()))
        platform.start()
        world, dice = World(platform, FixedClock(SystemClock().now())), random.Random(7)  # noqa: S311
        viewer = world.actor("core.everything", "core.admin")
        people = [world.person().id for _ in range(6)]
        queue = world.any("helpdesk.queue")
        last = 0
        for _ in range(60):
            last = world.create(
                "helpdesk.ticket", subject=dice.choice(SUBJECTS), requester=dice.choice(people), queue=queue,
                impact=dice.choice("123"), urgency=dice.choice("123"),
            ).id
        server = make_server("127.0.0.1", dice.randrange(20_000, 32_000), create_app(platform=platform), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        cookie = {"name": "session", "value": accounts.open_session(platform, viewer.account or 0), "url": base}
        HERE.mkdir(exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
            for name, (url, scheme, width) in PICTURES.items():
                context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)
                context.add_cookies([cookie])
                page = context.new_page()
                page.goto(base + url.format(last=last))
                page.wait_for_load_state("networkidle")
                page.screenshot(path=HERE / f"{name}.png")
            browser.close()
        server.shutdown()
        platform.close()


if __name__ == "__main__":
    main()
