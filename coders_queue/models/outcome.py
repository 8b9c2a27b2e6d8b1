"""How a session ended: the value that its Celery task returns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from coders_queue.models.base import Model

CauseKind = Literal[
    "exit",
    "signal",
    "agent-error",
    "spawn",
    "lost",
    "cancelled",
    "timeout",
    "workspace",
    "rate-limited",
    "stuck",
    "check",
    "futile",
    "internal",
]


class Cause(Model):
    """Why a session did not succeed."""

    kind: CauseKind
    message: str
    """One line for a person."""


class Usage(Model):
    """What the agent says it consumed. Tokens; money in US dollars."""

    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cache_read_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    cost_usd: float | None = Field(default=None, ge=0)
    """As the tool itself states it; None when it does not."""


class DiffStat(Model):
    """Size of a change, as git counts it, uncommitted work included."""

    files: int = 0
    insertions: int = 0
    deletions: int = 0


class WorkspaceResult(Model):
    """What the agent left in its workspace."""

    path: str
    kept: bool = True
    """Whether the directory still exists; a worktree with nothing to lose is removed."""
    branch: str | None = None
    """The branch it is on; None for none, or when it held nothing and is gone."""
    base: str | None = None
    """Commit the branch started from."""
    head: str | None = None
    commits: tuple[str, ...] = ()
    """Commits made on the branch since ``base``, oldest first."""
    diff: DiffStat = DiffStat()
    uncommitted: bool = False
    """Whether there is work in the directory that no commit holds."""


class Outcome(Model):
    """The end of a session."""

    id: str
    state: Literal["succeeded", "failed", "cancelled"]
    exit_code: int | None = None
    """The agent's exit status; 128 + n when signal n ended it; None when it never ran or was
    lost."""
    signal: int | None = None
    """The signal that ended it, if one did."""
    cause: Cause | None = None
    """Why it did not succeed; None exactly when it did."""
    result: Any = None
    """The agent's answer, as its adapter read it: a text, or structured data."""
    output: str = ""
    """The end of what it printed, as text; ``output_truncated`` says whether that is all."""
    output_truncated: bool = False
    usage: Usage | None = None
    conversation_id: str | None = None
    """The tool's own id of the conversation, to resume it by."""
    agent_version: str | None = None
    """The version of the agent's program that ran; None when it never did or cannot be told."""
    workspace: WorkspaceResult | None = None
    host: str | None = None
    attempts: int = 0
    started_at: float | None = None
    """When the agent's process was confirmed, epoch seconds."""
    ended_at: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the agent succeeded."""
        return self.state == "succeeded"

    @property
    def runtime(self) -> float:
        """Seconds the agent ran; 0 when it never did."""
        if self.started_at is None or self.ended_at is None:
            return 0.0
        return max(0.0, self.ended_at - self.started_at)
