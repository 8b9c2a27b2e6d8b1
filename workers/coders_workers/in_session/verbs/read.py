"""``read``: an entry of the session's own spaces, or which there are."""

from __future__ import annotations

from typing import Any

from coders_queue import errors
from coders_workers.in_session import own_spaces
from coders_workers.in_session.call import Call
from coders_workers.server.sharing import Sharing


def run(call: Call) -> dict[str, Any]:
    """The first of the spaces that has the key, or the entries of all."""
    sharing, spaces = Sharing(call.station), own_spaces.chosen(call)
    if call.params.get("key") is None:
        if call.params.get("version") is not None:
            raise errors.UsageError("'version' is of an entry: name its key")
        found = [entry for one in spaces for entry in sharing.listed({"space": one})["entries"]]
        return {"entries": found}
    for one in spaces[:-1]:
        try:
            return sharing.shown({**call.params, "space": one})
        except errors.NotFound:
            continue
    return sharing.shown({**call.params, "space": spaces[-1]})
