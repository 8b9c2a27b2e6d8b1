"""The record of a session: what the store knows of it, as every view reads it."""

from __future__ import annotations

from typing import Any

from coders_queue.models.activity import Activity
from coders_queue.models.base import Model
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Outcome
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec


class SessionRecord(Model):
    """One session. Times are epoch seconds."""

    id: str
    state: State
    attempt: int = 0
    """The current attempt, from 1; 0 before the first. The fencing token of every write."""
    spec: SessionSpec
    """The request. After the end its environment values are gone."""
    host: str | None = None
    created_at: float
    assigned_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    pid: int | None = None
    """Process id of the agent on its host, while it runs."""
    agent_version: str | None = None
    """The version of the agent's program that runs; None until it does, and when it cannot be
    told."""
    activity: Activity | None = None
    """What the agent is doing; None until a signal told, and when none runs."""
    history: tuple[AttemptEnd, ...] = ()
    """Attempts that were followed by another, oldest first, the last 50."""
    due_at: float | None = None
    """While QUEUED: not to be started before this (a restart's backoff, a quota's reset)."""
    only_host: str | None = None
    """While QUEUED after an attempt: the one host that can go on, since it has the conversation
    and the workspace; None for any."""
    cancel_reason: str | None = None
    """Set once somebody asked for the end; the host sees to it."""
    inputs: tuple[Any, ...] = ()
    """Results handed on by a canvas."""
    publish: dict[str, Any] | None = None
    """The options its message was first published with, to repeat a lost one."""
    request: dict[str, Any] | None = None
    """The Celery request context saved at first delivery, with which the task is sent again."""
    outcome: Outcome | None = None
    settled: bool = False
    """Whether Celery has stored the result and sent what follows from it."""
    archived: tuple[int, ...] = ()
    """Attempts whose archive is complete."""

    @property
    def label(self) -> str:
        """The name if it has one, else the short id."""
        return self.spec.name or self.id[:8]
