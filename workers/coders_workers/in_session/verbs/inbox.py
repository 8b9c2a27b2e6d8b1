"""``inbox``: taken, kept for a request that is made again, acknowledged, and only then shown."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from coders_queue.models.context import session as address_of
from coders_queue.models.message import Message
from coders_workers.in_session.call import Call
from coders_workers.supervisor import private_file

#: Messages at a time, unless told otherwise.
_SHOWN = 20
#: The largest answer that is kept, bytes: ten times what one handful holds, as JSON may have it.
_LARGEST = 16 * 1024 * 1024
#: Seconds between two looks while a message is waited for.
_LOOK = 1.0
#: Answers that are kept: so many requests may be made again.
_KEPT = 16


def run(call: Call) -> dict[str, Any]:
    """Messages that nobody else was given; none after the time for which one is waited for."""
    store, address = call.station.store.mailboxes, address_of(call.record.id)
    reader = f"request {call.request}"
    file = call.directory / f"inbox-{call.request}.json"
    until = time.monotonic() + (call.params.get("wait") or 0.0)
    taken = _recalled(file)
    while not taken:
        taken = store.take(address, reader, call.params.get("limit") or _SHOWN)
        if taken:
            # before they are acknowledged: asked again, the answer is this one
            _keep(call.directory, file, taken)
        elif time.monotonic() >= until or call.gone():
            return {"messages": []}
        else:
            time.sleep(_LOOK)
    own = set(store.acknowledge(address, reader, [one.id for one in taken]))
    return {"messages": [one.model_dump() for one in taken if one.id in own]}


def _keep(directory: Path, file: Path, taken: list[Message]) -> None:
    content = json.dumps([one.model_dump() for one in taken]).encode("ascii")
    private_file.write(directory, file.name, content)
    kept = []
    for one in directory.glob("inbox-*.json"):
        with contextlib.suppress(OSError):  # removed by another request just now
            kept.append((one.lstat().st_mtime, one))
    for _, old in sorted(kept)[:-_KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()


def _recalled(file: Path) -> list[Message]:
    content = private_file.read(file, _LARGEST)
    try:
        return [Message.model_validate(one) for one in json.loads(content or b"[]")]
    except (ValueError, TypeError, RecursionError):  # the agent can write there, too
        return []
