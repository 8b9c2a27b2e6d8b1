"""Storing what an attempt left, then letting go of its directory."""

from __future__ import annotations

import structlog

from coders_workers import archive, attempt_dir
from coders_workers.supervisor import overlay
from coders_workers.supervisor.host import Host, correlate

log = structlog.get_logger(__name__)


class Archiver:
    """Archives attempts that are over."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def archive(self, session_id: str, attempt: int) -> bool:
        """Store the attempt; False when it still runs or there is nothing (left) to store."""
        host = self._host
        directory = host.attempt_path(session_id, attempt)
        with host.turn(session_id, attempt):
            if not directory.exists():
                return False
            if host.runtime.started(directory) is not None and (
                host.runtime.ended(directory) is None
            ):
                return False
            record = host.store.get(session_id)
            correlate(record, session_id)
            if record is not None and record.attempt == attempt and record.state.on_host:
                return False  # its outcome is not written down yet; the end comes back here
            # first of all: an archive that cannot be written may wait for days
            overlay.remove(directory)
            archive.archive_attempt(
                directory,
                host.paths.archive,
                session_id,
                attempt,
                _record_data(record),
            )
            if record is not None:
                host.store.mark_archived(session_id, attempt)
            attempt_dir.remove(directory)
            log.info("attempt_archived", session=session_id, attempt=attempt)
            return True


def _record_data(record: object) -> dict[str, object]:
    from_model = getattr(record, "model_dump", None)
    if from_model is None:
        return {}
    data: dict[str, object] = from_model(mode="json", exclude={"request", "publish", "inputs"})
    return data
