"""The verbs about what waits for a person."""

from __future__ import annotations

from typing import Any

from coders_queue import errors, ids
from coders_queue.models import context
from coders_queue.models.approval import Approval
from coders_queue.queue.answering import Answering
from coders_workers.server import params as read
from coders_workers.server.station import Station

Params = dict[str, Any]

#: How many are listed of those that wait no more, unless told otherwise.
_LISTED = 100


class Approving:
    """Shows what waits, and has it answered."""

    def __init__(self, station: Station) -> None:
        self._station = station

    @property
    def _answering(self) -> Answering:
        return Answering(self._station.store, self._station.app.publisher)

    def listed(self, params: Params) -> Params:
        """What waits; or the last that were asked, whatever became of them."""
        limit = read.count(params, "limit", 0)
        waiting = self._answering.waiting()
        if not read.flag(params, "all"):
            return {"approvals": [shown(one) for one in waiting[:limit]]}
        kept = self._station.store.approvals.list(
            waiting=False, limit=_LISTED if limit is None else limit
        )
        return {"approvals": [shown(one) for one in kept]}

    def shown(self, params: Params) -> Params:
        """One of it."""
        return shown(self._answering.find(_reference(params)))

    def answer(self, params: Params) -> Params:
        """Answer it; as it is then."""
        return shown(
            self._answering.answer(
                _reference(params),
                by=self._by(params),
                choice=read.text(params, "choice"),
                deny=read.flag(params, "deny"),
                because=read.text(params, "because"),
            )
        )

    def _by(self, params: Params) -> str:
        chosen = read.text(params, "session")
        if chosen is None:
            return context.person(self._station.settings.owner)
        if not ids.is_session_id(chosen):
            raise errors.UsageError(f"'session' is {chosen[:60]!r}, not a session's id")
        return context.session(chosen)


def shown(approval: Approval) -> Params:
    """As the socket and ``--json`` give it."""
    fields = approval.model_dump(mode="json", exclude={"digest", "version"})
    if fields["answer"] is not None:
        del fields["answer"]["token"], fields["answer"]["pressed_at"]
    return fields


def _reference(params: Params) -> str:
    reference = read.text(params, "ref")
    if not reference:
        raise errors.UsageError("nothing was named", "give an approval's id, or a session")
    return reference
