"""The JSON door under ``/api/v1``: docs/api.md tells people what it promises."""

from __future__ import annotations

from flask import Blueprint

from core.api import listing, own, past, records
from core.api.door import Door
from core.services.platform import Platform


def create_blueprint(platform: Platform) -> Blueprint:
    """The blueprint that serves ``/api/v1`` for this platform."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    door = Door(platform, blueprint)
    own.install(door)
    door.add("/<plugin>/<entity>", {"GET": listing.list_, "POST": records.create})
    door.add("/<plugin>/<entity>/<number>", {"GET": records.get, "PATCH": records.patch, "DELETE": records.delete})
    door.add("/<plugin>/<entity>/<number>/history", {"GET": records.history})
    door.add("/<plugin>/<entity>/<number>/as-of", {"GET": past.as_of})
    door.add("/<plugin>/<entity>/<number>/restore", {"POST": records.restore})
    door.add("/<plugin>/<entity>/<number>/transitions/<transition>", {"POST": records.move})
    door.add("/<plugin>/<entity>/<number>/files/<field>", {"GET": records.file})
    door.add("/-/undo/<operation>", {"POST": past.take_back})
    door.add("/-/explain", {"GET": past.explain})
    door.close()
    return blueprint


__all__ = ["create_blueprint"]
