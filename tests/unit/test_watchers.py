"""The watch over a host's agents, turned by hand: what is seen, told, and done about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.models.lifecycle import State
from coders_workers.supervisor import stuck_mark
from support.screen_corpus import SCREENS
from support.watch_room import WatchRoom

GOLDEN = Path(__file__).parents[1] / "golden"


def picture(state: str, tool: str = "claude", version: str = "2.1.197") -> str:
    """A real screen of the tool's in that state."""
    directory = SCREENS / tool / version
    for row in map(json.loads, (directory / "index.jsonl").read_text().splitlines()):
        if row["state"] == state and (row["columns"], row["rows"]) == (120, 40):
            return (directory / row["file"]).read_text()
    raise LookupError(state)


@pytest.fixture
def room(tmp_path: Path) -> WatchRoom:
    return WatchRoom(tmp_path / "s")


def line(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "session_id": "s", **fields})


def test_a_headless_run_tells_by_its_stream(room: WatchRoom) -> None:
    """Each change is told once, within a turn; lines that are not whole wait for their rest."""
    ref = room.run("claude")
    assert room.activity(ref).doing == "starting"
    room.prints(ref, line("system", subtype="init"))
    room.turn(0.1)
    assert room.activity(ref).doing == "working"
    room.prints(ref, line("assistant", message={}), line("user", message={}))
    room.turn(1)
    limit = {"status": "rejected", "resetsAt": room.wall.now + 60, "rateLimitType": "five_hour"}
    whole = line("rate_limit_event", rate_limit_info=limit).encode()
    output = room.directory(ref) / "output"
    with output.open("ab") as file:
        file.write(whole[:40])
        file.flush()
        room.turn(0.1)
        file.write(whole[40:] + b"\n")
    room.turn(0.1)
    assert room.activity(ref).resets_at == limit["resetsAt"]
    # nobody else of the account is to begin before then
    assert room.store.admission().exhausted == {"claude": limit["resetsAt"]}
    room.prints(ref, *(GOLDEN / "claude/2.1.197/answer.jsonl").read_text().splitlines())
    room.turn(0.1)
    assert room.told(ref) == ["starting", "working", "rate_limited", "idle"]


def test_a_question_is_told_within_a_second(room: WatchRoom) -> None:
    """A terminal that falls silent is looked at, and its question told with the choices."""
    ref = room.run("claude", "interactive")
    room.shows(ref, picture("working"))
    room.turn(2)
    assert room.activity(ref).doing == "working"
    asked_at = room.wall.now
    room.shows(ref, picture("waiting"))
    room.turn(0.6)
    told = room.activity(ref)
    assert told.doing == "waiting"
    assert told.question
    assert len(told.choices) >= 2
    assert 0 < told.since - asked_at < 0.6


def test_a_terminal_at_rest_is_left_alone(room: WatchRoom) -> None:
    """Without a change there is nothing to see; a look in a long while proves it."""
    ref = room.run("claude", "interactive")
    room.shows(ref, picture("idle"))
    room.turn(5)
    looked = room.runtime.looked
    room.turn(100)
    assert room.runtime.looked == looked
    room.turn(100)
    assert room.runtime.looked == looked + 1
    assert room.activity(ref).doing == "idle"


def test_a_spinner_is_looked_at_at_a_bounded_rate_and_fools_nobody(room: WatchRoom) -> None:
    """A screen that turns for ever is stuck at its limit, and costs no more than two looks
    a second."""
    ref = room.run("claude", "interactive", stuck_after=30)
    begun, looked = room.wall.now, room.runtime.looked
    working = picture("working")
    seconds = 0
    while room.activity(ref).doing != "stuck":
        seconds += 1
        assert seconds < 60
        for turn in range(10):
            room.shows(ref, working.replace("✻", "✻✶✳✢"[turn % 4]))
            room.turn(0.1)
    assert room.runtime.looked - looked <= 2 * seconds + 3
    assert 30 <= room.activity(ref).since - begun < 32
    assert room.told(ref)[-2:] == ["working", "stuck"]


def test_hooks_tell_at_once(room: WatchRoom) -> None:
    """What a tool's hook writes is read although nothing was drawn."""
    ref = room.run("claude", "interactive")
    room.shows(ref, picture("working"))
    room.turn(1)
    hooks = room.directory(ref) / "hooks"
    hooks.mkdir()
    (hooks / ".half").write_text('{"hook_event_name": "Stop"}')
    told = {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {}}
    (hooks / "1.json").write_text(json.dumps(told))
    room.turn(0.5)
    assert (room.activity(ref).doing, room.activity(ref).source) == ("waiting", "hook")


def test_a_command_of_the_users_own_tells_nothing_and_is_alive(room: WatchRoom) -> None:
    """What it prints is progress, and nothing is made up of it."""
    ref = room.run("shell")
    room.turn(3600, step=60)
    assert room.activity(ref).doing == "unknown"
    before = room.watchers.pulses()[ref]
    room.prints(ref, "still at it")
    room.turn(0.1)
    assert room.watchers.pulses()[ref] > before
    assert room.told(ref) == ["unknown"]


def test_the_same_over_and_over_is_told(room: WatchRoom) -> None:
    """A loop is stuck although every step of it is a sign of life."""
    ref = room.run("claude")
    for number in range(8):
        use = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"command": "ls"}}
        back = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "a"}
        room.prints(ref, line("assistant", message={"content": [use]}))
        room.prints(ref, line("user", message={"content": [back]}))
        room.turn(1)
    told = room.activity(ref)
    assert told.doing == "stuck"
    assert "Bash" in (told.why or "")


def test_without_a_store_only_the_latest_is_told_later(
    room: WatchRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch goes on while the store is away; when it is back it hears how things stand."""
    ref = room.run("claude")

    def away(*_: object, **__: object) -> bool:
        raise errors.Unavailable("away")

    monkeypatch.setattr(room.store, "note_activity", away)
    room.prints(ref, line("system", subtype="init"))
    room.turn(1)
    room.prints(ref, *(GOLDEN / "claude/2.1.197/answer.jsonl").read_text().splitlines())
    room.turn(1)
    monkeypatch.undo()
    room.turn(0.1)
    assert room.told(ref) == ["starting", "idle"]


def test_tmux_that_does_not_answer_is_not_asked_all_the_time(room: WatchRoom) -> None:
    """Streams are watched on; terminals are looked at again a while later."""
    terminal, headless = room.run("claude", "interactive"), room.run("claude")
    room.runtime.fails = errors.TimedOut("no answer")
    looked = room.runtime.looked
    for _ in range(20):
        room.shows(terminal, picture("working"))
        room.turn(0.1)
    assert room.runtime.looked <= looked + 2
    room.prints(headless, line("system", subtype="init"))
    room.turn(0.1)
    assert room.activity(headless).doing == "working"
    room.runtime.fails = None
    room.turn(6)
    assert room.activity(terminal).doing == "working"


def test_a_clock_that_jumps_makes_nobody_stuck(room: WatchRoom) -> None:
    """The machine's time is changed by hours; agents are as stuck as they were."""
    ref = room.run("claude")
    room.prints(ref, line("system", subtype="init"))
    room.turn(1)
    room.wall.advance(5 * 3600)
    room.turn(1)
    room.watchers.probe()
    room.turn(0.1)
    assert room.activity(ref).doing == "working"
    assert abs(room.watchers.pulses()[ref] - room.wall.now) < 5


def test_the_next_worker_finds_out_where_an_agent_is(room: WatchRoom) -> None:
    """After a restart of the worker, what was printed before tells, and is no progress of now."""
    ref = room.run("claude", stuck_after=600)
    room.prints(ref, line("system", subtype="init"))
    room.turn(1)
    room.turn(100, step=5)
    room.watchers = room.new_watchers()
    room.turn(1)
    assert room.activity(ref).doing == "working"
    assert room.wall.now - room.watchers.pulses()[ref] > 90


def test_a_probe_tells_what_got_lost(room: WatchRoom) -> None:
    """The backstop tells everything again; twice is as good as once."""
    ref = room.run("claude")
    room.prints(ref, line("system", subtype="init"))
    room.turn(1)
    lost = room.activity(ref).model_copy(update={"doing": "unknown"})
    room.store.note_activity(ids.parse_attempt_ref(ref)[0], 1, lost, tell=False)
    told = room.told(ref)
    room.turn(61, step=5)
    assert room.watchers.probe() == room.watchers.probe() == 1
    room.turn(0.1)
    assert room.activity(ref).doing == "working"
    assert room.told(ref) == told


def test_who_has_ended_is_watched_no_more(room: WatchRoom) -> None:
    """Nothing is kept of an attempt that is over."""
    ref = room.run("claude")
    room.supervisor.watched.drop(ref)
    room.turn(0.1)
    assert room.watchers.pulses() == {}


@pytest.mark.parametrize("policy", ["stop", "restart"])
def test_a_stuck_agent_is_ended_where_that_is_wanted(tmp_path: Path, policy: Any) -> None:
    """It is asked to end once, and the mark says why and whether the session may go on."""
    room = WatchRoom(tmp_path / "s", on_stuck=policy)
    ref = room.run("claude", stuck_after=10)
    room.prints(ref, line("system", subtype="init"))
    room.turn(9.5)
    assert room.runtime.stopped == []
    room.turn(20)
    assert room.runtime.stopped == [ref]
    mark = stuck_mark.read(room.directory(ref))
    assert mark is not None
    assert mark.then == policy
    assert "10 s" in mark.why
    assert room.record(ref).cancel_reason is None


def test_a_stuck_agent_is_only_told_of_by_default(room: WatchRoom) -> None:
    """Nothing is done to it that nobody asked for."""
    ref = room.run("claude", stuck_after=10)
    room.turn(300, step=1)
    assert room.activity(ref).doing == "stuck"
    assert room.runtime.stopped == []
    assert stuck_mark.read(room.directory(ref)) is None


def test_an_idle_agent_is_ended_when_its_time_is_over(room: WatchRoom) -> None:
    """Whoever waits for a prompt for too long is cancelled with that as the reason; a person who
    types has not let it wait."""
    ref = room.run("claude", "interactive", idle_timeout=30)
    room.shows(ref, picture("idle"))
    room.turn(20)
    room.shows(ref, picture("idle") + "\nand one thing more")
    room.turn(25)
    assert room.record(ref).cancel_reason is None
    room.turn(10)
    assert room.record(ref).cancel_reason == "idle: it waited for a prompt for 30 s"
    assert room.runtime.stopped == [ref]
    assert room.record(ref).state is State.RUNNING


def test_a_terminal_of_which_nothing_can_be_read_is_not_looked_at(room: WatchRoom) -> None:
    """A shell that prints is alive; only where it has a limit a spinner must not fool anybody."""
    ref = room.run("shell", "interactive")
    room.turn(1)
    looked = room.runtime.looked
    before = room.watchers.pulses()[ref]
    room.shows(ref, "$ make")
    room.turn(2)
    assert room.watchers.pulses()[ref] > before
    assert room.runtime.looked == looked
    limited = room.run("shell", "interactive", stuck_after=60)
    room.shows(limited, "$ make")
    room.turn(2)
    assert room.runtime.looked > looked
