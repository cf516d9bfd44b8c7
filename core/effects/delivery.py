"""Delivery of the outbox: each effect to who performs it, tried again when that fails, dead when it is no use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from core.effects import mail, notices
from core.effects.mail import Server, Undeliverable
from core.errors import Busy
from core.hooks import Refusal
from core.registry.calls import Hooks
from core.storage import outbox
from core.storage.database import Database
from core.storage.outbox import Effect

_log = logging.getLogger("backoffice.effects")
MAIL_IS_OFF = "Outgoing mail is off: BACKOFFICE_SMTP_URL is not set."
AT_ONCE = 200


@dataclass(frozen=True)
class Deliverer:
    """Performs effects of one database. ``hooks`` gives those of the generation in force, ``server`` None means mail is off.

    An effect is marked done after it was performed. A worker that is killed between the two performs it again, under the
    same key: receivers know it by that (a mail by its Message-ID), so it counts once.
    """

    database: Database
    hooks: Callable[[], Hooks]
    server: Server | None
    now: Callable[[], datetime]
    worker: str = ""

    def deliver(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Perform what is due now, one after the other; answers how many. Raises Busy when the database is away."""
        count = 0
        while count < AT_ONCE and not stopped():
            effects = outbox.take(self.database, self.now(), worker=self.worker)
            if not effects:
                break
            for effect in effects:
                self._perform(effect)
                count += 1
        return count

    def _perform(self, effect: Effect) -> None:
        try:
            self._send(effect)
        except Busy:
            raise
        except Undeliverable as error:
            outbox.failed(self.database, effect, self.now(), str(error), for_good=True)
        except Refusal as error:
            outbox.failed(self.database, effect, self.now(), str(error))
        except Exception as error:  # whatever a receiver does, the others get their effects
            _log.warning("effect %s (%s) failed at try %s: %s", effect.id, effect.kind, effect.attempt, error)
            outbox.failed(self.database, effect, self.now(), f"{type(error).__name__}: {error}")

    def _send(self, effect: Effect) -> None:
        if effect.kind == "notification":
            notices.tell(self.database, effect, self.now())
            return
        if effect.kind == "mail":
            if self.server is None:
                raise Undeliverable(MAIL_IS_OFF)
            self.server.send(mail.message(effect.payload, effect.key, self.server.sender, self.now()))
        elif not any(answer is True for _, answer in self.hooks().call("perform_effect", effect=effect)):
            raise LookupError(f"No plugin performed an effect of the kind {effect.kind!r}.")
        outbox.done(self.database, effect, self.now())
