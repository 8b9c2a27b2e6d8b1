"""The end of an attempt: what it left becomes the session's outcome, or another attempt follows.

Each attempt ends once. What it left is read elsewhere; which end is followed by another attempt is
decided by :mod:`coders_queue.restarting`.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import structlog

from coders_queue import ids, restarting
from coders_queue.agents import registry
from coders_queue.models.outcome import Cause, CauseKind, Outcome, Usage, WorkspaceResult
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd, Restart
from coders_workers import attempt_dir, workspace
from coders_workers.runtimes.base import Ended
from coders_workers.supervisor import check, ended_attempt, overlay, plan
from coders_workers.supervisor.ended_attempt import EndedAttempt
from coders_workers.supervisor.host import Host, correlate

log = structlog.get_logger(__name__)


class Finisher:
    """Takes in ended attempts and sets off what follows."""

    def __init__(self, host: Host, chance: Callable[[], float] = random.random) -> None:
        self._host = host
        self._chance = chance
        #: Called with a session's id when another attempt follows, and when it is due, epoch
        #: seconds. Set by the supervisor when its services stand.
        self.requeued: Callable[[str, float], object] = lambda _id, _due_at: None

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
                done = self._take_in(record, directory, ended)
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

    def _take_in(self, record: SessionRecord, directory: Path, ended: Ended) -> bool:
        left = ended_attempt.read(self._host, plan.as_attempted(record), directory, ended)
        left = self._checked(record, directory, left)
        if left.resets_at is not None:
            # nobody else of its account gets further
            self._host.store.exhaust(record.spec.account, left.resets_at)
        if not left.final:
            decision = self._decide(record, left)
            if isinstance(decision, restarting.Again):
                if self._requeue(record, directory, left, decision):
                    return True
                current = self._host.store.get(record.id)
                if current is not None and current.cancel_reason is not None:
                    # its end was asked for while it was read: a killed session does not come back
                    record = current
                    as_attempted = plan.as_attempted(record)
                    left = ended_attempt.read(self._host, as_attempted, directory, ended)
            elif decision.cause is not None:
                outcome = left.outcome.model_copy(update={"cause": decision.cause})
                left = replace(left, outcome=outcome)
        outcome = left.outcome.model_copy(
            update={
                "workspace": self._workspace(directory),
                "usage": _added_up([one.usage for one in record.history], left.outcome.usage),
            }
        )
        return self._record(record, outcome)

    def _checked(self, record: SessionRecord, directory: Path, left: EndedAttempt) -> EndedAttempt:
        """With the word of the session's check, where it has one and the agent says all is well."""
        prepared = workspace.recall(directory)
        if not record.spec.check or left.outcome.state != "succeeded" or prepared is None:
            return left
        host = self._host
        why = check.failure(
            record.spec.check,
            prepared.cwd,
            plan.check_environment(host, record),
            host.settings.session.check_timeout,
        )
        log.info("session_checked", session=record.id, attempt=record.attempt, cause=why)
        if why is None:
            return left
        cause = Cause(kind="check", message=why)
        outcome = left.outcome.model_copy(update={"state": "failed", "cause": cause})
        return replace(left, outcome=outcome)

    def _decide(
        self, record: SessionRecord, left: EndedAttempt
    ) -> restarting.Again | restarting.Over:
        outcome = left.outcome
        return restarting.decide(
            restarting.kind_of(outcome.cause, outcome.exit_code, outcome.signal),
            self._end_of(record, left),
            record.history,
            self._policy(record),
            self._host.clock(),
            resets_at=left.resets_at,
            chance=self._chance,
        )

    def _end_of(self, record: SessionRecord, left: EndedAttempt) -> AttemptEnd:
        outcome = left.outcome
        return AttemptEnd(
            attempt=record.attempt,
            host=self._host.name,
            started_at=outcome.started_at,
            ended_at=outcome.ended_at or self._host.clock(),
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            cause=outcome.cause or Cause(kind="exit", message="it succeeded, and is run always"),
            conversation_id=outcome.conversation_id if left.began else None,
            idle=left.idle,
            usage=outcome.usage,
        )

    def _requeue(
        self,
        record: SessionRecord,
        directory: Path,
        left: EndedAttempt,
        decision: restarting.Again,
    ) -> bool:
        """Write down that another attempt follows; False when none may any more."""
        host = self._host
        end = self._end_of(record, left)
        # what it was when the first attempt began: what it holds is counted from there
        prepared = workspace.recall(directory)
        if prepared is not None:
            workspace.remember(self._shared(record), prepared)
        keeps = restarting.keeps_place(end.cause, decision.due_at - host.clock())
        if not host.store.requeue(
            record.id, end, due_at=decision.due_at, only_host=host.name, keeps_place=keeps
        ):
            return False
        if not keeps:
            host.follow.freed()
        log.info(
            "session_requeued",
            session=record.id,
            attempt=record.attempt,
            cause=end.cause.kind,
            seconds=round(decision.due_at - host.clock(), 3),
        )
        self.requeued(record.id, decision.due_at)
        return True

    def _policy(self, record: SessionRecord) -> Restart:
        settings = self._host.settings
        return restarting.policy_for(
            record.spec,
            settings.restart,
            settings.agent(record.spec.agent).restart,
            takes_prompt=registry.get(record.spec.agent).takes_prompt,
        )

    def _shared(self, record: SessionRecord) -> Path:
        return attempt_dir.session_path(self._host.paths.sessions, record.id)

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
            with contextlib.suppress(OSError):
                workspace.forget_shared(self._shared(record))
            self._host.follow.complete(record.id)
        return done

    def _workspace(self, directory: Path) -> WorkspaceResult | None:
        prepared = workspace.recall(directory) or workspace.recall(directory.parent)
        if prepared is None:
            return None
        try:
            return workspace.conclude(prepared, keep=self._host.settings.workspace.keep)
        except Exception:
            log.exception("workspace_unreadable", path=str(prepared.cwd))
            return WorkspaceResult(path=str(prepared.cwd), branch=prepared.branch)


def _added_up(before: list[Usage | None], last: Usage | None) -> Usage | None:
    """What all attempts consumed together."""
    told = [one for one in (*before, last) if one is not None]
    if not told:
        return None
    costs = [one.cost_usd for one in told if one.cost_usd is not None]
    return Usage(
        input_tokens=sum(one.input_tokens for one in told),
        output_tokens=sum(one.output_tokens for one in told),
        cache_read_tokens=sum(one.cache_read_tokens for one in told),
        cache_write_tokens=sum(one.cache_write_tokens for one in told),
        cost_usd=sum(costs) if costs else None,
    )
