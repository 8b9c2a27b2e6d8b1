"""How long a spawn takes, beside tmux's own: from the caller to a living process, on an idle host.

The three ways are taken in turn in every round, so that all see the same machine.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.result import Result
from bench.samples import summary
from bench.stand import CODERS, Stand, stand

ROUNDS, SHORT = 200, 10
AGENT = ("sleep", "60")


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Measure ``rounds`` spawns of each kind."""
    result = Result("spawn", {"rounds": rounds, "agent": list(AGENT)})
    with stand() as place:
        _measure(place, rounds, result, tell)
    return result


def _measure(place: Stand, rounds: int, result: Result, tell: Callable[[str], None]) -> None:
    ways: dict[str, list[float]] = {"tmux": [], "client": [], "command": []}
    socket = place.directory / "raw.sock"
    _tmux(place, socket, "new-session", "-d", "-s", "keeper", "sleep", "3600")
    try:
        with place.client() as client:
            for number in range(-3, rounds):  # the first ones warm caches up
                began = time.perf_counter()
                _tmux(place, socket, "new-session", "-d", "-s", "raw", *AGENT)
                ended = time.perf_counter()
                _note(ways["tmux"], number, ended - began)
                _tmux(place, socket, "kill-session", "-t", "raw")

                began = time.perf_counter()
                handle = client.spawn("shell", argv=list(AGENT), cwd=str(place.work), wait=True)
                ended = time.perf_counter()
                pid = handle.record.pid
                if not Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"sleep\x0060\x00"):
                    raise RuntimeError(f"{handle} does not run what was asked for")
                _note(ways["client"], number, ended - began)
                _clean(place, handle.id)

                began = time.perf_counter()
                done = subprocess.run(
                    [CODERS, "spawn", "shell", "--", *AGENT],
                    env=place.environ, cwd=place.work, stdin=subprocess.DEVNULL,
                    capture_output=True, text=True, timeout=60, check=True,
                )  # fmt: skip
                ended = time.perf_counter()
                _note(ways["command"], number, ended - began)
                _clean(place, done.stdout.strip())
                if number > 0 and number % 25 == 0:
                    tell(f"{number} of {rounds} rounds")
    finally:
        _tmux(place, socket, "kill-server")
    found = {name: summary(samples) for name, samples in ways.items()}
    ratio = found["client"]["p50"] / found["tmux"]["p50"]
    result.measured = {"unit": "ms", **found, "client_to_tmux_p50": round(ratio, 2)}
    python, command = found["client"], found["command"]
    result.bar(
        "spawn from a client, p50 beside a raw `tmux new-session` of the same run",
        "at most 5 x", f"{ratio:.1f} x ({python['p50']:.1f} ms to {found['tmux']['p50']:.1f} ms)",
        ratio <= 5,
    )  # fmt: skip
    for what, measured, demand, limit in (
        ("spawn from a client, p99", python["p99"], "under 300 ms", 300),
        ("the whole `coders spawn` command, p50", command["p50"], "under 200 ms", 200),
        ("the whole `coders spawn` command, p99", command["p99"], "under 1 s", 1000),
    ):
        result.bar(what, demand, f"{measured:.1f} ms", measured < limit)


def _note(samples: list[float], number: int, seconds: float) -> None:
    if number >= 0:
        samples.append(seconds * 1000)


def _clean(place: Stand, session_id: str) -> None:
    """End the session, and let what follows an end (its result, its archive) be done too."""
    place.end(session_id)
    place.settle()


def _tmux(place: Stand, socket: Path, *words: str) -> None:
    subprocess.run(
        ["tmux", "-S", str(socket), "-f", "/dev/null", *words],
        env=place.environ, cwd=place.work, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=20, check=True,
    )  # fmt: skip
