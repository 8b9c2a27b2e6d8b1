"""A Celery worker with tasks of a user's own, on the same broker as the stack under test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_ready

from coders_queue.client.client import Coders
from coders_queue.queue.queues import queue

client = Coders(state_dir=os.environ["CODERS_STATE_DIR"], start=False)
app = client.app
app.conf.task_queues = [queue("user")]


def note(key: str, value: str) -> None:
    """Leave a trace that a test can read."""
    app.backend.client.rpush(f"user:{key}", value)
    app.backend.client.expire(f"user:{key}", 600)


@app.task(name="user.add")
def add(x: int, y: int) -> int:
    """A step before or after a session."""
    return x + y


@app.task(name="user.said")
def said(outcome: dict[str, Any]) -> str:
    """What the agent printed."""
    return f"{outcome['state']}:{outcome['output'].strip()}"


@app.task(name="user.collect")
def collect(results: list[Any], key: str) -> list[Any]:
    """A chord's body; it also counts its own runs."""
    shown = sorted(one if isinstance(one, str) else said(one) for one in _flat(results))
    note(key, ",".join(shown))
    return shown


@app.task(name="user.linked")
def linked(outcome: dict[str, Any], key: str) -> None:
    """A link."""
    note(key, said(outcome))


@app.task(name="user.failed")
def failed(task_id: str, key: str) -> None:
    """An errback; Celery gives one that runs in another worker the failed task's id alone."""
    note(key, task_id)


def _flat(results: Any) -> list[Any]:
    if isinstance(results, list):
        return [leaf for one in results for leaf in _flat(one)]
    return [results]


@worker_ready.connect
def ready(**_given: Any) -> None:
    """Say so: from here on it needs no worker of the project's."""
    Path(os.environ["CODERS_STATE_DIR"], "user-ready").touch()


if __name__ == "__main__":
    app.Worker(
        hostname="user@test",
        pool_cls="threads",
        concurrency=4,
        queues=["user"],
        without_gossip=True,
        without_mingle=True,
        loglevel="WARNING",
    ).start()
