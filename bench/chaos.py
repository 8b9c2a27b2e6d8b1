"""``kill -9`` of the worker between and during spawns: what becomes of the sessions?

Every agent appends a line when it begins and one when it is done. A session counts as submitted
once its request was written down; a command that was cut off before that said so to its caller.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.result import Result
from bench.stand import Stand, stand, until
from coders_queue import errors
from coders_queue.client.client import Coders

ROUNDS, SHORT = 20, 3
SEED = 20261122
SPAWNS = 10
#: The latest moment of a kill, seconds after the first command was started.
_LATEST = 1.2
_SCRIPT = 'echo "$1 $CODERS_SESSION_ID" >> "$0/began"; sleep "$2"; echo "$1" >> "$0/done"'


@dataclass
class Told:
    """What the callers were told: by token, an empty text for a session that was confirmed."""

    refused: dict[str, str] = field(default_factory=dict)


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Kill the worker once in each of ``rounds`` rounds of ten spawns."""
    result = Result("chaos", {"rounds": rounds, "spawns_a_round": SPAWNS, "seed": SEED})
    chance = random.Random(SEED)
    told = Told()
    kills: Counter[str] = Counter()
    with stand() as place, place.client() as client:
        for name in ("began", "done"):
            (place.work / name).touch()
        for number in range(rounds):
            kills[_round(place, client, chance, number, told)] += 1
            tell(f"round {number + 1} of {rounds}, {len(told.refused)} commands refused")
        _judge(place, client, rounds * SPAWNS, told, result)
    result.measured["kills"] = dict(kills)
    return result


def _round(place: Stand, client: Coders, chance: random.Random, number: int, told: Told) -> str:
    between = chance.random() < 0.3
    moment = chance.uniform(0.0, _LATEST)
    with ThreadPoolExecutor(SPAWNS) as pool:
        spawns = [
            pool.submit(_spawn, place, f"{number}-{one}", chance.uniform(0.1, 1.5), told)
            for one in range(SPAWNS)
        ]
        if between:
            _all(spawns)
        time.sleep(moment)
        place.kill_worker()
        if chance.random() < 0.5:
            place.up()
        _all(spawns)
    if place.command("ls").returncode != 0:  # finds a dead socket, and starts the stack itself
        place.up()
    until(lambda: not client.store.list(live=True), 90, f"the end of round {number}")
    return "between" if between else "during"


def _all(spawns: list[Future[None]]) -> None:
    for one in spawns:
        one.result(180)


def _spawn(place: Stand, token: str, seconds: float, told: Told) -> None:
    argv = ("/bin/sh", "-c", _SCRIPT, str(place.work), token, f"{seconds:.2f}")
    done = place.command("spawn", "shell", "--label", f"token={token}", "--", *argv)
    if done.returncode != 0:
        told.refused[token] = done.stderr.decode("utf-8", "replace").strip()


def _judge(place: Stand, client: Coders, commands: int, told: Told, result: Result) -> None:
    """Hold the agents' own lines against the records and what the callers were told."""
    began = Counter(line.split()[0] for line in _lines(place.work / "began"))
    done = Counter(_lines(place.work / "done"))
    records = {record.spec.labels.get("token", record.id): record for record in client.list()}
    twice = sorted(token for token, count in (began | done).items() if count > 1)
    ended = [
        token
        for token, record in records.items()
        if done[token] == 1 and record.outcome is not None and record.outcome.ok
    ]
    silent: list[str] = []
    causes: Counter[str] = Counter()
    for token, record in records.items():
        outcome = record.outcome
        if token in ended:
            continue
        if outcome is None or outcome.cause is None or not outcome.cause.message:
            silent.append(token)
        else:
            causes[f"{outcome.cause.kind}: {outcome.cause.message}"] += 1
    never_written = {token: text for token, text in told.refused.items() if token not in records}
    misled = sorted(set(told.refused) & set(records))
    unheard = commands - len(records) - len(never_written)
    result.measured = {
        "commands": commands,
        "submitted": len(records),
        "ran_to_the_end": len(ended),
        "ran_twice": twice,
        "failed_with_cause": dict(causes),
        "ended_without_cause": silent,
        "cut_off_before_written": len(never_written),
        "cut_off_after_written": len(misled),
        "said_to_callers": dict(Counter(_first_line(one) for one in told.refused.values())),
        "neither_written_nor_refused": unheard,
    }
    share = len(ended) / max(1, len(records))
    result.bar(
        f"worker killed in {result.parameters['rounds']} rounds of {SPAWNS} spawns, "
        "submitted sessions that ran to the end",
        "at least 95 %", f"{share:.1%} ({len(ended)} of {len(records)})", share >= 0.95,
    )  # fmt: skip
    of_all = len(ended) / commands
    result.bar(
        "the same, of all commands, also those cut off before their request was written down",
        "at least 95 %", f"{of_all:.1%} ({len(ended)} of {commands})", of_all >= 0.95,
    )  # fmt: skip
    result.bar("sessions that ran twice", "none", str(len(twice)), not twice)
    result.bar(
        "others without a report of their failure and its cause", "none",
        str(len(silent) + unheard), not silent and not unheard,
    )  # fmt: skip


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else errors.CodersError.kind
