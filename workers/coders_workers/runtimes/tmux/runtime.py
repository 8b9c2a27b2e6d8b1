"""The tmux runtime: each attempt a launcher in a tmux session named by the attempt's reference.

Owns the order in which tmux, the attempt's directory and the watch are asked. What tmux is told
passes the door; what the launcher says is read from its directory, so a dead tmux hides nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from coders_queue import ids
from coders_queue.errors import SpawnError, TimedOut, Unavailable, UsageError
from coders_workers import launcher
from coders_workers.runtimes.base import Ended, Launch, Look, OnEnd, Started
from coders_workers.runtimes.tmux import typed
from coders_workers.runtimes.tmux.control import Lost, Refused
from coders_workers.runtimes.tmux.door import Door
from coders_workers.runtimes.tmux.failures import explain
from coders_workers.runtimes.tmux.terminal import Terminals
from coders_workers.runtimes.tmux.traces import Traces
from coders_workers.runtimes.tmux.watch import LifeWatch

#: How often, seconds, a start that shows no life is looked into.
_LOOK = 0.25
#: Seconds past its grace after which a launcher counts as stuck.
_OVERDUE = 3.0


class TmuxRuntime:
    """Sessions in tmux on one private socket. Thread-safe."""

    def __init__(
        self,
        socket: Path,
        *,
        python: str = sys.executable,
        tmux: str | None = None,
        history_limit: int = 50_000,
        timeout: float = 5.0,
    ) -> None:
        """``timeout`` is for one tmux command, seconds. Raises SetupError without a fit tmux."""
        self._door = Door(socket, tmux=tmux, history_limit=history_limit, timeout=timeout)
        self._launcher = (python, "-I", "-S", str(launcher.build(socket.parent)))
        self._terminals = Terminals(self._door)
        self._timeout = timeout
        self._watch = LifeWatch()
        self._watched: set[str] = set()
        self._timers: set[threading.Timer] = set()
        self._lock = threading.Lock()

    def start(self, launch: Launch, on_end: OnEnd, timeout: float = 10.0) -> Started:
        """Bring it up and wait until the agent's program runs; see the contract."""
        _check_ref(launch.ref)
        deadline = time.monotonic() + timeout
        traces = Traces(launch.directory)
        life = traces.open_life(create=True)
        if life is None:
            raise SpawnError(f"{launch.directory} vanished", "spawn it again")
        try:
            if not traces.claimed():
                self._launch(launch, traces)
            started = self._await(launch, traces, life, deadline)
        except BaseException:
            os.close(life)
            traces.clear_secrets()
            raise
        traces.clear_secrets()
        self._observe(launch.ref, traces, life, on_end)
        return started

    def preheat(self, ref: str, directory: Path, columns: int, rows: int) -> None:
        """Start the launcher ahead of its launch; see the contract."""
        _check_ref(ref)
        with contextlib.suppress(Refused, Unavailable, TimedOut):
            self._new_session(ref, directory, columns, rows)

    def abandon(self, ref: str, directory: Path) -> None:
        """See to it that nothing of an attempt that did not start runs, or begins to."""
        self._abandon(ref, Traces(directory))

    def adopt(self, ref: str, directory: Path, on_end: OnEnd) -> bool:
        """Watch an attempt started by an earlier worker; False when its launcher is gone."""
        traces = Traces(directory)
        life = traces.open_life(create=False)
        if life is None:
            return False
        # The earlier worker may have died right after it asked tmux for the session.
        deadline = time.monotonic() + self._timeout
        while not traces.claimed() and ref in self.refs() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not traces.claimed() or traces.ended() is not None:
            os.close(life)
            traces.kill_survivors()
            return False
        self._observe(ref, traces, life, on_end)
        return True

    def started(self, directory: Path) -> Started | None:
        """What the directory says of the start."""
        return Traces(directory).started()

    def ended(self, directory: Path) -> Ended | None:
        """What the directory says of the end."""
        return Traces(directory).ended()

    def stop(self, ref: str, directory: Path, grace: float) -> None:
        """SIGTERM now, SIGKILL after ``grace`` seconds: the launcher's work, so it outlives us."""
        traces = Traces(directory)
        if not traces.ask_to_stop(grace):
            traces.kill_survivors()
            return
        timer = threading.Timer(grace + _OVERDUE, self._overdue, (traces,))
        timer.daemon = True
        with self._lock:
            self._timers = {old for old in self._timers if old.is_alive()} | {timer}
        timer.start()

    def look(self, ref: str) -> Look:
        """What its terminal shows, and how it stands."""
        return self._terminals.look(ref)

    def paste(self, ref: str, text: str) -> None:
        """Put text in by bracketed paste, and nothing after it."""
        self._terminals.paste(ref, text)

    def press(self, ref: str, key: str) -> None:
        """Press one key, by tmux's name for it."""
        self._terminals.press(ref, key)

    def leave_copy_mode(self, ref: str) -> None:
        """Back to the program, should a person have scrolled."""
        self._terminals.leave_copy_mode(ref)

    def unread(self, directory: Path) -> int | None:
        """How many bytes were typed that the agent has not read; None when it cannot be told."""
        started = Traces(directory).started()
        return typed.unread(started.pid) if started is not None else None

    def send(self, ref: str, text: str, *, enter: bool = True) -> None:
        """Paste text into the agent's terminal, then press Enter, whatever it shows."""
        self._terminals.send(ref, text, enter=enter)

    def screen(self, ref: str) -> str:
        """The visible text of its terminal."""
        return self._terminals.screen(ref)

    def attach_argv(self, ref: str) -> list[str]:
        """The command a person runs to attach to it."""
        return self._door.argv("attach-session", "-t", f"={ref}")

    def refs(self) -> set[str]:
        """The attempts that have a terminal session now."""
        names = self._door.ask("list-sessions", "-F", "#{session_name}")
        return {name for line in names if _is_ref(name := line.decode("utf-8", "replace"))}

    def discard(self, ref: str) -> None:
        """Remove what is left of its terminal session; an agent still in it gets SIGHUP."""
        with contextlib.suppress(Refused):  # there is none
            self._door.ask("kill-session", "-t", f"={ref}")

    def close(self) -> None:
        """Let go of watchers and connections; the sessions live on, an idle tmux does not."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
        self._watch.close()
        self._door.end_idle_server()
        self._door.close()

    def _launch(self, launch: Launch, traces: Traces) -> None:
        self._door.connect()  # while this fails, nothing can have been started
        traces.prepare(launch, self._door.terminal)
        try:
            self._new_session(launch.ref, launch.directory, launch.columns, launch.rows)
        except Refused as error:
            if not str(error).startswith("duplicate session"):
                raise SpawnError(f"tmux did not start a session: {error}", "try again") from None
            return
        except (Lost, TimedOut) as error:
            self._abandon(launch.ref, traces)
            raise SpawnError(
                f"tmux failed during the start: {error.message}", "try again"
            ) from None
        if self._door.initial_size != "latest":
            with contextlib.suppress(Refused, Unavailable, TimedOut):
                self._door.ask("set-option", "-w", "-t", _pane(launch.ref), "window-size", "latest")

    def _new_session(self, ref: str, directory: Path, columns: int, rows: int) -> None:
        self._door.ask(
            "new-session", "-d", "-s", ref, "-n", "agent", "-x", str(columns), "-y", str(rows),
            *self._launcher, str(directory.absolute()),
        )  # fmt: skip

    def _await(self, launch: Launch, traces: Traces, life: int, deadline: float) -> Started:
        poller = select.poll()
        poller.register(life, select.POLLIN)
        while True:
            started = traces.started()
            if started is not None:
                return started
            if traces.ended() is not None:
                started = traces.started()  # a short life may begin and end between two looks
                if started is not None:
                    return started
                raise explain(launch, traces)
            left = deadline - time.monotonic()
            if left <= 0:
                shown = self._shown(launch.ref)
                self._abandon(launch.ref, traces)
                raise SpawnError(
                    f"{launch.program or launch.argv[0]} did not start in time{shown}", "try again"
                )
            if not poller.poll(min(left, _LOOK) * 1000):
                if not traces.claimed() and launch.ref not in self.refs():
                    self._never_came(launch, traces)
            elif not _drain(life):
                time.sleep(0.005)  # hung up: a second launcher left, or ours wrote its last words

    def _never_came(self, launch: Launch, traces: Traces) -> None:
        """The session is gone and nobody claimed the attempt: does the launcher run at all?"""
        if not traces.give_up():
            return
        try:
            done = subprocess.run(
                self._launcher, capture_output=True, text=True, errors="replace", timeout=5.0
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SpawnError(f"the launcher does not run: {error}", "coders doctor") from None
        said = " / ".join(done.stderr.strip().splitlines()[-3:])
        if done.returncode == 0 or "usage:" not in said:
            raise SpawnError(f"the launcher does not run: {said}", "coders doctor")
        raise explain(launch, traces)

    def _shown(self, ref: str) -> str:
        """The last lines of its pane, for an error's text."""
        found = self._door.server().sessions.get(session_name=ref, default=None)
        pane = found.active_pane if found is not None else None
        lines = [line.strip() for line in pane.capture_pane() if line.strip()] if pane else []
        return f"; its terminal shows: {' / '.join(lines[-5:])}" if lines else ""

    def _abandon(self, ref: str, traces: Traces) -> None:
        """Nothing of a start that failed may run any more, nor begin to."""
        if not traces.give_up() and traces.ask_to_stop(0):
            deadline = time.monotonic() + 2.0
            while traces.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            if traces.alive():
                traces.force()
        # Should tmux not answer: a launcher that comes late finds the attempt taken.
        with contextlib.suppress(Unavailable, TimedOut):
            self.discard(ref)

    def _observe(self, ref: str, traces: Traces, life: int, on_end: OnEnd) -> None:
        with self._lock:
            if ref in self._watched:
                os.close(life)
                return
            self._watched.add(ref)

        def gone() -> None:
            with self._lock:
                self._watched.discard(ref)
            traces.kill_survivors()
            on_end(ref)

        self._watch.add(life, gone)

    def _overdue(self, traces: Traces) -> None:
        if traces.alive():
            traces.force()


def _drain(fd: int) -> bool:
    """Read what the launcher said; False when there is no launcher."""
    try:
        return bool(os.read(fd, 512))
    except BlockingIOError:
        return True


def _check_ref(ref: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", ref) or not _is_ref(ref):
        raise UsageError(f"{ref!r} is no attempt's reference")


def _is_ref(name: str) -> bool:
    try:
        ids.parse_attempt_ref(name)
    except ValueError:
        return False
    return True


def _pane(ref: str) -> str:
    return f"={ref}:"  # exactly this session, and its only pane
