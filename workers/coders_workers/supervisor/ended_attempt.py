"""What an ended attempt left, read: its outcome but for the workspace, and what bears on the next.

Reads; changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import structlog

from coders_queue import errors
from coders_queue.agents import answer, loose
from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.models import quorum
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.record import SessionRecord
from coders_workers import attempt_dir, recording, workspace
from coders_workers.programs import chosen
from coders_workers.runtimes.base import Ended, Started
from coders_workers.supervisor import (
    declared,
    last_words,
    plan,
    stuck_mark,
    tool_files,
    typed_answer,
)
from coders_workers.supervisor.declared import Declared
from coders_workers.supervisor.host import Host

log = structlog.get_logger(__name__)

#: In the directory of an attempt that was stopped because it ran for longer than it may.
DEADLINE = "deadline"
#: How much of its errors an adapter is shown to say why an agent failed, bytes.
_STDERR_LIMIT = 64 * 1024


@dataclass(frozen=True)
class EndedAttempt:
    """An attempt that is over."""

    outcome: Outcome
    """The session's, should this have been its last."""
    began: bool = False
    """Whether its conversation was begun, so that it can be gone on with."""
    idle: bool = False
    """Whether the agent had answered, and waited for a prompt."""
    resets_at: float | None = None
    """When the quota is renewed that ended it, epoch seconds, where something says so."""
    final: bool = False
    """Whether no other attempt is wanted, whatever the policy."""


def read(host: Host, record: SessionRecord, directory: Path, ended: Ended) -> EndedAttempt:
    """Read it. Whatever cannot be read is an end, too: Unavailable alone is raised."""
    try:
        return _read(host, record, directory, ended)
    except errors.Unavailable:
        raise
    except Exception as error:
        # whatever cannot be read today cannot be read by the next sweep: end it, with the cause
        log.exception("outcome_unreadable", session=record.id, attempt=record.attempt)
        message = f"its end cannot be read: {type(error).__name__}: {error}"
        return EndedAttempt(
            Outcome(
                id=record.id,
                state="failed",
                exit_code=ended.status.code,
                signal=ended.status.signal,
                cause=Cause(kind="internal", message=message),
                host=host.name,
                attempts=record.attempt,
                started_at=record.started_at,
                ended_at=ended.at,
            )
        )


def _read(host: Host, record: SessionRecord, directory: Path, ended: Ended) -> EndedAttempt:
    adapter = plan.adapter_for(record)
    prepared = workspace.recall(directory)
    cwd = str(prepared.cwd) if prepared else host.environ.get("HOME", "/")
    program = chosen.recall(directory)
    started = host.runtime.started(directory)
    facts = plan.facts_of(host, adapter, record, directory, cwd).model_copy(
        update={
            "version": program.version if program else None,
            "started_at": started.at if started else None,
        }
    )
    seen = word = None
    wrote: tuple[bytes, ...] = ()
    if ended.error is not None:
        reading = Reading(ok=False, message=ended.error)
    else:
        printed = recording.stdout_bytes(directory)
        wrote = _transcripts(record, adapter, facts, started)
        errors_printed = recording.stderr_bytes(directory, _STDERR_LIMIT)
        reading = adapter.read(record.spec, facts, printed, ended.status, errors_printed, wrote)
        word = declared.read(directory)
        reading = _typed(record, _spoken(reading, word, ended.status, adapter))
        seen = last_words.last(adapter, printed, facts.version)
    limited = seen is not None and seen.state == "rate_limited" and not reading.ok
    state, cause, final = _verdict(host, record, directory, ended, reading, word, limited=limited)
    held_up = last_words.trouble(seen)
    if cause is not None and cause.kind == "timeout" and held_up is not None:
        cause = cause.model_copy(update={"message": f"{cause.message}; last: {held_up}"})
    text, truncated = recording.tail_text(directory, host.settings.session.output_limit)
    status = ended.status
    outcome = Outcome(
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
        host=host.name,
        attempts=record.attempt,
        started_at=started.at if started else record.started_at,
        ended_at=ended.at,
    )
    left = EndedAttempt(outcome, final=final)
    return replace(
        _of_conversation(left, adapter, facts, wrote),
        resets_at=seen.resets_at if limited and seen is not None else None,
    )


def _transcripts(
    record: SessionRecord, adapter: Adapter, facts: LaunchFacts, started: Started | None
) -> tuple[bytes, ...]:
    since = started.at if started else record.created_at
    return tool_files.transcripts(adapter.transcripts(record.spec, facts), since)


def _of_conversation(
    left: EndedAttempt, adapter: Adapter, facts: LaunchFacts, wrote: Sequence[bytes]
) -> EndedAttempt:
    """With what its transcripts say of the conversation.

    An id that was there before the conversation is no proof of one.
    """
    seen: Observation | None = None
    for content in wrote:
        for line in loose.lines(content):
            seen = adapter.observe_transcript(line, facts.version) or seen
    named = left.outcome.conversation_id is not None
    began = named and (seen is not None or not adapter.names_conversation)
    return replace(left, began=began, idle=seen is not None and seen.state == "idle")


def _verdict(
    host: Host,
    record: SessionRecord,
    directory: Path,
    ended: Ended,
    reading: Reading,
    word: Declared | None,
    *,
    limited: bool,
) -> tuple[Literal["succeeded", "failed", "cancelled"], Cause | None, bool]:
    """The state, why, and whether that is the last word."""
    status = ended.status
    told = (directory / attempt_dir.STOP).exists()
    if record.cancel_reason == quorum.REASON and reading.ok and not told:
        return "succeeded", None, True  # it was done before it was told that it need not be
    rested = word is not None and record.cancel_reason == idle_reason(record)
    if record.cancel_reason is not None and not rested:
        late = deadline_reason(record) if (directory / DEADLINE).exists() else None
        kind: Literal["timeout", "cancelled"] = (
            "timeout" if record.cancel_reason == late else "cancelled"
        )
        return "cancelled", Cause(kind=kind, message=record.cancel_reason), True
    if ended.error is not None:
        return "failed", Cause(kind="spawn", message=ended.error), True
    if word is not None and word.failed is not None:
        return "failed", Cause(kind="agent-error", message=word.failed), True
    if word is not None and reading.ok:
        return "succeeded", None, True
    if (mark := stuck_mark.read(directory)) is not None:
        return "failed", Cause(kind="stuck", message=mark.why), mark.then == "stop"
    if status.lost:
        message = f"the agent vanished from {host.name} without an exit status"
        return "failed", Cause(kind="lost", message=message), False
    if reading.ok:
        return "succeeded", None, False
    return "failed", _failure(status, reading, limited=limited), False


def _failure(status: ExitStatus, reading: Reading, *, limited: bool) -> Cause:
    if status.signal is not None:
        fallback = f"ended by signal {status.signal}"
        return Cause(kind="signal", message=reading.message or fallback)
    if limited:
        return Cause(kind="rate-limited", message=reading.message or "its quota is used up")
    if status.code == 0:
        return Cause(kind="agent-error", message=reading.message or "the agent reported an error")
    return Cause(kind="exit", message=reading.message or f"exited with status {status.code}")


def _spoken(
    reading: Reading, word: Declared | None, status: ExitStatus, adapter: Adapter
) -> Reading:
    """The reading with what the agent declared.

    That counts for more than how its tool ended afterwards. Of a command the exit status is its own
    word, too, and the later one.
    """
    if word is None:
        return reading
    told: dict[str, Any] = {} if word.result is None else {"result": word.result}
    if word.failed is None and (adapter.takes_prompt or status.code in (None, 0)):
        told |= {"ok": True, "message": None}
    return reading.model_copy(update=told)


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


def idle_reason(record: SessionRecord) -> str:
    """Why a session whose agent waited for too long is cancelled."""
    return f"idle: it waited for a prompt for {record.spec.idle_timeout or 0:g} s"


def deadline_reason(record: SessionRecord) -> str:
    """Why a session that ran for longer than it may is cancelled.

    A person may give the same words as theirs; only with the mark in the attempt's directory are
    they a deadline's.
    """
    return f"timeout: it ran for longer than {record.spec.timeout or 0:g} s"
