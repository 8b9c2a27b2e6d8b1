"""Control processes that race to admit sessions of several owners under limits.

Never over a limit, at no event; owners' starts by their shares; how long a decision takes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import admission_check, admission_worker
from bench.admission_plan import HOSTS, LIMITS, OWNERS, plan
from bench.result import Result
from bench.samples import summary
from coders_queue import errors
from coders_queue.models.event import Event
from coders_queue.settings.paths import Paths
from coders_queue.store.base import Store
from coders_queue.store.open import open_store
from coders_workers import broker

ROUNDS, SHORT = 2000, 200
WORKERS = 10
SEED = 4
#: Seconds that the whole may take.
_PATIENCE = 300.0


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """``rounds`` submissions."""
    result = Result(
        "admission",
        {
            "sessions": rounds,
            "workers": WORKERS,
            "seed": SEED,
            "hosts": HOSTS,
            "shares": OWNERS,
            "limits": {name: one.model_dump(exclude_none=True) for name, one in LIMITS.items()},
        },
    )
    directory = Path(tempfile.mkdtemp(prefix="coders-bench-"))
    paths = Paths(directory / "state").ensure()
    server = broker.start(paths)
    try:
        _measure(paths, rounds, result, tell)
    finally:
        broker.stop(paths)
        if server is not None:
            server.wait(10)
        shutil.rmtree(directory, ignore_errors=True)
    return result


def _measure(paths: Paths, rounds: int, result: Result, tell: Callable[[str], None]) -> None:
    url = paths.broker_url
    planned = plan(rounds, SEED)
    with contextlib.closing(open_store(url, max_events=1_000_000)) as store:
        store.set_limits(LIMITS)
        store.set_shares(OWNERS)
        began = time.monotonic()
        told = _race(url, planned)
        tell(f"{rounds} sessions in {time.monotonic() - began:.1f} s")
        events = _events(store)
        waiting = store.admission().turns
        left = store.list(live=True)
        commands = _scripts(paths)
    by_id = {one.id: one for one in planned}
    found = admission_check.check(events, by_id)
    decisions = summary([one for times, _, _ in told for one in times])
    result.measured = {
        "events": len(events),
        "starts": found.started,
        "ended": found.ended,
        "admitted_at_submission": found.straight,
        "admitted_by_each_worker": [admitted for _, _, admitted in told],
        "most_at_once": dict(sorted(found.most.items())),
        "over_a_limit": found.over[:20],
        "over_a_rate": found.too_fast[:20],
        "starts_while_all_waited": dict(sorted(found.fair_starts.items())),
        "unfairness": round(found.unfairness, 4),
        "left_over": [one.id for one in left] + [turn.owner for turn in waiting],
        "decision_ms": decisions,
        "ping_ms": summary([one for _, pings, _ in told for one in pings]),
        "server_microseconds_a_script": commands,
    }
    whole = found.ended == rounds and not left and not waiting
    result.bar(
        f"{rounds} submissions, {WORKERS} racing control processes: all end",
        "all", f"{found.ended} of {rounds}", whole,
    )  # fmt: skip
    over = len(found.over) + len(found.too_fast)
    result.bar(
        f"of {len(events)} events, those with more than a limit or a host allows",
        "0", str(over), over == 0,
    )  # fmt: skip
    result.bar(
        "starts by owner while all had work waiting, largest difference from their shares",
        "at most 5 %", f"{100 * found.unfairness:.1f} %", found.unfairness <= 0.05,
    )  # fmt: skip
    result.bar(
        "one decision, asked by a process and answered, p99",
        "less than 5 ms", f"{decisions['p99']:.2f} ms", decisions["p99"] < 5.0,
    )  # fmt: skip


def _race(url: str, planned: list[Any]) -> list[tuple[list[float], list[float], int]]:
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(WORKERS), context.Queue()
    processes = [
        context.Process(
            target=admission_worker.run, args=(url, number, WORKERS, planned, gate, told)
        )
        for number in range(WORKERS)
    ]
    for one in processes:
        one.start()
    try:
        answers = [told.get(timeout=_PATIENCE) for _ in processes]
        for one in processes:
            one.join(30)
    finally:
        for one in processes:
            if one.is_alive():
                one.terminate()
                one.join(10)
    if any(one.exitcode for one in processes):
        raise errors.CodersError("a control process of the benchmark failed")
    return answers


def _events(store: Store) -> list[Event]:
    found: list[Event] = []
    while more := store.events(found[-1].id if found else "0-0", limit=10_000):
        found += more
    return found


def _scripts(paths: Paths) -> float:
    """What the server itself says of the mean time of a script, microseconds."""
    with contextlib.closing(broker.client(paths)) as client:
        statistics = client.info("commandstats")
    return float(statistics["cmdstat_evalsha"]["usec_per_call"])
