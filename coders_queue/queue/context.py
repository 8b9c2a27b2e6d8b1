"""A Celery request context as plain JSON, and back.

The whole context is kept: a shorter list of fields loses errbacks and chords.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from celery.app.task import Context
from kombu.utils import json as kombu_json


def save(request: Context) -> dict[str, Any]:
    """Everything of the request that a message can carry."""
    fields = {key: value for key, value in vars(request).items() if not key.startswith("_")}
    plain: dict[str, Any] = json.loads(kombu_json.dumps(fields))
    return plain


def restore(saved: dict[str, Any]) -> Context:
    """The inverse of :func:`save`."""
    return Context(kombu_json.loads(json.dumps(saved)))


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """Publishing options as JSON, without those that only live in a process."""
    kept = {
        key: value
        for key, value in options.items()
        if key not in {"producer", "publisher", "connection", "router", "result_cls", "task_type"}
        and value is not None
    }
    result: dict[str, Any] = json.loads(kombu_json.dumps(kept))
    return result


def eta(saved: dict[str, Any]) -> float:
    """When a message with these options is due, epoch seconds; 0 for at once."""
    found = unplain(saved).get("eta")
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    if not isinstance(found, datetime):
        return 0.0
    # Celery takes a time without a zone for UTC
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def unplain(saved: dict[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`plain`."""
    options: dict[str, Any] = kombu_json.loads(json.dumps(saved))
    return options
