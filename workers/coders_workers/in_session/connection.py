"""One caller on a session's socket: its request as it comes in, its answer as it goes out.

Never waits: what it cannot take or give now it takes or gives when its socket is ready again.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from coders_queue import wire

#: Bytes of the largest request, its line end included.
LARGEST = 1024 * 1024
#: Seconds a caller has to say what it wants, or to take in a piece of its answer.
PATIENCE = 10.0
_PIECE = 64 * 1024


class Connection:
    """One caller. Used on the loop's thread alone, but for :attr:`gone`."""

    def __init__(self, ref: str, sock: socket.socket, now: float) -> None:
        self.ref = ref
        self.sock = sock
        #: When it is given up, by the loop's clock; None while its request is carried out.
        self.deadline: float | None = now + PATIENCE
        #: Set when the caller has hung up, for who carries its request out.
        self.gone = threading.Event()
        self.request: bytes | None = None
        self._said = bytearray()
        self._answer = memoryview(b"")

    @property
    def held(self) -> int:
        """Bytes of a request that is not whole yet."""
        return len(self._said)

    def read(self) -> bool:
        """Take in what is there; False when the caller hung up, or says more than it may.

        Afterwards :attr:`request` is the request, once that is whole.
        """
        try:
            piece = self.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if not piece or self.request is not None:
            return False
        self._said += piece
        end = self._said.find(b"\n", max(0, len(self._said) - len(piece)))
        if end >= 0:
            self.request = bytes(self._said[: end + 1])
            self._said.clear()
            self.deadline = None
        return True

    @property
    def too_large(self) -> bool:
        """Whether its request is larger than any may be."""
        return len(self._said if self.request is None else self.request) > LARGEST

    def answer(self, message: dict[str, object], now: float) -> None:
        """Have this sent, and nothing else."""
        self.request = self.request or b"\n"
        self._said.clear()
        self._answer = memoryview(wire.encode(message))
        self.deadline = now + PATIENCE

    def write(self, now: float) -> bool:
        """Send what can be sent; True when that was the last, or nobody takes it."""
        try:
            sent = self.sock.send(self._answer[:_PIECE])
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        self._answer = self._answer[sent:]
        self.deadline = now + PATIENCE
        return not self._answer

    def close(self) -> None:
        """Hang up."""
        self.gone.set()
        with contextlib.suppress(OSError):
            self.sock.close()
