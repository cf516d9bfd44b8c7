"""Jobs: verbs that take long are put in a list and done by the worker, once in effect; and the outbox as people look at it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.access.actor import Actor
from core.errors import BackofficeError, Busy, Forbidden, NotFound
from core.services.accounts import actor_for_account
from core.services.platform import Platform
from core.storage import jobs, outbox
from core.storage.jobs import JobRow, Task

_log = logging.getLogger("backoffice.jobs")
BEAT = 30.0
"""Seconds between two signs of life of a job that is being done."""


@dataclass(frozen=True)
class Run:
    """What a verb is told of its job. ``key`` is the same at every try: what it writes under it is written once."""

    key: str
    attempt: int
    progress: Callable[[str], None]


Verb = Callable[[Platform, Actor, Mapping[str, Any], Run], Any]
_verbs: dict[str, Verb] = {}


def verb(name: str) -> Callable[[Verb], Verb]:
    """Register what a job of this name does. It takes (platform, actor, values, run) and answers plain JSON."""

    def register(function: Verb) -> Verb:
        if name in _verbs:
            raise LookupError(f"There are two verbs {name!r} for jobs.")
        _verbs[name] = function
        return function

    return register


def put(p: Platform, actor: Actor, name: str, values: Mapping[str, Any], *, key: str | None = None, due: datetime | None = None) -> int:
    """Have the worker do a verb later, with the actor's rights of that moment; answers the job's id."""
    if name not in _verbs:
        raise LookupError(f"There is no verb {name!r} for jobs.")
    with p.write(actor, p.generation(), reason=f"job {name}") as unit:
        return jobs.put(unit, name, values, key=key, account=actor.account, due=due)


def status(p: Platform, actor: Actor, id: int) -> JobRow:
    """One of the own jobs; administrators see everybody's. NotFound otherwise."""
    with p.read(actor) as unit:
        found = jobs.listed(unit, id=id, limit=1)
    if not found or (found[0].account != actor.account and not _keeps(actor)):
        raise NotFound("There is no such job.")
    return found[0]


def listed(p: Platform, actor: Actor, *, limit: int = 100) -> list[JobRow]:
    """The own jobs, newest first; everybody's for administrators."""
    with p.read(actor) as unit:
        return jobs.listed(unit, account=None if _keeps(actor) else (actor.account or 0), limit=limit)


def work(p: Platform, worker: str, stop: threading.Event) -> bool:
    """Do one job that is due, with signs of life while it lasts; False when there is none."""
    task = jobs.take(p.database, p.clock.now(), worker)
    if task is None:
        return False
    _perform(p, task, stop)
    return True


def waiting(p: Platform) -> list[dict[str, Any]]:
    """The effects that wait in the outbox, oldest first, as plain values."""
    with p.read(Actor.system("outbox")) as unit:
        return list(reversed(outbox.listed(unit, state="waiting", limit=1_000)))


def effects(p: Platform, actor: Actor, *, state: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Effects, newest first, for administrators."""
    _require_keeper(actor)
    with p.read(actor) as unit:
        return outbox.listed(unit, state=state, limit=limit)


def again(p: Platform, actor: Actor, effect: int) -> None:
    """Have a dead or waiting effect performed at once. Administrators only."""
    _require_keeper(actor)
    with p.write(actor, p.generation(), reason="effect tried again") as unit:
        outbox.again(unit, effect)


def _perform(p: Platform, task: Task, stop: threading.Event) -> None:
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(p, task, ended), daemon=True)
    beating.start()
    run = Run(task.key, task.attempt, lambda said: jobs.beat(p.database, task, p.clock.now(), said))
    try:
        function = _verbs[task.verb]
        actor = actor_for_account(p, task.account).via("job") if task.account is not None else Actor.system(f"job {task.verb}", "job")
        result = function(p, actor, task.values, run)
    except Busy:
        _ended(p, task, "The database was busy.", for_good=False)
    except BackofficeError as error:
        _ended(p, task, error.detail, for_good=True)
    except Exception as error:
        _log.exception("job %s (%s) failed at try %s", task.id, task.verb, task.attempt)
        _ended(p, task, f"{type(error).__name__}: {error}", for_good=isinstance(error, KeyError) and task.verb not in _verbs)
    else:
        jobs.done(p.database, task, p.clock.now(), result)
    finally:
        ended.set()
        beating.join()


def _ended(p: Platform, task: Task, sentence: str, *, for_good: bool) -> None:
    jobs.failed(p.database, task, p.clock.now(), sentence, for_good=for_good)


def _beat(p: Platform, task: Task, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        try:
            jobs.beat(p.database, task, p.clock.now())
        except BackofficeError as error:
            _log.warning("no sign of life of job %s: %s", task.id, error)


def _keeps(actor: Actor) -> bool:
    return actor.is_system or bool(actor.roles & {"core.admin", "core.everything"})


def _require_keeper(actor: Actor) -> None:
    if not _keeps(actor):
        raise Forbidden("The outbox is kept by administrators (core.admin). Ask one of them.")
