"""The adapter interface: how a tool is started and what its output means.

An adapter is pure: it gets facts and returns a plan or a reading. No I/O happens here.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from coders_queue.models.base import Model
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading
from coders_queue.models.spec import Mode, SessionSpec

#: The longest single program argument handed over, bytes: Linux refuses 128 KiB with its NUL.
MAX_ARGUMENT_BYTES = 128 * 1024 - 1


class LaunchFacts(Model):
    """What the host knows when it asks for a plan."""

    session_id: str
    attempt: int
    task: str | None
    """The prompt as it is to arrive, canvas inputs included."""
    directory: str
    """The attempt's private directory (0700), absolute; files of the plan may go there."""
    cwd: str
    """Where the agent will run, absolute."""
    home: str
    """The home directory of the user that the host runs as."""
    host_env: dict[str, str] = Field(default_factory=dict)
    """The environment the agent starts from; the plan's ``env`` goes over it."""
    is_root: bool = False


class Adapter(Protocol):
    """One agent CLI."""

    name: str
    """As in ``coders run NAME``."""
    program: str | None
    """The executable looked for on PATH; None when the request names it."""
    modes: tuple[Mode, ...]
    """What it can do."""
    pass_env: tuple[str, ...]
    """Shell patterns of environment variables taken along from the person who spawns."""
    takes_prompt: bool
    """Whether its task is words to a model, to which results of earlier steps can be appended."""

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """How to start it. Raises TaskTooLarge or UsageError when it cannot be carried."""
        ...

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
    ) -> Reading:
        """What a finished run's output means.

        ``stdout`` is the pipe's bytes when headless, the terminal's when interactive; ``stderr``
        the end of what it wrote there, used for nothing but to say why a run failed.
        """
        ...

    def render(self, line: bytes) -> bytes | None:
        """One line of a headless run's output as a person likes to watch it; None to leave it out.

        The line comes with its newline; what is returned is written as it is.
        """
        ...
