"""The built-in agent: a command or a script of the user's own.

``argv`` is the command, run as it is. A task beside it is the command's standard input. A task
alone is a script for ``/bin/sh``: it is handed over as a 0600 file, because a script on standard
input is eaten by the first command in it that reads, and one on the command line is shown to
everyone by ``ps`` and ends at 128 KiB.
"""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue import errors
from coders_queue.agents import ending
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.tool import Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading, SeedFile
from coders_queue.models.spec import Mode, SessionSpec

SCRIPT_FILE = "task.sh"


class ShellAdapter(Tool):
    """Runs what it is told; success is exit status 0."""

    name = "shell"
    program: str | None = None
    names_program = True
    modes: tuple[Mode, ...] = ("headless", "interactive")
    pass_env: tuple[str, ...] = ()
    takes_prompt = False
    version_argv: tuple[str, ...] = ()

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command itself, or ``/bin/sh`` with the script."""
        terminal = spec.mode == "interactive"
        task = None if facts.task is None else facts.task.encode("utf-8", "surrogateescape")
        if not spec.argv:
            if task is None:
                raise errors.UsageError(
                    "the shell agent needs a command", "coders run shell -- PROGRAM ARG..."
                )
            return LaunchPlan(
                argv=("/bin/sh", f"{facts.directory}/{SCRIPT_FILE}"),
                files=(SeedFile(path=SCRIPT_FILE, content=task),),
                terminal=terminal,
                merge_stderr=True,
            )
        if terminal and task is not None:
            raise errors.UsageError(
                "a command in a terminal takes no task: its standard input is the terminal",
                "run it --headless, or leave the task out",
            )
        return LaunchPlan(argv=spec.argv, stdin=task, terminal=terminal, merge_stderr=True)

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """Exit status 0 is success. What was printed is the outcome's output, not its result."""
        if ending.succeeded(status):
            return Reading(ok=True)
        return Reading(ok=False, message=f"the command failed: {ending.describe(status)}")

    def render(self, line: bytes) -> bytes | None:
        """As it was printed."""
        return line
