"""What must hold of headless runs: prompt, tools, answer, usage, conversation, data."""

from __future__ import annotations

from typing import Any

from coders_queue.models.outcome import Outcome
from coders_workers.conformance.room import Room
from coders_workers.conformance.row import Rows
from coders_workers.model_stub.control import Stub
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER

_TYPED = "first\n\n  second\tline, 'single' \"double\" `back` $HOME \\ %s ; | & ! #\nlast  "
_DASH = "--help me -x"
_LARGE = "0123456789abcd\n" * 1365 + "žluťoučký 🎉 漢字 \u202e \u00a0 e\u0301"
_WORD = "aubergine"
_ANSWER = {"colour": "red", "count": 3}
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["colour", "count"],
    "additionalProperties": False,
}


def check(room: Room, rows: Rows) -> None:
    """All of it."""
    if "headless" not in room.adapter.modes:
        rows.not_offered("headless runs", f"{room.adapter.name} has none")
        return
    with rows.about("headless: the prompt arrives exactly", "headless: the answer is the result"):
        _exact(room, rows)
    with rows.about("headless: 20 KB and Unicode arrive exactly"):
        _large(room, rows)
    with rows.about("headless: a tool is called", "headless: usage is the model's own count"):
        _tool(room, rows)
    with rows.about("headless: the conversation's id is told", "headless: resumed, it is known"):
        _conversation(room, rows)
    with rows.about("headless: an answer of a given shape"):
        _data(room, rows)


def why(outcome: Outcome) -> str:
    """How a session ended, for evidence."""
    cause = f": {outcome.cause.message}" if outcome.cause else ""
    return f"{outcome.state}{cause}"


def arrivals(stub: Stub, *texts: str) -> str:
    """How often these prompts arrived, and what did instead, for evidence."""
    prompts = stub.prompts()
    counts = [prompts.count(text) for text in texts]
    told = f"arrived {', '.join(map(str, counts))} times"
    others = [one for one in prompts if one not in texts]
    if min(counts) or not others:
        return told
    return f"{told}, but {others[0][:80]!r}"


def usage_row(rows: Rows, claim: str, stub: Stub, outcome: Outcome) -> None:
    """Whether a session's usage is what the stub counted since it was cleared."""
    told = outcome.usage
    if told is None:
        rows.check(claim, False, f"no usage is told ({why(outcome)})")
        return
    said = {
        "input_tokens": told.input_tokens,
        "output_tokens": told.output_tokens,
        "cache_read_tokens": told.cache_read_tokens,
        "cache_write_tokens": told.cache_write_tokens,
    }
    requests = [one for one in stub.journal()["requests"] if one["tokens"]]
    turns = [one for one in requests if one["tools"]]
    for some, name in ((requests, "requests"), (turns, "requests with tools")):
        if said == _sum(some):
            aside = len(requests) - len(some)
            note = f"; {aside} without tools left out" if aside else ""
            rows.check(claim, True, f"{said} over {len(some)} {name}{note}")
            return
    missed = [one for one in requests if said == _sum([two for two in requests if two is not one])]
    note = f"; untold: {missed[0]['prompt'][:60]!r}" if missed else ""
    counted = f"counted {_sum(requests)} over {len(requests)} requests"
    rows.check(claim, False, f"told {said}, {counted}{note}")


def _sum(requests: list[dict[str, Any]]) -> dict[str, int]:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return {name: sum(one["tokens"][name] for one in requests) for name in names}


def _exact(room: Room, rows: Rows) -> None:
    room.stub.clear()
    outcome = room.headless(_TYPED)
    dashed = room.headless(_DASH)
    prompts = room.stub.prompts()
    once = prompts.count(_TYPED) == prompts.count(_DASH) == 1
    seen = f"lines and quotes, a leading dash: {arrivals(room.stub, _TYPED, _DASH)}"
    rows.check("headless: the prompt arrives exactly", once, seen)
    fine = outcome.state == dashed.state == "succeeded" and outcome.result == FIXED_ANSWER
    said = f"{why(outcome)}, {outcome.result!r}"
    rows.check("headless: the answer is the result", fine, said)


def _large(room: Room, rows: Rows) -> None:
    room.stub.clear()
    outcome = room.headless(_LARGE)
    count = room.stub.prompts().count(_LARGE)
    size = len(_LARGE.encode())
    seen = f"{size} bytes {arrivals(room.stub, _LARGE)}; {why(outcome)}"
    rows.check(
        "headless: 20 KB and Unicode arrive exactly",
        count == 1 and outcome.state == "succeeded",
        seen,
    )


def _tool(room: Room, rows: Rows) -> None:
    room.stub.clear()
    made = room.project / "made-by-agent"
    outcome = room.headless(f"RUNTOOL:touch {made.name}", permission="full")
    called = [one["call"] for one in room.stub.requests() if one["call"]]
    fine = made.exists() and outcome.state == "succeeded" and outcome.result == AFTER_TOOL
    seen = f"{', '.join(called) or 'no call'}; file {'made' if made.exists() else 'not made'}; "
    rows.check("headless: a tool is called", fine, seen + why(outcome))
    usage_row(rows, "headless: usage is the model's own count", room.stub, outcome)


def _conversation(room: Room, rows: Rows) -> None:
    room.stub.clear()
    first = f"remember the word {_WORD}"
    told = room.headless(first).conversation_id
    if not rows.check("headless: the conversation's id is told", bool(told), f"{told}"):
        return
    room.stub.clear()
    outcome = room.headless("which word?", resume=told)
    requests = [one for one in room.stub.requests() if one["prompt"] == "which word?"]
    said = [turn["text"] for turn in requests[0]["history"]] if requests else []
    known = any(_WORD in text for text in said) and any(FIXED_ANSWER in text for text in said)
    same = outcome.conversation_id == told
    again = "the same id" if same else f"its id is now {outcome.conversation_id}"
    seen = f"{why(outcome)}; the request has {len(said)} messages; {again}"
    rows.check("headless: resumed, it is known", known and outcome.state == "succeeded", seen)


def _data(room: Room, rows: Rows) -> None:
    room.stub.clear()
    task = "which colour, and how many?"
    room.stub.script(task, 'JSON:{"colour": "red", "count": 3}')
    outcome = room.headless(task, output_schema=_SCHEMA)
    how = "by the tool's own option" if room.adapter.native_schema else "asked for in the task"
    seen = f"{outcome.result!r}, {how}; {why(outcome)}"
    fine = outcome.state == "succeeded" and outcome.result == _ANSWER
    rows.check("headless: an answer of a given shape", fine, seen)
