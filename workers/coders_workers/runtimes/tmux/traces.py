"""The launcher as the worker sees it: what its directory tells, and how to reach it.

Owns the worker's side of the files that `attempt/files.py` names. Talks to no tmux.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from pathlib import Path

from coders_queue.errors import SpawnError, UsageError, WorkspaceError
from coders_queue.models.launch import ExitStatus
from coders_workers.attempt import files
from coders_workers.attempt.processes import kill, members, stat_fields
from coders_workers.runtimes.base import Ended, Launch, Started

#: How an `exit` line says that the worker gave up waiting for the start.
GIVEN_UP = "give-up"

_WHAT = {
    "chdir": "the agent's directory cannot be entered",
    "exec": "the agent's program cannot be run",
    "stop": "it was stopped before it started",
    "record": "its recording cannot be written",
    "launch": "its launch file cannot be read",
    GIVEN_UP: "it did not start",
}


class Traces:
    """One attempt's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def open_life(self, *, create: bool) -> int | None:
        """The reading end of the FIFO that hangs up when the launcher dies; None without one.

        Open it before asking :meth:`alive`, or a death between the two goes unseen.
        """
        path = self.directory / files.LIFE
        try:
            if create and not path.exists():
                os.mkfifo(path, 0o600)
        except FileExistsError:
            pass
        except FileNotFoundError:
            raise WorkspaceError(
                f"the attempt's directory is gone: {self.directory}", "spawn it again"
            ) from None
        try:
            return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None

    def prepare(self, launch: Launch, term: str) -> None:
        """Write what the launcher reads; ``term`` is the kind of terminal, should it get one.

        Raises UsageError for what no program can be given.
        """
        env = {"TERM": term, **launch.env} if launch.terminal else launch.env
        stdin = b""
        if launch.stdin and not launch.terminal:
            stdin = os.fsencode(self.directory / files.STDIN)
        for name in env:
            if not name or "=" in name:
                raise UsageError(f"{name!r} cannot name an environment variable")
        content = files.Launch(
            terminal=launch.terminal, merge=launch.merge_stderr, columns=launch.columns,
            rows=launch.rows, cwd=os.fsencode(launch.cwd), stdin=stdin,
            argv=[os.fsencode(word) for word in launch.argv],
            program=os.fsencode(launch.program or ""),
            env={os.fsencode(name): os.fsencode(value) for name, value in env.items()},
        )  # fmt: skip
        try:
            encoded = content.encode()
        except ValueError as error:
            raise UsageError(f"{launch.ref}: {error}", "leave the NUL out") from None
        if stdin and launch.stdin:
            self._write(files.STDIN, launch.stdin)
        self._write(files.LAUNCH, encoded)

    def clear_secrets(self) -> None:
        """Remove what the launcher removes; a second starter may have written it again."""
        for name in (files.LAUNCH, files.STDIN):
            (self.directory / name).unlink(missing_ok=True)

    def claimed(self) -> bool:
        """Whether a launcher took the attempt, or the worker gave it up."""
        return (self.directory / files.CLAIM).exists()

    def alive(self) -> bool:
        """Whether the launcher lives: it holds its lock."""
        try:
            fd = os.open(self.directory / files.LOCK, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(fd, fcntl.LOCK_UN)  # at once, also for a fork that just happened
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def started(self) -> Started | None:
        """What the directory says of the start."""
        words = self._read(files.STARTED).split()
        if len(words) < 2:
            return None
        ticks = int(words[2]) if len(words) > 2 else None
        return Started(pid=int(words[0]), at=float(words[1]), ticks=ticks)

    def ended(self) -> Ended | None:
        """What the directory says of the end; lost when the launcher is gone without a word."""
        text = self._read(files.EXIT)
        if not text:
            if not self.claimed() or self.alive():
                return None
            text = self._read(files.EXIT)  # written between the two looks
        if not text:
            return Ended(status=ExitStatus(lost=True), at=time.time())
        word, *rest = text.splitlines()[0].split(" ", 4)
        if word == "error":
            _, what, when, message = rest
            return Ended(
                status=ExitStatus(), at=float(when), error=f"{_WHAT.get(what, what)}: {message}"
            )
        number, at = int(rest[0]), float(rest[1])
        status = ExitStatus(code=number) if word == "exit" else ExitStatus(signal=number)
        return Ended(status=status, at=at)

    def failure(self) -> tuple[int, str]:
        """Of a start that failed: error number and what was tried; 0 and nothing else."""
        word, *rest = (self._read(files.EXIT) or "none").split(" ", 3)
        return (int(rest[0]), rest[1]) if word == "error" else (0, "")

    def last_lines(self, count: int = 5) -> str:
        """The end of what the agent printed."""
        try:
            with (self.directory / files.OUTPUT).open("rb") as output:
                output.seek(max(0, output.seek(0, os.SEEK_END) - 4096))
                text = output.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return " / ".join(line.strip() for line in text.splitlines()[-count:] if line.strip())

    def give_up(self) -> bool:
        """Take the attempt away from a launcher that may still come; False when it is there."""
        try:
            os.close(
                os.open(self.directory / files.CLAIM, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            )
        except FileExistsError:
            return False
        line = f"error {errno.ETIMEDOUT} {GIVEN_UP} {time.time():.6f} its launcher never came\n"
        self._write(files.EXIT, line.encode())
        return True

    def ask_to_stop(self, grace: float) -> bool:
        """Tell the launcher to end its agent within ``grace`` seconds; False without a launcher.

        One that is yet to come finds the request before it starts anything.
        """
        if not self.directory.is_dir():
            return False
        self._write(files.STOP, f"{grace:.3f}\n".encode())
        return self._signal_launcher(signal.SIGTERM)

    def force(self) -> None:
        """SIGKILL for all of an attempt whose launcher did not do what it was asked."""
        self._kill_agent()
        self._signal_launcher(signal.SIGKILL)

    def kill_survivors(self) -> None:
        """SIGKILL for an agent whose launcher vanished: nobody else looks after it."""
        ended = self.ended()
        if ended is not None and ended.status.lost:
            self._kill_agent()

    def _kill_agent(self) -> None:
        words = self._read(files.STARTED).split()
        if len(words) < 3:
            return
        pid, born = int(words[0]), words[2].encode()
        fields = stat_fields(pid)
        # Without its leader a session still keeps the number from being given to another one.
        if fields is None or fields[19] == born:
            kill(members(pid) - {os.getpid()})

    def _signal_launcher(self, number: signal.Signals) -> bool:
        try:
            handle = os.pidfd_open(int(self._read(files.LOCK) or 0))
        except (OSError, ValueError):
            return self.alive()
        try:
            # The lock is held still: so the handle is the holder's, not a later process's.
            if not self.alive():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def _read(self, name: str) -> str:
        try:
            return (self.directory / name).read_text("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def _write(self, name: str, data: bytes) -> None:
        place = self.directory / name
        # Two who write the same at once must not share a file.
        new = self.directory / f".{name}.{os.getpid()}.{time.monotonic_ns()}"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            new.replace(place)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise SpawnError(f"cannot write {place}: {error.strerror}", "make room") from error
