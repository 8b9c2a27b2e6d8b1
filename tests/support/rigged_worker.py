"""The project's worker with an accident built in: ``rigged_worker.py RIG COMMAND...``.

RIG is empty, ``twice`` (every message of a session is delivered twice), or ``kill:STEP`` (the
process kills itself, once, when it reaches that step; a file in the state directory remembers it).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.backends.redis import RedisBackend
from kombu.transport.redis import Channel

from coders_queue.queue.delivery import Delivery
from coders_queue.queue.dispatch import Dispatch
from coders_queue.queue.session_task import SessionTask
from coders_queue.store.redis import RedisStore
from coders_workers.__main__ import main
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.supervisor.spawn import Spawner

#: Where a worker can die: a step's name to the method, and whether before or after it.
STEPS: dict[str, tuple[type, str, str]] = {
    "before-arrive": (Delivery, "arrive", "before"),
    "after-arrive": (Delivery, "arrive", "after"),
    "before-spawn": (Spawner, "spawn", "before"),
    "before-start": (TmuxRuntime, "start", "before"),
    "after-start": (TmuxRuntime, "start", "after"),
    "before-finish": (RedisStore, "finish", "before"),
    "after-finish": (RedisStore, "finish", "after"),
    "after-complete": (Dispatch, "complete", "after"),
    "before-deliver": (SessionTask, "_deliver", "before"),
    "before-part": (RedisBackend, "on_chord_part_return", "before"),
    "after-part": (RedisBackend, "on_chord_part_return", "after"),
    "claimed-chord": (RedisBackend, "_chord_publish_claim_expires", "before"),
    "before-settle": (Delivery, "delivered", "before"),
    "after-settle": (Delivery, "delivered", "after"),
}


def double_messages() -> None:
    """Put every message of a session on its queue twice."""
    put = Channel._put

    def twice(self: Any, queue: str, message: Any, **options: Any) -> Any:
        if message.get("headers", {}).get("task") == "coders.session":
            put(self, queue, message, **options)
        return put(self, queue, message, **options)

    Channel._put = twice


def die_once(step: str) -> None:
    """Die at a step, the first time any worker of this state directory reaches it."""
    owner, name, when = STEPS[step]
    method: Callable[..., Any] = getattr(owner, name)
    mark = Path(os.environ["CODERS_STATE_DIR"], f"died-{step}")

    def rigged(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            result = method(*args, **kwargs)
            _die(mark)
            return result
        _die(mark)
        return method(*args, **kwargs)

    setattr(owner, name, rigged)


def _die(mark: Path) -> None:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    rig = sys.argv[1]
    if rig == "twice":
        double_messages()
    elif rig.startswith("kill:"):
        die_once(rig.removeprefix("kill:"))
    sys.exit(main(sys.argv[2:]))
