"""The backstop of the watch: looks at every session of this host, changed or not.

By beat's task, and by a local timer when that does not come. Finds what the watchers would have
found, by the same services. Safe at any moment, any number of times, and twice at once.
"""

from __future__ import annotations

import threading

import structlog

from coders_queue import ids
from coders_queue.clock import overdue
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.watch import Watched
from coders_workers.watchers.watchers import Watchers

log = structlog.get_logger(__name__)

#: Seconds that the watch on launchers is given to tell of an end itself.
_PATIENCE = 1.0
#: How many periods may pass without a probe before the host has one by itself.
_LATE = 1.5


class Probe:
    """One host's."""

    def __init__(self, host: Host, watchers: Watchers, watched: Watched, period: float) -> None:
        """``period``: seconds between two probes, as beat sends them."""
        self._host = host
        self._watchers = watchers
        self._watched = watched
        self._period = period
        self._running = threading.Lock()
        self._ran_at = host.steady()

    def run(self) -> dict[str, int]:
        """Look at all of them; how many there are, and how many had ended unseen.

        While one is under way there is nothing to be seen that it does not see.
        """
        if not self._running.acquire(blocking=False):
            return {"sessions": 0, "ends": 0}
        try:
            self._ran_at = self._host.steady()
            return {"ends": self._ends(), "sessions": self._watchers.probe()}
        finally:
            self._running.release()

    def run_if_late(self) -> bool:
        """The same when none has come for too long: no beat does, or the broker is away."""
        if self._host.steady() - self._ran_at < self._period * _LATE:
            return False
        self.run()
        return True

    def _ends(self) -> int:
        """Tell of the attempts that are over and still under watch."""
        count = 0
        for ref in self._watched.refs():
            session_id, attempt = ids.parse_attempt_ref(ref)
            directory = self._host.attempt_path(session_id, attempt)
            runtime = self._host.runtime
            if runtime.started(directory) is None:
                continue  # who starts it sees to it
            ended = runtime.ended(directory)
            if ended is None:
                continue
            if not ended.status.lost and not overdue(ended.at, _PATIENCE, self._host.clock()):
                continue
            if ref in self._watched and not runtime.adopt(ref, directory, self._watched.on_end):
                log.warning("end_missed", session=session_id, attempt=attempt)
                self._watched.on_end(ref)
                count += 1
        return count
