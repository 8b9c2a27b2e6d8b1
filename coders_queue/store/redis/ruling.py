"""Rules on the server all hosts share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.clock import Clock
from coders_queue.models.firing import RuleFailure, RuleJob, RuleReport, RuleState
from coders_queue.store import codec, rules
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door
from coders_queue.store.ruling import RULE_KEPT

_SCRIPTS = ("rule_begin", "rule_commit", "rule_take", "rule_job")
_KEPT = round(RULE_KEPT * 1000)


class RedisRules:
    """See :class:`~coders_queue.store.ruling.RuleStore`."""

    def __init__(self, door: Door, names: Keys, clock: Clock) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        lua = resources.files("coders_queue.store") / "lua"
        self._scripts = {
            name: door.script((lua / f"{name}.lua").read_text("utf-8")) for name in _SCRIPTS
        }

    def begin(self, rule: str, position: str) -> RuleState:
        """The rule's state."""
        new = RuleState(position=position).model_dump_json()
        found = self._door.run(
            self._scripts["rule_begin"], [self._keys.rule(rule)], [position, new, _KEPT]
        )
        return _state(found)

    def commit(self, rule: str, state: RuleState, jobs: Sequence[RuleJob], *, expect: str) -> bool:
        """Move on to a new state and add jobs."""
        words: list[str] = [expect, state.position, state.model_dump_json(), str(_KEPT)]
        for job in jobs:
            text = codec.dumps(job.model_dump(mode="json"), "the action")
            lane = "4" if job.outward else "3"
            words += [job.id, text, codec.number(min(job.at, self._clock())), lane]
        return bool(self._door.run(self._scripts["rule_commit"], self._of(rule), words))

    def take(self, rule: str, until: float, limit: int, *, outward: bool) -> list[RuleJob]:
        """Jobs that are due."""
        found = self._door.run(
            self._scripts["rule_take"],
            [self._keys.rule_jobs(rule), self._due(rule, outward)],
            [codec.number(self._clock()), codec.number(until), limit],
        )
        # one that a newer version wrote is left to it
        return [job for one in found if (job := _job(one)) is not None]

    def job(self, rule: str, job_id: str) -> RuleJob | None:
        """A job that is still to be done."""
        found = self._door.call("HGET", self._keys.rule_jobs(rule), job_id)
        return None if found is None else _job(found)

    def put_off(self, job: RuleJob, due_at: float) -> bool:
        """Try it again then."""
        text = codec.dumps(job.model_dump(mode="json"), "the action")
        return self._change(job, "later", text, codec.number(due_at))

    def done(self, job: RuleJob, failure: RuleFailure | None = None) -> bool:
        """It was carried out, or given up."""
        if failure is None:
            return self._change(job, "done")
        return self._change(job, "failed", failure.model_dump_json())

    def report(self, rule: str) -> RuleReport | None:
        """All that is known of a rule."""
        state, done, failed, failure = self._door.call(
            "HMGET", self._keys.rule(rule), "state", "done", "failed", "failure"
        )
        if state is None:
            return None
        return RuleReport(
            state=_state(state),
            done=int(done or 0),
            failed=int(failed or 0),
            pending=int(self._door.call("HLEN", self._keys.rule_jobs(rule))),
            failure=None if failure is None else RuleFailure.model_validate_json(failure),
        )

    def forgotten(self, position: str) -> bool:
        """Whether events after that place may be gone."""
        place = rules.event_place(position)
        if place == (0, 0):
            return False
        first = self._door.call("XRANGE", self._keys.events, "-", "+", "COUNT", 1)
        return bool(first) and rules.event_place(str(first[0][0])) > place

    def _change(self, job: RuleJob, *words: str) -> bool:
        where = self._keys
        keys = [where.rule(job.rule), where.rule_jobs(job.rule), self._due(job.rule, job.outward)]
        return bool(self._door.run(self._scripts["rule_job"], keys, [job.id, *words]))

    def _due(self, rule: str, outward: bool) -> str:
        return self._keys.rule_due_outward(rule) if outward else self._keys.rule_due(rule)

    def _of(self, rule: str) -> list[str]:
        where = self._keys
        return [
            *(where.rule(rule), where.rule_jobs(rule)),
            *(where.rule_due(rule), where.rule_due_outward(rule)),
        ]


def _job(text: str) -> RuleJob | None:
    try:
        return RuleJob.model_validate(json.loads(text))
    except ValidationError:
        return None


def _state(text: str) -> RuleState:
    try:
        return RuleState.model_validate_json(text)
    except ValidationError as error:
        raise errors.Conflict(
            f"a rule's state was written by another version of coders: {error.errors()[0]['msg']}",
            "upgrade coders-queue here to the version that wrote it",
        ) from None
