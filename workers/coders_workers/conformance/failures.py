"""What must hold when the model's service fails: the session fails, and says so."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from coders_queue import errors
from coders_queue.models.outcome import Outcome
from coders_workers.conformance.headless import why
from coders_workers.conformance.room import PATIENCE, Room
from coders_workers.conformance.row import Rows

#: What goes wrong, by the stub's word for it.
FAILURES = {
    "401": "FAIL:401",
    "429": "FAIL:429",
    "500": "FAIL:500",
    "529": "FAIL:529",
    "no answer": "HANG",
    "an answer that breaks off": "CUT",
    "an answer that is garbage": "GARBAGE",
}
#: They mostly wait.
_AT_ONCE = 3


def check(room: Room, rows: Rows) -> None:
    """All of it."""
    if "headless" not in room.adapter.modes:
        return
    room.stub.clear()
    for name, words in FAILURES.items():
        room.stub.script(_task(name), words)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        runs = {name: pool.submit(_run, room, name) for name in FAILURES}
        for name, run in runs.items():
            claim = f"failure told: {name}"
            with rows.about(claim):
                outcome, seconds = run.result()
                _judge(room, rows, claim, name, outcome, seconds)
    finally:
        # told to end, nobody waits for those that run: the room's end is theirs
        pool.shutdown(wait=False, cancel_futures=True)


def _task(name: str) -> str:
    return f"what happens with {name}?"


def _run(room: Room, name: str) -> tuple[Outcome, float]:
    began = time.monotonic()
    try:
        outcome = room.headless(_task(name))
    except OSError as error:
        raise errors.SpawnError(f"it did not run: {error}") from error
    return outcome, time.monotonic() - began


def _judge(room: Room, rows: Rows, claim: str, name: str, outcome: Outcome, seconds: float) -> None:
    asked = room.stub.journal()["requests"]
    tries = sum(_task(name) in one["prompt"] for one in asked)
    seen = f"{tries} requests in {seconds:.0f} s: {why(outcome)}"
    if not tries:
        rows.check(claim, False, f"the model was never asked; {seen}")
    elif outcome.cause is not None and outcome.cause.kind == "timeout":
        note = f"the tool itself does not give up within {PATIENCE:g} s: only a timeout ends it"
        rows.not_offered(claim, f"{note} ({tries} requests)")
    else:
        rows.check(claim, outcome.state == "failed" and bool(outcome.cause), seen)
