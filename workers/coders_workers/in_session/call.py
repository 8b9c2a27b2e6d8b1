"""One request of a session, checked: what its verb's carrier is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coders_queue import ids
from coders_queue.models.record import SessionRecord
from coders_workers.server.station import Station


@dataclass(frozen=True)
class Call:
    """Who asks, and for what. The caller can only ever be its own session."""

    station: Station
    record: SessionRecord
    """The session as it is now."""
    directory: Path
    """Its current attempt's."""
    params: dict[str, Any]
    """As the verb describes them."""
    request: str
    """The request's own id: the same when it is asked again since its answer got lost."""
    gone: Callable[[], bool]
    """Whether the caller has hung up."""

    @property
    def ref(self) -> str:
        """The attempt's reference."""
        return ids.attempt_ref(self.record.id, self.record.attempt)
