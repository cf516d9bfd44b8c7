"""The running house: settings, database, clock, files, and the Generation in force."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import copy

from core.access.actor import Actor
from core.facts import Clock, SystemClock
from core.registry.calls import Ledger
from core.registry.discover import Discovery, discover
from core.registry.generation import Generation
from core.services import publish
from core.services.documents import Memory
from core.services.flipping import swap
from core.services.plugins import Recorder
from core.settings import Settings
from core.storage import snapshots, unit
from core.storage.database import Database
from core.storage.files import FileStore, LocalFiles
from core.storage.unit import Unit


class _Pinned(threading.local):
    open: bool = False
    generation: Generation | None = None


class Platform:
    """What every verb of ``core.services`` takes first. One per process; threads share it.

    ``start`` brings the database to the declared shape (additive steps only) and loads the generation in force.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, *,
                 find: Callable[[Settings], Discovery] = discover) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.database = Database(settings.database_url, settings.data_dir, secret=settings.secret_key)
        self.files: FileStore = LocalFiles(settings.data_dir / "files")
        self.ledger = Ledger()
        self.ledger.report = Recorder(self)
        self.memory = Memory()
        self.discovery = find(settings)
        self._find = find
        self._lock = threading.Lock()
        self._generation: Generation | None = None
        self._pinned = _Pinned()

    def start(self) -> None:
        """Make the platform's own tables, publish changed plugin declarations, load the generation in force."""
        with self._lock:
            self._generation = publish.ensure_current(self)

    def reload(self) -> None:
        """Look for plugins again and publish what changed in them."""
        with self._lock:
            self.discovery = self._find(self.settings)
            self._serve(publish.ensure_current(self))

    @property
    def current(self) -> Generation:
        """The generation this process serves now, without asking the database."""
        found = self._pinned.generation or self._generation
        if found is None:
            raise RuntimeError("The platform has not been started: call start() first.")
        return found

    def generation(self, head: int | None = None) -> Generation:
        """The generation in force. ``head`` is the number just read in the thread's snapshot; without it, it is read now."""
        number = head if head is not None else publish.head(self)
        found = self._generation
        if found is None or found.number < number:
            with self._lock:
                found = self._generation
                if found is None or found.number < number:
                    made = publish.load(self, number, found, seen=head is not None)
                    self._serve(made)
                    found = made
        return found

    def adopt(self, made: Generation) -> None:
        """Serve a generation this process has just published."""
        with self._lock:
            if self._generation is None or self._generation.number < made.number:
                self._serve(made)

    def _serve(self, made: Generation) -> None:
        former, self._generation = self._generation, made
        swap(self, former, made)

    def read(self, actor: Actor, generation: Generation | None = None) -> AbstractContextManager[Unit]:
        """A read-only unit of work in one snapshot; within :meth:`answering`, the snapshot and generation of the request."""
        return unit.reading(self.database, generation or self._pinned.generation or self.current, actor, self.clock.now())

    @contextlib.contextmanager
    def answering(self) -> Iterator[snapshots.Moment]:
        """All that this thread reads within the block is of one moment, until it writes."""
        with snapshots.shared(self.database) as moment:
            self._pinned.open = True
            try:
                yield moment
            finally:
                self._pinned.open, self._pinned.generation = False, None

    def pin(self, generation: Generation, head: int | None = None) -> Generation:
        """Within :meth:`answering`: read by this generation, whatever is published meanwhile.

        ``head`` is the number of the one that the snapshot says is in force.
        """
        if self._pinned.open:
            self._pinned.generation = generation
            if head is not None and generation.number != head:
                # Another thread went on since the snapshot was opened, which knows nothing of the newer columns.
                snapshots.renew(self.database)
        return generation

    def write(self, actor: Actor, generation: Generation | None = None, *, operation: str | None = None,
              reason: str = "") -> AbstractContextManager[Unit]:
        """A writing unit of work; raises HeadMoved when the generation is no longer in force."""
        return unit.writing(self.database, generation or self.current, actor, self.clock.now(),
                            operation=operation, reason=reason)

    def beside(self, database: Database) -> Platform:
        """The same house over a copy of its database."""
        twin = copy(self)
        twin.database = database
        return twin

    def close(self) -> None:
        """Give back the database's connections."""
        self.database.dispose()
