"""The control role's tasks: thin, short, and safe to run twice.

Upkeep tells monitors nothing: in a rush its events would cost more than it does.
"""

from __future__ import annotations

from typing import Any

from coders_queue.models.outcome import Outcome
from coders_queue.queue import names
from coders_queue.queue.app import CodersApp
from coders_queue.queue.schedule import CLEAN_EVERY


def register(app: CodersApp) -> None:
    """Give the app the tasks of the control role."""

    @app.task(name=names.RECONCILE, ignore_result=True, send_events=False)
    def reconcile() -> dict[str, int]:
        """Send again what got lost."""
        return {**app.dispatch.reconcile(), "flows": app.flows.reconcile()}

    @app.task(name=names.FLOW_ENDED, ignore_result=True, send_events=False)
    def flow_ended(outcome: dict[str, Any], flow_id: str, run: str) -> None:
        """Go on with a flow, one of whose runs has ended."""
        app.flows.ended(flow_id, run, Outcome.model_validate(outcome))

    @app.task(name=names.CLEAN, ignore_result=True, send_events=False)
    def clean() -> int:
        """Have every host cleaned."""
        return app.dispatch.clean(CLEAN_EVERY)

    @app.task(name=names.PROBE, ignore_result=True, send_events=False)
    def probe() -> int:
        """Have every host look at its sessions."""
        return app.dispatch.probe(app.settings.supervision.probe_every)

    @app.task(name=names.TRIM, ignore_result=True, send_events=False)
    def trim() -> int:
        """Drop index entries of expired records."""
        return app.store.trim()
