"""The loop that moves everything between agent, recording, pane and signals.

Owns when an attempt is over: the agent dead, its grace kept, its output complete.
"""

import _signal  # type: ignore[import-not-found]  # `signal` builds enums on import, 4 ms
import errno
import fcntl
import posix
import select
import termios
import time

from coders_workers.attempt.agent import Agent
from coders_workers.attempt.files import asked_to_stop
from coders_workers.attempt.pane import CHUNK, Pane
from coders_workers.attempt.processes import kill, members
from coders_workers.attempt.recording import Recording

PASSED_ON = (
    _signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGUSR1,
    _signal.SIGUSR2,
)  # fmt: skip
#: After the agent's death, seconds: of silence, and at most, until output counts as complete.
QUIET, DRAIN = 0.2, 2.0


class Relay:
    """The loop between agent, recording, pane and signals, until nothing is left to do."""

    def __init__(self, agent: Agent, recording: Recording, pane: Pane, wake: int) -> None:
        self.agent, self.recording, self.pane, self.wake = agent, recording, pane, wake
        self.typed = bytearray()
        self.kill_at: float | None = None
        self.dead: str | None = None
        self.dead_at = 0.0
        self.hung_up = False

    def run(self) -> str:
        """Relay until the agent is dead and its output complete; how it ended."""
        last_data = 0.0
        while True:
            events = dict(self._wait())
            if self.wake in events:
                for signum in posix.read(self.wake, 512):
                    self._signal(signum)
            if self.pane.tty in events:
                self._typed()
            if self.pane.pending:
                self.pane.flush()
            if self.typed and self.agent.master in events:
                self._type()
            for fd in [fd for fd in self.agent.streams if events.get(fd, 0) & ~select.POLLOUT]:
                last_data = time.monotonic()
                self._read(fd)
            self._enforce()
            if self.dead is None:
                self.dead = self.agent.status()
                if self.dead is not None:
                    self.dead_at = last_data = time.monotonic()
            if self.dead is not None and not self._lingering():
                self._let_go()
                now = time.monotonic()
                quiet = now - last_data > QUIET or now - self.dead_at > DRAIN
                if not self.agent.streams or quiet:
                    return self.dead

    def _wait(self) -> list[tuple[int, int]]:
        poller = select.poll()
        poller.register(self.wake, select.POLLIN)
        if self.pane.tty is not None:
            full = len(self.typed) >= CHUNK
            poller.register(self.pane.tty, 0 if full else select.POLLIN)
        if self.pane.pending and self.pane.out is not None:
            poller.register(self.pane.out, select.POLLOUT)
        backlogged = self.dead is None and self.pane.holds_back()
        for fd in self.agent.streams:
            events = 0 if backlogged else select.POLLIN
            if fd == self.agent.master and self.typed:
                events |= select.POLLOUT
            poller.register(fd, events)
        if self.dead is not None:
            return poller.poll(50)
        if backlogged:
            return poller.poll(200)
        if self.kill_at is not None:
            return poller.poll(max(0, int((self.kill_at - time.monotonic()) * 1000) + 1))
        return poller.poll()

    def _signal(self, signum: int) -> None:
        if signum == _signal.SIGWINCH:
            size = self.pane.size()
            if size is not None and self.agent.master is not None:
                fcntl.ioctl(self.agent.master, termios.TIOCSWINSZ, size)
        elif signum == _signal.SIGHUP and self.hung_up:
            pass  # it was told when the terminal hung up
        elif signum in PASSED_ON:
            self.hung_up = self.hung_up or signum == _signal.SIGHUP
            self.agent.signal(signum)
            grace = asked_to_stop()
            if grace is not None:
                until = time.monotonic() + grace
                self.kill_at = until if self.kill_at is None else min(until, self.kill_at)

    def _typed(self) -> None:
        """Take what was typed in the pane; the agent's terminal gets it, pipes do not."""
        try:
            data = posix.read(self.pane.tty or 0, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.pane.tty = self.pane.out = None
            self.pane.pending.clear()
            if not self.hung_up:
                self.hung_up = True
                self.agent.signal(_signal.SIGHUP)
        elif self.agent.master is not None:
            self.typed += data

    def _type(self) -> None:
        try:
            if self.agent.master is not None:
                del self.typed[: posix.write(self.agent.master, self.typed[:4096])]
        except BlockingIOError:
            pass
        except OSError:
            self.typed.clear()

    def _read(self, fd: int) -> None:
        try:
            data = posix.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""  # how a terminal says that its last user left
        if data:
            self.recording.add(self.agent.streams[fd], data)
            self.pane.show(data)
        else:
            del self.agent.streams[fd]
            posix.close(fd)

    def _enforce(self) -> None:
        """When grace is over: SIGKILL, for every process that belongs to the agent."""
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            self.kill_at = None
            kill(members(self.agent.pid))

    def _lingering(self) -> bool:
        """Whether children of an agent that was asked to stop still use their grace."""
        return self.kill_at is not None and bool(members(self.agent.pid))

    def _let_go(self) -> None:
        """Close our side of the dead agent's terminal, so that its end can be read."""
        if self.agent.slave is not None:
            posix.close(self.agent.slave)
            self.agent.slave = None


def watch_signals() -> int:
    """From now on signals arrive as bytes in the returned pipe."""
    wake, waker = posix.pipe()
    posix.set_blocking(wake, False)
    posix.set_blocking(waker, False)
    _signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for signum in (*PASSED_ON, _signal.SIGCHLD, _signal.SIGWINCH):
        _signal.signal(signum, lambda *_: None)
    for signum in (_signal.SIGTSTP, _signal.SIGTTIN, _signal.SIGTTOU):
        _signal.signal(signum, _signal.SIG_IGN)  # a stopped launcher would hang its agent
    return wake
