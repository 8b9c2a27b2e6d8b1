"""The program ``coders`` for agents on whose PATH there is none: a link of sorts to this one.

It lies in a directory of its own, which goes to the end of their PATH: nothing else is on it.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from coders_queue.settings.paths import Paths
from coders_workers.supervisor import private_file

NAME = "coders"


def provide(paths: Paths) -> None:
    """Write it, as this worker's own. Raises OSError."""
    directory = _directory(paths)
    directory.mkdir(mode=0o700, exist_ok=True)
    words = [sys.executable, "-P", "-m", "coders_queue.cli.main"]
    content = f'#!/bin/sh\nexec {" ".join(map(shlex.quote, words))} "$@"\n'
    private_file.write(directory, NAME, content.encode())
    (directory / NAME).chmod(0o700)


def with_program(paths: Paths, path: str) -> str:
    """A PATH on which it is found, after all else."""
    directory = _directory(paths)
    if shutil.which(NAME, path=path) is not None or not directory.is_dir():
        return path
    return f"{path}:{directory}" if path else str(directory)


def _directory(paths: Paths) -> Path:
    return paths.state / "bin"
