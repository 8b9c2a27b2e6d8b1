"""The agent's process: started exactly as asked, signalled, its status read.

Owns fork, exec and the agent's ends of pipes or terminal. Moves no data.
"""

import _signal  # type: ignore[import-not-found]  # `signal` builds enums on import, 4 ms
import errno
import fcntl
import posix
import sys
import termios

from coders_workers.attempt.files import Launch

TYPE_CHECKING = False  # as in `typing`, which is slow to import
if TYPE_CHECKING:
    from typing import Any


class StartFailed(Exception):
    """The agent's program does not run; ``what`` was tried, ``where``, when it failed."""

    def __init__(self, number: int, what: str, where: bytes = b"") -> None:
        super().__init__(number, what)
        self.number, self.what, self.where = number, what, where


class Agent:
    """The agent's process: leader of its own session, and never reaped."""

    def __init__(self, launch: Launch, size: bytes | None, mode: "list[Any] | None") -> None:
        """Fork and wait until the program runs. Raises StartFailed."""
        self.master: int | None = None
        self.slave: int | None = None
        if launch.terminal:
            self.master, self.slave = posix.openpty()
            if mode is not None:
                termios.tcsetattr(self.slave, termios.TCSANOW, mode)
            order = sys.byteorder
            own = launch.rows.to_bytes(2, order) + launch.columns.to_bytes(2, order) + bytes(4)
            fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size or own)
            self.streams = {self.master: b"O"}
            ends = (self.slave, self.slave, self.slave)
        else:
            source = posix.open(launch.stdin or b"/dev/null", posix.O_RDONLY)
            if launch.stdin:
                posix.unlink(launch.stdin)
            out, out_end = posix.pipe()
            self.streams = {out: b"O"}
            err_end = out_end
            if not launch.merge:
                err, err_end = posix.pipe()
                self.streams[err] = b"E"
            ends = (source, out_end, err_end)
        told, tell = posix.pipe()
        # Until its handlers are its own, a signal to the child would look like one to us.
        _signal.pthread_sigmask(_signal.SIG_SETMASK, _signal.valid_signals())
        self.pid = posix.fork()
        if self.pid == 0:
            _become(launch, ends, tell)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        posix.close(tell)
        for fd in set(ends) - {self.slave}:
            posix.close(fd)
        for fd in self.streams:
            posix.set_blocking(fd, False)
        answer = posix.read(told, 100)
        posix.close(told)
        if answer:
            number, what = answer.split()
            where = launch.cwd if what == b"chdir" else launch.program
            raise StartFailed(int(number), what.decode(), where)

    def signal(self, number: int) -> None:
        """Send it to the agent's process group."""
        try:
            posix.killpg(self.pid, number)
        except OSError:
            pass

    def status(self) -> str | None:
        """How it ended, or None. It stays unreaped, so that its pid cannot become another's."""
        found = posix.waitid(posix.P_PID, self.pid, posix.WEXITED | posix.WNOHANG | posix.WNOWAIT)
        if found is None:
            return None
        word = "exit" if found.si_code == posix.CLD_EXITED else "signal"
        return f"{word} {found.si_status}"


def _become(launch: Launch, ends: tuple[int, int, int], tell: int) -> None:
    """In the child: be the agent, or tell why not."""
    what = b"fork"
    try:
        posix.setsid()
        if launch.terminal:
            fcntl.ioctl(ends[0], termios.TIOCSCTTY, 0)
        for number, fd in enumerate(ends):
            posix.dup2(fd, number)
        for name in posix.listdir("/proc/self/fd"):
            if int(name) > 2:
                try:
                    posix.set_inheritable(int(name), False)
                except OSError:
                    pass  # the listing's own descriptor
        for signum in _signal.valid_signals():
            if signum not in (_signal.SIGKILL, _signal.SIGSTOP):
                _signal.signal(signum, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        what = b"chdir"
        posix.chdir(launch.cwd)
        what = b"exec"
        _execute(launch)
    except OSError as error:
        posix.write(tell, b"%d %s" % (error.errno or 0, what))
    except BaseException:  # noqa: BLE001 - whatever it was, two launchers must not go on
        posix.write(tell, b"0 %s" % what)
    finally:
        posix._exit(127)


def _execute(launch: Launch) -> None:
    """Run its program, looked for on the agent's own PATH when it is a bare name."""
    if b"/" in launch.program:
        posix.execve(launch.program, launch.argv, launch.env)
    failed: OSError = FileNotFoundError(errno.ENOENT, "not on PATH")
    for directory in launch.env.get(b"PATH", b"/bin:/usr/bin").split(b":"):
        try:
            posix.execve((directory or b".") + b"/" + launch.program, launch.argv, launch.env)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            failed = error
    raise failed
