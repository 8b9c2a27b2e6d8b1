"""One at a time in a directory: an advisory lock on the directory itself.

Owns nothing on disk: no lock file is left in a user's repository or in an archive, and the kernel
lets go when the holder dies. It guards against this program's own threads and processes only; what
must stay right against others (git, a person) is made right by its own atomic step.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coders_queue import errors

#: Some network file systems know no such lock.
_NO_LOCKS_HERE = {errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def hold(directory: Path, timeout: float, *, make: bool = False) -> Iterator[bool]:
    """Hold the lock of ``directory``; yields False where its file system has none.

    With ``make`` the directory is made (0700, parents too) and, should another holder remove it
    meanwhile, made again. Raises TimedOut after ``timeout`` seconds, OSError when it cannot be had.
    """
    deadline = time.monotonic() + timeout
    descriptor, held = _acquire(directory, deadline, timeout, make)
    try:
        yield held
    finally:
        os.close(descriptor)


def _acquire(directory: Path, deadline: float, timeout: float, make: bool) -> tuple[int, bool]:
    while True:
        try:
            if make:
                _make(directory)
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            if make and time.monotonic() < deadline:
                continue  # a parent was removed between the two steps
            raise
        except FileExistsError as error:
            # there when it was to be made, gone when pathlib looked whether it is a directory;
            # unless a file is in the way, of the directory or of one above it
            there = Path(error.filename)
            if (os.path.lexists(there) and not there.is_dir()) or time.monotonic() >= deadline:
                raise
            continue
        try:
            held = _flock(descriptor, directory, deadline, timeout)
            if not make or _is_still(directory, descriptor):
                return descriptor, held
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _make(directory: Path) -> None:
    if not directory.parent.is_dir():
        _make(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)


def _flock(descriptor: int, directory: Path, deadline: float, timeout: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise errors.TimedOut(
                    f"another process has held {directory} for {timeout:g} s",
                    "see who: lsof +d on that directory",
                ) from None
            time.sleep(0.005)
        except OSError as error:
            if error.errno in _NO_LOCKS_HERE:
                return False
            raise
        else:
            return True


def _is_still(directory: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(directory.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
