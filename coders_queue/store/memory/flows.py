"""Flows in one process."""

from __future__ import annotations

import builtins
import threading

from coders_queue.clock import Clock
from coders_queue.models.flow import RESUMABLE, Entry, FlowRecord, FlowState, Resumed
from coders_queue.models.outcome import Outcome
from coders_queue.store import flow_names


class MemoryFlows:
    """See :class:`~coders_queue.store.flows.FlowStore`."""

    def __init__(self, lock: threading.Condition, clock: Clock) -> None:
        self._lock = lock
        self._clock = clock
        self._records: dict[str, FlowRecord] = {}
        self._logs: dict[str, builtins.list[Entry]] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}

    def submit(self, record: FlowRecord) -> FlowRecord:
        """Write a new flow."""
        with self._lock:
            found = self._records.setdefault(record.id, record)
            self._logs.setdefault(record.id, [])
            self._outcomes.setdefault(record.id, {})
            return found

    def get(self, flow_id: str) -> FlowRecord | None:
        """A flow's record."""
        return self._records.get(flow_id)

    def list(self, *, live: bool | None = None, limit: int | None = None) -> list[FlowRecord]:
        """Records, newest first."""
        with self._lock:
            found = [one for one in self._records.values() if live in (None, _lives(one))]
        found.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        return found[:limit]

    def live(self) -> builtins.list[str]:
        """Ids of those that are not over."""
        return [one.id for one in self.list(live=True)]

    def resolve(self, reference: str) -> str:
        """The id of the flow that is meant."""
        return flow_names.resolve(reference, self.list())

    def length(self, flow_id: str) -> int:
        """How many entries its log has."""
        with self._lock:
            return len(self._logs.get(flow_id, ()))

    def entries(self, flow_id: str, since: int = 0) -> builtins.list[Entry]:
        """Its log from that entry on."""
        with self._lock:
            return self._logs.get(flow_id, [])[since:]

    def append(self, flow_id: str, entry: Entry, *, expect: int | None = None) -> bool:
        """Add an entry."""
        with self._lock:
            record = self._records.get(flow_id)
            if record is None or not _lives(record):
                return False
            log = self._logs[flow_id]
            if expect is not None and len(log) != expect:
                return False
            log.append(entry)
            return True

    def end_run(self, flow_id: str, run: str, outcome: Outcome) -> bool:
        """Keep a run's outcome."""
        with self._lock:
            record = self._records.get(flow_id)
            if record is None or not _lives(record) or run in self._outcomes[flow_id]:
                return False
            self._outcomes[flow_id][run] = outcome
            self._logs[flow_id].append(flow_names.ended(run, outcome))
            return True

    def outcome(self, flow_id: str, run: str) -> Outcome | None:
        """A run's outcome."""
        with self._lock:
            return self._outcomes.get(flow_id, {}).get(run)

    def finish(
        self, flow_id: str, state: FlowState, cause: str | None, result: object, *, expect: int
    ) -> bool:
        """The flow is over."""
        with self._lock:
            record = self._records.get(flow_id)
            if record is None or not _lives(record) or len(self._logs[flow_id]) != expect:
                return False
            self._records[flow_id] = record.model_copy(
                update={
                    "state": state,
                    "cause": cause,
                    "result": result,
                    "ended_at": self._clock(),
                }
            )
            return True

    def resume(self, flow_id: str) -> bool:
        """Have a flow go on."""
        with self._lock:
            record = self._records.get(flow_id)
            if record is None or record.state not in RESUMABLE:
                return False
            changed = {"state": "running", "cause": None, "result": None, "ended_at": None}
            self._records[flow_id] = record.model_copy(
                update={**changed, "resumed_at": self._clock()}
            )
            self._logs[flow_id].append(Resumed())
            return True


def _lives(record: FlowRecord) -> bool:
    return record.state == "running"
