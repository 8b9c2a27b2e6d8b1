"""One control-mode connection: commands go in as lines, replies come out in order.

Owns the client process, quoting, and the matching of ``%begin``/``%end`` blocks with commands.
What the commands mean is the door's business.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from collections.abc import Sequence

from coders_queue.errors import TimedOut, Unavailable, UsageError


class Refused(Exception):
    """tmux answered a command with an error, which is the message."""


class Lost(Unavailable):
    """The connection to tmux ended; whether the command still ran is not known."""

    kind = "tmux-lost"


def quote(word: str) -> bytes:
    """One word as tmux's command parser reads it back, byte for byte.

    Raises UsageError for what a line of control mode cannot hold: line feed and NUL.
    """
    data = os.fsencode(word)
    if b"\n" in data or b"\0" in data:
        raise UsageError(f"tmux cannot be given {word!r}", "use a path without line breaks")
    # Within single quotes all is literal, but the lexer takes byte 255 for the end of its input.
    data = data.replace(b"'", b"'\"'\"'").replace(b"\xff", b"'\"\\377\"'")
    return b"'" + data + b"'"


class _Pending:
    def __init__(self) -> None:
        self.answered = threading.Event()
        self.lines: list[bytes] | None = None
        self.refused = False


class ControlConnection:
    """A ``tmux -C`` client. Thread-safe; dead for good once lost."""

    def __init__(self, argv: Sequence[str], env: dict[str, str], timeout: float) -> None:
        """Start the client and wait for its first reply. Raises Unavailable."""
        self._pending: deque[_Pending] = deque()
        self._lock = threading.Lock()
        self._closed = False
        greeting = _Pending()
        self._greeting: _Pending | None = greeting
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=env, cwd="/", start_new_session=True,
        )  # fmt: skip
        self._said = b""
        self._reader = threading.Thread(target=self._read, name="tmux-control", daemon=True)
        self._reader.start()
        if not greeting.answered.wait(timeout):
            self.close()
            raise TimedOut(f"tmux did not start in {timeout:g} s", "look at it: coders doctor")
        if greeting.lines is None or greeting.refused:
            self.close()
            text = (
                b" ".join(greeting.lines or [self._said.removeprefix(b"%exit ")])
                .decode("utf-8", "replace")
                .strip()
            )
            raise Unavailable(f"tmux does not start: {text}", "look at it: coders doctor")

    @property
    def alive(self) -> bool:
        """Whether commands can still be sent."""
        return not self._closed

    def ask(self, words: Sequence[str], timeout: float) -> list[bytes]:
        """Run one command; its output's lines. Raises Refused, Lost, TimedOut."""
        line = b" ".join(quote(word) for word in words) + b"\n"
        pending = _Pending()
        with self._lock:
            if self._closed or self._process.stdin is None:
                raise Lost("the connection to tmux is gone")
            self._pending.append(pending)
            try:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            except OSError:
                self._closed = True
                raise Lost("the connection to tmux broke") from None
        if not pending.answered.wait(timeout):
            self.close()  # its client may be stuck; the next command gets a new one
            raise TimedOut(f"tmux did not answer {words[0]!r} in {timeout:g} s", "try again")
        if pending.lines is None:
            raise Lost(f"tmux went away during {words[0]!r}", "try again")
        if pending.refused:
            raise Refused(b" ".join(pending.lines).decode("utf-8", "replace"))
        return pending.lines

    def close(self) -> None:
        """End the client; the server and its sessions live on."""
        self._closed = True
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(2)
        if threading.current_thread() is not self._reader:
            self._reader.join(2)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - it was asked for
        block: list[bytes] | None = None
        mark = b""
        for line in stream:
            line = line.rstrip(b"\n")
            if block is None:
                if line.startswith(b"%begin "):
                    mark, block = line[7:], []
                elif self._greeting is not None:
                    self._said = line  # why it does not start: `%exit <reason>`, or an error
            elif line in (b"%end " + mark, b"%error " + mark):
                self._answer(block, mark, refused=line.startswith(b"%error"))
                block = None
            else:
                block.append(line)
        with self._lock:
            self._closed = True
        for pending in [self._greeting, *self._pending]:
            if pending is not None:
                pending.answered.set()
        with self._lock:
            stream.close()
            if self._process.stdin is not None:
                try:
                    self._process.stdin.close()
                except OSError:
                    self._process.stdin = None
        self._process.wait()

    def _answer(self, block: list[bytes], mark: bytes, *, refused: bool) -> None:
        pending: _Pending | None = None
        if self._greeting is not None:
            pending, self._greeting = self._greeting, None
        elif mark.endswith(b" 1"):  # of a command of ours, not of a hook or another client
            with self._lock:
                pending = self._pending.popleft() if self._pending else None
        if pending is not None:
            pending.lines, pending.refused = block, refused
            pending.answered.set()
