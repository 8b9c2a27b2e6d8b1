"""The faults that can be inflicted on a stand, one each. What they do is undone, or mended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis

from bench import set_clock, steady
from bench.stand import Stand
from coders_queue import ids
from coders_workers import broker, stack

#: How long the broker is frozen, seconds.
_FROZEN, _SHORTLY = 20.0, 4.0
#: How long the disk is full, seconds.
_FULL = 4.0
#: How long the clock is wrong, seconds.
_WRONG = 6.0


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    name: str
    inflict: Callable[[Stand, random.Random], str]
    """Do it; in a few words, what was done."""


def _kill_holder(pid: int | None) -> str:
    if pid is None:
        return "it was not there"
    steady.kill(pid)
    return f"pid {pid}"


def _worker(place: Stand, _chance: random.Random) -> str:
    return _kill_holder(stack.worker_lock(place.paths).holder())


def _beat(place: Stand, _chance: random.Random) -> str:
    return _kill_holder(stack.beat_lock(place.paths).holder())


def _broker(place: Stand, _chance: random.Random) -> str:
    return _kill_holder(broker.broker_lock(place.paths).holder())


def _terminals(place: Stand, _chance: random.Random) -> str:
    found = [
        pid
        for pid, words in steady.of_the_stand(place).items()
        if words.startswith("tmux") and str(place.paths.tmux_socket) in words
    ]
    for pid in found:
        steady.kill(pid)
    return f"{len(found)} processes"


def _agents(place: Stand, chance: random.Random) -> str:
    found = sorted(pid for pids in steady.agents(place).values() for pid in pids)
    chosen = chance.sample(found, min(5, len(found)))
    for pid in chosen:
        steady.kill(pid)
    return f"{len(chosen)} of {len(found)} agents"


def _freeze(place: Stand, seconds: float) -> str:
    pid = broker.broker_lock(place.paths).holder()
    if pid is None:
        return "it was not there"
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    return f"{seconds:g} s"


def _messages(place: Stand) -> tuple[redis.Redis, list[str]]:
    client = broker.client(place.paths)
    prefix = "cq:"
    host = place.ask("status")["host"]
    return client, [f"{prefix}{ids.host_queue(host)}", f"{prefix}{ids.CONTROL_QUEUE}"]


def _drop(place: Stand, _chance: random.Random) -> str:
    """For two seconds every message that waits is taken away."""
    count = 0
    with contextlib.suppress(Exception):
        client, queues = _messages(place)
        with client:
            until = time.monotonic() + 2
            while time.monotonic() < until:
                for name in queues:
                    count += sum(client.lpop(name) is not None for _ in range(5))
                time.sleep(0.002)
    return f"{count} messages"


def _double(place: Stand, _chance: random.Random) -> str:
    """For two seconds every message that is seen is put in once more."""
    count = 0
    with contextlib.suppress(Exception):
        client, queues = _messages(place)
        with client:
            until = time.monotonic() + 2
            while time.monotonic() < until:
                for name in queues:
                    for message in client.lrange(name, 0, 4):
                        client.rpush(name, message)
                        count += 1
                time.sleep(0.02)
    return f"{count} messages"


def _fill(place: Stand, _chance: random.Random) -> str:
    """For a moment nothing more fits onto the disk that all of it is on."""
    if not os.path.ismount(place.directory):
        return "it has no disk of its own: only who may mount one can fill it"
    filler = place.directory / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x")
        time.sleep(_FULL)
        return f"{filler.stat().st_size >> 20} MiB written, for {_FULL:g} s"
    finally:
        filler.unlink(missing_ok=True)


def _set_clock(place: Stand, chance: random.Random) -> str:
    """The clock of all but the broker is set forward or back, and right again later."""
    seconds = chance.choice((-1, 1)) * chance.choice((30, 3600))
    if not set_clock.set_by(place.directory, seconds):
        return "it has no clock of its own"
    time.sleep(_WRONG)
    set_clock.set_by(place.directory, 0)
    return f"by {seconds:+} s, for {_WRONG:g} s"


KINDS = (
    Fault("kill -9 of the worker", _worker),
    Fault("kill -9 of agents", _agents),
    Fault("kill -9 of tmux", _terminals),
    Fault("kill -9 of the broker", _broker),
    Fault("the broker is frozen", lambda place, _: _freeze(place, _FROZEN)),
    Fault("kill -9 of beat", _beat),
    Fault("the disk is full", _fill),
    Fault("the clock is set", _set_clock),
    Fault("messages are lost", _drop),
    Fault("messages come twice", _double),
    Fault("the broker is frozen for a moment", lambda place, _: _freeze(place, _SHORTLY)),
)
