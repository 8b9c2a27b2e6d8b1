"""A session's check: a command whose status decides whether the agent's work is done.

Owns how it is run: in the workspace, bounded in time and in what it may print.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

#: How much of what it prints is looked at, bytes, and shown, lines.
_SHOWN = 4096
_LINES = 5


def failure(
    argv: Sequence[str], cwd: Path, environ: Mapping[str, str], timeout: float
) -> str | None:
    """Why the check fails, in one line with the end of what it printed; None when it passes."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            return f"the check {argv[0]!r} cannot be run: {error.strerror or error}"
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left running, too
            process.wait()
        if status == 0:
            return None
        output.seek(max(0, output.seek(0, os.SEEK_END) - _SHOWN))
        text = output.read().decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = " / ".join(lines[-_LINES:])
    how = f"took over {timeout:g} s" if status is None else f"ended with status {status}"
    return f"the check {how}" + (f": {said}" if said else "")
