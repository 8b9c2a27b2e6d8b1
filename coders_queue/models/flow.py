"""A flow that was submitted: its record, and the log of what became known of it.

What a flow asks for is a text in here, which this module does not read; the log is what decisions
rest on. Entries are only ever added.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.outcome import CauseKind

FlowState = Literal["running", "succeeded", "failed", "cancelled"]
#: States from which a flow can be resumed.
RESUMABLE = ("failed", "cancelled")


class FlowRecord(Model):
    """What is kept of one flow beside its log."""

    id: str
    name: str
    """As its file says; several flows may have one name."""
    owner: str
    state: FlowState = "running"
    submission: str
    """What was submitted, as :class:`~coders_queue.flows.submission.Submission` writes it down."""
    created_at: float
    """Epoch seconds."""
    resumed_at: float | None = None
    """When it was resumed last."""
    ended_at: float | None = None
    cause: str | None = None
    """Why it failed or was cancelled."""
    result: Any = None
    """What it gave."""


class RunsStarted(Model):
    """Runs whose sessions are asked for from now on."""

    kind: Literal["started"] = "started"
    runs: tuple[str, ...]


class RunEnded(Model):
    """A run's session ended; its outcome is kept beside the log."""

    kind: Literal["ended"] = "ended"
    run: str
    state: Literal["succeeded", "failed", "cancelled"]
    cause: CauseKind | None = None
    at: float | None = None
    """Epoch seconds."""


class Halted(Model):
    """The flow is to end before it is done."""

    kind: Literal["halted"] = "halted"
    why: Literal["cancelled", "timeout"]
    message: str


class Resumed(Model):
    """What failed is tried again."""

    kind: Literal["resumed"] = "resumed"


Entry = Annotated[RunsStarted | RunEnded | Halted | Resumed, Field(discriminator="kind")]
