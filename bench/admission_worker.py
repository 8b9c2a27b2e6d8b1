"""One of the control processes that race in the admission benchmark. Stands for its hosts, too."""

from __future__ import annotations

import contextlib
import heapq
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from bench.admission_plan import HOSTS, Planned
from coders_queue.models.admission import Admitted
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.restart import AttemptEnd
from coders_queue.store.base import Store
from coders_queue.store.open import open_store

#: How long a worker with nothing to do waits before it asks anyway, seconds.
_LONGEST = 0.25
#: Before one of so many decisions the server is asked for nothing at all.
_PING = 4
#: One of so many is submitted while others are admitted already.
_LATE = 5
#: A worker gives up after that, seconds.
_PATIENCE = 200.0


class Worker:
    """Submits its part, then admits whoever's turn it is and ends those that it admitted."""

    def __init__(self, store: Store, planned: dict[str, Planned]) -> None:
        self._store = store
        self._planned = planned
        self._ends: list[tuple[float, str, int]] = []
        self.decisions: list[float] = []
        """Milliseconds that each took, its way to the server and back included."""
        self.pings: list[float] = []
        """The same of asking the server nothing: what the machine makes of any question."""
        self.admitted = 0

    def submit(self, mine: list[Planned]) -> None:
        """Write them down, as clients and commands do, and let their messages arrive."""
        for one in mine:
            host = one.straight_to
            capacity = HOSTS[host] if host else None
            record = self._store.submit(one.id, one.spec, host=host, capacity=capacity)
            if record.state is State.ASSIGNED:
                self._begin(one.id, 1)
            self._store.attach_request(one.id, {})
            if one.cancelled:
                self._store.request_cancel(one.id, "not any more")

    def work(self, late: list[Planned]) -> None:
        """Until nobody waits and all that it admitted have ended; ``late`` come meanwhile."""
        deadline = time.monotonic() + _PATIENCE
        left = list(late)
        while left or self._ends or self._store.queued(1):
            if time.monotonic() > deadline:
                return
            self.submit([left.pop()] if left else [])
            wait = self._fill()
            if not self._end_due():
                due = self._ends[0][0] - time.monotonic() if self._ends else _LONGEST
                time.sleep(max(0.0, min(wait, due, _LONGEST)))

    def _fill(self) -> float:
        """Admit until nobody may start; how long to wait then, seconds."""
        while True:
            if len(self.decisions) % _PING == 0:
                began = time.perf_counter()
                self._store.ping()
                self.pings.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            answer = self._store.admit(HOSTS)
            self.decisions.append(1000 * (time.perf_counter() - began))
            if not isinstance(answer, Admitted):
                return _LONGEST if answer.seconds is None else answer.seconds
            self.admitted += 1
            self._begin(answer.session_id, answer.attempt)

    def _begin(self, session_id: str, attempt: int) -> None:
        for state in (State.STARTING, State.RUNNING):
            self._store.move(session_id, attempt, state)
        at = time.monotonic() + self._planned[session_id].lasts
        heapq.heappush(self._ends, (at, session_id, attempt))

    def _end_due(self) -> int:
        count = 0
        while self._ends and self._ends[0][0] <= time.monotonic():
            _, session_id, attempt = heapq.heappop(self._ends)
            count += 1
            if self._planned[session_id].requeued and attempt == 1:
                cause = Cause(kind="exit", message="again")
                end = AttemptEnd(attempt=1, ended_at=time.time(), cause=cause)
                if self._store.requeue(session_id, end):
                    continue
            outcome = Outcome(id=session_id, state="succeeded")
            # told twice, as after a worker's death: the second changes nothing
            for _ in range(2):
                self._store.finish(session_id, attempt, outcome)
        return count


def run(
    url: str, number: int, workers: int, planned: list[Planned], gate: Barrier, told: Queue[Any]
) -> None:
    """The whole life of one process. All begin to submit, and to admit, together."""
    with contextlib.closing(open_store(url)) as store:
        one = Worker(store, {each.id: each for each in planned})
        mine = planned[number::workers]
        first = len(mine) - len(mine) // _LATE
        gate.wait(60)
        one.submit(mine[:first])
        gate.wait(60)
        one.work(mine[first:])
        told.put((one.decisions, one.pings, one.admitted))
