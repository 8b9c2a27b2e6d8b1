"""tmux sessions on our own socket whose attempt is over. The server itself goes with the worker."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from coders_queue import ids
from coders_workers.cleanup.finding import Finding
from coders_workers.supervisor.host import Host


def find(host: Host) -> Iterator[Finding]:
    """Those that no attempt of a live session has, and in which no launcher is at work."""
    found = {ref: ids.parse_attempt_ref(ref) for ref in host.runtime.refs()}
    records = host.store.get_many({session_id for session_id, _ in found.values()})
    for ref, (session_id, attempt) in sorted(found.items()):
        record = records.get(session_id)
        if record is not None and not record.state.ended and record.attempt == attempt:
            continue
        directory = host.attempt_path(session_id, attempt)
        if directory.exists() and host.runtime.ended(directory) is None:
            continue  # a launcher is in it, or on its way: the sweep's business
        remove = partial(_remove, host, ref)
        yield Finding("terminal", ref, "its attempt is over", 0, remove)


def _remove(host: Host, ref: str) -> None:
    host.runtime.discard(ref)
