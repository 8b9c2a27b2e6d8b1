"""A line of the configuration that says what becomes of what an agent asks leave for."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from coders_queue.models.base import Model


class Policy(Model):
    """One policy. It holds for what fits all that it names; the first that holds counts."""

    do: Literal["allow", "deny", "ask"]
    """What becomes of it: the plain yes, the no, or a person is asked."""
    agent: str | None = Field(default=None, min_length=1)
    """For this agent alone. Not set: every agent's."""
    tool: str | None = Field(default=None, min_length=1)
    """For calls of the agent's tools whose name is like this: `Bash`, `Write*`."""
    command: str | None = Field(default=None, min_length=1)
    """For commands like this: `git log*`. To allow a command, each part of it has to be like it."""
    path: str | None = Field(default=None, min_length=1)
    """For files like this, absolute or relative to the agent's directory: `docs/*`."""
    owner: str | None = Field(default=None, min_length=1)
    """For this owner's sessions alone."""
    label: str | None = None
    """For sessions with this label alone: `KEY=VALUE`."""
    timeout: float | None = Field(default=None, gt=0, le=315_360_000, allow_inf_nan=False)
    """With `ask`: seconds after which it is denied. Not set: as `approvals.timeout`."""
    because: str | None = Field(default=None, min_length=1, max_length=2000)
    """With `deny`: what the agent is told."""

    @field_validator("timeout", mode="before")
    @classmethod
    def _not_bool(cls, value: Any) -> Any:
        if isinstance(value, bool):  # YAML's yes would otherwise pass as the number 1
            raise ValueError("should be a number")
        return value

    @field_validator("label")
    @classmethod
    def _has_value(cls, label: str | None) -> str | None:
        if label is not None and not (label.partition("=")[0] and label.partition("=")[1]):
            raise ValueError("should be KEY=VALUE")
        return label

    @model_validator(mode="after")
    def _fits_together(self) -> Policy:
        if self.timeout is not None and self.do != "ask":
            raise ValueError(f"a timeout goes with ask, and this says {self.do}")
        if self.because is not None and self.do != "deny":
            raise ValueError(f"a because goes with deny, and this says {self.do}")
        if self.command is not None and self.path is not None:
            raise ValueError("a call has a command or a path, never both: make it two policies")
        return self
