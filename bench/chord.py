"""A chord of many sessions: how soon its body starts after the last end, and a quorum's rest ends.

The header's sessions run at the same time and end one after the other, the last one alone, as
agents do; the body is a merge of all their results.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from celery import chord

from bench.result import Result
from bench.samples import summary
from bench.stand import Stand, stand, until
from coders_queue.client.client import Coders
from coders_queue.models.record import SessionRecord

ROUNDS, SHORT = 100, 10
#: How often each is played.
TIMES = 5
#: Seconds between two ends.
APART = 0.05
#: What the last of a header waits for longer than the one before it, seconds.
ALONE = 1.0


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Play chords of ``rounds`` sessions, to the end and with a quorum of a tenth of them."""
    times = TIMES if rounds >= ROUNDS else 1
    result = Result("chord", {"sessions": rounds, "times": times, "need": _need(rounds)})
    with stand() as place, place.client() as client:
        bodies = [_to_the_end(place, client, rounds, tell) for _ in range(times)]
        rests = [_with_quorum(place, client, rounds, tell) for _ in range(times)]
    result.measured = {
        "parts_merged": [one["parts"] for one in bodies],
        "unit": "ms",
        "last_end_to_body": summary([one["ms"] for one in bodies]),
        "quorum_to_last_cancelled": summary([one["ms"] for one in rests]),
        "cancelled": [one["cancelled"] for one in rests],
        "succeeded": [one["succeeded"] for one in rests],
    }
    body = result.measured["last_end_to_body"]["max"]
    rest = result.measured["quorum_to_last_cancelled"]["max"]
    result.bar(
        f"from the last end of a chord of {rounds} to its body's start, the slowest of {times}",
        "under 200 ms", f"{body:.0f} ms", body < 200,
    )  # fmt: skip
    result.bar(
        f"from a quorum of {_need(rounds)} in {rounds} to the end of all the rest, the slowest",
        "under 2 s", f"{rest / 1000:.2f} s", rest < 2000,
    )  # fmt: skip
    return result


def _need(count: int) -> int:
    return max(1, count // 10)


def _to_the_end(
    place: Stand, client: Coders, count: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    gate = place.work / f"gate-{time.monotonic_ns()}"
    waits = [APART * number for number in range(count - 1)]
    header = _header(place, client, gate, [*waits, APART * count + ALONE])
    body = client.merge("report", cwd=str(place.work))
    result = chord(header, body).delay()
    members = [one.id for one in result.parent.results]
    _open(client, gate, members)
    until(result.ready, 300, "the body's end")
    outcome = result.result
    last = max(_records(client, members), key=lambda one: _ended(one))
    ms = 1000 * (outcome["started_at"] - _ended(last))
    tell(f"the body of {count} started {ms:.0f} ms after the last end")
    _clear(place, client)
    return {"ms": ms, "parts": len(outcome["result"]["used"])}


def _with_quorum(
    place: Stand, client: Coders, count: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    gate = place.work / f"gate-{time.monotonic_ns()}"
    need = _need(count)
    waits = [APART * number for number in range(need)]
    sessions = _header(place, client, gate, [*waits, *(600.0 for _ in range(count - need))])
    header = client.quorum(sessions, need=need)
    result = chord(header, client.merge("report", cwd=str(place.work))).delay()
    members = [one.id for one in result.parent.results]
    _open(client, gate, members)
    until(result.ready, 300, "the body's end")
    ended = sorted((_ended(one), str(one.state)) for one in _records(client, members))
    reached = [at for at, state in ended if state == "succeeded"][need - 1]
    ms = 1000 * (ended[-1][0] - reached)
    tell(f"{count - need} of {count} ended {ms:.0f} ms after the quorum")
    _clear(place, client)
    states = [state for _, state in ended]
    return {
        "ms": ms,
        "cancelled": states.count("cancelled"),
        "succeeded": states.count("succeeded"),
    }


def _header(place: Stand, client: Coders, gate: Any, waits: list[float]) -> list[Any]:
    """Sessions that each end so many seconds after the gate has opened."""
    script = 'while [ ! -e "$0" ]; do sleep 0.2; done; exec sleep "$1"'
    return [
        client.session(
            "shell", argv=["sh", "-c", script, str(gate), f"{wait:.2f}"], cwd=str(place.work)
        )
        for wait in waits
    ]


def _open(client: Coders, gate: Any, members: list[str]) -> None:
    """Let them go on once all of them run."""

    def run_all() -> bool:
        records = client.store.get_many(members).values()
        return sum(one.started_at is not None for one in records) == len(members)

    until(run_all, 300, "the header's start", step=0.2)
    time.sleep(1.0)  # for what a rush of starts leaves to do
    gate.touch()


def _records(client: Coders, members: list[str]) -> list[SessionRecord]:
    return list(client.store.get_many(members).values())


def _ended(record: SessionRecord) -> float:
    return record.ended_at or 0.0


def _clear(place: Stand, client: Coders) -> None:
    client.app.backend.result_consumer.subscribed_to.clear()
    place.settle()
