"""The verbs about flows."""

from __future__ import annotations

import time
import uuid
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.flows.shown import flow_object
from coders_queue.flows.submission import Submission
from coders_queue.models.flow import FlowRecord
from coders_workers.server import params as read
from coders_workers.server.station import Station

Params = dict[str, Any]

#: The largest submission, characters of JSON.
_LARGEST = 16 * 1024 * 1024


class Flowing:
    """Begins, shows and ends flows."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def submit(self, params: Params) -> dict[str, Any]:
        """Begin a flow; asked twice with one id, it begins once."""
        text = read.text(params, "submission") or ""
        if len(text) > _LARGEST:
            raise errors.UsageError(f"the flow is larger than {_LARGEST} characters")
        try:
            submission = Submission.load(text)
            flow_id = str(uuid.UUID(read.text(params, "id") or str(uuid.uuid4())))
        except (ValidationError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise errors.UsageError(
                f"this is no flow that the worker knows: {first}", "update coders on this host"
            ) from None
        record = FlowRecord(
            id=flow_id,
            name=submission.flow.flow,
            owner=read.text(params, "owner") or self._station.settings.owner,
            submission=text,
            created_at=time.time(),
        )
        self._station.app.flows.submit(record)
        return self.show({"ref": flow_id})

    def ls(self, params: Params) -> dict[str, Any]:
        """The flows that are not over; with ``all`` the others too."""
        found = self._station.store.flows.list(
            live=None if read.flag(params, "all") else True, limit=read.count(params, "limit", 0)
        )
        return {"flows": [flow_object(one) for one in found]}

    def show(self, params: Params) -> dict[str, Any]:
        """One, with its steps."""
        record = self._record(params)
        return flow_object(record, self._station.app.flows.view(record))

    def cancel(self, params: Params) -> dict[str, Any]:
        """End one with all its sessions."""
        record = self._record(params)
        if not self._station.app.flows.cancel(
            record.id, read.text(params, "reason") or "cancelled"
        ):
            raise errors.Conflict(f"flow {_label(record)} is over: it {_was(record)}")
        return self.show({"ref": record.id})

    def resume(self, params: Params) -> dict[str, Any]:
        """Go on with one that failed or was cancelled."""
        record = self._record(params)
        if not self._station.app.flows.resume(record.id):
            state = "is not over" if record.state == "running" else _was(record)
            raise errors.Conflict(
                f"flow {_label(record)} {state}", "only what failed or was cancelled is resumed"
            )
        return self.show({"ref": record.id})

    def _record(self, params: Params) -> FlowRecord:
        reference = read.text(params, "ref")
        if not reference:
            raise errors.UsageError("no flow was named", "give its id, its name or a prefix")
        flows = self._station.store.flows
        record = flows.get(reference) or flows.get(flows.resolve(reference))
        if record is None:
            raise errors.NotFound(f"there is no flow {reference[:80]!r}", "see: coders flow ls")
        return record


def _label(record: FlowRecord) -> str:
    return f"{record.name} ({record.id[:8]})"


def _was(record: FlowRecord) -> str:
    return record.state if record.state != "cancelled" else "was cancelled"
