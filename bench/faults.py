"""Random faults under many sessions: what holds, and what is left at the end?

Seeded, so that a run can be had again. Sessions of resumable agents and chords of short commands
come in all the time; meanwhile processes die, the broker dies or falls silent, the disk is full,
the clock is set, messages get lost or come twice. In the end all is held against the agents' own
notes, the event log, the process table and the results that Celery has.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from celery import chord
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from redis import RedisError

from bench import steady
from bench.fault_kinds import KINDS, Fault
from bench.result import Result
from bench.stand import Stand, until
from coders_queue import errors, ids
from coders_queue.client.client import Coders
from coders_queue.models.record import SessionRecord

ROUNDS, SHORT = 30, 4
SEED = 20261128
SESSIONS, SHORT_SESSIONS = 100, 12
#: Chords of that many short sessions each, beside the sessions.
CHORDS, PARTS = 5, 4
_STEPS, _PAUSE = 120, 0.5
_SHORT_STEPS = 20
#: Between two faults, seconds, at least and at most.
_CALM = (1.0, 4.0)
#: How long all may take to come to rest afterwards, seconds.
_REST = 300.0
#: Restarted as often as need be: it is not the limit that is looked at here.
_ENVIRON = {
    "CODERS_RESTART_MOST": "1000",
    "CODERS_RESTART_BACKOFF": "0.2",
    "CODERS_RESTART_BACKOFF_MOST": "1",
    "CODERS_HOST_CAPACITY": "40",
}


@dataclass
class Seen:
    """What was seen while it went on."""

    faults: list[str] = field(default_factory=list)
    #: Sessions with two living agents at one look.
    doubled: set[str] = field(default_factory=set)
    #: Sessions that were asked for, by what the caller was told.
    asked: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    bodies: list[AsyncResult[Any]] = field(default_factory=list)


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """``rounds`` faults, one after the other, under a hundred sessions."""
    sessions = SESSIONS if rounds > SHORT else SHORT_SESSIONS
    result = Result("faults", {"faults": rounds, "sessions": sessions, "seed": SEED})
    chance = random.Random(SEED)
    seen = Seen()
    with (
        steady.steady_stand(_ENVIRON, own_disk=True, own_clock=True) as place,
        place.client() as client,
    ):
        over = threading.Event()
        watch = threading.Thread(target=_watch, args=(place, seen, over), daemon=True)
        asking = threading.Thread(
            target=_ask,
            args=(place, client, sessions, rounds, seen),
            daemon=True,
        )
        watch.start()
        asking.start()
        for number in range(rounds):
            time.sleep(chance.uniform(*_CALM))
            fault = KINDS[number % len(KINDS)] if number < len(KINDS) else chance.choice(KINDS)
            _inflict(fault, place, chance, seen)
            tell(f"{number + 1} of {rounds}: {seen.faults[-1]}")
            _mend(place)
        asking.join(_REST)
        tell("no more faults; all comes to rest")
        _rest(place, client, seen)
        over.set()
        watch.join()
        _judge(place, client, seen, result)
    return result


def _inflict(fault: Fault, place: Stand, chance: random.Random, seen: Seen) -> None:
    seen.faults.append(f"{fault.name}: {fault.inflict(place, chance)}")


def _mend(place: Stand) -> None:
    """What a service, or the next command of a user, does."""
    deadline = time.monotonic() + 120
    while True:
        try:
            place.up()
            return
        except (RuntimeError, OSError, ValueError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _ask(place: Stand, client: Coders, sessions: int, rounds: int, seen: Seen) -> None:
    """Somebody who spawns sessions and sends chords, and tries again what was refused.

    As the faults go on: the last sessions come with the last faults.
    """
    steps = _STEPS if rounds > SHORT else _SHORT_STEPS
    chords = [int((one + 0.5) * sessions / CHORDS) for one in range(CHORDS)]
    for number in range(sessions):
        while len(seen.faults) < number * rounds // sessions:
            time.sleep(0.1)
        session_id = ids.new_session_id()
        while True:
            try:
                steady.spawn(place, steps, _PAUSE, session_id)
                break
            except (errors.CodersError, OSError) as error:
                seen.refused[f"{type(error).__name__}: {str(error)[:80]}"] += 1
                time.sleep(1)
        seen.asked[session_id] = str(number)
        if number in chords:
            _send_chord(place, client, seen)


def _send_chord(place: Stand, client: Coders, seen: Seen) -> None:
    def part(word: str) -> Any:
        return client.session("shell", argv=["echo", word], cwd=str(place.work), input="ignore")

    while True:
        try:
            header = [part(f"part {one}") for one in range(PARTS)]
            seen.bodies.append(chord(header)(part("body")))
            return
        except (errors.Unavailable, OperationalError, RedisError) as error:
            seen.refused[f"chord: {type(error).__name__}"] += 1
            time.sleep(1)  # the broker is away: what was sent of it ends by itself


def _watch(place: Stand, seen: Seen, over: threading.Event) -> None:
    """Look again and again whether a session has two agents."""
    while not over.wait(0.3):
        for session_id, pids in steady.agents(place).items():
            if len(pids) > 1:
                # a process that is just being replaced is gone at the next look
                time.sleep(0.2)
                still = steady.agents(place).get(session_id, set()) & pids
                if len(still) > 1:
                    seen.doubled.add(session_id)


def _rest(place: Stand, client: Coders, seen: Seen) -> None:
    def at_rest() -> bool:
        with contextlib.suppress(errors.CodersError):
            return not client.store.list(live=True) and not client.store.unsettled()
        return False

    until(at_rest, _REST, "the end of all sessions", step=0.5)
    place.settle(120)


def _judge(place: Stand, client: Coders, seen: Seen, result: Result) -> None:
    records = {one: client.store.get(one) for one in seen.asked}
    missing = [one for one, record in records.items() if record is None]
    ends = Counter(_end(record) for record in records.values() if record is not None)
    repeated = {
        conversation: steps
        for conversation, steps in steady.steps_done(place).items()
        if len(steps) != len(set(steps)) or steps != sorted(steps)
    }
    bodies = Counter(_body(one) for one in seen.bodies)
    illegal = steady.illegal_moves(client)
    place.command("clean", timeout=120)
    left = [words for words in steady.of_the_stand(place).values() if "steady_agent" in words]
    terminals = place.tmux("list-sessions", "-F", "#{session_name}").split()
    result.measured = {
        "faults": seen.faults,
        "ends": dict(ends),
        "asked_for": len(seen.asked),
        "refused_and_tried_again": dict(seen.refused),
        "missing": missing,
        "doubled": sorted(seen.doubled),
        "done_twice": len(repeated),
        "illegal_moves": illegal[:20],
        "chords": dict(bodies),
        "processes_left": left,
        "terminals_left": [one for one in terminals if "_" in one],
    }
    ended = sum(ends.values())
    fine = ends["succeeded"]
    result.bar(
        f"sessions that ended, of {len(seen.asked)} asked for under {len(seen.faults)} faults",
        "all", f"{ended} ({fine} succeeded)", not missing and ended == len(seen.asked),
    )  # fmt: skip
    result.bar("those with two live agents at once", "none", str(len(seen.doubled)),
               not seen.doubled)  # fmt: skip
    result.bar("conversations with a step done twice", "none", str(len(repeated)), not repeated)
    result.bar("illegal moves in the event log", "none", str(len(illegal)), not illegal)
    result.bar("processes and terminals left after cleanup", "none",
               str(len(left) + len(result.measured["terminals_left"])),
               not left and not result.measured["terminals_left"])  # fmt: skip
    result.bar(f"chords of {PARTS} sessions around them that completed", "all",
               f"{bodies['complete']} of {len(seen.bodies)}",
               bodies["complete"] == len(seen.bodies))  # fmt: skip


def _end(record: SessionRecord) -> str:
    outcome = record.outcome
    if outcome is None or outcome.ok:
        return str(record.state)
    cause = outcome.cause
    return f"{record.state}: {cause.kind if cause else ''}: {cause.message[:80] if cause else ''}"


def _body(body: AsyncResult[Any]) -> str:
    try:
        value = body.get(timeout=60)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return f"{type(error).__name__}: {error}"[:100]
    return "complete" if value["state"] == "succeeded" else str(value["cause"])
