"""What rules have to do, until it is done or given up: taken, tried, put off.

A job belongs to one worker while that says so; whoever finds one that nobody speaks for does it
again, with the same id.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog

from coders_queue import errors
from coders_queue.clock import Clock, system_clock
from coders_queue.models.firing import FAILED, RuleFailure, RuleJob
from coders_queue.models.rule import Action, Rule
from coders_queue.settings.masking import mask_text
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: How long a job is one worker's that says nothing more, and how often it does, seconds.
CLAIM, _RENEW = 12.0, 3.0
#: How often what is due again is looked for, seconds.
_LOOK = 0.4
#: The longest wait before an action is tried again, seconds.
_LONGEST = 300.0
#: Actions that are carried out at once: here, by others, and by others for one rule, so that a slow
#: receiver holds up nobody else's.
_HERE, _OUTWARD, _OF_A_RULE = 4, 12, 4
#: For how long what fails for want of a broker is tried again, uncounted, seconds.
_PATIENCE = 24 * 3600.0


class ActionFailed(Exception):
    """An action came to nothing. The text says why, without secrets."""

    def __init__(self, cause: str, *, final: bool = False, kind: str = "failed") -> None:
        super().__init__(cause)
        self.final = final
        """Whether trying again is of no use."""
        self.kind = kind
        """Why, in a word: for the event, which holds no texts."""


class Actions(Protocol):
    """How actions are carried out."""

    def do(self, job: RuleJob, action: Action) -> None:
        """Do it. Twice with one id is once, or the receiver is told the id. Raises ActionFailed,
        CodersError."""


class RuleJobs:
    """Has done what is due."""

    def __init__(
        self,
        store: Store,
        rules: Mapping[str, Rule],
        actions: Actions,
        clock: Clock = system_clock,
    ) -> None:
        self._store = store
        self._rules = rules
        self._actions = actions
        self._clock = clock
        self._pools = {
            False: ThreadPoolExecutor(_HERE, thread_name_prefix="rule"),
            True: ThreadPoolExecutor(_OUTWARD, thread_name_prefix="rule-outward"),
        }
        self._lock = threading.Lock()
        self._busy: dict[str, RuleJob] = {}
        self._renewed = clock()
        self._looked = 0.0
        #: Whether there may be more that is due than could be begun with.
        self.hungry = False

    @property
    def busy(self) -> int:
        """How many are being done."""
        return len(self._busy)

    def act(self, *, new: bool = True) -> int:
        """Begin with what is due, as far as there is room; how much.

        Unless there is something ``new``, it is not looked for each time that this is called.
        """
        self._renew()
        now = self._clock()
        if not new and not self.hungry and 0 <= now - self._looked < _LOOK:
            return 0
        self._looked = now
        self.hungry = False
        count = 0
        for name in self._rules:
            for outward in (False, True):
                room = self._room(name, outward)
                taken = self._take(name, room, outward) if room > 0 else 0
                count += taken
                # there may be more than could be begun with
                self.hungry = self.hungry or taken >= room
        return count

    def close(self) -> None:
        """Begin nothing more; what is not done is done by the next one."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _room(self, name: str, outward: bool) -> int:
        """How many more can be done at once."""
        with self._lock:
            busy = [job for job in self._busy.values() if job.outward is outward]
        if not outward:
            return _HERE - len(busy)
        return min(_OUTWARD - len(busy), _OF_A_RULE - sum(job.rule == name for job in busy))

    def _take(self, name: str, room: int, outward: bool) -> int:
        jobs = self._store.rules.take(name, self._clock() + CLAIM, room, outward=outward)
        for job in jobs:
            with self._lock:
                self._busy[job.id] = job
            try:
                self._pools[outward].submit(self._run, job)
            except RuntimeError:  # it is being closed
                self._let_go(job)
        return len(jobs)

    def _renew(self) -> None:
        """Say that what is being done is being done."""
        now = self._clock()
        if 0 <= now - self._renewed < _RENEW:
            return
        self._renewed = now
        # under the lock: a job that has just been put off must not be put back
        with self._lock:
            for job in self._busy.values():
                self._store.rules.put_off(job, now + CLAIM)

    def _let_go(self, job: RuleJob) -> None:
        with self._lock:
            self._busy.pop(job.id, None)

    def _run(self, job: RuleJob) -> None:
        try:
            try:
                error = self._tried(job)
            finally:
                self._let_go(job)
            self._settle(job, error)
        except errors.Unavailable as error:  # it stays taken, and is due again in a while
            log.info("rule_action_delayed", rule=job.rule, action=job.kind, cause=error.message)
        except Exception:
            log.exception("rule_action_broken", rule=job.rule, action=job.kind)

    def _tried(self, job: RuleJob) -> ActionFailed | errors.Unavailable | None:
        """Do it; what went wrong."""
        if job.kind == "audit":
            payload = job.payload
            self._store.record_event(job.session, job.attempt, payload["kind"], payload["data"])
            return None
        rule = self._rules[job.rule]
        action = rule.do[job.action] if job.action < len(rule.do) else None
        if action is None or action.kind != job.kind:
            return ActionFailed(
                "the rule was changed before it was done", final=True, kind="changed"
            )
        try:
            self._actions.do(job, action)
        except (ActionFailed, errors.Unavailable) as error:
            return error
        except errors.CodersError as error:
            final = isinstance(error, errors.UsageError | errors.Conflict | errors.NotFound)
            return ActionFailed(error.message, final=final, kind=error.kind)
        except Exception as error:
            log.exception("rule_action_broken", rule=job.rule, action=job.kind)
            return ActionFailed(type(error).__name__, kind="broken")
        return None

    def _settle(self, job: RuleJob, error: ActionFailed | errors.Unavailable | None) -> None:
        """What becomes of it."""
        if error is None:
            self._store.rules.done(job)
            return
        rule, now = self._rules[job.rule], self._clock()
        if isinstance(error, errors.Unavailable):
            if now - job.at <= _PATIENCE:
                self._store.rules.put_off(job, now + min(5.0, rule.backoff))
                return
            error = ActionFailed(error.message, final=True, kind=error.kind)
        if error.final or job.tries >= rule.retries:
            self._give_up(job, error)
            return
        wait = min(_LONGEST, rule.backoff * 2.0 ** min(job.tries, 30))
        later = job.model_copy(update={"tries": job.tries + 1})
        self._store.rules.put_off(later, now + wait)
        log.info("rule_action_again", rule=job.rule, action=job.kind, cause=str(error))

    def _give_up(self, job: RuleJob, error: ActionFailed) -> None:
        """It is not done any more: say so."""
        cause = mask_text(str(error))[:300]
        failure = RuleFailure(
            kind=job.kind, event=job.event, session=job.session, cause=cause, at=self._clock()
        )
        data = {"rule": job.rule, "event": job.event, "action": job.kind, "why": error.kind}
        # first the event: it may come twice, and is not lost
        self._store.record_event(job.session, job.attempt, FAILED, data)
        if self._store.rules.done(job, failure):
            log.warning("rule_action_given_up", rule=job.rule, action=job.kind, cause=cause)
