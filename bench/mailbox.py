"""Ten thousand messages while worker and broker die: is one lost, late for its pair, shown twice?

Several senders send to each of several sessions, numbered, and send again what got no answer. Some
sessions are without a terminal, and their mailboxes are read: by the command line, one process
each time, or by the Python API. Others are agents at their terminals, which are given theirs.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import steady
from bench.result import Result
from bench.stand import Stand, stand, until
from coders_queue import errors, ids
from coders_workers import broker, stack

ROUNDS, SHORT = 10_000, 160
SEED = 20261128
SENDERS = 4
#: One in so many goes to an agent at its terminal.
PUSHED = 20
#: Between two faults, seconds, at least and at most; in a small run, at least and at most.
_CALM, _SHORT_CALM = (4.0, 9.0), (0.5, 1.0)
_FAULTS_OF_SHORT = 2
#: Between two messages of a sender, seconds: so that the faults come while it sends.
_PAUSE = 0.03
#: How long anything may take to be answered, and all to come to rest, seconds.
_PATIENCE, _REST = 120.0, 600.0
_ENVIRON = {
    # soon, so that what a dead reader had in hand comes again while it goes on
    "CODERS_MAILBOXES_AGAIN_AFTER": "4",
    # it is not the number of tries that is looked at here
    "CODERS_MAILBOXES_TRIES": "1000",
}
_TUI = Path(__file__).resolve().parent.parent / "tests" / "support" / "tiny_tui.py"
_AGENT = """\
name = "tiny"
program = "{program}"
version = []

[interactive]
argv = ["turn=0.1"]
[[interactive.screen]]
state = "working"
where = "footer"
match = '^working'
[[interactive.screen]]
state = "idle"
where = "footer"
match = '^idle[|](?P<draft>.*)$'
"""
#: What a message says: sender, receiver, number.
_TEXT = re.compile(r"^=+ message (\S+) from .*\nsender (\d+) receiver (\d+) number (\d+)$", re.M)


@dataclass
class Run:
    """What is sent, and what is seen of it."""

    receivers: list[str] = field(default_factory=list)
    """Sessions, those at terminals last."""
    terminals: int = 0
    senders: list[str] = field(default_factory=lambda: [ids.new_session_id() for _ in range(4)])
    shown: dict[int, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """By receiver: text and delivery id, as they were shown."""
    faults: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    sent: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def pulled(self) -> range:
        """The receivers whose mailboxes are read."""
        return range(len(self.receivers) - self.terminals)

    @property
    def pushed(self) -> range:
        """Those at their terminals."""
        return range(len(self.receivers) - self.terminals, len(self.receivers))


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """``rounds`` messages, and faults until they are all sent and read."""
    small = rounds <= SHORT
    pulled, terminals = (2, 1) if small else (6, 2)
    result = Result(
        "mailbox",
        {"messages": rounds, "senders": SENDERS, "read": pulled, "pushed": terminals, "seed": SEED},
    )
    going = Run(terminals=terminals)
    with stand(_ENVIRON) as place:
        _begin(place, going, pulled)
        began = time.monotonic()
        threads = [
            threading.Thread(target=_send, args=(place, going, number, rounds), daemon=True)
            for number in range(SENDERS)
        ]
        threads += [
            threading.Thread(target=_read, args=(place, going, number), daemon=True)
            for number in going.pulled
        ]
        for thread in threads:
            thread.start()
        _disturb(place, going, threads[:SENDERS], small, tell)
        took = time.monotonic() - began
        tell(f"all sent in {took:.0f} s, under {sum(going.faults.values())} faults")
        going.sent.set()
        with place.client() as client:
            until(lambda: not client.store.mailboxes.addresses(), _REST, "empty mailboxes")
            going.over.set()
            for thread in threads:
                thread.join(_PATIENCE)
            dead = [
                one.model_dump()
                for session_id in going.receivers
                for one in client.store.mailboxes.dead(f"session:{session_id}")
            ]
        result.measured = {
            "seconds_to_send": round(took, 1),
            "faults": dict(going.faults),
            "refused_and_sent_again": dict(going.refused.most_common(10)),
            "dead_letters": dead[:10],
        }
        _judge(place, going, rounds, result)
    return result


def _begin(place: Stand, going: Run, pulled: int) -> None:
    """Sessions that only live, and agents with an input box."""
    program = place.directory / "tiny"
    prompts = place.directory / '"prompts-$CODERS_SESSION_ID"'
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_TUI}" {prompts} "$@"\n')
    program.chmod(0o755)
    agents = place.directory / "config" / "coders" / "agents"
    agents.mkdir(parents=True)
    (agents / "tiny.toml").write_text(_AGENT.format(program=program))
    sleeper = {"agent": "shell", "argv": ["sleep", "100000"]}
    terminal = {"agent": "tiny", "mode": "interactive"}
    for spec in [sleeper] * pulled + [terminal] * going.terminals:
        going.receivers.append(place.ask("spawn", spec=spec, cwd=str(place.work))["id"])


def _send(place: Stand, going: Run, sender: int, rounds: int) -> None:
    """This sender's part of all messages, each sent until there is an answer."""
    numbers: Counter[int] = Counter()
    pulled, pushed = itertools.cycle(going.pulled), itertools.cycle(going.pushed)
    for one in range(sender, rounds, SENDERS):
        # // and not %: which sender it is must not decide to whom it sends
        receiver = next(pushed) if (one // SENDERS) % PUSHED == 0 else next(pulled)
        text = f"sender {sender} receiver {receiver} number {numbers[receiver]}"
        numbers[receiver] += 1
        params = {
            "to": going.receivers[receiver],
            "text": text,
            "key": text,
            "session": going.senders[sender],
        }
        time.sleep(_PAUSE)
        deadline = time.monotonic() + _REST
        while True:
            try:
                place.ask("message", **params)
                break
            except (errors.CodersError, OSError) as error:  # a full mailbox, too
                if time.monotonic() > deadline:
                    raise
                going.refused[f"{type(error).__name__}: {str(error)[:60]}"] += 1
                time.sleep(0.2)


def _read(place: Stand, going: Run, receiver: int) -> None:
    """Read a mailbox until all is over: with the command line, or in Python."""
    session_id = going.receivers[receiver]
    if receiver % 2 == 0:
        while not going.over.is_set():
            words = ("inbox", session_id, "--ack", "--json", "--limit", "100")
            done = place.command(*words, timeout=_PATIENCE)
            if done.returncode == 0:
                for one in json.loads(done.stdout)["messages"]:
                    going.shown[receiver].append((one["text"], one["id"]))
            else:
                going.refused[f"inbox: exit code {done.returncode}"] += 1
            going.over.wait(0.2)
        return
    with place.client() as client:
        mailbox = client.inbox(f"session:{session_id}")
        while not going.over.is_set():
            with contextlib.suppress(errors.CodersError):
                for message in mailbox.read(100):
                    going.shown[receiver].append((message.text, message.id))
            going.over.wait(0.1)


def _disturb(
    place: Stand,
    going: Run,
    senders: list[threading.Thread],
    small: bool,
    tell: Callable[[str], None],
) -> None:
    """Kill the worker or the broker, in turn, until all is sent; each is started again."""
    chance = random.Random(SEED)
    kinds = itertools.cycle(("worker", "broker"))
    while True:
        until_next = time.monotonic() + chance.uniform(*(_SHORT_CALM if small else _CALM))
        while time.monotonic() < until_next and any(one.is_alive() for one in senders):
            time.sleep(0.05)
        enough = not small or sum(going.faults.values()) >= _FAULTS_OF_SHORT
        if enough and not any(one.is_alive() for one in senders):
            return
        if small and enough:
            continue
        kind = next(kinds)
        lock = stack.worker_lock if kind == "worker" else broker.broker_lock
        pid = lock(place.paths).holder()
        if pid is not None:
            steady.kill(pid)
            going.faults[kind] += 1
        _mend(place)
        tell(f"{sum(going.faults.values())}: the {kind} was killed")


def _mend(place: Stand) -> None:
    """What a service, or the next command of a user, does."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            place.up()
            return
        except (errors.CodersError, OSError, ValueError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def _judge(place: Stand, going: Run, rounds: int, result: Result) -> None:
    """Each pair's numbers, as they were shown or typed, against those that were sent."""
    for receiver in going.pushed:
        file = place.directory / f"prompts-{going.receivers[receiver]}"
        prompts = [json.loads(line) for line in file.read_text().splitlines()]
        for match in (match for prompt in prompts for match in _TEXT.finditer(prompt)):
            text = f"sender {match[2]} receiver {match[3]} number {match[4]}"
            going.shown[receiver].append((text, match[1]))
    lost, shown_twice, overtaken, other_ids, pushed_twice = [], [], [], [], 0
    seen = 0
    for receiver, sender in itertools.product(range(len(going.receivers)), range(SENDERS)):
        start = f"sender {sender} receiver {receiver} number "
        found = [
            (int(text.removeprefix(start)), one)
            for text, one in going.shown[receiver]
            if text.startswith(start)
        ]
        first = list(dict.fromkeys(number for number, _ in found))
        seen += len(first)
        overtaken += [start + str(a) for a, b in itertools.pairwise(first) if b < a]
        missing = set(range(max(first, default=-1) + 1)) - set(first)
        lost += [start + str(number) for number in missing]
        by_number: dict[int, list[str]] = defaultdict(list)
        for number, one in found:
            by_number[number].append(one)
        doubled = {number: given for number, given in by_number.items() if len(given) > 1}
        other_ids += [
            start + str(number) for number, given in doubled.items() if len(set(given)) > 1
        ]
        if receiver in going.pushed:
            pushed_twice += len(doubled)
        else:
            shown_twice += [start + str(number) for number in doubled]
    result.measured |= {
        "arrived": seen,
        "lost": lost[:10],
        "overtaken_in_a_pair": overtaken[:10],
        "pulled_and_shown_twice": shown_twice[:10],
        "pushed_twice": pushed_twice,
        "pushed_twice_with_another_id": other_ids[:10],
    }
    dead: list[Any] = result.measured["dead_letters"]
    kills = ", ".join(f"{count} of the {kind}" for kind, count in going.faults.items())
    result.bar(
        f"of {rounds} messages under kills ({kills}), lost",
        "0",
        str(rounds - seen),
        seen == rounds and not lost and not dead,
    )
    result.bar("before an earlier one of its pair", "0", str(len(overtaken)), not overtaken)
    result.bar("pulled and shown twice", "0", str(len(shown_twice)), not shown_twice)
    result.bar(
        "pushed twice with another id",
        "0",
        f"{len(other_ids)} (of {pushed_twice} pushed twice)",
        not other_ids,
    )
