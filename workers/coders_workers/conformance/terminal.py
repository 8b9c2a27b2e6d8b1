"""What must hold of the terminal interface: start, prompts, states on the screen, transcripts."""

from __future__ import annotations

import time
from collections.abc import Callable

from coders_queue.models.observation import Observation
from coders_workers.conformance.headless import arrivals, usage_row
from coders_workers.conformance.room import Room, Seat
from coders_workers.conformance.row import Rows
from coders_workers.model_stub.script import FIXED_ANSWER

_START = 60.0
_ANSWER = 45.0
_WRITTEN = 30.0
#: How far a screen may be behind the model, seconds.
_LAG = 0.3
_SLOW = 6
_LATER = "a later prompt\n  of two lines, ž🎉 'quoted' $HOME"
_FIRST = "the first prompt,\nof two lines, ž🎉"

STARTS = "terminal: it starts without a dialog"
DELIVERED = "terminal: a later prompt is delivered"
IDLE, WORKING, WAITING = (f"terminal: seen {state}" for state in ("idle", "working", "waiting"))
ARGUMENT = "terminal: the first prompt arrives"
ANSWER = "terminal: the transcript tells the answer"
USAGE = "terminal: the transcript tells the usage"


def check(room: Room, rows: Rows) -> None:
    """All of it."""
    if "interactive" not in room.adapter.modes:
        rows.not_offered("terminal interface", f"{room.adapter.name} has none")
        return
    with rows.about(STARTS, DELIVERED, IDLE, WORKING):
        room.stub.clear()
        with room.terminal() as seat:
            _starts(room, rows, seat)
            _delivered(room, rows, seat)
            _working(room, rows, seat)
    with rows.about(WAITING):
        room.stub.clear()
        with room.terminal() as seat:
            _waiting(room, rows, seat)
    with rows.about(ARGUMENT, ANSWER, USAGE):
        room.stub.clear()
        with room.terminal(task=_FIRST) as seat:
            _first(room, rows, seat)


def _states(seen: list[Observation]) -> str:
    states = [one.state for one in seen]
    changes = [one for index, one in enumerate(states) if index == 0 or one != states[index - 1]]
    return " > ".join(changes)


def _last_line(seat: Seat) -> str:
    lines = [line.strip() for line in seat.text().splitlines() if line.strip()]
    return " / ".join(lines[-3:])


def _starts(room: Room, rows: Rows, seat: Seat) -> None:
    began = time.monotonic()
    seen = seat.watch(lambda one: one.state == "idle", _START)
    seconds = time.monotonic() - began
    settled = seen[-1].state == "idle" and all(one.state != "dialog" for one in seen)
    evidence = f"{_states(seen)} in {seconds:.1f} s"
    asked = next((one.question for one in seen if one.state == "dialog"), None)
    if asked is not None:
        evidence += f"; it asks: {asked}"
    elif not settled:
        evidence += f"; it shows: {_last_line(seat)}"
    rows.check(STARTS, settled, evidence)


def _delivered(room: Room, rows: Rows, seat: Seat) -> None:
    seconds = seat.deliver(_LATER)

    def arrived() -> list[str]:
        return [one for one in room.stub.prompts() if one.rstrip(" ") == _LATER]

    if _wait(lambda: bool(arrived()), _ANSWER):
        padded = "" if _LATER in arrived() else ", with a blank that the tool added"
        evidence = f"arrived {len(arrived())} times{padded}; the delivery took {seconds:.1f} s"
        rows.check(DELIVERED, len(arrived()) == 1, evidence)
    else:
        shown = f"{arrivals(room.stub, _LATER)}; it shows: {_last_line(seat)}"
        rows.check(DELIVERED, False, shown)
    states = seat.watch(lambda one: one.state == "idle", _ANSWER)
    answered = FIXED_ANSWER in seat.text()
    evidence = f"after the answer: {_states(states)}"
    rows.check(IDLE, states[-1].state == "idle" and answered, evidence)


def _working(room: Room, rows: Rows, seat: Seat) -> None:
    task = "take your time"
    room.stub.script(task, f"THINK:{_SLOW // 2} SLOW:{_SLOW}")
    seat.deliver(task)
    marks: list[tuple[float, Observation]] = []
    end = time.monotonic() + _ANSWER
    while time.monotonic() < end:
        marks.append((time.time(), seat.look()))
        last = [one for one in room.stub.requests() if one["prompt"] == task]
        if last and last[-1]["ended"] is not None:
            break
        time.sleep(0.2)
    turns = [one for one in room.stub.requests() if one["prompt"] == task]
    if not turns or turns[-1]["ended"] is None:
        rows.check(WORKING, False, f"no answer of the model; it shows: {_last_line(seat)}")
        return
    begun, over = turns[-1]["started"], turns[-1]["ended"] - _LAG
    busy = [(at - begun, seen) for at, seen in marks if begun < at < over]
    first = next((at for at, seen in busy if seen.state == "working"), None)
    if first is None:
        rows.check(WORKING, False, f"never while the model worked: {_states([s for _, s in busy])}")
        return
    later = [seen for at, seen in busy if at >= first]
    right = sum(one.state == "working" for one in later)
    evidence = f"after {first:.1f} s; {right} of {len(later)} looks from then on: {_states(later)}"
    rows.check(WORKING, first < _SLOW / 2 and right == len(later), evidence)


def _waiting(room: Room, rows: Rows, seat: Seat) -> None:
    task, made = "make a file elsewhere", room.directory / "made-elsewhere"
    # ESC: some ask only for what is to run outside of their sandbox
    room.stub.script(task, f"ESC RUNTOOL:touch {made}")
    seat.watch(lambda one: one.state == "idle", _START)
    seat.deliver(task)
    seen = seat.watch(lambda one: one.state == "waiting" or made.exists(), _ANSWER)
    asked = seen[-1]
    if made.exists():
        rows.not_offered(WAITING, f"it ran the command without a question: {_states(seen)}")
        return
    evidence = f"{_states(seen)}: {asked.question!r}, {list(asked.choices)}"
    if asked.state != "waiting":
        evidence = f"{_states(seen)}; it shows: {_last_line(seat)}"
    fine = asked.state == "waiting" and bool(asked.question) and bool(asked.choices)
    rows.check(WAITING, fine, evidence)


def _first(room: Room, rows: Rows, seat: Seat) -> None:
    arrived = _wait(lambda: _FIRST in room.stub.prompts(), _START)
    count = room.stub.prompts().count(_FIRST)
    evidence = f"{arrivals(room.stub, _FIRST)} without a key pressed"
    if not arrived:
        evidence += f"; it shows: {_last_line(seat)}"
    rows.check(ARGUMENT, count == 1, evidence)
    seat.watch(lambda one: one.state == "idle" and FIXED_ANSWER in seat.text(), _ANSWER)
    # some tools write it down a moment after they have shown it
    _wait(lambda: seat.reading().result is not None, _WRITTEN)
    reading = seat.reading()
    told = f"{reading.result!r}, conversation {reading.conversation_id}"
    fine = reading.ok and reading.result == FIXED_ANSWER and bool(reading.conversation_id)
    rows.check(ANSWER, fine, told + (f"; {reading.message}" if reading.message else ""))
    usage_row(rows, USAGE, room.stub, seat.end())


def _wait(holds: Callable[[], bool], timeout: float) -> bool:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.1)
    return False
