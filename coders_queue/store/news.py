"""What the latest events say of a session that its record does not."""

from __future__ import annotations

from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.store import kinds
from coders_queue.store.base import Store

_READ = 20_000


def is_installing(store: Store, record: SessionRecord) -> bool:
    """Whether its host is installing the program it wants: its start has not begun to count."""
    if record.state is not State.ASSIGNED:
        return False
    since = f"{int(record.created_at * 1000) - 1000}-0"  # an event's id starts with its time
    return any(
        event.session == record.id
        and event.attempt == record.attempt
        and event.kind == kinds.INSTALLING
        for event in store.events(since, limit=_READ)
    )
