"""Many sessions of a trivial agent at once on one host: does each run exactly once, how fast?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.result import Result
from bench.samples import summary
from bench.stand import Stand, stand, until

ROUNDS, SHORT = 200, 20
#: Requests on their way at the same time.
SUBMITTERS = 8
#: ``>>`` appends with O_APPEND, one line with one write.
AGENT = ("/bin/sh", "-c", 'echo "$CODERS_SESSION_ID" >> "$0"')


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Submit ``rounds`` sessions at once and wait for the last end."""
    result = Result("burst", {"sessions": rounds, "agent": list(AGENT), "submitters": SUBMITTERS})
    with stand() as place:
        _measure(place, rounds, result, tell)
    return result


def _measure(place: Stand, rounds: int, result: Result, tell: Callable[[str], None]) -> None:
    ran = place.work / "ran"
    ran.touch()
    with place.client() as client, ThreadPoolExecutor(SUBMITTERS) as submitters:
        store, host = client.store, client.settings.host.name
        argv = [*AGENT, str(ran)]

        def submit(_number: int) -> str:
            return client.spawn("shell", argv=argv, cwd=str(place.work), wait=False).id

        submit(-1)
        until(lambda: not store.list(live=True), 60, "the warm-up's end")
        ran.write_bytes(b"")
        began = time.monotonic()
        ids = list(submitters.map(submit, range(rounds)))
        submitted = time.monotonic()
        tell(f"{rounds} submitted in {submitted - began:.1f} s")
        # the end of a session is its outcome in the store, not the agent's exit
        until(lambda: store.live_count([host])[host] == 0, 300, "the last end")
        ended = time.monotonic()
        records = store.get_many(ids)
    counts = Counter(ran.read_text().split())
    once = sum(counts[one] == 1 for one in ids)
    strange = sum(count for one, count in counts.items() if one not in ids)
    succeeded = sum(str(record.state) == "succeeded" for record in records.values())
    waited = [
        1000 * (record.outcome.started_at - record.created_at)
        for record in records.values()
        if record.outcome is not None and record.outcome.started_at is not None
    ]
    causes = Counter(
        record.outcome.cause.message
        for record in records.values()
        if record.outcome is not None and record.outcome.cause is not None
    )
    rate = rounds / (ended - began)
    result.measured = {
        "ran_exactly_once": once,
        "ran_but_not_submitted": strange,
        "succeeded": succeeded,
        "causes_of_failure": dict(causes),
        "seconds_to_submit": round(submitted - began, 2),
        "seconds_to_last_end": round(ended - began, 2),
        "sessions_per_second": round(rate, 1),
        "request_to_start_ms": summary(waited),
    }
    exact = once == succeeded == rounds and not strange
    result.bar(
        f"{rounds} sessions at once, each runs exactly once", "all", f"{once} of {rounds}", exact
    )
    result.bar(
        "sessions a second, from the first submission to the last end",
        "at least 30", f"{rate:.1f}", rate >= 30,
    )  # fmt: skip
