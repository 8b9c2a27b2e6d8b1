"""A terminal on which an agent CLI is recorded: a tmux server of its own, and no reader of screens.

Starts programs, types, captures. What a captured screen is a picture of, the recorder knows from
the model stub and from the process, never from the picture.
"""

from __future__ import annotations

import os
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 20.0
_LOOK = 0.25


@dataclass(frozen=True)
class Picture:
    """What a pane showed at one moment."""

    text: str
    """With colours, as ``capture-pane -p -e`` gives it."""
    title: str
    columns: int
    rows: int
    dead: bool
    at: float


class Stage:
    """One pane at a time, in a tmux server on a private socket."""

    def __init__(self, directory: Path) -> None:
        self._socket = str(directory / "stage.sock")
        self._size = (0, 0)

    def open(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, columns: int, rows: int
    ) -> None:
        """Run a program in a fresh pane, with this environment and no other."""
        self.close()
        self._size = (columns, rows)
        clean = ["env", "-i", *(f"{name}={value}" for name, value in env.items())]
        clean += ["TERM=tmux-256color", "COLORTERM=truecolor"]
        # remain-on-exit has to hold before a program that ends at once does
        self._tmux(
            *("-f", "/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on"),
            *(";", "set-option", "-g", "exit-empty", "off"),
            *(";", "set-option", "-g", "default-terminal", "tmux-256color"),
            *(";", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(cwd)),
            *("--", *clean, *argv),
        )

    def close(self) -> None:
        """End whatever runs."""
        subprocess.run(self._argv("kill-server"), capture_output=True, timeout=_TIMEOUT)

    def picture(self) -> Picture:
        """What the pane shows now."""
        about = self._tmux("display-message", "-p", "#{pane_dead} #{pane_title}")
        dead, _, title = about.rstrip("\n").partition(" ")
        text = self._tmux("capture-pane", "-p", "-e")
        columns, rows = self._size
        return Picture(text, title, columns, rows, dead == "1", time.time())

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", *names)

    def type(self, text: str) -> None:
        """Type text, without Enter."""
        self._tmux("send-keys", "-l", "--", text)

    def paste(self, text: str) -> None:
        """Bracketed paste, without Enter."""
        load = self._argv("load-buffer", "-b", "stage", "-")
        subprocess.run(load, input=text.encode(), check=True, timeout=_TIMEOUT)
        self._tmux("paste-buffer", "-p", "-d", "-b", "stage")

    def canonical(self) -> bool:
        """Whether the terminal is as a program finds it: nothing reads single keys yet."""
        tty = self._tmux("display-message", "-p", "#{pane_tty}").strip()
        try:
            descriptor = os.open(tty, os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return False
        try:
            return bool(termios.tcgetattr(descriptor)[3] & termios.ICANON)
        finally:
            os.close(descriptor)

    def kill(self) -> None:
        """SIGKILL to what has the terminal now."""
        pid = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        stat = Path("/proc", pid, "stat").read_text(encoding="utf-8")
        group = int(stat.rpartition(")")[2].split()[5])
        os.killpg(group, signal.SIGKILL)

    def stable(self, seconds: float, timeout: float) -> Picture:
        """Wait until the picture has not changed for so long; the last one if it never rests."""
        return self.resting(seconds, timeout) or self.picture()

    def resting(self, seconds: float, timeout: float) -> Picture | None:
        """The picture that has not changed for so long; None if there is none in time."""
        end = time.monotonic() + timeout
        last, since = self.picture(), time.monotonic()
        while time.monotonic() < end:
            time.sleep(_LOOK)
            now = self.picture()
            if (now.text, now.title, now.dead) != (last.text, last.title, last.dead):
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= seconds:
                return last
        return None

    def _argv(self, *words: str) -> list[str]:
        return ["tmux", "-S", self._socket, *words]

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(self._argv(*words), capture_output=True, timeout=_TIMEOUT)
        if done.returncode != 0:
            raise RuntimeError(f"tmux {words[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode("utf-8", "replace")
