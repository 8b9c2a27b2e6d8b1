"""The ``spawn`` verb: from what a caller said to a session whose agent lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import structlog

from coders_queue import errors, ids
from coders_queue.agents import answer, registry
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import SessionSpec
from coders_queue.queue.session_task import parse_spec
from coders_workers import workspace
from coders_workers.programs.locate import find_program, locate
from coders_workers.server import params as read
from coders_workers.server.station import Station
from coders_workers.supervisor import environment

log = structlog.get_logger(__name__)

#: Errors that a failed spawn comes back as, by the kind of its cause.
_RAISED = {"spawn": errors.SpawnError, "workspace": errors.WorkspaceError}

#: How many launchers may be started ahead at a time: it is for an idle machine. In a rush it would
#: only take processor time from starts that can already go on.
_HEAD_STARTS = 2


class Spawning:
    """Takes requests for new sessions from people on this machine."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._head_starts = threading.BoundedSemaphore(_HEAD_STARTS)

    def spawn(self, params: dict[str, Any]) -> SessionRecord:
        """Submit the session and, with ``wait``, see its agent live.

        Raises what is wrong with the request before anything is written, and a SpawnError with the
        cause when the agent did not come up. Asked again with the id of a session that is there, it
        starts nothing and says how that one is.
        """
        waits = read.flag(params, "wait", default=True)
        session_id = self._id(params)
        known = self._station.store.get(session_id)
        if known is not None:
            return self._alive(known) if waits else known
        spec = self._spec(params)
        here = self._place_here(spec)
        if here:
            self._preflight(spec)
        log.info("session_requested", session=session_id, agent=spec.agent, owner=spec.owner)
        head_start = waits and here and self._head_starts.acquire(blocking=False)
        try:
            return self._start(session_id, spec, here=here, waits=waits, head_start=head_start)
        finally:
            if head_start:
                self._head_starts.release()

    def _start(
        self, session_id: str, spec: SessionSpec, *, here: bool, waits: bool, head_start: bool
    ) -> SessionRecord:
        station = self._station
        host = station.host.name if here else None
        ahead = station.preheat(session_id, spec) if head_start else None
        # the record is what counts: all else only makes what it asks for happen soon
        try:
            record = self._submit(session_id, spec, host)
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

    def _submit(self, session_id: str, spec: SessionSpec, host: str | None) -> SessionRecord:
        capacity = self._station.settings.host.capacity
        try:
            return self._station.store.submit(
                session_id, spec, host=host, publish={}, capacity=capacity
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
        limit = self._station.settings.session.spawn_timeout + 5.0
        try:
            seen = self._station.bulletin.wait(
                record.id, lambda now: now.state is State.RUNNING or now.state.ended, limit
            )
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
        patterns = (*station.settings.session.pass_env, *adapter.pass_env)
        data["env"] = environment.caller_part(environ, patterns) | read.texts(data, "env")
        return parse_spec(data)

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
        station = self._station
        adapter = registry.get(spec.agent)
        if spec.mode not in adapter.modes:
            raise errors.UsageError(
                f"{spec.agent} cannot run {spec.mode}", f"it runs {' or '.join(adapter.modes)}"
            )
        if spec.output_schema is not None:
            answer.check_schema(spec.output_schema)
        wanted = spec.workspace
        path = Path(wanted.path if wanted.type == "directory" else wanted.repository)
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
        configured = station.settings.agent(spec.agent).program
        search = spec.env.get("PATH") or station.host.environ.get("PATH", "")
        if locate(adapter, configured, spec.version, search, path) is None and spec.argv:
            find_program(spec.argv[0], search, path, spec.agent)
