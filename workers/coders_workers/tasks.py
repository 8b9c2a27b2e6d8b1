"""The host's tasks: thin, short, and safe to run twice, at once, and late.

Upkeep tells monitors nothing: in a rush its events would cost more than it does.
"""

from __future__ import annotations

from coders_queue.queue import names
from coders_queue.queue.app import CodersApp
from coders_workers.approvals.desk import Desk
from coders_workers.cleanup.cleaner import Cleaner
from coders_workers.supervisor.supervisor import Supervisor
from coders_workers.watchers.probe import Probe


def register(
    app: CodersApp, supervisor: Supervisor, cleaner: Cleaner, probe: Probe, desk: Desk
) -> None:
    """Give the app the tasks of this host."""

    @app.task(name=names.SPAWN, ignore_result=True)
    def spawn(session_id: str, attempt: int) -> bool:
        """Bring an attempt up."""
        return supervisor.spawn(session_id, attempt)

    @app.task(name=names.STOP, ignore_result=True)
    def stop(session_id: str, attempt: int) -> bool:
        """End an attempt."""
        return supervisor.stop(session_id, attempt)

    @app.task(name=names.ARCHIVE, ignore_result=True, send_events=False)
    def archive(session_id: str, attempt: int) -> bool:
        """Store what an attempt left."""
        return supervisor.archive(session_id, attempt)

    @app.task(name=names.SWEEP, ignore_result=True, send_events=False)
    def sweep() -> dict[str, int]:
        """Hold what runs against what should run."""
        return supervisor.sweep_unless_done(0.0)

    @app.task(name=names.CLEAN_HOST, ignore_result=True, send_events=False)
    def clean() -> int:
        """Remove what ended sessions left, when its time is over; how much."""
        return len(cleaner.clean().removed)

    @app.task(name=names.PROBE_HOST, ignore_result=True, send_events=False)
    def look() -> dict[str, int]:
        """Look at every session, changed or not."""
        return probe.run()

    @app.task(name=names.ANSWER, ignore_result=True)
    def answer(approval_id: str, token: str) -> None:
        """Give an answer to what an agent asks in its terminal."""
        desk.give(approval_id, token)
