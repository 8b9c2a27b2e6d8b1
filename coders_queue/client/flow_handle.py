"""A flow in the hands of a Python program."""

from __future__ import annotations

import time
from typing import Any

from coders_queue import errors
from coders_queue.flows.shown import flow_object
from coders_queue.models.flow import FlowRecord
from coders_queue.queue.app import CodersApp

#: Between two looks at a flow that runs, seconds.
_EVERY = 0.2


class FlowHandle:
    """One flow: look at it, wait for it, end it, have it go on. Holds no state of its own."""

    def __init__(self, app: CodersApp, flow_id: str) -> None:
        self._app = app
        self.id = flow_id

    def __repr__(self) -> str:
        return f"FlowHandle({self.id!r})"

    @property
    def record(self) -> FlowRecord:
        """What the store knows of it now. Raises NotFound when it has expired."""
        record = self._app.store.flows.get(self.id)
        if record is None:
            raise errors.NotFound(f"there is no flow {self.id}")
        return record

    def show(self) -> dict[str, Any]:
        """All of it with its steps, as ``coders flow show --json`` prints it."""
        record = self.record
        return flow_object(record, self._app.flows.view(record))

    def wait(self, timeout: float | None = None) -> FlowRecord:
        """The record, once the flow is over. Raises TimedOut after ``timeout`` seconds.

        A flow's failure is a value: look at ``record.state``.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (record := self.record).state == "running":
            left = _EVERY if deadline is None else min(_EVERY, deadline - time.monotonic())
            if left <= 0:
                raise errors.TimedOut(f"flow {record.name} is not over after {timeout:g} s")
            time.sleep(left)
        return record

    def cancel(self, reason: str = "cancelled by its owner") -> None:
        """End it with all its sessions. Raises Conflict when it is over."""
        if not self._app.flows.cancel(self.id, reason):
            raise errors.Conflict(f"flow {self.record.name} is over: it is {self.record.state}")

    def resume(self) -> None:
        """Try again what failed. Raises Conflict unless it failed or was cancelled."""
        if not self._app.flows.resume(self.id):
            record = self.record
            raise errors.Conflict(f"flow {record.name} cannot go on: it is {record.state}")
