"""What is done to one tool, and what it was doing meanwhile: the truth of the ``live`` bench.

The truth is the model stub's journal, a file that a command of the agent's makes, the keys that a
person pressed, and the life of a process; never a word of ours. Beside it a sampler reads from the
store what everybody is told.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.agent_stand import AgentStand
from bench.stand import Stand, until
from coders_queue import errors

#: Seconds between two samples.
EVERY = 0.05
#: Seconds of the acts: silence before an answer, a streamed answer, a command, rest, a person's
#: delay, a used-up quota.
_SILENT, _STREAM, _COMMAND, _REST, _PERSON, _REFUSED = 5, 6, 4, 4.0, 5.0, 12.0
#: The limit of the one that hangs, seconds; how long it is looked at after it.
_LIMIT, _AFTER = 6.0, 5.0
#: How often the same is done over and over, and from which time on it counts as stuck.
_LOOP, _STUCK_AT = 20, 8
_ASKS = re.compile(
    r"Do you want to|Would you like to|Allow execution|Permission required|Allow once"
)
_LEAVE = {"codex": "/quit", "gemini": "/quit", "qwen": "/quit"}


@dataclass(frozen=True)
class Span:
    """From when until when it was doing what, for certain; epoch seconds."""

    act: str
    doing: str
    begin: float
    end: float


@dataclass(frozen=True)
class Sample:
    """What the store said at a moment; ``over`` when the session did not run any more."""

    at: float
    doing: str


@dataclass
class Trace:
    """One session: the truth and the samples."""

    spans: list[Span] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    #: Seconds between what happened and the first sample that has it, by what it was.
    seen: dict[str, list[float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def span(self, act: str, doing: str, begin: float, end: float) -> None:
        """Note what it did."""
        if end > begin:
            self.spans.append(Span(act, doing, begin, end))

    def noticed(self, what: str, doing: str, since: float, before: float) -> None:
        """How long it took to be told, from ``since`` on; not told before ``before`` is a
        problem."""
        found = next(
            (one.at for one in self.samples if since <= one.at < before and one.doing == doing),
            None,
        )
        if found is None:
            self.problems.append(f"{what}: not told within {before - since:.1f} s")
        else:
            self.seen.setdefault(what, []).append(found - since)


@contextlib.contextmanager
def sampled(place: Stand, session_id: str, trace: Trace) -> Iterator[None]:
    """Sample what the store says of a session meanwhile."""
    over = threading.Event()

    def run() -> None:
        with place.client() as client:
            while not over.wait(EVERY):
                record = client.store.get(session_id)
                if record is None:
                    continue
                doing = record.activity.doing if record.activity else "unknown"
                running = record.state == "running"
                trace.samples.append(Sample(time.time(), doing if running else "over"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
        time.sleep(4 * EVERY)
    finally:
        over.set()
        thread.join()


class Tool:
    """One tool, run again and again."""

    def __init__(self, stand: AgentStand, name: str) -> None:
        self._stand = stand
        self._name = name
        self._count = 0

    def day(self) -> Trace:
        """Silence, a stream, a question, a command, a used-up quota; then it is killed."""
        trace = Trace()
        session_id = self._spawn("day")
        with sampled(self._stand.place, session_id, trace):
            rest = self._answered("day", 0)["ended"]
            for act, words in (("silence", f"THINK:{_SILENT}"), ("stream", f"SLOW:{_STREAM}")):
                rest = self._turn(trace, session_id, act, words, rest)
            rest = self._question(trace, session_id, rest)
            self._refused(trace, session_id, rest)
            self._dies(trace, session_id, "crash", lambda pid: os.kill(pid, signal.SIGKILL))
        return trace

    def hangs(self) -> Trace:
        """A request that is never answered."""
        trace = Trace()
        mark = self._mark("HANG")
        session_id = self._spawn(mark, stuck_after=_LIMIT)
        with sampled(self._stand.place, session_id, trace):
            # some tools take seconds from showing the prompt, the last that anybody sees of it, to
            # their request; and some give up a request that is not answered
            shown = until(lambda: self._on_screen(session_id, mark), 90, f"{mark} on the screen")
            asked = self._asked(mark)
            begun, stuck = asked["started"], asked["started"] + _LIMIT
            time.sleep(max(0.0, stuck + _AFTER - time.time()))
            over = self._turns(mark)[0]["ended"] or time.time()
            trace.span("silence", "working", begun, shown + _LIMIT)
            trace.span("hang", "stuck", stuck, over)
        trace.noticed("stuck at its limit", "stuck", shown + _LIMIT, over)
        self._stand.place.end(session_id)
        return trace

    def loops(self) -> Trace:
        """The same command over and over, with the same result."""
        trace = Trace()
        mark = self._mark(f"LOOP:{_LOOP} SLOW:1")
        session_id = self._spawn(mark, permission="full")
        with sampled(self._stand.place, session_id, trace):
            until(lambda: len(self._turns(mark)) > _LOOP, 120, "the end of the loop", 0.2)
            turns = self._turns(mark)
            begun, stuck = turns[0]["started"], turns[_STUCK_AT]["started"]
            over = turns[_LOOP]["started"]
        trace.span("work", "working", begun, turns[_STUCK_AT - 1]["started"])
        trace.span("loop", "stuck", stuck, over)
        trace.noticed("a loop", "stuck", stuck, over)
        self._stand.place.end(session_id)
        return trace

    def leaves(self) -> Trace:
        """A person quits it."""
        trace = Trace()
        session_id = self._spawn("hello")
        with sampled(self._stand.place, session_id, trace):
            ended = self._answered("hello", 0)["ended"]
            time.sleep(_REST)
            trace.span("rest", "idle", ended, time.time())
            self._dies(trace, session_id, "exit", lambda _pid: self._quit(session_id))
        return trace

    def _spawn(self, task: str, **more: Any) -> str:
        if task in ("day", "hello"):
            self._stand.stub.clear()
        spec = {
            "agent": self._name,
            "mode": "interactive",
            "task": f"please {task}",
            "restart": {"policy": "never"},
            **more,
        }
        return self._stand.spawn(spec, self._stand.place.work)

    def _mark(self, words: str) -> str:
        """A task that nobody else has, which makes the stub do that."""
        self._count += 1
        mark = f"k{self._count:04d}"
        self._stand.stub.script(mark, words)
        return mark

    def _turns(self, mark: str) -> list[dict[str, Any]]:
        return [one for one in self._stand.stub.requests() if mark in one["prompt"]]

    def _asked(self, mark: str) -> dict[str, Any]:
        return until(lambda: self._turns(mark), 90, f"a request with {mark}", 0.05)[0]  # type: ignore[no-any-return]

    def _answered(self, mark: str, number: int) -> dict[str, Any]:
        def last() -> Any:
            turns = self._turns(mark)
            return turns[number] if len(turns) > number and turns[number]["ended"] else None

        return until(last, 90, f"the answer to {mark}", 0.05)  # type: ignore[no-any-return]

    def _send(self, trace: Trace, session_id: str, words: str, rest: float) -> str:
        """A prompt after a rest, which was no work."""
        time.sleep(max(0.0, rest + _REST - time.time()))
        trace.span("rest", "idle", rest, time.time())
        mark = self._mark(words)
        self._stand.place.ask("send", ref=session_id, text=f"now {mark}")
        return mark

    def _turn(self, trace: Trace, session_id: str, act: str, words: str, rest: float) -> float:
        """One prompt and its answer; when that was over."""
        mark = self._send(trace, session_id, words, rest)
        turn = self._answered(mark, 0)
        trace.span(act, "working", turn["started"], turn["ended"])
        return float(turn["ended"])

    def _question(self, trace: Trace, session_id: str, rest: float) -> float:
        """It asks for leave, waits for a person, and works on."""
        made = self._stand.place.directory / f"made-{self._count}"
        words = f"ESC RUNTOOL:sh -c 'touch {made}; sleep {_COMMAND}'"
        mark = self._send(trace, session_id, words, rest)
        called = self._answered(mark, 0)["ended"]
        shown = self._shown(session_id, made)
        if shown is None:
            trace.problems.append("question: it asked for no leave")
        else:
            time.sleep(_PERSON)
            if made.exists():
                trace.problems.append("question: it went on by itself")
            else:
                pressed = time.time()
                self._stand.keys(session_id, "Enter")
                trace.span("question", "waiting", shown, pressed)
                trace.noticed(
                    "a question, from the model's call of the tool", "waiting", called, pressed
                )
                trace.noticed("a question, from its being shown", "waiting", shown, pressed)
        until(made.exists, 30, "the command that was allowed")
        begun = made.stat().st_mtime
        ended = float(self._answered(mark, 1)["ended"])
        trace.span("command", "working", begun, begun + _COMMAND)
        return ended

    def _on_screen(self, session_id: str, words: str) -> float | None:
        """The time, once they are on its screen."""
        return time.time() if words in self._picture(session_id) else None

    def _picture(self, session_id: str) -> str:
        return self._stand.tmux("capture-pane", "-p", "-t", f"={session_id}_1:")

    def _shown(self, session_id: str, made: Path) -> float | None:
        """When its question was on the screen; None when it asked nothing."""
        limit = time.time() + 20
        while time.time() < limit and not made.exists():
            if _ASKS.search(self._picture(session_id)):
                return time.time()
            time.sleep(0.02)
        return None

    def _refused(self, trace: Trace, session_id: str, rest: float) -> None:
        """The service refuses, for as long as it is looked at."""
        mark = self._send(trace, session_id, "FAIL:429", rest)
        refused = float(self._answered(mark, 0)["ended"])
        time.sleep(max(0.0, refused + _REFUSED - time.time()))
        # (some give up before that, and are idle)
        last = max(float(one["ended"] or 0.0) for one in self._turns(mark))
        trace.span("refusal", "rate_limited", refused, last)

    def _quit(self, session_id: str) -> None:
        self._stand.keys(session_id, "C-u")
        self._stand.types(session_id, _LEAVE.get(self._name, "/exit"))
        time.sleep(1.0)  # its menu of commands comes up
        self._stand.keys(session_id, "Enter")

    def _dies(self, trace: Trace, session_id: str, act: str, end: Callable[[int], object]) -> None:
        """Its process ends, and that is told."""
        pid = int(self._stand.place.ask("show", ref=session_id)["pid"])
        died = death(pid, lambda: end(pid), lambda: self._stand.keys(session_id, "Enter"))
        if died is None:
            trace.problems.append(f"{act}: it did not end")
            self._stand.place.end(session_id)
            return
        with contextlib.suppress(errors.TimedOut):
            until(lambda: trace.samples and trace.samples[-1].doing == "over", 10, "its end")
        trace.span(act, "over", died, died + 2.0)
        trace.noticed("the end of an agent", "over", died, died + 10.0)
        time.sleep(max(0.0, died + 2.0 - time.time()))


def death(pid: int, end: Callable[[], object], again: Callable[[], object]) -> float | None:
    """When a process was over, after it was told to end (once more when it takes its time)."""
    handle = os.pidfd_open(pid)
    try:
        end()
        for patience in (3.0, 10.0):
            if select.select([handle], [], [], patience)[0]:
                return time.time()
            again()
    finally:
        os.close(handle)
    return None
