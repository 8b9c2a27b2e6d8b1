"""``message``: sent as this session, once however often it is asked."""

from __future__ import annotations

from typing import Any

from coders_workers.in_session.call import Call
from coders_workers.server.mailing import Mailing


def run(call: Call) -> dict[str, Any]:
    """Send it; the request's own id is the sender's."""
    params = {**call.params, "key": f"request {call.request}", "session": call.record.id}
    return Mailing(call.station).send(params)
