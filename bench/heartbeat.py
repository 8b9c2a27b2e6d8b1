"""How punctual heartbeats are, and how long a dead session is shown alive.

Many simulated hosts, which run the worker's own heart, beside one real worker with sessions that
die meanwhile. Punctuality is counted where heartbeats arrive, by Redis' clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from bench.result import ROOT, Result
from bench.samples import summary
from bench.simulated_hosts import SESSIONS, census, sleepers
from bench.stand import Stand, stand, until
from coders_queue.client.client import Coders
from coders_queue.client.handle import SessionHandle
from coders_queue.models.vitals import vitals
from coders_workers.attempt.processes import stat_fields
from coders_workers.heartbeat.heart import Heart

ROUNDS, SHORT = 31_000, 200
#: Simulated hosts at most, in how many processes, and heartbeats of each host at least.
_HOSTS, _PROCESSES, _LEAST = 200, 4, 10
#: Sessions of the real worker that live all the time, and seconds for which an end is held up, so
#: that only a heartbeat can tell that the process is gone.
_LIVING, _HELD_UP = 10, 6
#: What a view and a heartbeat may take on their way, seconds.
_ON_ITS_WAY = 0.1


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Measure at least ``rounds`` heartbeats."""
    hosts = max(_PROCESSES, min(_HOSTS, rounds // _LEAST))
    beats = -(-rounds // hosts)
    result = Result(
        "heartbeat",
        {"hosts": hosts, "processes": _PROCESSES, "heartbeats_each": beats, "sessions": SESSIONS},
    )
    with stand() as place:
        _measure(place, hosts, beats, result, tell)
    return result


def _measure(
    place: Stand, hosts: int, beats: int, result: Result, tell: Callable[[str], None]
) -> None:
    over = threading.Event()
    shown: list[float] = []
    with place.client() as client:
        period = client.settings.host.heartbeat
        for _ in range(_LIVING):
            client.spawn("shell", argv=["sleep", "3600"], cwd=str(place.work))
        deaths = threading.Thread(target=_deaths, args=(place, over, shown))
        deaths.start()
        try:
            said = _simulate(place, hosts, beats, tell)
        finally:
            over.set()
            deaths.join()
        health = client.health()
        cost = _cost(place, client)
    arrived = sum(one.beats for one in health.values())
    late = sum(one.late for one in health.values())
    missed = sum(one.missed for one in health.values())
    share = (arrived - late) / (arrived + missed)
    gap = max(one.longest_gap for one in health.values())
    result.measured = {
        "unit": "ms",
        "hosts_heard": len(health),
        "heartbeats": arrived,
        "late": late,
        "missed": missed,
        "sent_late": sum(one["sent_late"] for one in said),
        "left_out": sum(one["left_out"] for one in said),
        "on_time": share,
        "longest_gap_s": round(gap, 3),
        "heartbeat_of_100_sessions_cpu": summary(cost),
        "dead_shown_alive": summary([seconds * 1000 for seconds in shown]),
    }
    result.bar(
        "heartbeats on time, of all that were due", "at least 99.99 %",
        f"{share:.3%} of {arrived + missed:,}", share >= 0.9999,
    )  # fmt: skip
    result.bar(
        "the longest time between two of a host", f"under 2 periods ({2 * period:g} s)",
        f"{gap:.2f} s", gap < 2 * period,
    )  # fmt: skip
    result.bar(
        "a dead session shown alive by another host's heartbeat, at most",
        f"one period ({period:g} s), and {_ON_ITS_WAY * 1000:.0f} ms for the way",
        f"{max(shown):.2f} s of {len(shown)}", max(shown) <= period + _ON_ITS_WAY,
    )  # fmt: skip
    worst = result.measured["heartbeat_of_100_sessions_cpu"]["p50"]
    result.bar(
        "the worker's time for a heartbeat of 100 sessions, p50", "at most 5 ms",
        f"{worst:.1f} ms", worst <= 5,
    )  # fmt: skip


def _simulate(
    place: Stand, hosts: int, beats: int, tell: Callable[[str], None]
) -> list[dict[str, int]]:
    """Let them beat; what each process says of it."""
    processes = []
    for number in range(_PROCESSES):
        share = hosts // _PROCESSES + (number < hosts % _PROCESSES)
        directory = place.directory / f"simulated-{number}"
        argv = [
            *(sys.executable, "-P", "-m", "bench.simulated_hosts"),
            *(place.paths.broker_url, str(directory), f"sim-{number}", str(share), str(beats)),
        ]
        processes.append(
            subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=place.environ, cwd=ROOT
            )
        )
    tell(f"{hosts} hosts, {beats} heartbeats each")
    said = []
    try:
        for process in processes:
            output, _ = process.communicate(timeout=beats * 4 + 120)
            if process.returncode != 0:
                raise RuntimeError(f"simulated hosts ended with {process.returncode}")
            said.append(json.loads(output))
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    return said


def _deaths(place: Stand, over: threading.Event, shown: list[float]) -> None:
    """Sessions that die, one after the other; for each, how long it was shown alive, seconds."""
    with place.client() as client:
        while not over.is_set() or not shown:
            shown.append(_death(place, client, len(shown)))


def _death(place: Stand, client: Coders, number: int) -> float:
    gate = place.work / f"gate-{number}"
    waits = f"until [ -e {gate} ]; do sleep 0.01; done"
    handle = client.spawn(
        "shell", argv=["sh", "-c", waits], cwd=str(place.work), check=("sleep", str(_HELD_UP))
    )
    until(lambda: _alive(client, handle), 30, "its first heartbeat")
    # at any moment of the period
    time.sleep(number * 0.37 % client.settings.host.heartbeat)
    gate.touch()
    pid = handle.record.pid or 0
    until(lambda: (stat_fields(pid) or [b"Z"])[0] == b"Z", 30, "its end", step=0.002)
    died = time.monotonic()
    until(lambda: not _alive(client, handle), 30, "the word of its end", step=0.01)
    return time.monotonic() - died


def _alive(client: Coders, handle: SessionHandle) -> bool:
    """Whether it is shown alive where nothing but heartbeats is known."""
    record = handle.record
    return vitals(record, client.health().get(record.host or "")).alive is True


def _cost(place: Stand, client: Coders) -> list[float]:
    """What a heartbeat of 100 sessions costs its worker's processor, ms."""
    directory = place.directory / "hundred"
    everybody = sleepers(directory, 100)
    try:
        heart = Heart(
            client.store, "hundred", census(directory, 100),
            period=2.0, ttl=15.0, info=lambda: {"capacity": 0},
        )  # fmt: skip
        costs = []
        for turn in range(50):
            began = time.thread_time()
            heart.beat(turn)
            costs.append((time.thread_time() - began) * 1000)
        return costs
    finally:
        for process in everybody:
            process.kill()
            process.wait()
