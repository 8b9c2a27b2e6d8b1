"""``wait``: until children have ended."""

from __future__ import annotations

import time
from typing import Any

from coders_queue import errors
from coders_queue.models.record import SessionRecord
from coders_workers.in_session import family
from coders_workers.in_session.call import Call

#: Seconds that are waited unless told otherwise.
_PATIENCE = 3600.0
#: How often it is looked whether the caller has hung up, seconds; with several to wait for one of,
#: how long each is waited for in turn.
_LOOK, _TURN = 2.0, 0.25


def run(call: Call) -> dict[str, Any]:
    """Wait for them."""
    names = call.params.get("sessions")
    wanted = family.named(call, names) if names else family.of(call)
    first = bool(call.params.get("first"))
    deadline = time.monotonic() + call.params.get("timeout", _PATIENCE)
    while True:
        over = [one for one in wanted if one.state.ended]
        live = [one for one in wanted if not one.state.ended]
        if not live or (first and over) or call.gone():
            return {"sessions": [family.told(one) for one in over]}
        left = deadline - time.monotonic()
        if left <= 0:
            raise errors.TimedOut(
                f"{_named(live)} still {'runs' if len(live) == 1 else 'run'}",
                "wait again, or go on without",
            )
        step = _TURN if first and len(live) > 1 else _LOOK
        call.station.bulletin.wait(live[0].id, lambda now: now.state.ended, min(step, left))
        found = call.station.store.get_many(one.id for one in wanted)
        wanted = [found.get(one.id, one) for one in wanted]


def _named(live: list[SessionRecord]) -> str:
    some = ", ".join(f"{one.label} ({one.state})" for one in live[:5])
    return f"{some} and {len(live) - 5} more" if len(live) > 5 else some
