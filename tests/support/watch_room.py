"""A host whose agents are files and pictures that the test writes, and whose time it moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models.activity import Activity
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers import attempt_dir
from coders_workers.runtimes.base import Ended, Look, OnEnd, Started
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.supervisor import Supervisor
from coders_workers.watchers.consequences import Consequences
from coders_workers.watchers.steady_clock import SteadyClock
from coders_workers.watchers.watchers import Watchers


class Screens:
    """A runtime of which only the screens are real: the test's."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        self.begun: dict[Path, Started] = {}
        self.over: dict[Path, Ended] = {}
        self.looked = 0
        self.stopped: list[str] = []
        self.fails: errors.CodersError | None = None

    def look(self, ref: str) -> Look:
        self.looked += 1
        if self.fails is not None:
            raise self.fails
        return Look(self.shown.get(ref, ""), "", 120, 40, (0, 0), in_mode=False, dead=False)

    def started(self, directory: Path) -> Started | None:
        return self.begun.get(directory)

    def ended(self, directory: Path) -> Ended | None:
        return self.over.get(directory)

    def adopt(self, ref: str, directory: Path, on_end: OnEnd) -> bool:
        return directory not in self.over

    def stop(self, ref: str, directory: Path, grace: float) -> None:
        self.stopped.append(ref)
        (directory / attempt_dir.STOP).touch()


class Nobody:
    """Follows nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class WatchRoom:
    """A host, its store in memory, its watchers turned by hand."""

    def __init__(self, state: Path, **supervision: Any) -> None:
        self.wall = ManualClock(time.time())
        self.steady = ManualClock(1000.0)
        self.runtime: Any = Screens()
        self.store = MemoryStore()
        self.settings = Settings.model_validate({"supervision": supervision})
        follow: Any = Nobody()
        self.host = Host(
            name="here",
            store=self.store,
            runtime=self.runtime,
            settings=self.settings,
            paths=Paths(state).ensure(),
            follow=follow,
            submit=self.submit,
            environ={"PATH": "/usr/bin:/bin", "HOME": str(state / "home")},
            clock=self.wall,
            steady=self.steady,
        )
        self.supervisor = Supervisor(self.host)
        self.watchers = self.new_watchers()

    def new_watchers(self) -> Watchers:
        """As the next worker has them."""
        return Watchers(
            self.host,
            self.supervisor.watched,
            Consequences(self.host, self.supervisor.stopper),
            SteadyClock(self.wall, self.steady),
        )

    def submit(self, work: Callable[[], object]) -> object:
        """At once."""
        done: Future[object] = Future()
        done.set_result(work())
        return done

    def run(self, agent: str, mode: str = "headless", **fields: Any) -> str:
        """A session whose agent has just started; its attempt's reference."""
        session_id = ids.new_session_id()
        spec = SessionSpec.model_validate(
            {
                "agent": agent,
                "argv": ("true",) if agent == "shell" else (),
                "mode": mode,
                "workspace": DirectoryWorkspace(path="/"),
                **fields,
            }
        )
        self.store.submit(session_id, spec, host="here")
        for state in (State.STARTING, State.RUNNING):
            assert self.store.move(session_id, 1, state, pid=1, started_at=self.wall.now)
        directory = attempt_dir.create(self.host.paths.sessions, session_id, 1)
        (directory / attempt_dir.OUTPUT).touch()
        self.runtime.begun[directory] = Started(pid=1, at=self.wall.now)
        ref = ids.attempt_ref(session_id, 1)
        self.supervisor.watched.add(ref)
        self.turn(0.1)
        return ref

    def directory(self, ref: str) -> Path:
        """The attempt's."""
        return self.host.attempt_path(*ids.parse_attempt_ref(ref))

    def prints(self, ref: str, *lines: str | bytes) -> None:
        """The agent prints lines."""
        with (self.directory(ref) / attempt_dir.OUTPUT).open("ab") as output:
            for line in lines:
                output.write((line.encode() if isinstance(line, str) else line) + b"\n")

    def shows(self, ref: str, screen: str) -> None:
        """Its terminal shows a picture."""
        self.runtime.shown[ref] = screen
        self.prints(ref, "drawn")

    def turn(self, seconds: float, step: float = 0.1) -> None:
        """Time passes, and the watchers turn."""
        left = seconds
        while left > 1e-9:
            passed = min(step, left)
            self.wall.advance(passed)
            self.steady.advance(passed)
            self.watchers.turn()
            left -= passed
        self.watchers.notes.flush()

    def record(self, ref: str) -> SessionRecord:
        """As the store has it."""
        found = self.store.get(ids.parse_attempt_ref(ref)[0])
        assert found is not None
        return found

    def activity(self, ref: str) -> Activity:
        """What the store says that it does."""
        found = self.record(ref).activity
        assert found is not None
        return found

    def told(self, ref: str) -> list[str]:
        """The activities that were told as events."""
        session = ids.parse_attempt_ref(ref)[0]
        return [
            str(event.data["doing"])
            for event in self.store.events()
            if event.session == session and event.kind == "session.activity"
        ]
