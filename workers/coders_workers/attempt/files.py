"""The attempt's private directory: what each file in it says.

Owns names and formats, and how the attempt is claimed; all paths are relative to the directory.

=========  ==================================================================================
`lock`     an flock held for the launcher's life; the file holds its pid
`claim`    created exclusively: the attempt was taken, for good
`life`     a FIFO: one line when the agent was started or failed; hangs up with the launcher
`launch`   what to run (:func:`encode`); deleted once read, as is the file of standard input
`output`   every byte the agent printed, all streams, as it came
`timing`   one line a chunk of `output`: ``O|E <seconds since the last entry> <bytes>``, the
           first counted from just before the agent's start; E is standard error
`started`  ``<pid> <epoch seconds> <kernel start ticks>``, once its program is confirmed to run
`stop`     written by the worker, with seconds of grace: SIGTERM now, SIGKILL then
`exit`     ``exit <code> <epoch>`` or ``signal <n> <epoch>`` or ``error <errno> <what> <epoch>
           <message>``; a second line ``recording <errno> <message>`` when that broke off
=========  ==================================================================================

Standard library only and only what is cheap to import: every spawn pays for this. So the package
asks :mod:`posix`, which is there already, for what :mod:`os` would hand on for 5 ms.
"""

import fcntl
import posix
import time

VERSION = b"coders-launch-2"
#: How long a launcher that was started ahead waits for its launch, seconds.
AHEAD = 10.0
LOCK, CLAIM, LIFE, LAUNCH, STDIN = "lock", "claim", "life", "launch", "stdin"
OUTPUT, TIMING, STARTED, STOP, EXIT = "output", "timing", "started", "stop", "exit"


class Launch:
    """What to run, and how it is written to a file: fields divided by NUL, which none can hold."""

    def __init__(
        self, *, terminal: bool, merge: bool, columns: int, rows: int, cwd: bytes, stdin: bytes,
        argv: list[bytes], env: dict[bytes, bytes], program: bytes = b"",
    ) -> None:  # fmt: skip
        """``program``: the file to run; ``argv[0]``, what it is called, when it is empty."""
        self.terminal, self.merge, self.columns, self.rows = terminal, merge, columns, rows
        self.cwd, self.stdin, self.argv, self.env = cwd, stdin, argv, env
        self.program = program or argv[0]

    def encode(self) -> bytes:
        """As bytes for the `launch` file. Raises ValueError for a NUL anywhere."""
        fields = [
            VERSION, b"%d" % self.terminal, b"%d" % self.merge, b"%d" % self.columns,
            b"%d" % self.rows, self.cwd, self.stdin, self.program, b"%d" % len(self.argv),
            *self.argv,
            *(key + b"=" + value for key, value in self.env.items()),
        ]  # fmt: skip
        if any(b"\0" in field for field in fields):
            raise ValueError("a NUL byte cannot be passed to a program")
        return b"\0".join(fields)

    @classmethod
    def decode(cls, data: bytes) -> "Launch":
        """The inverse of :meth:`encode`."""
        fields = data.split(b"\0")
        if fields[0] != VERSION:
            raise ValueError("the launch file is of another version")
        terminal, merge, columns, rows = (int(field) for field in fields[1:5])
        last = 9 + int(fields[8])
        env = dict(entry.split(b"=", 1) for entry in fields[last:])
        return cls(
            terminal=bool(terminal), merge=bool(merge), columns=columns, rows=rows,
            cwd=fields[5], stdin=fields[6], program=fields[7], argv=fields[9:last], env=env,
        )  # fmt: skip


def exists(name: str) -> bool:
    """Whether there is such a file."""
    try:
        posix.stat(name)
    except OSError:
        return False
    return True


def take() -> bool:
    """Lock and claim the attempt in the current directory; False when another one has it.

    The lock comes first, so that whoever sees the claim can trust the lock. Others may hold it
    shared for a moment, to see whether a launcher lives.
    """
    lock = posix.open(LOCK, posix.O_RDWR | posix.O_CREAT, 0o600)
    for _ in range(5000):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if exists(CLAIM):
                return False
            time.sleep(0.001)
    else:
        return False
    if exists(CLAIM):
        return False
    posix.ftruncate(lock, 0)
    posix.write(lock, b"%d\n" % posix.getpid())
    try:
        posix.close(posix.open(CLAIM, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL, 0o600))
    except FileExistsError:
        return False  # the worker gave the attempt up just now
    return True  # the lock's descriptor stays open until the process ends


def launch_is_there() -> bool:
    """Wait until the worker has written `launch`; False when it will not be.

    A launcher may be started ahead of its launch, so that both get ready at the same time. It asks
    often at first, when that is the case, and gives up when the worker seems to be gone.
    """
    started = time.monotonic()
    while not exists(LAUNCH):
        waited = time.monotonic() - started
        if waited > AHEAD or exists(CLAIM) or exists(STOP):
            return False
        time.sleep(0.001 if waited < 0.2 else 0.02)
    return True


def asked_to_stop() -> float | None:
    """The grace, seconds, in the `stop` file; None without one."""
    try:
        with open(STOP, "rb") as file:
            return float(file.read() or 0)
    except (FileNotFoundError, ValueError):
        return None


def write_whole(name: str, text: str, *, sync: bool = False) -> None:
    """Write a file that is there wholly or not at all."""
    fd = posix.open(name + ".new", posix.O_WRONLY | posix.O_CREAT, 0o600)
    data = text.encode("utf-8", "replace")
    posix.write(fd, data)
    posix.ftruncate(fd, len(data))
    if sync:
        posix.fsync(fd)
    posix.close(fd)
    posix.rename(name + ".new", name)
