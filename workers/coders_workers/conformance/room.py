"""A host of the suite's own: the product's supervisor over a scratch home and the model stub.

Sessions take the way that they take in a worker: the adapter's plan, overlays and seed files, the
launcher, tmux, the reading of the end, the delivery of prompts. Only broker and store are left out.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coders_queue import errors, ids
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.screen import Screen
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Outcome
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import AgentSettings, SessionDefaults, Settings
from coders_queue.store.memory import MemoryStore
from coders_workers.conformance.wiring import Wiring
from coders_workers.model_stub.control import Stub
from coders_workers.runtimes.tmux.runtime import TmuxRuntime
from coders_workers.supervisor import plan, tool_files
from coders_workers.supervisor.deliver import Deliverer
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.supervisor import Supervisor

#: Seconds that a headless run may take; what lasts longer is ended as a session's timeout would.
PATIENCE = 100.0
_NAME = "conformance"
_THREADS = 8
_LOOK = 0.1
_END = 30.0


class _NobodyFollows:
    def started(self, session_id: str, pid: int, at: float) -> None:
        """Nothing follows from it."""

    def complete(self, session_id: str) -> None:
        """Nobody waits for it but the store's reader."""

    def freed(self) -> None:
        """Nobody waits for a place."""

    def archive(self, session_id: str, attempt: int) -> None:
        """Nothing is kept."""

    def also_archive(self, limit: int) -> list[tuple[str, int]]:
        return []


@dataclass(frozen=True)
class Seat:
    """A session at its terminal."""

    record: SessionRecord
    room: Room

    @property
    def _ref(self) -> str:
        return ids.attempt_ref(self.record.id, self.record.attempt)

    def look(self) -> Observation:
        """What the adapter makes of the screen now."""
        seen = self.room.host.runtime.look(self._ref)
        if seen.dead:
            return Observation(state="exited", source="screen")
        screen = Screen(seen.text, seen.title, seen.columns, seen.rows)
        return self.room.adapter.observe_screen(screen, self.room.version)

    def text(self) -> str:
        """What the screen shows."""
        return self.room.host.runtime.screen(self._ref)

    def watch(self, until: Callable[[Observation], bool], timeout: float) -> list[Observation]:
        """Look again and again until something is seen, or the time is up: all that was seen."""
        end = time.monotonic() + timeout
        seen = [self.look()]
        while not until(seen[-1]) and seen[-1].state != "exited" and time.monotonic() < end:
            time.sleep(_LOOK)
            seen.append(self.look())
        return seen

    def deliver(self, text: str) -> float:
        """Give the agent a prompt; how many seconds it took. Raises what the delivery raises."""
        return self.room.deliverer.deliver(self.record, text).seconds

    def reading(self) -> Reading:
        """What the adapter would say of it, had the person left it now by its own command."""
        room, record = self.room, self.record
        directory = room.host.attempt_path(record.id, record.attempt)
        facts = plan.facts_of(room.host, room.adapter, record, directory, str(room.project))
        about = {"version": room.version, "started_at": record.started_at}
        facts = facts.model_copy(update=about)
        patterns = room.adapter.transcripts(record.spec, facts)
        found = tool_files.transcripts(patterns, record.started_at or record.created_at)
        left = ExitStatus(code=0)
        return room.adapter.read(record.spec, facts, b"", left, transcripts=found)

    def end(self) -> Outcome:
        """End it as ``coders kill`` does; what came of it."""
        self.room.store.request_cancel(self.record.id, "the check is over")
        self.room.supervisor.stop(self.record.id, self.record.attempt)
        return self.room.outcome(self.record.id, _END)


class Room:
    """A host whose only agent is the one under test."""

    def __init__(
        self,
        adapter: Adapter,
        program: str,
        version: str | None,
        stub: Stub,
        wiring: Wiring,
        directory: Path,
        path: str,
        tmux: str,
    ) -> None:
        home, self.project = directory / "home", directory / "project"
        home.mkdir(mode=0o700)
        self.project.mkdir()
        self.adapter, self.version, self.stub = adapter, version, stub
        self.directory = directory
        self._closed = False
        # not the host's, of which an adapter lets through what it knows
        self._env = wiring.settle(home)
        self._env.pop("HOME")
        settings = Settings(
            agents={adapter.name: AgentSettings(program=program)},
            session=SessionDefaults(grace=3.0, spawn_timeout=60.0),
        )
        paths = Paths(directory / "state").ensure()
        self._tmux = (tmux, "-S", str(paths.tmux_socket))
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="conformance")
        self.store = MemoryStore()
        self.host = Host(
            name=_NAME,
            store=self.store,
            runtime=TmuxRuntime(paths.tmux_socket, tmux=tmux),
            settings=settings,
            paths=paths,
            follow=_NobodyFollows(),
            submit=self._pool.submit,
            environ={"HOME": str(home), "PATH": path},
        )
        self.supervisor = Supervisor(self.host)
        self.deliverer = Deliverer(self.host)

    def headless(self, task: str, patience: float = PATIENCE, **fields: Any) -> Outcome:
        """A headless session from its start to its end."""
        record = self._start(task=task, timeout=patience, **fields)
        return self.outcome(record.id, patience + _END)

    @contextmanager
    def terminal(self, **fields: Any) -> Iterator[Seat]:
        """A session at its terminal, ended with the block if it has not ended before."""
        seat = Seat(self._start(mode="interactive", **fields), self)
        try:
            yield seat
        finally:
            record = self.store.get(seat.record.id)
            if record is not None and record.outcome is None:
                seat.end()

    def outcome(self, session_id: str, timeout: float) -> Outcome:
        """Wait for a session's end. Raises TimedOut."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and not self._closed:
            record = self.store.get(session_id)
            if record is not None and record.outcome is not None:
                return record.outcome
            self.supervisor.deadlines()
            time.sleep(_LOOK)
        raise errors.TimedOut(f"no end within {timeout:g} s", "look at the agent's processes")

    def close(self) -> None:
        """End all that runs here, and let nobody wait for it."""
        self._closed = True
        end = time.monotonic() + _END
        # again and again: one may just be starting; each is gone when its end has been read
        while (refs := self.host.runtime.refs()) and time.monotonic() < end:
            for ref in refs:
                session_id, attempt = ids.parse_attempt_ref(ref)
                directory = self.host.attempt_path(session_id, attempt)
                self.host.runtime.stop(ref, directory, 0.0)
            time.sleep(_LOOK)
        self.host.runtime.close()
        self._pool.shutdown(cancel_futures=True)
        kill = [*self._tmux, "kill-server"]
        subprocess.run(kill, stdin=subprocess.DEVNULL, capture_output=True, timeout=_END)

    def _start(self, **fields: Any) -> SessionRecord:
        if self._closed:
            raise errors.Conflict("the suite was told to end", "run it again")
        workspace = DirectoryWorkspace(path=str(self.project))
        spec = SessionSpec(
            agent=self.adapter.name, workspace=workspace, env=self._env, owner=_NAME, **fields
        )
        session_id = ids.new_session_id()
        self.store.submit(session_id, spec, host=_NAME)
        self.supervisor.spawn(session_id, 1)
        record = self.store.get(session_id)
        if record is None:
            raise errors.NotFound(f"the store has lost {session_id}", "run it again")
        if record.outcome is not None and record.started_at is None:
            cause = record.outcome.cause
            raise errors.SpawnError(cause.message if cause else "it did not start")
        return record


@contextmanager
def scratch(*, keep: bool) -> Iterator[Path]:
    """A directory for a room, short enough for sockets; removed, unless it is to be looked at."""
    directory = Path(tempfile.mkdtemp(prefix="coders-conform-"))
    try:
        yield directory
    finally:
        end = time.monotonic() + _END
        # what was just ended may write its last
        while not keep and directory.exists() and time.monotonic() < end:
            shutil.rmtree(directory, ignore_errors=True)
            time.sleep(_LOOK)
