"""What beat does, and how often. Every entry may run twice, and expires before its next turn."""

from __future__ import annotations

from typing import Any

from coders_queue import ids
from coders_queue.queue import names

#: Seconds between two cleanups of a host.
CLEAN_EVERY = 3600.0


def _entry(task: str, seconds: float) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": seconds,
        "options": {
            "queue": ids.CONTROL_QUEUE,
            "expires": seconds * 0.9,
            "ignore_result": True,
        },
    }


def beat_schedule(probe_every: float) -> dict[str, dict[str, Any]]:
    """The entries, by name. ``probe_every``: seconds between two probes of a host."""
    return {
        "reconcile": _entry(names.RECONCILE, 5.0),
        "trim": _entry(names.TRIM, 600.0),
        "clean": _entry(names.CLEAN, CLEAN_EVERY),
        "probe": _entry(names.PROBE, probe_every),
    }
