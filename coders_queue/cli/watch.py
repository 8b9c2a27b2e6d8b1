"""Watching a session to its end, across restarts of the worker, which it outlives."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

from coders_queue import errors, wire
from coders_queue.cli.context import Context
from coders_queue.cli.session import label

#: How often a lost worker is looked for again, and how long between two looks, seconds.
RECONNECTS = 20
PAUSE = 0.5
#: Seconds that a bounded wait may take beyond its bound before the worker counts as stuck.
GRACE = 15.0

Sink = Callable[[bytes], None]


def until_end(context: Context, ref: str, limit: float | None = None) -> dict[str, Any]:
    """Wait until the session has ended and return it. Raises TimedOut after ``limit`` seconds."""
    console = context.console
    deadline = None if limit is None else time.monotonic() + limit
    lost = 0
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        silence = None if left is None else left + GRACE
        try:
            with console.progress(f"waiting for {ref}") as progress:
                for kind, body in context.host.call(
                    "wait", {"ref": ref, "timeout": left}, timeout=silence
                ):
                    lost = 0
                    if kind == "part":
                        progress.say(f"{ref} is {body.get('state')}")
                    else:
                        return body
            raise errors.Unavailable(f"the worker said nothing of {ref}", "coders doctor")
        except errors.Unavailable as error:
            lost = _again(context, error, lost)


def follow(context: Context, ref: str, sink: Sink) -> str | None:
    """Hand on what the session prints, as people like to see it, until it ends; its last state."""
    seen = 0
    lost = 0
    while True:
        skip = seen
        try:
            for kind, body in context.host.call(
                "logs", {"ref": ref, "follow": True, "raw": False, "attempt": None}, timeout=None
            ):
                lost = 0
                if kind == "ok":
                    state = body.get("state")
                    return None if state is None else str(state)
                data = base64.b64decode(body.get("data", ""))
                # after a reconnection the log begins anew
                fresh, skip = data[skip:], max(0, skip - len(data))
                seen += len(fresh)
                if fresh:
                    sink(fresh)
        except errors.Unavailable as error:
            lost = _again(context, error, lost)


def left(context: Context, session: dict[str, Any]) -> None:
    """After Ctrl-C: say that the session goes on, and what can be done with it."""
    name = label(session)
    context.console.note(f"coders: stopped watching; {name} goes on")
    context.console.note(f"  attach: coders attach {name}")
    context.console.note(f"  end it: coders kill {name}")


def _again(context: Context, error: errors.Unavailable, lost: int) -> int:
    """Count a lost connection and pause, or give up by raising the error."""
    if lost >= RECONNECTS or (lost == 0 and isinstance(error, wire.NotListening)):
        raise error
    if lost == 0:
        context.console.note(
            "coders: lost the worker; the session goes on, looking for the worker again"
        )
    time.sleep(PAUSE)
    return lost + 1
