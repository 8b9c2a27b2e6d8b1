"""Two hundred sessions for half an hour, coming and going: does the worker stay as small as it was?

Every agent prints a line now and then. Every few seconds some of them end and others begin, so that
everything that a session leaves in memory would show.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench.result import Result
from bench.stand import Stand, stand, until
from coders_queue import ids
from coders_workers import stack

#: Seconds.
ROUNDS, SHORT = 1800, 20
SESSIONS, SHORT_SESSIONS = 200, 20
#: How long an agent lives, seconds, and what it does.
_LIFE = 120
_AGENT = (
    "/bin/sh",
    "-c",
    'i=0; while [ $i -lt "$0" ]; do echo $i; i=$((i+$1)); sleep "$1"; done',
)
#: Between two of its lines, seconds.
_PAUSE = 5
#: The part of the time after which the memory is to be flat.
_WARM = 0.25
#: Between two looks, seconds.
_LOOK = 5.0
_KIB = 1024


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """``rounds`` seconds of it."""
    count = SESSIONS if rounds > SHORT else SHORT_SESSIONS
    life = _LIFE if rounds > SHORT else 5
    result = Result("soak", {"seconds": rounds, "sessions": count, "life_of_a_session": life})
    with stand() as place:
        _measure(place, rounds, count, life, result, tell)
    return result


def _measure(
    place: Stand, seconds: int, count: int, life: int, result: Result, tell: Callable[[str], None]
) -> None:
    pid = stack.worker_lock(place.paths).holder()
    if pid is None:
        raise RuntimeError("no worker runs")
    began = time.monotonic()
    samples: list[tuple[float, float, int]] = []
    cpu = _processor_seconds(pid)
    asked, live = 0, 0
    with place.client() as client:
        while (now := time.monotonic() - began) < seconds:
            live = client.store.live_count([client.settings.host.name])[client.settings.host.name]
            # spread over a life, so that as many end as begin
            wanted = min(count, 1 + int(now / life * count)) - live
            for _ in range(wanted):
                _spawn(place, life)
                asked += 1
            samples.append((now, _memory(pid), live))
            if len(samples) % 24 == 0:
                tell(f"{now:.0f} of {seconds} s: {live} live, {samples[-1][1]:.1f} MiB")
            time.sleep(_LOOK if seconds > SHORT else 0.5)
        used = _processor_seconds(pid) - cpu
        until(lambda: not client.store.list(live=True), life + 120, "the last end", step=0.5)
        states = {str(one.state) for one in client.store.list(live=False)}
    flat = [(at, size) for at, size, _ in samples if at > seconds * _WARM]
    slope = _slope(flat)
    growth = slope * (flat[-1][0] - flat[0][0])
    first = flat[0][1]
    result.measured = {
        "sessions_begun": asked,
        "states_at_the_end": sorted(states),
        "same_worker": stack.worker_lock(place.paths).holder() == pid,
        "memory_mib": {
            "at_the_start": round(samples[0][1], 1),
            "when_warm": round(first, 1),
            "at_the_end": round(flat[-1][1], 1),
            "most": round(max(size for _, size, _ in samples), 1),
        },
        "growth_of_the_trend_mib": round(growth, 2),
        "worker_cpu_share": round(used / seconds, 4),
    }
    share = growth / first
    result.bar(
        f"the worker's memory over {seconds} s of {count} sessions, growth of its trend once warm",
        "under 5 %", f"{share:.1%} ({growth:+.1f} MiB of {first:.0f})", share < 0.05,
    )  # fmt: skip
    result.bar(
        "sessions of it that ended well", "all", ", ".join(sorted(states)), states == {"succeeded"}
    )


def _spawn(place: Stand, life: int) -> None:
    spec = {
        "agent": "shell",
        "argv": [*_AGENT, str(life), str(min(_PAUSE, life))],
        "mode": "headless",
    }
    place.ask(
        "spawn",
        id=ids.new_session_id(), spec=spec, cwd=str(place.work), environ=place.environ, wait=False,
    )  # fmt: skip


def _memory(pid: int) -> float:
    """MiB that the process holds for itself."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) / _KIB
    raise RuntimeError(f"no figure for process {pid}")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line through them, by least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    below = sum((x - mean_x) ** 2 for x, _ in points)
    return above / below if below else 0.0
