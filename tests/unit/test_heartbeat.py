"""A host's heartbeat: when it is sent, and who it says is alive."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue import errors, ids
from coders_queue.models.heartbeat import Heartbeat, HostHealth, Pulse
from coders_queue.models.record import SessionRecord
from coders_queue.models.vitals import FORGOTTEN, Vitals, vitals
from coders_queue.store.memory import MemoryStore
from coders_workers.attempt.processes import stat_fields
from coders_workers.heartbeat.census import Census
from coders_workers.heartbeat.heart import Heart
from coders_workers.heartbeat.pacer import Pacer


class Agents:
    """Attempts with real processes, and a census of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.census = Census(lambda: list(self.processes), self.directory, lambda: {"a_1": 7.0})

    def directory(self, ref: str) -> Path:
        return self.root / ref

    def start(self, ref: str, *, born: str | None = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "60"])
        fields = stat_fields(process.pid)
        assert fields is not None
        self.directory(ref).mkdir()
        started = f"{process.pid} {time.time():.6f} {born or fields[19].decode()}\n"
        (self.directory(ref) / "started").write_text(started)
        self.processes[ref] = process
        return process


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    room = Agents(tmp_path)
    yield room
    for process in room.processes.values():
        process.kill()
        process.wait()


def test_the_living_are_counted(agents: Agents) -> None:
    """With their process and their progress; whoever has no process yet is not alive."""
    first, second = agents.start("a_1"), agents.start("b_1")
    agents.processes["yet-to-start_1"] = first
    assert agents.census.pulses() == {
        "a_1": Pulse(pid=first.pid, progress_at=7.0),
        "b_1": Pulse(pid=second.pid),
    }
    assert agents.census.sees("b_1")
    assert not agents.census.sees("yet-to-start_1")


def test_a_zombie_is_dead(agents: Agents) -> None:
    """One whose end nobody has dealt with yet is not alive any more."""
    process = agents.start("a_1")
    assert agents.census.sees("a_1")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not agents.census.sees("a_1")
    assert agents.census.pulses() == {}


def test_another_process_with_the_same_number_is_another(agents: Agents) -> None:
    """A number is given again; the kernel's time of the start is not."""
    agents.start("a_1", born="12")
    assert agents.census.pulses() == {}


def test_a_stopped_process_lives(agents: Agents) -> None:
    """It may go on at any time."""
    process = agents.start("a_1")
    process.send_signal(signal.SIGSTOP)
    assert agents.census.sees("a_1")


def test_a_hundred_sessions_cost_little(agents: Agents) -> None:
    """A heartbeat must not be felt by the worker that starts sessions meanwhile."""
    process = agents.start("a_1")
    started = (agents.directory("a_1") / "started").read_text()
    for number in range(2, 101):
        agents.processes[f"a_{number}"] = process
        agents.directory(f"a_{number}").mkdir()
        (agents.directory(f"a_{number}") / "started").write_text(started)
    assert len(agents.census.pulses()) == 100
    costs = []
    for _ in range(5):
        began = time.thread_time()
        agents.census.pulses()
        costs.append(time.thread_time() - began)
    assert min(costs) < 0.02


class Steps:
    """A clock that moves with each turn of a pacer, by as much as the test says."""

    def __init__(self, *costs: float) -> None:
        self.now, self.costs = 100.0, list(costs)
        self.turns: list[tuple[int, float]] = []
        self.done = threading.Event()

    def clock(self) -> float:
        self.now += 0.001
        return self.now

    def turn(self, number: int) -> None:
        self.turns.append((number, round(self.now - 100.0, 1)))
        self.now += self.costs.pop(0)
        if not self.costs:
            self.done.set()


def test_turns_do_not_drift() -> None:
    """Turn n comes at start + n * period however long those before took; a late one is counted."""
    steps = Steps(0.05, 0.17, 0.35, 0.0, 0.0)
    pacer = Pacer("test", 0.1, steps.turn, clock=steps.clock)
    pacer.start()
    assert steps.done.wait(10)
    pacer.stop()
    numbers = [number for number, _ in steps.turns]
    assert numbers == sorted(set(numbers))
    # the second took until after the third was due, the third until after three more were
    assert pacer.late + pacer.missed > 0
    assert pacer.missed == numbers[-1] + 1 - len(numbers)


def test_a_fault_ends_no_heartbeat() -> None:
    """What goes wrong in one turn is tried again in the next."""
    turns: list[int] = []
    enough = threading.Event()

    def fail(number: int) -> None:
        turns.append(number)
        if len(turns) == 3:
            enough.set()
        raise ZeroDivisionError

    pacer = Pacer("test", 0.01, fail)
    pacer.start()
    assert enough.wait(10)
    pacer.stop()


class Away(MemoryStore):
    """A store that can be out of reach."""

    away = False

    def beat(self, heartbeat: Heartbeat, ttl: float) -> bool:
        if self.away:
            raise errors.Unavailable("away")
        return super().beat(heartbeat, ttl)


def _heart(store: MemoryStore, agents: Agents) -> Heart:
    return Heart(store, "here", agents.census, period=2.0, ttl=15.0, info=lambda: {"capacity": 3})


def test_what_never_arrived_is_missed(agents: Agents) -> None:
    """Heartbeats are numbered by their periods: the store sees those that the outage swallowed."""
    store = Away()
    heart = _heart(store, agents)
    agents.start("a_1")
    heart.beat(0)
    store.away = True
    heart.beat(1)
    heart.beat(2)
    assert heart.failing
    store.away = False
    heart.beat(3)
    assert not heart.failing
    health = store.health()["here"]
    assert (health.beats, health.missed, health.last.sequence) == (2, 2, 4)
    assert set(health.last.sessions) == {"a_1"}
    assert health.last.info == {"capacity": 3}


def test_a_store_set_back_is_told_anew(agents: Agents) -> None:
    """One that knows of later heartbeats than it gets takes the next one after that."""
    store = Away()
    old = Heartbeat(host="here", sequence=500, sent_at=1.0, period=2.0)
    assert store.beat(old, 15.0)
    heart = _heart(store, agents)
    store.away = True
    heart.beat(0)
    store.away = False
    heart.beat(1)  # the first to arrive is number 1, and begins anew
    assert store.health()["here"].last.sequence == 1
    assert store.beat(old, 15.0)  # set back
    heart.beat(2)
    heart.beat(3)
    assert store.health()["here"].last.sequence == 1


def _record(**changes: object) -> SessionRecord:
    return SessionRecord.model_validate(
        {
            "id": ids.new_session_id(),
            "spec": {
                "agent": "shell",
                "argv": ["true"],
                "workspace": {"type": "directory", "path": "/"},
            },
            "state": "running",
            "attempt": 1,
            "host": "there",
            "created_at": 10.0,
            "started_at": 11.0,
            "pid": 7,
            **changes,
        }
    )


def _health(*refs: str, sent_at: float = 20.0, age: float = 1.0) -> HostHealth:
    sessions = {ref: Pulse(pid=7) for ref in refs}
    last = Heartbeat(host="there", sequence=3, sent_at=sent_at, period=2.0, sessions=sessions)
    return HostHealth(
        last=last, received_at=20.0, beats=3, late=0, longest_gap=2.0, alive=True, age=age
    )


def test_a_running_session_is_as_alive_as_its_host_says() -> None:
    """Alive, dead, or not known yet when it is younger than the last heartbeat."""
    record = _record()
    ref = ids.attempt_ref(record.id, 1)
    assert vitals(record, _health(ref)).alive is True
    assert vitals(record, _health()).alive is False
    assert vitals(record, _health(sent_at=10.5)).alive is None
    # the host's clock was set back meanwhile
    assert vitals(record, _health(sent_at=-3600.0)).alive is False
    # the next heartbeat is due: what the last one saw is older than a period
    assert vitals(record, _health(ref, age=2.01)) == Vitals(alive=None)
    assert vitals(record, _health(age=2.01)).alive is False


def test_a_silent_host_tells_of_nobody() -> None:
    """Nothing it said last is taken for true: only the silence is told."""
    record = _record()
    ref = ids.attempt_ref(record.id, 1)
    seen = vitals(record, _health(ref, age=12.0))
    assert (seen.alive, seen.host_silent) == (None, 12.0)
    assert vitals(record, None).host_silent == FORGOTTEN


def test_whoever_is_on_no_host_needs_no_heartbeat() -> None:
    """Queued and ended sessions are what their record says."""
    queued = _record(state="queued", host=None, started_at=None, pid=None, attempt=0)
    assert vitals(queued, None) == vitals(queued, _health(age=99.0))
    assert vitals(queued, None).host_silent is None
