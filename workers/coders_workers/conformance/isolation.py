"""Cutting this process, and all that it will start, off from every network but loopback.

Needs no program: one system call, and one flag of the new namespace's loopback device.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 0x1
#: ``struct ifreq``: a name and the flags, padded to its size.
_REQUEST = "16sh22x"


def isolate() -> str | None:
    """Do it, for good. Returns None, or why it could not be done.

    To be called before the process has a second thread: a thread that there is stays outside.
    """
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "a network namespace needs root"
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNET) != 0:
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    try:
        _bring_up("lo")
    except OSError as error:
        return f"the loopback device does not come up: {error.strerror}"
    return None


def _bring_up(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        request = struct.pack(_REQUEST, device.encode(), 0)
        _, flags = struct.unpack(_REQUEST, fcntl.ioctl(door, _SIOCGIFFLAGS, request))
        request = struct.pack(_REQUEST, device.encode(), flags | _IFF_UP)
        fcntl.ioctl(door, _SIOCSIFFLAGS, request)
