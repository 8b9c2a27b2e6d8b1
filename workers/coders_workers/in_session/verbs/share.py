"""``share``: written as this session, once however often it is asked."""

from __future__ import annotations

from typing import Any

from coders_queue.models import context as names
from coders_queue.models.context import ContextEntry
from coders_workers.in_session import own_spaces
from coders_workers.in_session.call import Call
from coders_workers.server.sharing import Sharing, listed


def run(call: Call) -> dict[str, Any]:
    """Write it. What this session has written there already, as it is, is as good as written:
    it is asked again since the answer was lost."""
    sharing, store = Sharing(call.station), call.station.store.context
    space, key = own_spaces.chosen(call)[0], call.params["key"]
    entry = store.get(space, key)
    if entry is not None and _is_it(entry, call):
        return listed(entry)
    return sharing.put({**call.params, "space": space, "key": key, "session": call.record.id})


def _is_it(entry: ContextEntry, call: Call) -> bool:
    mine = entry.author == names.session(call.record.id)
    wanted = (call.params["text"], call.params.get("kind", "fact"))
    lasts = call.params.get("lasts") is not None or entry.expires_at is not None
    return mine and (entry.text, entry.kind) == wanted and not lasts
