"""Attempts run by the real launcher, without tmux: what tests of the launcher share."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coders_workers import launcher
from coders_workers.attempt import files

#: What an agent of the tests runs for Python: quick, and untouched by its surroundings.
PYTHON = (sys.executable, "-I", "-S", "-c")
ENV = {"PATH": "/usr/bin:/bin"}


def until(condition: Callable[[], Any], timeout: float = 15.0) -> Any:
    """The first true answer of ``condition``."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return answer


def running(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@functools.cache
def the_launcher() -> Path:
    """A launcher, as a worker makes it."""
    directory = Path(tempfile.mkdtemp(prefix="coders-launcher-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return launcher.build(directory)


@dataclass(frozen=True)
class Attempt:
    """A prepared directory, and what its launcher made of it."""

    directory: Path

    def launch(self, **options: Any) -> subprocess.Popen[bytes]:
        """Start the launcher; without a terminal and silent unless told otherwise."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | options
        argv = [sys.executable, "-I", "-S", str(the_launcher()), str(self.directory)]
        return subprocess.Popen(argv, **options)

    @contextlib.contextmanager
    def launched(self, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """The launcher at work; afterwards neither it nor its agent is left."""
        with self.launch(**options) as process:
            try:
                yield process
            finally:
                if process.poll() != 0:  # else its agent was waited for
                    process.kill()
                    if self.has("started"):
                        with contextlib.suppress(ProcessLookupError):
                            os.killpg(self.pid, signal.SIGKILL)

    def run(self, **options: Any) -> str:
        """Run it to its end; the first words of `exit`, without the time."""
        with self.launched(**options) as process:
            process.wait(60)
        return self.exit

    @property
    def exit(self) -> str:
        """How it ended."""
        return " ".join(self.text("exit").split(" ")[:2])

    @property
    def output(self) -> bytes:
        """The recording's bytes."""
        return (self.directory / "output").read_bytes()

    @property
    def timing(self) -> list[tuple[str, float, int]]:
        """The recording's entries."""
        lines = [line.split() for line in self.text("timing").splitlines()]
        return [(stream, float(delay), int(size)) for stream, delay, size in lines]

    def stream(self, wanted: str) -> bytes:
        """What one stream printed."""
        place, found = 0, b""
        for stream, _, size in self.timing:
            found += self.output[place : place + size] if stream == wanted else b""
            place += size
        assert place == len(self.output)
        return found

    def text(self, name: str) -> str:
        """A file of the directory."""
        return (self.directory / name).read_text()

    def has(self, name: str) -> bool:
        """Whether the directory has that file."""
        return (self.directory / name).exists()

    @property
    def pid(self) -> int:
        """The agent's process, once it was started."""
        until(lambda: self.has("started"))
        return int(self.text("started").split()[0])


def prepare(
    directory: Path,
    *argv: str | bytes,
    terminal: bool = False,
    merge: bool = False,
    cwd: str | bytes = "/",
    env: dict[bytes, bytes] | None = None,
    stdin: bytes = b"",
) -> Attempt:
    """Write what the launcher reads."""
    directory.mkdir(mode=0o700)
    if stdin:
        (directory / files.STDIN).write_bytes(stdin)
    launch = files.Launch(
        terminal=terminal,
        merge=merge,
        columns=100,
        rows=30,
        cwd=os.fsencode(cwd),
        stdin=os.fsencode(directory / files.STDIN) if stdin else b"",
        argv=[os.fsencode(word) for word in argv],
        env={b"PATH": b"/usr/bin:/bin"} if env is None else env,
    )
    (directory / files.LAUNCH).write_bytes(launch.encode())
    return Attempt(directory)


class Screen:
    """The outer end of the terminal that a launcher runs in."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.seen = b""

    def close(self) -> None:
        """Take the terminal away, as a tmux server does that dies."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def read(self, needle: bytes, timeout: float = 15.0) -> bytes:
        """Everything seen once ``needle`` came."""
        deadline = time.monotonic() + timeout
        while needle not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{needle!r} never came: {self.seen!r}"
            if select.select([self.master], [], [], min(left, 0.5))[0]:
                self.seen += os.read(self.master, 65536)
        return self.seen


@contextlib.contextmanager
def in_terminal(attempt: Attempt) -> Iterator[tuple[subprocess.Popen[bytes], Screen]]:
    """A launcher whose own terminal is a fresh one of 80 x 24, as in a tmux pane."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, bytes([24, 0, 80, 0, 0, 0, 0, 0]))

    def own_it() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    screen = Screen(master)
    try:
        with attempt.launched(stdin=slave, stdout=slave, preexec_fn=own_it) as process:
            os.close(slave)
            yield process, screen
    finally:
        screen.close()
