"""Bringing an attempt up: idempotent, and confirmed before anybody is told that it runs."""

from __future__ import annotations

import threading

import structlog

from coders_queue import errors, ids
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import CauseKind
from coders_queue.models.record import SessionRecord
from coders_queue.store import kinds
from coders_workers import attempt_dir, workspace
from coders_workers.programs import chosen
from coders_workers.runtimes.base import Started
from coders_workers.supervisor import given_context, plan, remnants
from coders_workers.supervisor.finish import Finisher
from coders_workers.supervisor.host import Host, correlate
from coders_workers.supervisor.watch import Watched

log = structlog.get_logger(__name__)


class Spawner:
    """Starts the attempts that the store assigned to this host."""

    def __init__(self, host: Host, finisher: Finisher, watched: Watched) -> None:
        self._host = host
        self._finisher = finisher
        self._watched = watched
        self._preparing: set[str] = set()
        self._guard = threading.Lock()

    def spawn(self, session_id: str, attempt: int) -> bool:
        """Bring the attempt up; False when it is not this host's to start (any more).

        A request that cannot be started ends the session as failed, with the cause. Run twice, at
        once, or after a crash in the middle, it starts one agent.
        """
        with self._host.turn(session_id, attempt):
            record = self._mine(session_id, attempt)
            if record is None or record.spec.version is None:
                return record is not None and self._begin(record, None)
        ref = ids.attempt_ref(session_id, attempt)
        with self._guard:
            if ref in self._preparing:
                return False  # another thread installs its program, and goes on then
            self._preparing.add(ref)
        try:
            missing = self._provide(record)
        finally:
            with self._guard:
                self._preparing.discard(ref)
        with self._host.turn(session_id, attempt):
            record = self._mine(session_id, attempt)
            return record is not None and self._begin(record, missing)

    def _begin(self, record: SessionRecord, missing: errors.SpawnError | None) -> bool:
        """Bring it up, in its turn, or end the session because it cannot be."""
        session_id, attempt = record.id, record.attempt
        correlate(record, session_id)
        if record.state is State.RUNNING:
            return True
        if record.cancel_reason is not None:
            self._finisher.end_unstarted(record, "cancelled", record.cancel_reason)
            return False
        try:
            if record.state is State.ASSIGNED:
                # before anything begins: where the store is away it stays assigned, and the sweep
                # comes back to it
                self._take_context(record)
                if not self._host.store.move(session_id, attempt, State.STARTING):
                    return False
            if missing is not None:
                raise missing
            self._start(record)
        except errors.Unavailable:
            raise  # the store is away: the sweep goes on from what is on the disk
        except errors.CodersError as error:
            kind: CauseKind = "workspace" if isinstance(error, errors.WorkspaceError) else "spawn"
            log.warning("spawn_failed", session=session_id, attempt=attempt, cause=str(error))
            self._finisher.end_unstarted(record, kind, str(error))
            return False
        except OSError as error:
            # a full disk, a lost permission: the machine's failure, told as it is
            log.exception("spawn_failed", session=session_id, attempt=attempt)
            self._finisher.end_unstarted(record, "spawn", f"on {self._host.name}: {error}")
            return False
        except Exception as error:
            # a fault of ours: tried again it would be met again, and the session never end
            log.exception("spawn_failed", session=session_id, attempt=attempt)
            message = f"on {self._host.name}: {type(error).__name__}: {error}"
            self._finisher.end_unstarted(record, "internal", message)
            return False
        return True

    def confirm(self, record: SessionRecord, started: Started) -> None:
        """The agent lives: say so. Called again by the sweep when the store was away just then."""
        host = self._host
        program = chosen.recall(host.attempt_path(record.id, record.attempt))
        if host.store.move(
            record.id,
            record.attempt,
            State.RUNNING,
            pid=started.pid,
            started_at=started.at,
            agent_version=program.version if program else None,
        ):
            host.follow.started(record.id, started.pid, started.at)

    def _provide(self, record: SessionRecord) -> errors.SpawnError | None:
        """Install the version of the program that is wanted, where it is not here; why not.

        Outside of the attempt's turn: it can take minutes, in which the session can be cancelled.
        """
        session_id, attempt = record.id, record.attempt
        if record.state is State.RUNNING or record.cancel_reason is not None:
            return None
        correlate(record, session_id)

        def say(what: str) -> None:
            log.info("program_installing", session=session_id, attempt=attempt, cause=what)
            data = {"agent": record.spec.agent, "version": record.spec.version}
            self._host.store.record_event(session_id, attempt, kinds.INSTALLING, data)

        try:
            plan.provide_program(self._host, record, say)
        except errors.SpawnError as error:
            return error
        return None

    def _mine(self, session_id: str, attempt: int) -> SessionRecord | None:
        record = self._host.store.get(session_id)
        if (
            record is None
            or record.attempt != attempt
            or record.host != self._host.name
            or not record.state.on_host
        ):
            return None
        return record

    def _take_context(self, record: SessionRecord) -> None:
        attempted = plan.as_attempted(record)
        if attempted.spec.context:
            directory = attempt_dir.create(self._host.paths.sessions, record.id, record.attempt)
            given_context.take(self._host, attempted, directory)

    def _start(self, record: SessionRecord) -> None:
        host, spec = self._host, record.spec
        if record.attempt > 1:
            remnants.end(record.id, record.attempt)
        directory = attempt_dir.create(host.paths.sessions, record.id, record.attempt)
        ref = ids.attempt_ref(record.id, record.attempt)
        prepared = workspace.prepare(
            spec.workspace,
            session_id=record.id,
            attempt=record.attempt,
            name=spec.name,
            worktrees_root=host.paths.worktrees,
            branch_prefix=host.settings.workspace.branch_prefix,
        )
        # an earlier attempt's: what the workspace holds is counted from the first one's start
        earlier = workspace.recall(directory.parent)
        if earlier is not None and earlier.cwd == prepared.cwd:
            prepared = earlier
        workspace.remember(directory, prepared)
        launch = plan.make_launch(host, plan.as_attempted(record), directory, prepared)
        self._watched.add(ref)
        try:
            started = host.runtime.start(
                launch, self._watched.on_end, timeout=host.settings.session.spawn_timeout
            )
        except errors.Unavailable as error:  # tmux, not the store
            self._watched.drop(ref)
            raise errors.SpawnError(error.message, error.hint) from None
        except BaseException:
            self._watched.drop(ref)
            raise
        if spec.timeout is not None:
            self._watched.limit(ref, host.steady() + spec.timeout)
        self.confirm(record, started)
        log.info(
            "session_started",
            session=record.id,
            attempt=record.attempt,
            agent=spec.agent,
            agent_pid=started.pid,
        )
