"""What the socket's verbs can reach: the worker's parts, as one small surface."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import coders_queue
from coders_queue import errors, ids, keeping
from coders_queue.agents import registry
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import SessionSpec
from coders_queue.models.vitals import Vitals, vitals
from coders_queue.queue.app import CodersApp
from coders_queue.queue.dispatch import Dispatch
from coders_queue.settings.schema import Settings
from coders_queue.store.base import Store
from coders_workers.bulletin import Bulletin
from coders_workers.cleanup.finding import Report
from coders_workers.heartbeat.census import Census
from coders_workers.programs.locate import Programs
from coders_workers.runtimes.base import Runtime
from coders_workers.supervisor.deliver import Deliverer
from coders_workers.supervisor.host import Host


class Clean(Protocol):
    """A cleanup of this host."""

    def __call__(self, *, dry_run: bool = False) -> Report:
        """Do it, or only say what it would do."""
        ...


@dataclass(frozen=True)
class Station:
    """The worker as its socket sees it."""

    host: Host
    app: CodersApp
    bulletin: Bulletin
    broker: str
    """The broker's URL, without its password."""
    embedded: bool
    started_at: float
    degraded: Callable[[], dict[str, Any] | None]
    """Since when the broker is away, why, and what is to be told it; None while it answers."""
    stalled: Callable[[], list[str]]
    """The worker's loops that stand still."""
    preheat: Callable[[str, SessionSpec], Future[None]]
    """Get ready for a session of this host before it is written down, on another thread."""
    forget: Callable[[str], None]
    """Undo that, when it was not written down."""
    spawn: Callable[[str, int], object]
    """Bring an attempt up on this host, soon and on another thread."""
    end: Callable[[str, int], object]
    """End an attempt on this host, soon and on another thread."""
    stop: Callable[[], None]
    """Ask the worker to end."""
    census: Census
    """Who lives on this host."""
    clean: Clean
    """Remove what ended sessions left."""
    deliverer: Deliverer
    """Gives prompts to agents at their terminals: one for all, so that none come at once."""

    @property
    def store(self) -> Store:
        """The state."""
        return self.host.store

    @property
    def runtime(self) -> Runtime:
        """Where sessions run."""
        return self.host.runtime

    @property
    def settings(self) -> Settings:
        """The worker's settings."""
        return self.host.settings

    @property
    def dispatch(self) -> Dispatch:
        """Placing, completing, cancelling."""
        return self.app.dispatch

    def status(self) -> dict[str, Any]:
        """How this worker is."""
        counts = Counter(str(record.state) for record in self.store.list(live=True))
        away = self.degraded()
        return {
            "worker": {
                "pid": os.getpid(),
                "started_at": self.started_at,
                "version": coders_queue.__version__,
            },
            "host": self.host.name,
            "roles": list(self.settings.host.roles),
            "broker": self.broker,
            "embedded": self.embedded,
            "degraded": away is not None,
            "away": away,
            "stalled": self.stalled(),
            "sessions": dict(counts),
            "hosts": self._hosts(away is not None),
            "kept": [one.shown() for one in keeping.kept(self.host.paths)],
            "state_dir": str(self.host.paths.state),
        }

    def vitals(self, records: Iterable[SessionRecord]) -> dict[str, Vitals]:
        """Whether they live, by id: a look at the process here, the last heartbeat elsewhere."""
        found, elsewhere = {}, []
        for record in records:
            if record.state is State.RUNNING and record.host == self.host.name:
                ref = ids.attempt_ref(record.id, record.attempt)
                found[record.id] = Vitals(alive=self.census.sees(ref))
            elif record.state.on_host and record.host != self.host.name:
                elsewhere.append(record)
        health = self.store.health() if elsewhere else {}
        for record in elsewhere:
            found[record.id] = vitals(record, health.get(record.host or ""))
        return found

    def _hosts(self, degraded: bool) -> dict[str, dict[str, Any]]:
        """How punctual each host is, by its name; nothing while the broker is away."""
        if degraded:
            return {}
        try:
            health = self.store.health()
        except errors.Unavailable:
            return {}
        return {
            name: {
                "silent_for": one.silent_for,
                "alive": len(one.last.sessions),
                "period": one.last.period,
                "beats": one.beats,
                "late": one.late,
                "missed": one.missed,
                "longest_gap": one.longest_gap,
            }
            for name, one in sorted(health.items())
        }

    def running_here(self, record: SessionRecord) -> str:
        """The reference of the session's live attempt. Raises Conflict when it is not to be had."""
        if record.state is not State.RUNNING:
            hint = None if record.state.ended else f"wait for it: coders wait {record.label}"
            raise errors.Conflict(f"session {record.label} is {record.state}, not running", hint)
        if record.host != self.host.name:
            raise errors.Conflict(
                f"session {record.label} runs on host {record.host}, this is {self.host.name}",
                "run the command there",
            )
        return ids.attempt_ref(record.id, record.attempt)

    def agents(self) -> list[dict[str, Any]]:
        """The agents that this host knows, and where their programs are."""
        found = []
        installs = Programs(self.settings, self.host.paths, self.host.environ).installs
        for name in registry.names():
            adapter = registry.get(name)
            program = self.settings.agent(name).program or adapter.program
            path = version = None
            if program is not None:
                path = shutil.which(program, path=self.host.environ.get("PATH"))
                installed = [] if path else installs.all(name)
                if installed:
                    path, version = installed[-1].program, installed[-1].version
            found.append(
                {
                    "name": name,
                    "program": program,
                    "path": path,
                    "version": version,
                    "modes": list(adapter.modes),
                }
            )
        return found
