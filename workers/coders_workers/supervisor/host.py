"""What the services of a host share: its name, its store, its runtime, its paths.

Composed once by the worker (or a test) and handed to each service. Holds no logic.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from structlog.contextvars import bind_contextvars

from coders_queue import ids
from coders_queue.clock import Clock, system_clock
from coders_queue.models.record import SessionRecord
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.base import Store
from coders_workers import attempt_dir
from coders_workers.runtimes.base import Runtime
from coders_workers.supervisor.sayings import Sayings


class Follow(Protocol):
    """What a host sets off elsewhere when something happened here."""

    def started(self, session_id: str, pid: int, at: float) -> None:
        """The agent's process lives."""

    def complete(self, session_id: str) -> None:
        """The session has ended: its message is to be sent with the outcome."""

    def freed(self) -> None:
        """A place is free that a session had: somebody else may have it."""

    def archive(self, session_id: str, attempt: int) -> None:
        """The attempt is over: what it left is to be stored."""

    def also_archive(self, limit: int) -> list[tuple[str, int]]:
        """Others to be stored now, for which no message of their own goes out."""


def correlate(record: SessionRecord | None, session_id: str) -> None:
    """Log lines of this piece of work carry the session's correlation id from here on.

    A piece of work has its thread's context to itself: the next one binds its own.
    """
    chosen = record.spec.correlation_id if record is not None else None
    bind_contextvars(correlation=chosen or session_id)


@dataclass(frozen=True)
class Host:
    """One machine's worker, as its services see it."""

    name: str
    store: Store
    runtime: Runtime
    settings: Settings
    paths: Paths
    follow: Follow
    submit: Callable[[Callable[[], object]], object]
    """Runs a piece of work soon, on another thread."""
    environ: dict[str, str]
    """The environment the worker was started with."""
    sayings: Sayings = field(default_factory=Sayings)
    """What its agents say of themselves."""
    clock: Clock = system_clock
    steady: Clock = time.monotonic
    """Seconds that pass whatever becomes of the machine's clock. For deadlines."""
    _locks: dict[str, tuple[threading.RLock, int]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def attempt_path(self, session_id: str, attempt: int) -> Path:
        """The attempt's private directory (which may not exist)."""
        return attempt_dir.path(self.paths.sessions, session_id, attempt)

    @contextmanager
    def turn(self, session_id: str, attempt: int) -> Iterator[None]:
        """One thread of this process at a time for one attempt: spawning, adopting and finishing
        of the same attempt wait for each other here. Other processes are kept off by the host's
        lease and by the launcher's claim."""
        ref = ids.attempt_ref(session_id, attempt)
        with self._guard:
            lock, users = self._locks.get(ref, (threading.RLock(), 0))
            self._locks[ref] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks[ref]
                if users == 1:
                    del self._locks[ref]
                else:
                    self._locks[ref] = (lock, users - 1)
