"""What it costs to watch many sessions on one host: the worker's processor time and memory.

Half of the agents have a terminal, half have pipes; each prints a line every ten seconds. What is
measured is the whole worker process, with its heartbeats, sweeps and probes, from ``/proc``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.result import Result
from bench.stand import Stand, stand, until
from coders_queue.client.client import Coders
from coders_workers import stack

ROUNDS, SHORT = 500, 20
#: Seconds that are measured, and seconds of rest between the last start and the first measure.
_SECONDS, _SHORT_SECONDS, _REST = 60.0, 10.0, 10.0
#: Seconds between two lines of an agent's.
_PRINTS_EVERY = 10
_SUBMITTERS = 4
_AGENT = f"while :; do echo at work; sleep {_PRINTS_EVERY}; done"


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Watch ``rounds`` sessions."""
    result = Result("watch", {"sessions": rounds, "prints_every_s": _PRINTS_EVERY})
    with stand({"CODERS_HOST_CAPACITY": str(rounds)}) as place, place.client() as client:
        _measure(place, client, rounds, result, tell)
    return result


def _measure(
    place: Stand, client: Coders, rounds: int, result: Result, tell: Callable[[str], None]
) -> None:
    pid = stack.worker_lock(place.paths).holder()
    if pid is None:
        raise RuntimeError("no worker runs")
    before = _memory(pid)

    def submit(number: int) -> None:
        mode: Any = "interactive" if number % 2 else "headless"
        argv = ["sh", "-c", _AGENT]
        client.spawn("shell", argv=argv, cwd=str(place.work), mode=mode, wait=True)

    with ThreadPoolExecutor(_SUBMITTERS) as submitters:
        list(submitters.map(submit, range(rounds)))
    tell(f"{rounds} run")
    whole = rounds >= ROUNDS
    until(lambda: _watched(client) == rounds, 120, "the watch on all of them", 1.0)
    time.sleep(_REST if whole else 1.0)
    seconds = _SECONDS if whole else _SHORT_SECONDS
    used, began = _processor(pid), time.monotonic()
    terminals = _processor(int(place.tmux("display-message", "-p", "#{pid}")))
    time.sleep(seconds)
    passed = time.monotonic() - began
    share = (_processor(pid) - used) / passed
    tmux = _processor(int(place.tmux("display-message", "-p", "#{pid}"))) - terminals
    memory = _memory(pid)
    watched = _watched(client)
    result.measured = {
        "watched": watched,
        "seconds_measured": round(passed, 1),
        "worker_share_of_a_core": round(share, 4),
        "tmux_share_of_a_core": round(tmux / passed, 4),
        "worker_memory_mib_before": round(before, 1),
        "worker_memory_mib": round(memory, 1),
    }
    result.bar(
        f"the worker with {rounds} sessions, share of one core over {passed:.0f} s",
        "under 10 %", f"{share:.1%}, {watched} watched", share < 0.10 and watched == rounds,
    )  # fmt: skip
    each = (memory - before) * 1024 / rounds
    result.measured["memory_kib_a_session"] = round(each)
    result.bar(
        "the worker's memory", "under 200 MiB", f"{memory:.0f} MiB", memory < 200,
    )  # fmt: skip


def _watched(client: Coders) -> int:
    """Sessions of which the store has an activity."""
    return sum(one.activity is not None for one in client.store.list(live=True))


def _processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Resident memory of a process, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith("VmRSS:"))
    return int(found.split()[1]) / 1024
