"""Where the traceback of an unexpected error goes: a file of the user's own, never the screen."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from coders_queue import __version__, errors
from coders_queue.settings.paths import Paths


def write(environ: Mapping[str, str], command: str, correlation: str) -> Path | None:
    """Write the exception being handled to a 0600 file and return its path.

    It goes to the state's logs, or into the temporary directory when those cannot be written. The
    command line itself is left out: it may hold what nobody else should read.
    """
    text = (
        f"coders {__version__}, command {command!r}, correlation {correlation}\n"
        f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')}\n\n{traceback.format_exc()}"
    )
    for directory in (_logs(environ), Path(tempfile.gettempdir())):
        if directory is None:
            continue
        try:
            handle, name = tempfile.mkstemp(".log", "cli-crash-", directory)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None


def _logs(environ: Mapping[str, str]) -> Path | None:
    try:
        return Paths.find(environ).ensure().logs
    except (errors.CodersError, OSError):
        return None
