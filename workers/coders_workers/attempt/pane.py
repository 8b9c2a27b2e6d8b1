"""The terminal that the launcher itself runs in.

Owns its mode, what waits to be printed on it, and what happens when it hangs. Reads nothing.
"""

import fcntl
import posix
import select
import termios
import time

TYPE_CHECKING = False  # as in `typing`, which is slow to import
if TYPE_CHECKING:
    from typing import Any

CHUNK = 65536
#: Bytes for the pane that may wait before the agent is made to wait too.
BACKLOG = 1 << 20
#: Seconds after which a pane that takes nothing is no longer waited for.
STUCK = 5.0
#: Seconds that the last words may take to get onto the pane.
FAREWELL = 0.2


class Pane:
    """The terminal the launcher runs in: people watch and type there. It may vanish or hang."""

    def __init__(self, raw: bool) -> None:
        self.tty: int | None = 0 if posix.isatty(0) else None
        self.out: int | None = 1
        self.pending = bytearray()
        self.progress = time.monotonic()
        self.stuck = False
        self.before: list[Any] | None = None
        if self.tty is not None:
            self.before = termios.tcgetattr(0)
            termios.tcsetattr(0, termios.TCSANOW, _mode(termios.tcgetattr(0), raw))
        posix.set_blocking(0, False)
        posix.set_blocking(1, False)

    def size(self) -> bytes | None:
        """The kernel's ``struct winsize``; None without a usable one."""
        if self.tty is None:
            return None
        try:
            size = fcntl.ioctl(self.tty, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            return None
        return size if size[:4] != bytes(4) else None

    def holds_back(self) -> bool:
        """Whether the agent should be made to wait for the pane; not for ever."""
        if len(self.pending) < BACKLOG:
            return False
        if time.monotonic() - self.progress > STUCK:
            self.stuck = True
            self.pending.clear()
        return not self.stuck

    def show(self, data: bytes) -> None:
        """Print, now or as soon as the pane takes it."""
        if self.out is None:
            return
        if not self.pending:
            self.progress = time.monotonic()
        self.pending += data
        self.flush()
        if self.stuck or len(self.pending) > 2 * BACKLOG:
            self.pending.clear()

    def flush(self) -> None:
        """Print what waits."""
        try:
            while self.out is not None and self.pending:
                del self.pending[: posix.write(self.out, self.pending[:CHUNK])]
                self.progress, self.stuck = time.monotonic(), False
        except BlockingIOError:
            pass
        except OSError:
            self.out = None
            self.pending.clear()

    def close(self) -> None:
        """Print what waits, briefly, and leave the terminal as it was found."""
        until = time.monotonic() + FAREWELL
        while self.pending and self.out is not None and time.monotonic() < until:
            poller = select.poll()
            poller.register(self.out, select.POLLOUT)
            poller.poll(50)
            self.flush()
        try:
            if self.tty is not None and self.before is not None:
                termios.tcsetattr(0, termios.TCSANOW, self.before)
        except termios.error:
            pass


def _mode(mode: "list[Any]", raw: bool) -> "list[Any]":
    """A terminal's attributes: ``raw``, or made for watching (no echo, but ^C and CR LF work)."""
    iflag, oflag, cflag, lflag, ispeed, ospeed, control = mode
    iflag &= ~termios.IXON
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON)
    if raw:
        for flag in ("IGNBRK", "BRKINT", "PARMRK", "ISTRIP", "INLCR", "IGNCR", "ICRNL"):
            iflag &= ~getattr(termios, flag)
        oflag &= ~termios.OPOST
        lflag &= ~(termios.ISIG | termios.IEXTEN)
    else:
        oflag |= termios.OPOST | termios.ONLCR
    control = list(control)
    control[termios.VMIN], control[termios.VTIME] = 1, 0
    return [iflag, oflag, cflag, lflag, ispeed, ospeed, control]
