"""One playing of a place of the canvas: its signatures, its agents' lines, its results.

Owns how a session is told apart (labels, and a line in a file for every run of an agent) and how a
result is awaited while workers and brokers die. What is played is in ``places``.
"""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import signature
from celery.app.control import Control
from celery.result import AsyncResult, GroupResult
from kombu.exceptions import OperationalError
from redis import RedisError

from coders_queue.client.client import Coders
from coders_queue.client.handle import SessionHandle
from coders_queue.errors import Unavailable
from coders_queue.models.record import SessionRecord
from support import peer_agent
from support.local_stack import LocalStack

#: How long a disturbed canvas may take to come through, seconds.
LONG = 100.0
_AWAY = (OperationalError, RedisError, Unavailable, ConnectionError, RuntimeError)


class Canvas:
    """A client of one stack, and the files in which its agents leave lines."""

    def __init__(self, stack: LocalStack, *, only_sessions: bool = False) -> None:
        self.stack = stack
        self.only_sessions = only_sessions
        self.coders: Coders = stack.client()
        self.app = self.coders.app
        self.notes = stack.paths.state / "notes"
        self.notes.mkdir()
        self.ran = stack.paths.state / "ran"
        self.ran.touch()
        self._publishing = threading.Lock()

    def publish(self, canvas: Any, **options: Any) -> Any:
        """Send it off, from one thread at a time."""
        with self._publishing:
            result = canvas.apply_async(**options)
        self.deafen()
        return result

    def deafen(self) -> None:
        """Results are asked for here: none that is collected may look for a broker that is gone.

        Each thread has a backend, and so a listener for results, of its own.
        """
        self.app.backend.result_consumer.subscribed_to.clear()

    def close(self) -> None:
        """Let go of connections."""
        self.deafen()
        self.coders.close()


class Scene:
    """A place, played once."""

    def __init__(self, canvas: Canvas, place: str, step: str = "", number: int = 0) -> None:
        self.canvas = canvas
        self.place = place
        self.step = step
        self.key = f"{place}.{step or 'calm'}.{number}"
        #: Set once everything is published.
        self.submitted = threading.Event()
        #: What an agent can wait for.
        self.gate = canvas.stack.paths.state / f"gate-{self.key}"

    def agent(
        self, name: str, then: str = "", *, pause: float = 0.3, subject: bool = True, **fields: Any
    ) -> Any:
        """A session that leaves a line and prints its name, or does something else ``then``.

        At a session that is not the ``subject`` of the place no worker dies.
        """
        line = shlex.quote(f"{self.key} {name}")
        script = f"echo {line} >> {shlex.quote(str(self.canvas.ran))}; sleep {pause}; "
        labels = {"place": self.place, "step": self.step} if subject else {}
        return self.canvas.coders.session(
            "shell",
            argv=("sh", "-c", script + (then or f"echo {name}")),
            cwd="/",
            labels=labels,
            **fields,
        )

    def user(self, name: str, *args: Any) -> Any:
        """A task that is not ours, or an agent that does the same."""
        canvas = self.canvas
        if not canvas.only_sessions:
            return signature(f"user.{name}", args=args, app=canvas.app, queue="user")
        argv = (sys.executable, "-S", "-E", peer_agent.__file__, str(canvas.notes), name)
        return canvas.coders.session("shell", argv=(*argv, *map(str, args)), cwd="/")

    def submit(self, canvas: Any, **options: Any) -> Any:
        """Publish it."""
        result = self.canvas.publish(canvas, **options)
        self.submitted.set()
        return result

    def value(self, result: Any) -> Any:
        """What came of it; raises what it failed with."""
        if isinstance(result, GroupResult):
            return [self.value(one) for one in result.results]
        self.until(result.ready, f"the end of {result.id}")
        result.maybe_throw()
        return peer_agent.value(result.result)

    def failure(self, result: AsyncResult[Any]) -> Exception:
        """What it failed with."""
        self.until(result.ready, f"the end of {result.id}")
        assert isinstance(result.result, Exception), f"{self.key}: no failure: {result.result}"
        return result.result

    def record(self, session_id: str, what: str, when: Callable[[SessionRecord], object]) -> Any:
        """A session's record, once it is as wished."""
        handle = SessionHandle(self.canvas.app, session_id)

        def found() -> SessionRecord | None:
            record = handle.record
            return record if when(record) else None

        return self.until(found, what)

    def revoke(self, session_id: str) -> None:
        """Revoke as a client of this project does: durably, whether a worker hears it or not."""
        self.until(lambda: self.canvas.app.control.revoke(session_id) is None, "revoked")

    def broadcast_revoke(self, session_id: str) -> None:
        """Revoke as any client of Celery does: the workers that are there just now hear it."""
        Control(self.canvas.app).revoke(session_id)

    def until(self, condition: Callable[[], Any], what: str, timeout: float = LONG) -> Any:
        """The first true answer, while the broker may come and go."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                if answer := condition():
                    return answer
            except _AWAY:
                pass  # the broker is away just now
            assert time.monotonic() < deadline, f"{self.key}: not within {timeout:g} s: {what}"
            time.sleep(0.1)

    def notes(self) -> list[str]:
        """What the tasks that are not ours left."""
        if self.canvas.only_sessions:
            file: Path = self.canvas.notes / self.key
            return file.read_text().splitlines() if file.exists() else []
        found = self.canvas.app.backend.client.lrange(f"user:{self.key}", 0, -1)
        return [one.decode() for one in found]

    def noted(self, *expected: str) -> None:
        """Wait for these notes. Celery sends what is not ours at least once, what is ours once."""
        self.until(lambda: len(set(self.notes())) >= len(set(expected)), f"notes {expected}")
        found = self.notes()
        if not self.canvas.only_sessions:
            found, expected = sorted(set(found)), tuple(sorted(set(expected)))
        self.equal(sorted(found), sorted(expected))

    def equal(self, found: Any, expected: Any) -> None:
        """Say both when they differ."""
        assert found == expected, f"{self.key}: {found!r} is not {expected!r}"

    def runs(self) -> Counter[str]:
        """How often each of its agents ran."""
        lines = (line.split() for line in self.canvas.ran.read_text().splitlines())
        return Counter(name for key, name in lines if key == self.key)
