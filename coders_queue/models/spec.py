"""What a session is asked to be: the request, as it travels and is stored.

Holds no decision of the host's (attempt, process, directory): those are in the record.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from coders_queue import ids
from coders_queue.models.base import Model
from coders_queue.models.context import MAX_SPACES, Space
from coders_queue.models.quorum import Quorum
from coders_queue.models.restart import Restart

#: The largest task text accepted, bytes of UTF-8.
MAX_TASK_BYTES = 4 * 1024 * 1024

#: The largest schema of an answer, bytes of JSON.
MAX_SCHEMA_BYTES = 256 * 1024

Mode = Literal["headless", "interactive"]
Provider = Literal["ollama"]
Permission = Literal["default", "edit", "full"]


def _no_nul(text: str, what: str) -> str:
    if "\0" in text:
        raise ValueError(
            f"{what} holds a NUL byte, which no program argument or file name can carry"
        )
    return text


def _encodable(text: str, what: str) -> str:
    # surrogateescape keeps bytes of file names that are not UTF-8; a lone surrogate beyond those
    # cannot be written anywhere
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} holds a lone surrogate at character {error.start}") from None
    return text


def _absolute(path: str) -> str:
    _no_nul(_encodable(path, "the path"), "the path")
    if not path.startswith("/"):
        # it would be looked for in the directory that the host's worker happens to be in
        raise ValueError(f"{path!r} is not an absolute path")
    return path


class DirectoryWorkspace(Model):
    """Run in an existing directory."""

    type: Literal["directory"] = "directory"
    path: str
    """Absolute path on the host."""

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        return _absolute(path)


class WorktreeWorkspace(Model):
    """Run in a git worktree of its own, on its own branch."""

    type: Literal["worktree"] = "worktree"
    repository: str
    """Absolute path of the repository, or of any directory in it, on the host."""
    ref: str = "HEAD"
    """What to start from: a branch, tag or commit."""
    branch: str | None = None
    """The branch to create; ``coders/<name or short id>`` when None."""

    @field_validator("repository")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        return _absolute(path)


Workspace = Annotated[DirectoryWorkspace | WorktreeWorkspace, Field(discriminator="type")]


class SessionSpec(Model):
    """The request for one session."""

    agent: str
    """The adapter's name: ``shell``, ``claude``, ..."""
    version: str | None = None
    """The exact version wanted of the agent's program, or None for the one installed."""
    task: str | None = None
    """The prompt. At most 4 MiB of UTF-8."""
    argv: tuple[str, ...] = ()
    """``shell``: the command itself. ``merge``: the strategy and its options. Other
    agents: further arguments of their command line."""
    name: str | None = None
    """A name for people, unique among live sessions."""
    workspace: Workspace
    """Where it runs."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables added for the agent. Values are secret: never logged or shown."""
    mode: Mode = "headless"
    """``headless``: pipes and an end of its own. ``interactive``: the tool's terminal interface."""
    columns: int = Field(default=120, ge=20, le=1000)
    """Width of the terminal, characters."""
    rows: int = Field(default=40, ge=5, le=1000)
    """Height of the terminal, characters."""
    model: str | None = None
    """The model to use, in the agent's own spelling."""
    provider: Provider | None = None
    """Whose models to use, where the agent can be led elsewhere; None for its own."""
    permission: Permission = "default"
    """What the agent may do unasked; the adapter maps it to the tool's own modes."""
    resume: str | None = None
    """A conversation id of the tool's to go on with."""
    output_schema: dict[str, Any] | None = None
    """A JSON schema for the answer: the result is data that is valid under it, or the session
    fails. At most 256 KiB of JSON."""
    host: str | None = None
    """The only host that will do, or None for any."""
    owner: str = "unknown"
    """Who it is run for."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Free key and value pairs, for people and for selection."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds the agent may run before it is stopped and ends as cancelled; None for no limit."""
    restart: Restart | None = None
    """When it is run again; None for what the host's settings say for its agent."""
    check: tuple[str, ...] = ()
    """A command, run in the workspace when the agent says that it is done, which decides: only
    status 0 is success. Nothing: the agent's word counts."""
    idle_timeout: float | None = Field(default=None, gt=0)
    """Seconds an agent may wait for a prompt before its session is ended; None for no limit."""
    stuck_after: float | None = Field(default=None, gt=0)
    """Seconds without progress after which an agent that works counts as stuck; None for what the
    host's settings say for its agent."""
    priority: int = Field(default=5, ge=0, le=9)
    """Who goes first of those that wait: 0 before 9."""
    raise_on_failure: bool = False
    """Whether the task raises :class:`~coders_queue.errors.AgentFailed` when the agent fails."""
    input: Literal["append", "ignore"] = "append"
    """What to do with results handed on by a canvas: add them to the task, or not."""
    context: tuple[Space, ...] = Field(default=(), max_length=MAX_SPACES)
    """Spaces of shared context whose entries are put before the task when an attempt begins; for
    agents without a prompt, into the file that `CODERS_CONTEXT` names."""
    quorum: Quorum | None = None
    """How many of a group's sessions are enough: when they have succeeded, those that have not
    ended are cancelled. None: each runs to its end."""
    mcp: bool | None = None
    """Whether the agent gets an MCP server for its own session; None for what the host's settings
    say for it."""
    correlation_id: str | None = None
    """Ties log lines from command to transcript together; the session's id when None."""

    @property
    def account(self) -> str:
        """Whose quota it uses up, as far as the request tells: its agent's, or its agent's with
        another provider."""
        return self.agent if self.provider is None else f"{self.agent}@{self.provider}"

    @property
    def place(self) -> str:
        """The directory that its workspace is, or is made from."""
        workspace = self.workspace
        return workspace.path if workspace.type == "directory" else workspace.repository

    @field_validator("task")
    @classmethod
    def _task_fits(cls, task: str | None) -> str | None:
        if task is not None:
            _no_nul(_encodable(task, "the task"), "the task")
            if len(task.encode("utf-8", "surrogateescape")) > MAX_TASK_BYTES:
                raise ValueError(f"the task is larger than {MAX_TASK_BYTES} bytes")
        return task

    @field_validator("argv")
    @classmethod
    def _argv_carries(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        for index, word in enumerate(argv):
            _no_nul(_encodable(word, f"argument {index}"), f"argument {index}")
        return argv

    @field_validator("env")
    @classmethod
    def _env_carries(cls, env: dict[str, str]) -> dict[str, str]:
        for key, value in env.items():
            if not key or "=" in key:
                raise ValueError(f"{key!r} cannot name an environment variable")
            _no_nul(_encodable(key, "a variable's name"), "a variable's name")
            _no_nul(_encodable(value, f"the value of {key}"), f"the value of {key}")
        return env

    @field_validator("version", "model", "resume", "owner", "correlation_id")
    @classmethod
    def _text_carries(cls, text: str | None) -> str | None:
        # all of it ends up in a program's arguments or environment, and in log lines
        return None if text is None else _no_nul(_encodable(text, "it"), "it")

    @field_validator("name", "host")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and not ids.is_name(name):
            raise ValueError(
                f"{name!r} is not a name: use a letter or digit, then up to 62 of A-Z a-z 0-9 . _ -"
            )
        return name

    @field_validator("output_schema")
    @classmethod
    def _schema_fits(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None and len(json.dumps(schema)) > MAX_SCHEMA_BYTES:
            raise ValueError(f"the schema is larger than {MAX_SCHEMA_BYTES} bytes")
        return schema

    @model_validator(mode="after")
    def _shell_has_argv(self) -> SessionSpec:
        if self.agent == "shell" and not self.argv and self.task is None:
            raise ValueError("the shell agent needs a command: coders run shell -- PROGRAM ARG...")
        return self
