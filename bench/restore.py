"""A machine goes down under its sessions, again and again: does each come back, where it was?

A reboot is ``kill -9`` for all there is (agents, launchers, terminals, worker, beat, broker), then
the start that a service makes. A crash is ``kill -9`` for one agent.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from bench import steady
from bench.result import Result
from bench.samples import summary
from bench.stand import Stand, until
from coders_queue import errors
from coders_queue.client.client import Coders
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.store import kinds

ROUNDS, SHORT = 5, 1
SEED = 20261128
SESSIONS, SHORT_SESSIONS = 20, 4
#: Steps of a session and the pause before each, seconds: long enough to be cut off in the middle.
_STEPS, _PAUSE = 60, 0.25
_CRASHES = 100


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Reboot ``rounds`` times under twenty sessions each; then crash agents one by one."""
    sessions = SESSIONS if rounds > SHORT else SHORT_SESSIONS
    crashes = _CRASHES if rounds > SHORT else SHORT_SESSIONS
    result = Result(
        "restore",
        {"reboots": rounds, "sessions": sessions, "crashes": crashes, "seed": SEED},
    )
    restored, causes, back = 0, Counter[str](), list[float]()
    with steady.steady_stand() as place, place.client() as client:
        for number in range(rounds):
            records, started = _reboot(place, client, sessions)
            good = [one for one in records if _is_restored(place, one)]
            restored += len(good)
            causes.update(_why(one) for one in records if one not in good)
            back += [1000 * max(0.0, at - started) for at in _restarts(client, records)]
            tell(f"reboot {number + 1} of {rounds}: {len(good)} of {sessions} came back")
    with steady.steady_stand() as place, place.client() as client:
        gaps, lost = _crash(place, client, crashes, tell)
    _judge(result, rounds * sessions, restored, causes, back, gaps, lost)
    return result


def _reboot(place: Stand, client: Coders, sessions: int) -> tuple[list[SessionRecord], float]:
    """One reboot in the middle of the sessions' work; their records, and when all was up."""
    before = set(steady.steps_done(place))
    ids = [steady.spawn(place, _STEPS, _PAUSE) for _ in range(sessions)]
    until(
        lambda: len(set(steady.steps_done(place)) - before) == sessions, 60, "their first steps"
    )  # fmt: skip
    time.sleep(1)
    while found := steady.of_the_stand(place):
        for pid in found:
            steady.kill(pid)
        time.sleep(0.02)
    for path in (place.paths.broker_socket, place.paths.host_socket, place.paths.tmux_socket):
        path.unlink(missing_ok=True)
    place.up()
    started = time.time()
    until(
        lambda: all(one.state.ended for one in client.store.get_many(ids).values()),
        180, "the sessions' ends",
    )  # fmt: skip
    place.settle()
    return list(client.store.get_many(ids).values()), started


def _is_restored(place: Stand, record: SessionRecord) -> bool:
    """Whether it went on in its conversation, and did every step once."""
    outcome = record.outcome
    if outcome is None or not outcome.ok or outcome.result != f"{_STEPS} steps":
        return False
    same = {one.conversation_id for one in record.history} == {outcome.conversation_id}
    steps = steady.steps_done(place).get(str(outcome.conversation_id), [])
    return same and steps == list(range(1, _STEPS + 1))


def _why(record: SessionRecord) -> str:
    outcome = record.outcome
    if outcome is None:
        return f"still {record.state}"
    return outcome.cause.message if outcome.cause else "it did not go on where it was"


def _restarts(client: Coders, records: list[SessionRecord]) -> list[float]:
    """When the second attempt of each ran, epoch seconds."""
    ids = {record.id for record in records}
    wanted = kinds.of_state(State.RUNNING)
    return [
        event.at
        for event in client.store.events(limit=100_000)
        if event.session in ids and event.kind == wanted and event.attempt == 2
    ]


def _crash(
    place: Stand, client: Coders, crashes: int, tell: Callable[[str], None]
) -> tuple[list[float], int]:
    """Milliseconds from each agent's end to the running of the next; how many never ran again."""
    chance = random.Random(SEED)
    gaps: list[float] = []
    lost = 0
    for start in range(0, crashes, SESSIONS):
        count = min(SESSIONS, crashes - start)
        ids = [steady.spawn(place, 1000, 0.2) for _ in range(count)]
        until(lambda ids=ids: set(steady.agents(place)) >= set(ids), 60, "the agents")
        for session_id in ids:
            time.sleep(chance.uniform(0.05, 0.3))
            killed = time.time()
            for pid in steady.agents(place)[session_id]:
                steady.kill(pid)

            def again(session_id: str = session_id) -> SessionRecord | None:
                found = client.store.get(session_id)
                good = found is not None and found.attempt == 2 and found.state is State.RUNNING
                return found if good else None

            try:
                found: SessionRecord = until(again, 30, "its next attempt", step=0.005)
            except errors.TimedOut:
                lost += 1
                continue
            gaps.append(1000 * ((found.started_at or time.time()) - killed))
        for session_id in ids:
            place.end(session_id)
        tell(f"{start + count} of {crashes} crashes")
    return gaps, lost


def _judge(
    result: Result,
    total: int,
    restored: int,
    causes: Counter[str],
    back: list[float],
    gaps: list[float],
    lost: int,
) -> None:
    result.measured = {
        "restored": restored,
        "not_restored": dict(causes),
        "start_to_running_again_ms": summary(back),
        "crash_to_running_again_ms": summary(gaps),
        "crashed_and_never_ran_again": lost,
    }
    result.bar(
        f"sessions that went on in their conversation, every step once, over "
        f"{result.parameters['reboots']} reboots",
        "100 %", f"{restored} of {total}", restored == total,
    )  # fmt: skip
    p99 = result.measured["crash_to_running_again_ms"]["p99"]
    result.bar(
        "an agent's crash to its next attempt running, p99",
        "under 3 s", f"{p99 / 1000:.2f} s", p99 < 3000 and not lost,
    )  # fmt: skip
