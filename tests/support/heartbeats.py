"""Hosts that say that they are here."""

from __future__ import annotations

from typing import Any

from coders_queue.models.heartbeat import Heartbeat
from coders_queue.store.base import Store


def announce(store: Store, host: str, info: dict[str, Any], ttl: float) -> None:
    """A host's first heartbeat."""
    beat = Heartbeat(host=host, sequence=1, sent_at=0.0, period=1.0, info=info)
    assert store.beat(beat, ttl)
