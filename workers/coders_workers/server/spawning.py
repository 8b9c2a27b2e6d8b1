"""The ``spawn`` verb: from what a caller said to a session whose agent lives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import structlog

from coders_queue import errors, ids
from coders_queue.agents import answer, registry
from coders_queue.agents.tool import env_patterns
from coders_queue.merging.request import placed
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import SessionSpec
from coders_queue.queue.session_task import in_group, parse_spec
from coders_queue.settings import pins
from coders_queue.settings.pins import Pin
from coders_queue.store.news import is_installing
from coders_workers import workspace
from coders_workers.programs.installs import Say
from coders_workers.programs.locate import Absent, Program, Programs, find_program
from coders_workers.server import params as read
from coders_workers.server.station import Station
from coders_workers.supervisor import environment

log = structlog.get_logger(__name__)

#: Errors that a failed spawn comes back as, by the kind of its cause.
_RAISED = {"spawn": errors.SpawnError, "workspace": errors.WorkspaceError}

#: How many launchers may be started ahead at a time: it is for an idle machine. In a rush it would
#: only take processor time from starts that can already go on.
_HEAD_STARTS = 2

#: How long a session that found no place may be without one before its caller is told, seconds.
_HELD_UP = 2.0

#: How often a caller is told that an installation goes on, seconds.
_TELL = 1.0

Part = dict[str, Any]
Progress = Generator[Part, None, list[str]]
Spawn = Generator[Part, None, tuple[SessionRecord, list[str]]]


class Spawning:
    """Takes requests for new sessions from people on this machine."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._head_starts = threading.BoundedSemaphore(_HEAD_STARTS)

    def spawn(self, params: dict[str, Any]) -> Spawn:
        """Submit the session and, with ``wait``, see its agent live; the record and warnings.

        Yields what to tell meanwhile: ``{progress}`` while the agent's program is installed.
        Raises what is wrong with the request before anything is written, and a SpawnError with the
        cause when the agent did not come up. Asked again with the id of a session that is there, it
        starts nothing and says how that one is.
        """
        waits = read.flag(params, "wait", default=True)
        session_id = self._id(params)
        known = self._known(session_id)
        if known is not None:
            return self._alive(known) if waits else known, []
        spec = self._spec(params)
        spec, pin = self._pinned(spec, params)
        inputs = self._handed_on(params)
        spec = in_group(placed(spec, inputs), None)
        here = self._place_here(spec)
        warnings = self._empty_spaces(spec)
        if here:
            self._preflight(spec)
            warnings += yield from self._program(spec, pin)
        log.info("session_requested", session=session_id, agent=spec.agent, owner=spec.owner)
        head_start = waits and here and self._head_starts.acquire(blocking=False)
        try:
            record = self._start(
                session_id, spec, inputs, here=here, waits=waits, head_start=head_start
            )
            return record, warnings
        finally:
            if head_start:
                self._head_starts.release()

    def _start(
        self,
        session_id: str,
        spec: SessionSpec,
        inputs: list[Any],
        *,
        here: bool,
        waits: bool,
        head_start: bool,
    ) -> SessionRecord:
        station = self._station
        host = station.host.name if here else None
        ahead = station.preheat(session_id, spec) if head_start else None
        # the record is what counts: all else only makes what it asks for happen soon
        try:
            record = self._submit(session_id, spec, host, inputs)
        except errors.CodersError:
            self._forget(session_id, ahead)
            raise
        if host is not None and record.host is None:  # this machine has no room: it waits
            self._forget(session_id, ahead)
        host = record.host
        if host is None or not waits:
            if host is not None:
                self._send(record, lambda: station.app.publisher.spawn(host, session_id, 1))
            self._publish(record)
            return self._alive(record) if waits else record
        # somebody waits: the message's way through the broker back to this process is spared
        station.spawn(session_id, record.attempt)
        try:
            return self._alive(record)
        finally:
            # after the agent's start and beside our answer, both of which it would slow down;
            # should this process die before, the reaper sends it when the session has ended
            station.host.submit(lambda: self._publish(record))

    def _known(self, session_id: str) -> SessionRecord | None:
        """The session of that id, where it was asked for before."""
        try:
            return self._station.store.get(session_id)
        except errors.Unavailable:
            return None  # the host is on its own, and has none of that id: it begins one

    def _handed_on(self, params: dict[str, Any]) -> list[Any]:
        """The outcomes of the sessions whose results are to be handed on."""
        store = self._station.store
        found = []
        for reference in read.listed(params, "from"):
            record = store.get(store.resolve(reference))
            if record is None:
                raise errors.NotFound(f"there is no session {reference!r}", "see: coders ls --all")
            if record.outcome is None:
                raise errors.Conflict(
                    f"session {record.label} has no result to hand on: it is {record.state}",
                    f"wait for it: coders wait {record.label}",
                )
            found.append(record.outcome.model_dump(mode="json"))
        return found

    def _empty_spaces(self, spec: SessionSpec) -> list[str]:
        """A warning for each space that holds nothing: its name may be a slip."""
        if not spec.context:
            return []
        known = {one.name for one in self._station.store.context.spaces() if one.entries}
        return [f"{name} holds nothing yet" for name in spec.context if name not in known]

    def _id(self, params: dict[str, Any]) -> str:
        chosen = read.text(params, "id")
        if chosen is None:
            return ids.new_session_id()
        if not ids.is_session_id(chosen):
            raise errors.UsageError(f"'id' is {chosen[:60]!r}, not a UUID in its usual spelling")
        return chosen

    def _forget(self, session_id: str, ahead: Future[None] | None) -> None:
        if ahead is not None:
            ahead.result()
            self._station.forget(session_id)

    def _submit(
        self, session_id: str, spec: SessionSpec, host: str | None, inputs: Sequence[Any] = ()
    ) -> SessionRecord:
        capacity = self._station.settings.host.capacity
        try:
            return self._station.store.submit(
                session_id, spec, host=host, inputs=inputs, publish={}, capacity=capacity
            )
        except errors.Unavailable as error:
            # a broker that was slow, not gone, has taken it all the same
            raise errors.Unavailable(
                f"{error.message}; session {ids.short(session_id)} may have been taken",
                "look for it before you try again: coders ls --all",
            ) from None

    def _publish(self, record: SessionRecord) -> None:
        """The session's own message. Its request is in the store already: it is not sent along."""
        self._send(record, lambda: self._station.app.publisher.resend(record))

    def _send(self, record: SessionRecord, message: Callable[[], None]) -> None:
        try:
            message()
        except errors.Unavailable as error:
            # written down it is taken: the sweep starts it, and the reaper delivers its end
            log.warning("message_delayed", session=record.id, cause=str(error))

    def _alive(self, record: SessionRecord) -> SessionRecord:
        station = self._station
        limit = station.settings.session.spawn_timeout + 5.0

        def is_up(now: SessionRecord) -> bool:
            return now.state is State.RUNNING or now.state.ended

        try:
            if record.state is State.QUEUED:
                seen = station.bulletin.wait(record.id, is_up, _HELD_UP)
                current = station.store.get(record.id)
                if seen is None and current is not None and current.state is State.QUEUED:
                    return current  # a limit, or no room: it waits, and says so
            seen = station.bulletin.wait(record.id, is_up, limit)
            if seen is None:
                current = station.store.get(record.id)
                if current is not None and is_installing(station.store, current):
                    more = station.settings.programs.timeout + limit
                    seen = station.bulletin.wait(record.id, is_up, more)
        except errors.Unavailable as error:
            raise errors.Unavailable(
                f"{error.message}; session {record.label} is written down and goes on",
                f"do not spawn it again: coders wait {record.label}",
            ) from None
        if seen is None:
            current = self._station.store.get(record.id) or record
            if current.state is State.QUEUED:
                return current  # no host has room: it waits, and says so
            raise errors.TimedOut(
                f"session {record.label} is still {current.state} after {limit:g} s",
                f"it may come up yet: coders show {record.label}",
            )
        outcome = seen.outcome
        if outcome is not None and outcome.started_at is None and outcome.cause is not None:
            raise _RAISED.get(outcome.cause.kind, errors.SpawnError)(outcome.cause.message)
        return seen

    def _spec(self, params: dict[str, Any]) -> SessionSpec:
        station = self._station
        data = read.mapping(params, "spec")
        agent = read.text(data, "agent") or ""
        adapter = registry.get(agent)
        data.setdefault("owner", station.settings.owner)
        if data.get("correlation_id") is None:
            data["correlation_id"] = read.text(params, "correlation")
        if restart := read.mapping(data, "restart"):
            # what it leaves open is as this host has it
            data["restart"] = {**station.settings.restart.model_dump(), **restart}
        if data.get("timeout") is None:
            data["timeout"] = station.settings.session.timeout
        if "workspace" not in data:
            cwd = read.text(params, "cwd") or station.host.environ.get("HOME", "/")
            worktree = read.text(params, "worktree")
            data["workspace"] = (
                {"type": "directory", "path": cwd}
                if worktree is None
                else {"type": "worktree", "repository": cwd, "ref": worktree}
            )
        environ = read.texts(params, "environ")
        configured = station.settings.agent(agent).env
        switches = {**station.host.environ, **environ, **configured, **read.texts(data, "env")}
        patterns = (*station.settings.session.pass_env, *env_patterns(adapter, switches))
        taken = environment.caller_part(environ, patterns, station.host.paths.sessions)
        data["env"] = taken | read.texts(data, "env")
        spec = parse_spec(data)
        if spec.provider is None:
            return spec
        return adapter.lead(spec, {**station.host.environ, **environ, **read.texts(data, "env")})

    def _place_here(self, spec: SessionSpec) -> bool:
        station = self._station
        name = station.host.name
        if "host" not in station.settings.host.roles:
            return False
        if spec.host is not None:
            if spec.host != name and spec.host not in station.store.hosts():
                raise errors.NotFound(
                    f"there is no host {spec.host!r}",
                    f"hosts here now: {', '.join(sorted(station.store.hosts())) or 'none'}",
                )
            if spec.host != name:
                return False
        return True

    def _preflight(self, spec: SessionSpec) -> None:
        """What can be known to be wrong on this machine, before anything is written."""
        adapter = registry.get(spec.agent)
        if spec.mode not in adapter.modes:
            raise errors.UsageError(
                f"{spec.agent} cannot run {spec.mode}", f"it runs {' or '.join(adapter.modes)}"
            )
        if spec.output_schema is not None:
            answer.check_schema(spec.output_schema)
        adapter.check(spec)
        wanted = spec.workspace
        path = Path(spec.place)
        try:
            there = path.exists()
        except OSError as error:  # a name longer than any may be, a directory we may not enter
            raise errors.WorkspaceError(
                f"cannot look at {str(path)[:200]}: {error.strerror}", "check --cwd"
            ) from None
        if not there:
            raise errors.WorkspaceError(
                f"there is no directory {path}", "create it, or check --cwd"
            )
        if not path.is_dir():
            raise errors.WorkspaceError(f"{path} is not a directory", "check --cwd")
        if wanted.type == "worktree":
            workspace.check_worktree(wanted)

    def _pinned(self, spec: SessionSpec, params: dict[str, Any]) -> tuple[SessionSpec, Pin | None]:
        """With the version that the pin files name, where the caller named none.

        Settled here, so that whichever host takes the session runs the same.
        """
        if spec.version is not None or registry.get(spec.agent).package is None:
            return spec, None
        environ = {**self._station.host.environ, **read.texts(params, "environ")}
        pin = pins.resolve(spec.agent, spec.place, environ, self._station.settings.programs.pins)
        if pin is None:
            return spec, None
        return spec.model_copy(update={"version": pin.version}), pin

    def _program(self, spec: SessionSpec, pin: Pin | None) -> Progress:
        """See that the agent's program is here, installing it if that is due; warnings."""
        station = self._station
        adapter = registry.get(spec.agent)
        cwd = Path(spec.place)
        path = spec.env.get("PATH") or station.host.environ.get("PATH", "")
        programs = Programs(station.settings, station.host.paths, station.host.environ)
        try:
            try:
                found = programs.locate(adapter, spec.version, path, cwd)
            except Absent:
                if not station.settings.programs.install:
                    raise
                found = yield from _meanwhile(
                    f"installing {spec.agent} {spec.version}",
                    lambda say: programs.provide(adapter, spec.version, path, cwd, say),
                )
        except errors.SpawnError as error:
            if pin is None:
                raise
            where = f"{error.message} (pinned in {pin.where})"
            raise type(error)(where, error.hint) from None
        if found is None:
            if spec.argv and adapter.names_program:
                find_program(spec.argv[0], path, cwd, spec.agent)
            return []
        if found.warning is None:
            return []
        return [found.warning]


def _meanwhile(
    what: str, work: Callable[[Say], Program | None]
) -> Generator[Part, None, Program | None]:
    """Do it on a thread of its own; a part now and at intervals, so that the caller hears of it."""
    told = [what]
    yield {"progress": what}
    done: Future[Program | None] = Future()

    def run() -> None:
        try:
            done.set_result(work(told.append))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
            done.set_exception(error)

    # it goes on should the caller hang up: the next one has it ready
    threading.Thread(target=run, name="install", daemon=True).start()
    while True:
        try:
            return done.result(timeout=_TELL)
        except TimeoutError:
            if done.done():
                raise
            yield {"progress": told[-1]}
