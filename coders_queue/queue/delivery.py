"""What a delivery of a session's message means. Knows the store, not Celery.

The first delivery writes the session down; the one that finds an outcome hands it to Celery. Any of
them may come twice, at once, late, or not at all: a lease lets one deliver at a time, and only
``settle``, after Celery has stored the result, makes it final.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from coders_queue.clock import Clock, system_clock
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import SessionSpec
from coders_queue.store.base import Store

#: How long one delivery may take to hand its result to Celery before another may try, seconds.
DELIVERY_LEASE = 30.0


def lease_name(session_id: str) -> str:
    """The lease that a delivery holds."""
    return f"deliver:{session_id}"


@dataclass(frozen=True)
class Arrival:
    """What to do with a delivery."""

    verdict: Literal["wait", "deliver", "drop"]
    first: bool = False
    """Whether it is the first delivery that was seen."""
    record: SessionRecord | None = None
    outcome: Outcome | None = None
    holder: str = ""
    """The lease's holder, to let go of it afterwards."""


class Delivery:
    """Decides on deliveries."""

    def __init__(self, store: Store, clock: Clock = system_clock) -> None:
        self._store = store
        self._clock = clock

    def arrive(
        self,
        session_id: str,
        spec: SessionSpec | None,
        request: Mapping[str, Any],
        inputs: Sequence[Any],
    ) -> Arrival:
        """A message arrived. ``spec`` is in it only when its sender had no store to write to."""
        store = self._store
        if store.get(session_id) is None:
            if spec is None:
                return Arrival("deliver", outcome=self._unknown(session_id))
            store.submit(session_id, spec)
        first = store.attach_request(session_id, request, inputs)
        record = store.get(session_id)
        if record is None or record.settled:
            return Arrival("drop", first, record)
        if record.outcome is None:
            return Arrival("wait", first, record)
        holder = uuid.uuid4().hex
        if not store.acquire_lease(lease_name(session_id), holder, DELIVERY_LEASE):
            return Arrival("drop", first, record)
        return Arrival("deliver", first, record, record.outcome, holder)

    def delivered(self, session_id: str) -> None:
        """Celery has stored the result and sent what follows from it."""
        self._store.settle(session_id)

    def _unknown(self, session_id: str) -> Outcome:
        now = self._clock()
        return Outcome(
            id=session_id,
            state="failed",
            cause=Cause(
                kind="lost",
                message="the session's record is gone (expired, or the store lost its data)",
            ),
            ended_at=now,
        )
