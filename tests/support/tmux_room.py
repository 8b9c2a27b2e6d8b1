"""A tmux of a test's own, with the runtime on it. CODERS_TEST_TMUX names the program to test."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coders_workers.runtimes.base import Launch, Started
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.runtimes.tmux.traces import Traces
from support.launches import ENV, until

#: The tmux under test; None is the one on PATH.
TMUX = os.environ.get("CODERS_TEST_TMUX")


class Room:
    """Attempts on one private socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "tmux"
        self.ended: list[str] = []
        self.runtimes: list[TmuxRuntime] = []

    def runtime(self, **options: Any) -> TmuxRuntime:
        """A runtime on the socket: as one worker has it, and after it the next."""
        made = TmuxRuntime(self.socket, **({"tmux": TMUX} | options))
        self.runtimes.append(made)
        return made

    def plan(self, *argv: str, **options: Any) -> Launch:
        """A launch in a fresh directory."""
        session_id = str(uuid.uuid4())
        given: dict[str, Any] = {
            "ref": f"{session_id}_1",
            "directory": self.root / session_id,
            "argv": argv,
            "cwd": "/",
            "env": ENV,
            "terminal": False,
            "merge_stderr": False,
            "stdin": None,
            "columns": 100,
            "rows": 30,
        }
        launch = Launch(**(given | options))
        launch.directory.mkdir(mode=0o700)
        return launch

    def on_end(self, ref: str) -> None:
        """Remembers who ended."""
        self.ended.append(ref)

    def start(self, runtime: TmuxRuntime, *argv: str, **options: Any) -> tuple[Launch, Started]:
        """Plan and start."""
        launch = self.plan(*argv, **options)
        return launch, runtime.start(launch, self.on_end)

    def wait(self, runtime: TmuxRuntime, launch: Launch) -> Any:
        """How it ended, once `on_end` told of it."""
        until(lambda: launch.ref in self.ended)
        return runtime.ended(launch.directory)

    def tmux(self, *words: str) -> str:
        """A tmux command by hand."""
        argv = [TMUX or "tmux", "-S", str(self.socket), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout

    def printed(self, launch: Launch, needle: bytes) -> bytes:
        """What it printed, once that holds ``needle``."""
        output = launch.directory / "output"
        until(lambda: output.exists() and needle in output.read_bytes())
        return output.read_bytes()


@contextlib.contextmanager
def room() -> Iterator[Room]:
    """The room; afterwards its tmux server and what ran in it are gone."""
    # Not pytest's own directory: the path of a socket has 107 bytes.
    root = Path(tempfile.mkdtemp(prefix="ct-"))
    made = Room(root)
    try:
        yield made
    finally:
        cleaner = made.runtime()
        for directory in root.iterdir():
            if directory.is_dir():
                cleaner.stop(f"{directory.name}_1", directory, 0)
        for runtime in made.runtimes:
            runtime.close()
        with contextlib.suppress(subprocess.CalledProcessError):
            made.tmux("kill-server")
        until(lambda: not any(path.is_dir() and Traces(path).alive() for path in root.iterdir()))
        shutil.rmtree(root)
