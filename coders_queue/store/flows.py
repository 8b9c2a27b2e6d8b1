"""What is kept of flows: the contract that Redis and the in-memory twin both keep.

A flow has a record, a log to which entries are added, and the outcomes of its runs. Nothing here
decides anything, and no entry is ever changed. Raises Unavailable as the rest of the store does.
"""

from __future__ import annotations

import builtins
from typing import Protocol

from coders_queue.models.flow import Entry, FlowRecord, FlowState
from coders_queue.models.outcome import Outcome


class FlowStore(Protocol):
    """Flows."""

    def submit(self, record: FlowRecord) -> FlowRecord:
        """Write a new flow. A second one with its id changes nothing; the record as it is."""
        ...

    def get(self, flow_id: str) -> FlowRecord | None:
        """A flow's record."""
        ...

    def list(self, *, live: bool | None = None, limit: int | None = None) -> list[FlowRecord]:
        """Records, newest first; only those that are not over, or only others."""
        ...

    def live(self) -> builtins.list[str]:
        """Ids of those that are not over."""
        ...

    def resolve(self, reference: str) -> str:
        """The id of the flow of that id, prefix of one, or name (of those the one not over).

        Raises NotFound, Ambiguous.
        """
        ...

    def length(self, flow_id: str) -> int:
        """How many entries its log has."""
        ...

    def entries(self, flow_id: str, since: int = 0) -> builtins.list[Entry]:
        """Its log from the entry of that number on."""
        ...

    def append(self, flow_id: str, entry: Entry, *, expect: int | None = None) -> bool:
        """Add an entry to a flow that is not over. With ``expect`` only while the log has just so
        many: what it was decided on still stands then. Whether it was added."""
        ...

    def end_run(self, flow_id: str, run: str, outcome: Outcome) -> bool:
        """Keep a run's outcome and note its end, once; False when it was noted before."""
        ...

    def outcome(self, flow_id: str, run: str) -> Outcome | None:
        """A run's outcome."""
        ...

    def finish(
        self, flow_id: str, state: FlowState, cause: str | None, result: object, *, expect: int
    ) -> bool:
        """The flow is over, unless its log has grown since; whether it is."""
        ...

    def resume(self, flow_id: str) -> bool:
        """Have a failed or cancelled flow go on; False for one that is in no such state."""
        ...
