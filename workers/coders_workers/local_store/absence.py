"""Whether the fleet's store is away, and what a host does about it: go on alone, and tell it later.

Owns the two ways that a call can take, and the moments between them. Which calls there are is
:mod:`coders_workers.local_store.store`'s.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from coders_queue import errors
from coders_queue.clock import Clock
from coders_queue.models.limit import Limit
from coders_queue.models.record import SessionRecord
from coders_queue.store.base import Store
from coders_queue.store.memory import MemoryStore
from coders_workers.local_store import entries
from coders_workers.local_store.entries import Entry
from coders_workers.local_store.mirror import Mirror
from coders_workers.local_store.notebook import Notebook

log = structlog.get_logger(__name__)

#: Between two looks whether the store is back, seconds: at first, and at most. Each is drawn from
#: half of it to all, so that a fleet does not come back in one moment.
_FIRST, _LAST = 0.5, 3.0
#: Between two turns of the mirror, seconds.
_MIRROR = 0.5
#: Writes that change nothing which the copy is needed for.
_PASSING = frozenset({"note_activity", "record_event", "mark_archived"})

#: How an entry fails that is not what this version, or the store, can do.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, errors.CodersError)

Answer = TypeVar("Answer")


class Absence:
    """The store's absence, as one host lives with it. Thread-safe."""

    def __init__(self, fleet: Store, host: str, notebook: Notebook, clock: Clock) -> None:
        self.fleet = fleet
        self.notebook = notebook
        self.mirror = Mirror(host, notebook)
        self._host = host
        self._clock = clock
        #: Held by every write of the host's own, and while it comes back.
        self.turn = threading.RLock()
        #: What the host has while the fleet's store is away.
        self.own: MemoryStore | None = None
        self._why = ""
        self._since: float | None = None
        #: How often it came back. A call that was begun before says nothing of the time after.
        self.returns = 0
        self._gone = threading.Event()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._look_out, name="reconnect", daemon=True),
            threading.Thread(target=self._keep_copy, name="mirror", daemon=True),
        ]
        if notebook.counts()[0]:
            self.leave("an earlier worker had written down what was not told yet")

    @property
    def away(self) -> bool:
        """Whether the fleet's store is away."""
        return self.own is not None

    def start(self) -> None:
        """Begin to keep the copy, and to look out for the store while it is away."""
        if not self.away:
            try:
                here = self.fleet.list(live=True, host=self._host)
                waiting = self.fleet.queued()
                self.mirror.changed_all([*(record.id for record in here), *waiting])
            except errors.Unavailable as error:
                self.leave(error.message)
        for thread in self._threads:
            thread.start()

    def degraded(self) -> dict[str, Any] | None:
        """Since when the store is away, why, and what is to be told it; None while it answers."""
        if not self.away:
            return None
        to_do, refused = self.notebook.counts()
        since = self._since
        return {"since": since, "why": self._why, "journal": to_do, "refused": refused}

    def come_back(self) -> bool:
        """Tell the fleet's store what was done without it; False when it is away still."""
        if self.away:
            # before the lock is had: whoever writes meanwhile must not wait for one that is silent
            try:
                self.fleet.ping()
            except errors.Unavailable as error:
                self._why = error.message
                return False
        with self.turn:
            if self.own is None:
                return True
            try:
                told = self._tell()
            except errors.Unavailable as error:
                self._why = error.message
                return False
            self.notebook.told()
            self.own = None
            self.returns += 1
            away = time.time() - (self._since or time.time())
            self._since = None
            self._gone.clear()
            self.mirror.changed_all()
        log.warning("broker_back", seconds=round(away, 1), count=told)
        return True

    def lost(self, error: errors.Unavailable, returns: int) -> None:
        """A call got no answer that was begun when the store had come back so often."""
        if returns == self.returns:
            self.leave(error.message)

    def leave(self, why: str) -> None:
        """It is away: from now on the host goes by what it knows."""
        with self.turn:
            if self.own is not None:
                return
            own = MemoryStore(clock=self._clock)
            records = self.mirror.records
            limits = self.mirror.limits
            for account, until in self.mirror.exhausted.items():
                own.exhaust(account, until)
            # what runs here has its places; another may begin only where one of them ends
            own.set_limits({name: self._frozen(limit, records) for name, limit in limits.items()})
            own.take_in(records)
            for _, operation, session, text in self.notebook.entries():
                try:
                    entries.redo(own, entries.decode(operation, session, text))
                except _UNREADABLE as error:
                    log.warning("journal_entry_skipped", session=session, cause=str(error)[:300])
            self._why = why
            self._since = time.time()
            self.own = own
            self._gone.set()
        log.warning("broker_away", cause=why, count=len(records))

    def _frozen(self, limit: Limit, records: Sequence[SessionRecord]) -> Limit:
        used = sum(limit.counts(record.spec, self._host) for record in records)
        return limit.model_copy(update={"concurrency": used, "rate": None})

    def _tell(self) -> int:
        """Do what is in the journal; how many entries. Raises Unavailable."""
        count = 0
        for number, operation, session, text in self.notebook.entries():
            try:
                entry = entries.decode(operation, session, text)
                answer = self._redo(entry)
            except errors.Unavailable:
                raise
            except _UNREADABLE as error:
                # never in silence, and never lost: it stays where it can be looked at
                log.error("journal_entry_refused", session=session, cause=str(error)[:300])
                self.notebook.refuse(number, f"{type(error).__name__}: {error}")
                continue
            if answer is None or answer is False:
                log.info("journal_entry_late", session=session, cause=operation)
            self.notebook.strike(number)
            count += 1
        return count

    def _redo(self, entry: Entry) -> object:
        try:
            return entries.redo(self.fleet, entry)
        except errors.Conflict:
            if entry.operation != "submit" or entry.data["spec"].get("name") is None:
                raise
            # it runs: better without a name than not at all
            log.warning("name_taken_meanwhile", session=entry.session)
            spec = {**entry.data["spec"], "name": None}
            return entries.redo(
                self.fleet, Entry(entry.operation, entry.session, {**entry.data, "spec": spec})
            )

    def _look_out(self) -> None:
        while not self._stopping.is_set():
            self._gone.wait()
            pause = _FIRST
            while self.away and not self._stopping.wait(pause * random.uniform(0.5, 1)):  # noqa: S311
                try:
                    self.come_back()
                except Exception:
                    log.exception("come_back_failed")
                pause = min(_LAST, pause * 2)

    def _keep_copy(self) -> None:
        while not self._stopping.wait(_MIRROR):
            if self.away:
                continue
            try:
                self.mirror.refresh(self.fleet)
            except errors.Unavailable as error:
                log.warning("copy_delayed", cause=str(error))
            except Exception:
                log.exception("copy_failed")

    def read(self, ask: Callable[[Store], Answer]) -> Answer:
        """Ask whoever is there."""
        own, returns = self.own, self.returns
        if own is None:
            try:
                return ask(self.fleet)
            except errors.Unavailable as error:
                self.lost(error, returns)
                own = self.own
        return ask(own or self.fleet)

    def write(
        self,
        operation: str,
        session_id: str,
        data: Callable[[], Mapping[str, Any]],
        do: Callable[[Store], Answer],
    ) -> Answer:
        """Do it where it can be done, and write it down, with ``data``, where it has to be told."""
        if self.own is None:
            returns = self.returns
            try:
                answer = do(self.fleet)
            except errors.Unavailable as error:
                self.lost(error, returns)
            else:
                if operation not in _PASSING:
                    self.mirror.changed(session_id)
                return answer
        with self.turn:
            own = self.own
            if own is None:  # it is back
                return do(self.fleet)
            number = self.notebook.write(Entry(operation, session_id, data()))
            done = False
            try:
                answer = do(own)
                done = answer is not None and answer is not False
            finally:
                if not done:
                    self.notebook.strike(number)
            return answer

    def only_with_the_fleet(self, do: Callable[[Store], Answer]) -> Answer:
        """What a host cannot do alone. Raises Unavailable."""
        if self.own is not None:
            raise errors.Unavailable(self._why, "wait until the broker is back")
        returns = self.returns
        try:
            return do(self.fleet)
        except errors.Unavailable as error:
            self.lost(error, returns)
            raise

    def close(self) -> None:
        """Look out no longer. What is written down stays."""
        self._stopping.set()
        self._gone.set()
        self.fleet.close()
        self.notebook.close()
