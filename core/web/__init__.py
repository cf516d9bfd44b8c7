"""The door for people: pages rendered from declarations, for every entity the same handful of routes."""

from __future__ import annotations

from flask import Blueprint, Flask, g, request

from core.services.platform import Platform
from core.web import (
    account,
    administration,
    asking,
    assets,
    boards,
    bulk,
    doors,
    drafts,
    entering,
    faults,
    files,
    guards,
    health,
    home,
    importing,
    lists,
    mailing,
    moves,
    notices,
    past,
    pickers,
    reads,
    records,
    roles,
    showing,
    styleguide,
    trash,
)
from core.web.routing import NameConverter, NumberConverter, Routes


def install(app: Flask, platform: Platform) -> None:
    """Give the application its pages, static files, security headers and error pages."""
    app.url_map.converters["name"] = NameConverter
    app.url_map.converters["number"] = NumberConverter
    guards.headers(app, platform.settings)
    static = assets.Assets()
    screens = showing.Screens(static, platform.settings.debug)
    app.register_blueprint(assets.blueprint(static))
    made = create_blueprint(platform, screens)
    app.register_blueprint(made)
    app.register_blueprint(health.create_blueprint(platform))

    @app.before_request
    def prepare() -> None:
        # The page of an address that nothing answers stands in the shell too. An address such as /api/x is one of a page.
        if request.blueprint == made.name or not request.path.startswith(("/api/", "/static/")):
            g.screens = screens
            asking.look(platform, request)

    faults.install(app)


def create_blueprint(platform: Platform, screens: showing.Screens | None = None) -> Blueprint:
    """Every page. Pages take the session cookie and no bearer token."""
    made = Blueprint("web", __name__)
    shown = screens or showing.Screens(assets.Assets(), platform.settings.debug)

    @made.before_request
    def begin() -> None:
        g.screens = shown
        asking.begin(platform, request)

    for room in (
        doors,
        home,
        notices,
        account,
        administration,
        roles,
        mailing,
        reads,
        styleguide,
        drafts,
        files,
        pickers,
        bulk,
        boards,
        moves,
        trash,
        entering,
        importing,
        past,
        records,
        lists,
    ):
        room.routes(Routes(made, room.__name__.rpartition(".")[2]))
    return made
