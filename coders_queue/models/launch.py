"""What an adapter asks a host to run: a plan without any I/O in it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.outcome import Usage


class SeedFile(Model):
    """A file written, 0600, before the agent starts."""

    path: str
    """In the attempt's private directory: relative to it, or absolute."""
    content: bytes


class Overlay(Model):
    """A directory of the session's own that shows the user's: each entry of it is a link there.

    Files of the plan that lie in it stand in front of the user's, which stay as they are.
    """

    path: str
    """The session's directory, relative to the attempt's private one: ``home/...``, all of which
    is removed when the attempt is over."""
    source: str
    """The user's directory, absolute; it need not exist."""
    only: tuple[str, ...] | None = None
    """The entries that are shown; None for all."""
    skip: tuple[str, ...] = ()
    """Entries that are not."""
    keep: tuple[str, ...] = ()
    """Directories in which the tool keeps what must outlive the session (its conversations). They
    are made in ``keep_in`` when missing, and shown whatever ``only`` says."""
    keep_in: str | None = None
    """Where ``keep`` lies, absolute; None: in ``source``."""


class FirstRun(Model):
    """A command of the tool's that makes what its sessions share, run before the first of them."""

    argv: tuple[str, ...]
    """The tool's arguments. It runs in the attempt's directory, with the agent's environment."""
    once_for: tuple[str, ...]
    """What it is needed once for: the place of what it makes, the version that makes it."""


class LaunchPlan(Model):
    """How to start an agent, exactly."""

    argv: tuple[str, ...]
    """The program (a name looked up on PATH, or a path) and its arguments, byte for byte."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables the tool needs, over the host's own; the request's come on top."""
    unset: tuple[str, ...] = ()
    """Variables that must not reach the tool."""
    stdin: bytes | None = None
    """Standard input, or None for an empty one (headless) or the terminal (interactive)."""
    own_env: dict[str, str] = Field(default_factory=dict)
    """Variables over all others, the request's too: where the session's own directories are."""
    overlays: tuple[Overlay, ...] = ()
    files: tuple[SeedFile, ...] = ()
    """Written after the overlays are made."""
    first_run: FirstRun | None = None
    terminal: bool = False
    """Whether the tool gets a terminal; otherwise pipes."""
    merge_stderr: bool = False
    """With pipes: whether errors go into the same pipe as output, in order."""


class ExitStatus(Model):
    """How a process ended."""

    code: int | None = None
    """Exit status, or None when a signal ended it or nobody knows."""
    signal: int | None = None
    lost: bool = False
    """Whether the process vanished without a status."""


class Reading(Model):
    """What an adapter makes of a finished run."""

    ok: bool
    message: str | None = None
    """Why not, in one line."""
    result: Any = None
    conversation_id: str | None = None
    usage: Usage | None = None
