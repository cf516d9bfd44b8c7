"""Addresses: what names and numbers look like in them, and routes whose endpoints carry their module's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint
from werkzeug.routing import BaseConverter

View = TypeVar("View", bound=Callable[..., Any])


class NameConverter(BaseConverter):
    """A plugin's or an entity's name in an address."""

    regex = r"[a-z][a-z0-9_]{0,39}"


class NumberConverter(BaseConverter):
    """A record's id: 1 to 2^53-1. Anything else is no address."""

    regex = r"[1-9][0-9]{0,15}"

    def to_python(self, value: str) -> int:
        return int(value)


class Routes:
    """The routes of one module on the pages' blueprint."""

    def __init__(self, made: Blueprint, room: str) -> None:
        self.made = made
        self.room = room

    def route(self, rule: str, methods: list[str]) -> Callable[[View], View]:
        """Answer these methods at this address."""

        def add(view: View) -> View:
            self.made.add_url_rule(rule, f"{self.room}_{view.__name__.strip('_')}", view, methods=methods)
            return view

        return add

    def get(self, rule: str) -> Callable[[View], View]:
        """Answer GET at this address."""
        return self.route(rule, ["GET"])

    def post(self, rule: str) -> Callable[[View], View]:
        """Answer POST at this address."""
        return self.route(rule, ["POST"])
