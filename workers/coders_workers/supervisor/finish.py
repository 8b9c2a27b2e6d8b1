"""The end of an attempt: what it left becomes an outcome, once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import structlog

from coders_queue import errors, ids
from coders_queue.agents import answer
from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.outcome import Cause, CauseKind, Outcome, WorkspaceResult
from coders_queue.models.record import SessionRecord
from coders_workers import recording, workspace
from coders_workers.programs import chosen
from coders_workers.runtimes.base import Ended, Started
from coders_workers.supervisor import last_words, overlay, plan, tool_files, typed_answer
from coders_workers.supervisor.host import Host, correlate

log = structlog.get_logger(__name__)

#: In the directory of an attempt that was stopped because it ran for longer than it may.
DEADLINE = "deadline"

#: How much of its errors an adapter is shown to say why an agent failed, bytes.
_STDERR_LIMIT = 64 * 1024


class Finisher:
    """Turns ended attempts into outcomes and sets off what follows."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def finish(self, session_id: str, attempt: int) -> bool:
        """Take in an attempt that has ended; False while it runs, or when it was not current."""
        host = self._host
        with host.turn(session_id, attempt):
            directory = host.attempt_path(session_id, attempt)
            ended = host.runtime.ended(directory)
            if ended is None:
                return False
            record = host.store.get(session_id)
            correlate(record, session_id)
            current = (
                record is not None
                and record.attempt == attempt
                and record.host == host.name
                and record.state.on_host
            )
            done = False
            if record is not None and current:
                outcome = self._read(record, directory, ended)
                done = self._record(record, outcome)
            host.runtime.discard(ids.attempt_ref(session_id, attempt))
            overlay.remove(directory)
            host.follow.archive(session_id, attempt)
            return done

    def end_unstarted(self, record: SessionRecord, kind: CauseKind, message: str) -> bool:
        """End a session whose agent never ran."""
        directory = self._host.attempt_path(record.id, record.attempt)
        if directory.exists():
            self._host.runtime.abandon(ids.attempt_ref(record.id, record.attempt), directory)
        left = self._workspace(directory)
        state: Literal["failed", "cancelled"] = "cancelled" if kind == "cancelled" else "failed"
        outcome = Outcome(
            id=record.id,
            state=state,
            cause=Cause(kind=kind, message=message),
            workspace=left,
            host=self._host.name,
            attempts=record.attempt,
            ended_at=self._host.clock(),
        )
        done = self._record(record, outcome)
        if directory.exists():
            self._host.follow.archive(record.id, record.attempt)
        return done

    def finish_lost(self, record: SessionRecord) -> bool:
        """End a session that ran here by its record, but of which this machine knows nothing."""
        message = f"{self._host.name} has no trace of the agent (was its state directory removed?)"
        outcome = Outcome(
            id=record.id,
            state="failed",
            cause=Cause(kind="lost", message=message),
            host=self._host.name,
            attempts=record.attempt,
            started_at=record.started_at,
            ended_at=self._host.clock(),
        )
        return self._record(record, outcome)

    def _record(self, record: SessionRecord, outcome: Outcome) -> bool:
        done = self._host.store.finish(record.id, record.attempt, outcome)
        if done:
            log.info(
                "session_ended",
                session=record.id,
                attempt=record.attempt,
                state=outcome.state,
                cause=outcome.cause.kind if outcome.cause else None,
            )
            self._host.follow.complete(record.id)
        return done

    def _read(self, record: SessionRecord, directory: Path, ended: Ended) -> Outcome:
        try:
            return self._outcome(record, directory, ended)
        except errors.Unavailable:
            raise
        except Exception as error:
            # whatever cannot be read today cannot be read by the next sweep: end it, with the cause
            log.exception("outcome_unreadable", session=record.id, attempt=record.attempt)
            message = f"its end cannot be read: {type(error).__name__}: {error}"
            return Outcome(
                id=record.id,
                state="failed",
                exit_code=ended.status.code,
                signal=ended.status.signal,
                cause=Cause(kind="internal", message=message),
                host=self._host.name,
                attempts=record.attempt,
                started_at=record.started_at,
                ended_at=ended.at,
            )

    def _outcome(self, record: SessionRecord, directory: Path, ended: Ended) -> Outcome:
        host = self._host
        adapter = plan.adapter_for(record)
        prepared = workspace.recall(directory)
        cwd = str(prepared.cwd) if prepared else host.environ.get("HOME", "/")
        facts = plan.facts_of(host, adapter, record, directory, cwd)
        program = chosen.recall(directory)
        started = host.runtime.started(directory)
        facts = facts.model_copy(
            update={
                "version": program.version if program else None,
                "started_at": started.at if started else None,
            }
        )
        status = ended.status
        held_up = None
        if ended.error is not None:
            reading = Reading(ok=False, message=ended.error)
        else:
            printed = recording.stdout_bytes(directory)
            reading = adapter.read(
                record.spec,
                facts,
                printed,
                status,
                recording.stderr_bytes(directory, _STDERR_LIMIT),
                self._transcripts(record, adapter, facts, started),
            )
            reading = _typed(record, reading)
            held_up = last_words.trouble(adapter, printed, facts.version)
        text, truncated = recording.tail_text(directory, host.settings.session.output_limit)
        late = deadline_reason(record) if (directory / DEADLINE).exists() else None
        state, cause = self._verdict(record, status, ended, reading, late)
        if cause is not None and cause.kind == "timeout" and held_up is not None:
            cause = cause.model_copy(update={"message": f"{cause.message}; last: {held_up}"})
        return Outcome(
            id=record.id,
            state=state,
            exit_code=status.code if status.signal is None else 128 + status.signal,
            signal=status.signal,
            cause=cause,
            result=reading.result,
            output=text,
            output_truncated=truncated,
            usage=reading.usage,
            conversation_id=reading.conversation_id,
            agent_version=facts.version,
            workspace=self._workspace(directory),
            host=host.name,
            attempts=record.attempt,
            started_at=started.at if started else record.started_at,
            ended_at=ended.at,
        )

    def _transcripts(
        self,
        record: SessionRecord,
        adapter: Adapter,
        facts: LaunchFacts,
        started: Started | None,
    ) -> tuple[bytes, ...]:
        since = started.at if started else record.created_at
        return tool_files.transcripts(adapter.transcripts(record.spec, facts), since)

    def _verdict(
        self,
        record: SessionRecord,
        status: ExitStatus,
        ended: Ended,
        reading: Reading,
        late: str | None,
    ) -> tuple[Literal["succeeded", "failed", "cancelled"], Cause | None]:
        if record.cancel_reason is not None:
            if record.cancel_reason == late:
                return "cancelled", Cause(kind="timeout", message=record.cancel_reason)
            return "cancelled", Cause(kind="cancelled", message=record.cancel_reason)
        if ended.error is not None:
            return "failed", Cause(kind="spawn", message=ended.error)
        if status.lost:
            message = f"the agent vanished from {self._host.name} without an exit status"
            return "failed", Cause(kind="lost", message=message)
        if reading.ok:
            return "succeeded", None
        if status.signal is not None:
            fallback = f"ended by signal {status.signal}"
            return "failed", Cause(kind="signal", message=reading.message or fallback)
        if status.code == 0:
            return "failed", Cause(
                kind="agent-error", message=reading.message or "the agent reported an error"
            )
        return "failed", Cause(
            kind="exit", message=reading.message or f"exited with status {status.code}"
        )

    def _workspace(self, directory: Path) -> WorkspaceResult | None:
        prepared = workspace.recall(directory)
        if prepared is None:
            return None
        try:
            return workspace.conclude(prepared, keep=self._host.settings.workspace.keep)
        except Exception:
            log.exception("workspace_unreadable", path=str(prepared.cwd))
            return WorkspaceResult(path=str(prepared.cwd), branch=prepared.branch)


def _typed(record: SessionRecord, reading: Reading) -> Reading:
    """The reading with its answer as the data that was asked for."""
    schema = record.spec.output_schema
    if schema is None or not reading.ok:
        return reading
    try:
        return reading.model_copy(update={"result": typed_answer.typed(reading.result, schema)})
    except answer.WrongAnswer as error:
        message = f"{record.spec.agent}: its answer is not as asked for: {error}"
        return reading.model_copy(update={"ok": False, "message": message})


def deadline_reason(record: SessionRecord) -> str:
    """Why a session that ran for longer than it may is cancelled.

    A person may give the same words as theirs; only with the mark in the attempt's directory are
    they a deadline's.
    """
    return f"timeout: it ran for longer than {record.spec.timeout or 0:g} s"
