"""The Flask application: one platform, two doors, and the answers about health."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wsgi import ClosingIterator

from core import api, web
from core.facts import Clock
from core.services.platform import Platform
from core.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class NoFlaskSession(SessionInterface):
    """Sessions are rows of ours behind an opaque cookie: nothing is kept, signed or read by Flask."""

    _nothing = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return self._nothing

    def is_null_session(self, obj: object) -> bool:
        return True

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        return None


def create_app(settings: Settings | None = None, clock: Clock | None = None, *, platform: Platform | None = None) -> Flask:
    """Build the application. A given ``platform`` is used as it is (started); else one is made from ``settings``."""
    if platform is None:
        platform = Platform(settings or Settings.from_environ(), clock)
        platform.start()
    app = Flask("backoffice", static_folder=None, template_folder=None)
    app.config.update(
        SECRET_KEY=platform.settings.secret_key,
        MAX_CONTENT_LENGTH=platform.settings.max_upload,
        MAX_FORM_MEMORY_SIZE=platform.settings.max_form,
        MAX_FORM_PARTS=5_000,
        TRUSTED_HOSTS=None,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.session_interface = NoFlaskSession()
    app.extensions["backoffice"] = platform
    app.register_blueprint(api.create_blueprint(platform))
    web.install(app, platform)
    app.wsgi_app = _of_one_moment(app.wsgi_app, platform)  # type: ignore[assignment,method-assign]
    proxies = platform.settings.trusted_proxies
    if proxies:
        # Else everybody behind the proxy shares its address, and one guesser's limit locks all of them out.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
    return app


def _of_one_moment(inner: WSGIApplication, platform: Platform) -> WSGIApplication:
    """What a safe request reads is one snapshot. A body that is streamed reads in units of its own.

    It is answered once more where its connection to the database was lost: PostgreSQL was started anew, and nothing was changed.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return inner(environ, start_response)
        started: list[Any] = []

        def start(*given: Any) -> Any:
            started[:] = given

        with platform.answering() as moment:
            body = inner(environ, start)
        if moment.lost and started[0].startswith("503"):
            if isinstance(body, ClosingIterator):
                body.close()
            with platform.answering():
                return inner(environ, start_response)
        start_response(*started)
        return body

    return answer
