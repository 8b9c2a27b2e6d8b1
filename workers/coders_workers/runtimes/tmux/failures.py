"""Why an agent did not start, as the error that a user meets."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from coders_queue.errors import MissingBinary, SpawnError, WorkspaceError
from coders_workers.runtimes.base import Launch
from coders_workers.runtimes.tmux.traces import GIVEN_UP, Traces

#: Errors of a directory that is not there, or is none.
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def explain(launch: Launch, traces: Traces) -> SpawnError:
    """The error for an attempt that ended without having started."""
    number, what = traces.failure()
    program = launch.program or launch.argv[0]
    if what == "chdir":
        if number in _ABSENT:
            return WorkspaceError(f"no such directory: {launch.cwd}", "create it or name another")
        return WorkspaceError(
            f"the directory {launch.cwd} cannot be entered: {_words(number)}",
            "check its permissions",
        )
    if what == "exec":
        return _not_run(program, number)
    if what == "stop":
        return SpawnError(f"{program} was stopped before it started")
    if what == GIVEN_UP:
        return SpawnError(f"{program} did not start: its launcher never came", "try again")
    if what:
        return SpawnError(
            f"{program} was not started, {what} failed: {_words(number)}",
            f"check {launch.directory}",
        )
    printed = traces.last_lines()
    tail = f"; last printed: {printed}" if printed else ""
    return SpawnError(f"the launcher of {program} was killed before it started{tail}", "try again")


def _not_run(program: str, number: int) -> SpawnError:
    if number == errno.ENOENT and "/" in program and Path(program).exists():
        return SpawnError(
            f"{program} names an interpreter in its first line that is not here",
            "install it or correct the line",
        )
    if number in _ABSENT:
        return MissingBinary(f"no such program: {program}", "install it or check PATH")
    if number == errno.EACCES:
        return SpawnError(
            f"{program} is not executable for this user", "chmod +x it, or name the right file"
        )
    if number == errno.ENOEXEC:
        return SpawnError(
            f"{program} is no program of this machine, and a script needs a first line",
            "begin it with #!",
        )
    if number == errno.E2BIG:
        return SpawnError(
            f"arguments and environment are too large for {program}",
            "pass the task on standard input or in a file",
        )
    return SpawnError(f"{program} cannot be run: {_words(number)}", "try it by hand")


def _words(number: int) -> str:
    return os.strerror(number) if number else "not understood"
