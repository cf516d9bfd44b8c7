"""Answers for machines: whether the process lives, whether it serves, and a few numbers."""

from __future__ import annotations

import resource
import threading

from flask import Blueprint, Response

from core.services import publish
from core.services.platform import Platform


def create_blueprint(platform: Platform) -> Blueprint:
    """The routes of health."""
    made = Blueprint("health", __name__)
    counted = {"requests": 0}
    lock = threading.Lock()

    @made.get("/healthz")
    def lives() -> Response:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    @made.get("/readyz")
    def serves() -> Response:
        try:
            head = publish.head(platform)
            ready = platform.generation(head).number == head
        except Exception:  # noqa: BLE001 - whatever it is, it does not serve
            ready = False
        return Response("ready\n" if ready else "not ready\n", 200 if ready else 503, content_type="text/plain; charset=utf-8")

    @made.get("/metrics")
    def metrics() -> Response:
        with lock:
            counted["requests"] += 1
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lines = [
            "# TYPE backoffice_generation gauge",
            f"backoffice_generation {platform.current.number}",
            "# TYPE backoffice_entities gauge",
            f"backoffice_entities {len(platform.current.entities)}",
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {usage.ru_utime + usage.ru_stime:.3f}",
            "# TYPE process_resident_memory_peak_bytes gauge",
            f"process_resident_memory_peak_bytes {usage.ru_maxrss * 1024}",
            "# TYPE backoffice_plugin_problems gauge",
            f"backoffice_plugin_problems {len(platform.current.problems)}",
        ]
        return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")

    return made
