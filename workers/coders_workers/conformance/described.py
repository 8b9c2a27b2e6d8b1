"""What must hold of a tool that a file describes.

Less is asked of it than of a built-in agent: it may add words of its own around a prompt, have no
tools, and count what came from a cache as input.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from coders_queue import errors
from coders_queue.agents.described.model import Description
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Outcome
from coders_workers.conformance.headless import why
from coders_workers.conformance.room import Room
from coders_workers.conformance.row import Rows
from coders_workers.model_stub.script import FIXED_ANSWER

_TYPED = "first\n\n  second\tline, 'single' \"double\" `back` $HOME \\ %s ; | & ! #\nlast"
_DASH = "--help me -x"
_LARGE = "0123456789abcd\n" * 1365 + "žluťoučký 漢字 é"
_LONG = "An answer of many words, in one line that is longer than any terminal is wide. " * 4
_WORD = "aubergine"
_FAILURES = ("401", "500")
#: Seconds that a run may take: some tools ask a failing service again for more than a minute.
_PATIENCE = 150.0
_START = 60.0


def check(room: Room, rows: Rows, description: Description) -> None:
    """All of it."""
    told = description.check
    fields: dict[str, Any] = {"patience": _PATIENCE}
    if told is not None and told.model is not None:
        fields["model"] = told.model
    if description.headless is None:
        rows.not_offered("headless runs", "the file has no [headless]")
    else:
        with rows.about(
            "headless: the prompt arrives exactly", "headless: the answer is the result"
        ):
            _exact(room, rows, fields)
        with rows.about("headless: usage is the model's own count"):
            _usage(room, rows, fields)
        _resume(room, rows, description, fields)
        _failures(room, rows, fields)
    if description.interactive is None:
        rows.not_offered("at a terminal", "the file has no [interactive]")
    else:
        with rows.about("terminal: it comes up idle", "terminal: a prompt arrives"):
            _terminal(room, rows, fields)


def _exact(room: Room, rows: Rows, fields: dict[str, Any]) -> None:
    claim = "headless: the prompt arrives exactly"
    lost = []
    for name, text in (("lines and quotes", _TYPED), ("a dash", _DASH), ("20 KB", _LARGE)):
        room.stub.clear()
        try:
            room.headless(text, **fields)
        except errors.CodersError as error:
            rows.add(claim, "does not", f"{name}: {error}")
            break
        if not _heard(room, text):
            lost.append(name)
    else:
        rows.check(claim, not lost, f"not arrived: {', '.join(lost)}" if lost else "in all forms")
    room.stub.clear()
    task = "answer at length"
    room.stub.script(task, f"SAY:{_LONG.strip()}")
    outcome = room.headless(task, **fields)
    fine = outcome.ok and outcome.result == _LONG.strip()
    rows.check(
        "headless: the answer is the result", fine, f"{why(outcome)}, result {outcome.result!r}"
    )


def _heard(room: Room, text: str) -> bool:
    """Whether a text was in a request, whatever stands around it."""
    requests = room.stub.journal()["requests"]
    said = [turn["text"] for one in requests for turn in one["history"]]
    return any(text in one for one in (*said, *(one["prompt"] for one in requests)))


def _usage(room: Room, rows: Rows, fields: dict[str, Any]) -> None:
    claim = "headless: usage is the model's own count"
    room.stub.clear()
    outcome = room.headless("say hi", **fields)
    counted, told = room.stub.tokens(), outcome.usage
    if told is None:
        rows.check(claim, False, f"no usage is told ({why(outcome)})")
        return
    said = {name: number for name, number in told.model_dump().items() if name in counted}
    together = {**counted, "input_tokens": counted["input_tokens"] + counted["cache_read_tokens"]}
    together["cache_read_tokens"] = 0
    note = "; what came from the cache is counted as input" if said == together else ""
    fine = bool(note) or said == counted
    rows.check(claim, fine, f"told {said}{note}" if fine else f"told {said}, counted {counted}")


def _resume(room: Room, rows: Rows, description: Description, fields: dict[str, Any]) -> None:
    claim = "headless: resumed, the conversation is known"
    if description.headless is None or not description.headless.resume:
        rows.not_offered(claim, "the file has no resume for it")
        return
    with rows.about(claim):
        room.stub.clear()
        first = room.headless(f"remember the word {_WORD}", **fields)
        if first.conversation_id is None:
            rows.check(claim, False, f"no conversation's id is told; {why(first)}")
            return
        room.stub.clear()
        outcome = room.headless("which word?", resume=first.conversation_id, **fields)
        rows.check(claim, outcome.ok and _heard(room, _WORD), why(outcome))


def _failures(room: Room, rows: Rows, fields: dict[str, Any]) -> None:
    room.stub.clear()
    for status in _FAILURES:
        room.stub.script(_failing(status), f"FAIL:{status}")
    with ThreadPoolExecutor(len(_FAILURES)) as pool:
        runs = {
            status: pool.submit(room.headless, _failing(status), **fields) for status in _FAILURES
        }
        for status, run in runs.items():
            claim = f"headless: failure told: {status}"
            with rows.about(claim):
                _told(room, rows, claim, status, run.result())


def _told(room: Room, rows: Rows, claim: str, status: str, outcome: Outcome) -> None:
    if not _heard(room, _failing(status)):
        rows.check(claim, False, f"the model was never asked; {why(outcome)}")
    elif outcome.cause is not None and outcome.cause.kind == "timeout":
        rows.not_offered(claim, f"it does not give up within {_PATIENCE:g} s: use a timeout")
    else:
        rows.check(claim, outcome.state == "failed", why(outcome))


def _failing(status: str) -> str:
    return f"what happens with a {status}?"


def _terminal(room: Room, rows: Rows, fields: dict[str, Any]) -> None:
    room.stub.clear()
    kept = {name: value for name, value in fields.items() if name != "patience"}
    with room.terminal(**kept) as seat:
        seen = seat.watch(_is_idle, _START)
        states = list(dict.fromkeys(one.state for one in seen))
        if not rows.check("terminal: it comes up idle", _is_idle(seen[-1]), ", ".join(states)):
            return
        seconds = seat.deliver("say hi")
        rows.check(
            "terminal: a prompt arrives",
            _heard(room, "say hi"),
            f"after {seconds:.1f} s; the stub says {FIXED_ANSWER!r}",
        )


def _is_idle(seen: Observation) -> bool:
    return seen.state == "idle"
