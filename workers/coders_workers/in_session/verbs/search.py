"""``search``: over the session's own spaces alone."""

from __future__ import annotations

from typing import Any

from coders_workers.in_session import own_spaces
from coders_workers.in_session.call import Call
from coders_workers.server.sharing import Sharing


def run(call: Call) -> dict[str, Any]:
    """The best entries."""
    spaces = list(own_spaces.chosen(call))
    params = {"query": call.params["query"], "limit": call.params.get("limit"), "spaces": spaces}
    return Sharing(call.station).found(params)
