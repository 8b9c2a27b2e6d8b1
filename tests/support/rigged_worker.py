"""The project's worker with an accident built in: ``rigged_worker.py RIG COMMAND...``.

RIG is empty, ``twice`` (every message of a session is delivered twice), ``kill`` (the process kills
itself when a session whose labels name a ``step`` and a ``place`` stands at that step, once for a
place and step; a file in the state directory remembers it), or ``kill-broker`` (it kills the
embedded broker instead, and goes on).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.backends.redis import RedisBackend
from kombu.transport.redis import Channel

from coders_queue import ids
from coders_queue.errors import Unavailable
from coders_queue.queue.delivery import Delivery
from coders_queue.queue.dispatch import Dispatch
from coders_queue.queue.session_task import SessionTask
from coders_queue.settings.paths import Paths
from coders_queue.store.redis import RedisStore
from coders_workers import broker
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


#: How long those at a step stand still before somebody dies, seconds: others come to stand at
#: their steps, too, and one death is theirs as well.
TOGETHER = 0.4

_now = threading.local()
_one_killer = threading.Lock()
_labels: dict[str, dict[str, str]] = {}


def mark(state: Path, place: str, step: str) -> Path:
    """The file which says that somebody died when a session of that place stood at that step."""
    return state / f"died.{place}.{step}"


def armed(state: Path) -> Path:
    """The file without which nobody dies yet."""
    return state / "armed"


def _state() -> Path:
    return Path(os.environ["CODERS_STATE_DIR"])


def double_messages() -> None:
    """Put every message of a session on its queue twice."""
    put = Channel._put

    def twice(self: Any, queue: str, message: Any, **options: Any) -> Any:
        if message.get("headers", {}).get("task") == "coders.session":
            put(self, queue, message, **options)
        return put(self, queue, message, **options)

    Channel._put = twice


def kill_at_steps(kill: Callable[[], None]) -> None:
    """Kill wherever a session is to be met by it."""
    stores: list[RedisStore] = []
    opened = RedisStore.__init__

    def open_store(self: RedisStore, *args: Any, **kwargs: Any) -> None:
        opened(self, *args, **kwargs)
        stores.append(self)

    RedisStore.__init__ = open_store  # type: ignore[method-assign]
    for step in STEPS:
        _rig(step, stores, kill)


def _rig(step: str, stores: list[RedisStore], kill: Callable[[], None]) -> None:
    owner, name, when = STEPS[step]
    method: Callable[..., Any] = getattr(owner, name)

    def rigged(*args: Any, **kwargs: Any) -> Any:
        session_id = _session(name, args)
        if when == "before" and _first(step, session_id, stores):
            kill()
        _now.session_id = session_id
        result = method(*args, **kwargs)
        if when == "after" and _first(step, session_id, stores):
            kill()
        return result

    setattr(owner, name, rigged)


def _session(name: str, args: tuple[Any, ...]) -> str:
    """Whose step it is, of a method's arguments."""
    if name == "on_chord_part_return":
        return str(args[1].id)
    if name == "_chord_publish_claim_expires":  # called by the one above, with the chord's body
        return str(_now.session_id)
    if name == "_deliver":
        return str(args[1].id)
    if name == "start":
        return ids.parse_attempt_ref(args[1].ref)[0]
    return str(args[1])


def _first(step: str, session_id: str, stores: list[RedisStore]) -> bool:
    """Whether it is to happen here and has not yet."""
    if session_id not in _labels:
        try:
            record = stores[0].get(session_id)
        except Unavailable:
            return False
        if record is None:
            return False
        _labels[session_id] = record.spec.labels
    labels = _labels[session_id]
    if labels.get("step") != step:
        return False
    try:
        with mark(_state(), labels["place"], step).open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def _stand_still() -> None:
    """Until everything is on its way, then until others stand at their steps, too."""
    while not armed(_state()).exists():
        time.sleep(0.02)
    time.sleep(TOGETHER)


def _kill_self() -> None:
    _stand_still()
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_broker() -> None:
    lock = broker.broker_lock(Paths(_state()))
    pid = lock.holder()
    _stand_still()
    with _one_killer:
        # one death for all who stood here together
        if pid is not None and lock.holder() == pid:
            os.kill(pid, signal.SIGKILL)
            while lock.holder() == pid:
                time.sleep(0.005)


if __name__ == "__main__":
    rig = sys.argv[1]
    if rig == "twice":
        double_messages()
    elif rig == "kill":
        kill_at_steps(_kill_self)
    elif rig == "kill-broker":
        kill_at_steps(_kill_broker)
    sys.exit(main(sys.argv[2:]))
