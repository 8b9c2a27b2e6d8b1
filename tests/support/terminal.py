"""A bare tmux on a private socket with one program in it: a terminal that a test can look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 20.0
#: tmux refuses a command over 16 KB: the program's own words go through a file.
_EXEC = (
    "import json, os, sys\n"
    "argv, env, cwd = json.load(open(sys.argv[1], encoding='ascii'))\n"
    "os.chdir(cwd)\n"
    "os.execvpe(argv[0], argv, env)\n"
)


@dataclass(frozen=True)
class Terminal:
    """The terminal of one program."""

    socket: Path

    def tmux(self, *words: str) -> str:
        """Run one tmux command, and give what it prints."""
        argv = ["tmux", "-S", str(self.socket), *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def screen(self) -> str:
        """What a person would see now."""
        return self.tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self.tmux("send-keys", *keys)

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 40.0) -> None:
        """Wait for a condition; fail with the screen when it does not come."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout:g} s: {what}\n{self.screen()}")
            time.sleep(0.05)

    @property
    def exit_status(self) -> int | None:
        """Of the program, -1 when a signal ended it; None while it runs."""
        end = "#{pane_dead}|#{pane_dead_status}|#{pane_dead_signal}"
        dead, status, signal = self.tmux("display-message", "-p", end).strip().split("|")
        if dead != "1":
            return None
        if not status and not signal:
            # tmux 3.3a sometimes leaves the child of a closed terminal a zombie until another ends
            self.tmux("run-shell", "-b", "true")
            return None
        return int(status or -1)


@contextmanager
def terminal(
    directory: Path, argv: Sequence[str], env: Mapping[str, str], cwd: Path
) -> Iterator[Terminal]:
    """Run ``argv`` in a terminal of 120 x 40; the whole tmux server goes at the end."""
    launch = directory / "terminal.json"
    launch.write_text(
        json.dumps([list(argv), {**env, "TERM": "tmux-256color"}, str(cwd)]), encoding="ascii"
    )
    view = Terminal(directory / "tmux.sock")
    options = ["set", "-g", "remain-on-exit", "on", ";"]
    words = ["new-session", "-d", "-x", "120", "-y", "40", sys.executable, "-c", _EXEC, str(launch)]
    start = ["tmux", "-S", str(view.socket), "-f", os.devnull, *options, *words]
    clean = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    # the server starts with the first command; options set before the session hold for it
    start[4:5] = [os.devnull, "start-server", ";"]
    subprocess.run(start, env=clean, check=True, capture_output=True, timeout=_TIMEOUT)
    try:
        yield view
    finally:
        view.tmux("kill-server")
