"""The local stack: embedded broker, worker and beat, started together and left running.

``up`` starts what is missing, ``down`` ends what is there; sessions outlive both. Safe to call from
many commands at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from coders_queue import errors, keeping, wire
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import broker, identity
from coders_workers.process_lock import ProcessLock
from coders_workers.runtimes.tmux import idle, version

_LOCK_TIMEOUT = 90.0
_READY_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0

#: Variables of a session's own: a stack started from within one outlives it.
_A_SESSIONS_OWN = frozenset(
    {
        "CODERS_SESSION_ID",
        "CODERS_ATTEMPT",
        "CODERS_CORRELATION_ID",
        "CODERS_INPUT",
        "CODERS_CONTEXT",
        "TMUX",
        "TMUX_PANE",
    }
)

#: The error that goes with the exit code of a worker that ended at its start.
_ENDINGS = {
    kind.exit_code: kind
    for kind in errors.CodersError.__subclasses__()
    if kind.exit_code != errors.CodersError.exit_code
}
#: How a process of ours spells an error and the way out.
_ERROR_MARK, _HINT_MARK = "coders: error: ", "  try: "

#: What a stack is made of.
Part = Literal["broker", "worker", "beat"]

#: Tells a person what is being done.
Progress = Callable[[str], None]


def worker_lock(paths: Paths) -> ProcessLock:
    """Held by the worker."""
    return ProcessLock(paths.run / "worker.lock", "a worker")


def beat_lock(paths: Paths) -> ProcessLock:
    """Held by beat."""
    return ProcessLock(paths.run / "beat.lock", "beat")


def serve_lock(paths: Paths) -> ProcessLock:
    """Held by the process that a service manager runs."""
    return ProcessLock(paths.run / "serve.lock", "a service")


@dataclass(frozen=True)
class Stack:
    """What belongs to one state directory."""

    settings: Settings
    paths: Paths
    progress: Progress

    @property
    def broker_url(self) -> str:
        """The configured broker, or the embedded one."""
        return self.settings.broker.url or self.paths.broker_url

    @cached_property
    def lock(self) -> ProcessLock:
        """Held while something of the stack is started or ended."""
        return ProcessLock(self.paths.run / "stack.lock", "another 'coders up' or 'down'")

    @property
    def parts(self) -> list[Part]:
        """What is to run here, in the order in which it starts."""
        parts: list[Part] = ["worker"]
        if self.settings.broker.url is None:
            parts.insert(0, "broker")
        if "control" in self.settings.host.roles:
            parts.append("beat")
        return parts

    def runs(self, part: Part) -> bool:
        """Whether it does."""
        locks = {"broker": broker.broker_lock, "worker": worker_lock, "beat": beat_lock}
        return locks[part](self.paths).holder() is not None

    def start(self, part: Part) -> subprocess.Popen[bytes] | None:
        """Start it, and wait until it runs or has ended; its process. The lock is held."""
        if part == "broker":
            return broker.start(self.paths)
        process = self._start(part)
        self._await_held(part, process)
        return process

    def up(self) -> dict[str, Any]:
        """Start what does not run; the worker's status. Raises when something does not come up.

        From then on, what dies is started again by what is left, if the settings say so.
        """
        lock = self.lock
        if not lock.acquire(_LOCK_TIMEOUT):
            raise errors.TimedOut(
                f"another 'coders up' or 'down' (pid {lock.holder()}) has not finished",
                "try again, or see: coders doctor",
            )
        try:
            if "host" in self.settings.host.roles:
                # before anything is started that would have to be stopped again
                version.check(self.settings.tmux.program)
            if self.settings.broker.url is not None:
                self._reach_or_go_alone(self.settings.broker.url)
            elif broker.start(self.paths) is not None:
                self.progress("started the embedded broker")
            worker = beat = None
            if worker_lock(self.paths).holder() is None:
                self.progress("starting the worker")
                worker = self._start("worker")
            if "control" in self.settings.host.roles and beat_lock(self.paths).holder() is None:
                beat = self._start("beat")
            status = self._await_ready(worker)
            if beat is not None:
                self._await_held("beat", beat)
            if self.settings.host.keep:
                keeping.want(self.paths)
            else:
                keeping.unwant(self.paths)
            return status
        finally:
            lock.release()

    def down(self) -> dict[str, Any]:
        """End worker, beat and embedded broker; which of them ran."""
        lock = self.lock
        if not lock.acquire(_LOCK_TIMEOUT):
            raise errors.TimedOut(
                f"another 'coders up' or 'down' (pid {lock.holder()}) has not finished",
                "try again, or see: coders doctor",
            )
        try:
            keeping.unwant(self.paths)
            ended = {
                "worker": self._end("the worker", worker_lock(self.paths)),
                "beat": self._end("beat", beat_lock(self.paths)),
                "tmux": idle.end(self.settings.tmux.program, self.paths.tmux_socket),
                "broker": self.settings.broker.url is None and broker.stop(self.paths),
            }
        finally:
            lock.release()
        return ended

    def _reach_or_go_alone(self, url: str) -> None:
        """Raises Unavailable for a broker that does not answer and never did here."""
        try:
            self._reach(url)
        except errors.Unavailable as error:
            if not identity.is_known(self.paths):
                raise
            self.progress(f"{error.message}: this host goes on alone")

    def _reach(self, url: str) -> None:
        """Raises Unavailable for a broker that does not answer, before anything is started."""
        store = open_configured(url, self.settings)
        try:
            store.ping()
        finally:
            store.close()

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        log = os.open(
            self.paths.logs / f"{role}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        environ = {name: value for name, value in os.environ.items() if name not in _A_SESSIONS_OWN}
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "coders_workers", role],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.paths.state,
                env=environ,
            )
        finally:
            os.close(log)

    def _await_ready(self, worker: subprocess.Popen[bytes] | None) -> dict[str, Any]:
        deadline = time.monotonic() + _READY_TIMEOUT
        while True:
            try:
                return wire.ask(str(self.paths.host_socket), "status", timeout=10.0)
            except wire.NotListening:
                pass
            if worker is not None and worker.poll() is not None:
                raise self.why_ended("worker", worker.returncode)
            if worker is None and worker_lock(self.paths).holder() is None:
                worker = self._start("worker")  # the one that held the lock was just ending
            if time.monotonic() > deadline:
                raise errors.TimedOut(
                    f"the worker was not ready in {_READY_TIMEOUT:g} s", f"see {self.paths.logs}"
                )
            time.sleep(0.02)

    def _await_held(self, part: Part, process: subprocess.Popen[bytes]) -> None:
        """Until it holds its lock: a ``down`` that came before would not find it."""
        deadline = time.monotonic() + _READY_TIMEOUT
        while not self.runs(part) and process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                raise errors.TimedOut(
                    f"the {part} was not ready in {_READY_TIMEOUT:g} s", f"see {self.paths.logs}"
                )
            time.sleep(0.02)

    def why_ended(self, part: Part, code: int) -> errors.CodersError:
        """The error that ended a process of ours at its start, from its last words."""
        try:
            text = (self.paths.logs / f"{part}.out").read_text(errors="replace")
        except OSError:
            text = ""
        said = [line for line in text.splitlines() if line.strip()]
        hint = f"see {self.paths.logs}"
        if said and said[-1].startswith(_HINT_MARK):
            hint = said.pop().removeprefix(_HINT_MARK)
        last = said[-1].removeprefix(_ERROR_MARK) if said else "it said nothing"
        kind = _ENDINGS.get(code, errors.Unavailable)
        return kind(f"the {part} ended at its start: {last}", hint)

    def _end(self, what: str, lock: ProcessLock) -> bool:
        pid = lock.holder()
        if pid is None:
            return False
        self.progress(f"stopping {what}")
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return True  # it ended by itself just now
        deadline = time.monotonic() + _STOP_TIMEOUT
        while lock.holder() == pid:
            if time.monotonic() > deadline:
                # it holds nothing that a kill could hurt: sessions and state live elsewhere
                os.kill(pid, signal.SIGKILL)
                time.sleep(0.2)
                return True
            time.sleep(0.02)
        return True
