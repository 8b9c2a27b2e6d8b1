"""What was typed into a terminal and its program has not read yet: the kernel knows.

Owns one question to the kernel. Where there is no ``/proc`` it has no answer.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios


def unread(pid: int) -> int | None:
    """Bytes waiting on the terminal of a process; None when it cannot be told."""
    try:
        fd = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not os.isatty(fd):
            return None
        (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return None
    finally:
        os.close(fd)
    return int(count)
