"""One step at a time: whether its turn has come, what it runs, how it stands.

Gathers on the way the sessions that are wanted, and those among them that nobody asked for yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from coders_queue.flows import language, start
from coders_queue.flows.data import Fault
from coders_queue.flows.decision import Start
from coders_queue.flows.facts import End, Facts, RunKey
from coders_queue.flows.model import MAX_ITEMS, Glob, Step
from coders_queue.flows.order import Order
from coders_queue.flows.status import RunStatus, Status
from coders_queue.flows.submission import Submission
from coders_queue.flows.values import RunValue, Steps, StepValue
from coders_queue.models.outcome import Outcome

_NONE: Mapping[str, Status] = {}


class Evaluation:
    """A decision in the making."""

    def __init__(
        self,
        submission: Submission,
        order: Order,
        severity: Callable[[str], str],
        facts: Facts,
        memo: dict[Any, Any],
    ) -> None:
        self.submission = submission
        self.order = order
        self.facts = facts
        self.statuses: dict[str, Status] = {}
        self.wanted: list[RunKey] = []
        self.starts: list[Start] = []
        self._steps = submission.flow.whole
        self._severity = severity
        self.memo = memo

    def step(
        self,
        name: str,
        round: int = 1,
        previous: Mapping[str, Status] = _NONE,
        floor: int = 0,
    ) -> Status:
        """How a step stands in a round. ``previous``: its loop as it was in the round before, and
        ``floor`` the generation in which that was."""
        status = self._judge(name, round, previous, floor)
        self.statuses[name] = status
        return status

    def _judge(self, name: str, round: int, previous: Mapping[str, Status], floor: int) -> Status:
        statuses = self.statuses
        before = [statuses[one] for one in self.order.before[name]]
        if open_ := [one for one in before if one.looping or not one.settled]:
            held = all(status.going_back or status.held for status in open_)
            return Status(name, "waiting", round, held=held)
        base = max((status.generation for status in before), default=floor)
        status = Status(name, "skipped", round, max(base, floor))
        for one in self.order.waits[name].needs:
            why = self._missing(self.statuses[one])
            if why is not None:
                status.cause = f"it needs {one}, which {why}"
                return status
        try:
            if not self._condition(name, status, previous):
                status.cause = "its condition does not hold"
                return status
            status.items = self._items(name, status, previous)
        except Fault as fault:
            status.state, status.cause = "failed", str(fault)
            return status
        self._run(status, previous)
        return status

    def _missing(self, status: Status) -> str | None:
        """Why a step that is needed does not do."""
        if status.state == "skipped":
            return "was skipped"
        if status.failed and self._severity(status.name) != "ignore":
            return "failed" if status.state == "failed" else "was cancelled"
        return None

    def _condition(self, name: str, status: Status, previous: Mapping[str, Status]) -> bool:
        when = self._steps[name].when
        if when is None:
            return True

        def holds() -> bool:
            values = self.values(name, status.round, previous)
            return bool(_told("when", language.evaluate, language.condition(when), values))

        return bool(self._once((name, status.round, status.generation, "when"), holds))

    def _items(self, name: str, status: Status, previous: Mapping[str, Status]) -> list[Any] | None:
        step = self._steps[name]
        if step.each is None:
            return None
        if isinstance(step.each, Glob):
            return list(self.submission.items[name])

        def found() -> list[Any]:
            return start.items(step, self.values(name, status.round, previous), MAX_ITEMS)

        items: list[Any] = self._once((name, status.round, status.generation, "items"), found)
        return items

    def _once(self, key: tuple[Any, ...], find: Callable[[], Any]) -> Any:
        """What does not change once it is known is found out once; a fault, too."""
        if key not in self.memo:
            try:
                self.memo[key] = find()
            except Fault as fault:
                self.memo[key] = fault
        found = self.memo[key]
        if isinstance(found, Fault):
            raise Fault(str(found))
        return found

    def _run(self, status: Status, previous: Mapping[str, Status]) -> None:
        """The runs of a step whose turn has come, and what follows from them."""
        step = self._steps[status.name]
        indices = [None] if status.items is None else range(len(status.items))
        base = status.generation
        runs = [self._of_item(status.name, index, status.round, base, step) for index in indices]
        status.runs = tuple(runs)
        enough = step.quorum is not None and _count(runs, "succeeded") >= step.quorum
        if enough:
            for run in runs:
                if run.state == "running" and run.key not in self.facts.started:
                    run.drop()
        else:
            self._start(status, step, previous)
        status.generation = max([base, *(run.key.generation for run in runs if run.known)])
        succeeded, running = _count(runs, "succeeded"), _count(runs, "running")
        wanted = len(runs) if step.quorum is None else step.quorum
        status.doomed = succeeded + running < wanted
        if running:
            status.state = "running"
        elif not status.doomed:
            status.state = "succeeded"
        else:
            status.state = "failed" if _count(runs, "failed") or not runs else "cancelled"
            status.cause = _cause(status, succeeded, wanted)

    def _of_item(
        self, name: str, index: int | None, round: int, base: int, step: Step
    ) -> RunStatus:
        """The run that counts for an item: the one that succeeded, else the last, or the next."""
        ends, latest = self.facts.ends, self.facts.generation
        last: tuple[RunKey, End] | None = None
        for generation in range(base, latest + 1):
            for retry in range(step.retries + 1):
                key = RunKey(name, index, round, retry, generation)
                end = ends.get(key)
                if end is None:
                    if key in self.facts.started:
                        return RunStatus(key, "running", last=last)
                    break
                last = (key, end)
                if end.ok:
                    return RunStatus(key, "succeeded", known=True)
                if not end.again:
                    break
        if last is None or last[0].generation < latest:
            return RunStatus(RunKey(name, index, round, 0, latest), "running", last=last)
        key, end = last
        if end.again and key.retry < step.retries:
            return RunStatus(key._replace(retry=key.retry + 1), "running", last=last)
        return RunStatus(key, end.state, known=True)

    def _start(self, status: Status, step: Step, previous: Mapping[str, Status]) -> None:
        """Want what runs, and ask for what nobody asked for."""
        for run in status.runs:
            if run.state != "running":
                continue
            self.wanted.append(run.key)
            if run.key in self.facts.started or self.facts.halt is not None:
                continue
            fault = self.memo.get(run.key)
            if fault is None:
                try:
                    self.starts.append(self._session(status, step, run.key, previous))
                    continue
                except Fault as found:
                    self.memo[run.key] = fault = found
            run.state, run.cause = "failed", str(fault)
            self.wanted.pop()

    def _session(
        self, status: Status, step: Step, key: RunKey, previous: Mapping[str, Status]
    ) -> Start:
        values = self.values(key.step, key.round, previous)
        if key.item is not None and status.items is not None:
            values |= {"item": status.items[key.item], "index": key.item}
        not_before = None
        if key.retry and step.retry_delay is not None:
            ended = self.facts.ends[key._replace(retry=key.retry - 1)].ended_at
            not_before = None if ended is None else ended + step.retry_delay
        of = () if step.merge is None else step.merge.of
        inputs = tuple(run.key for one in of for run in self.statuses[one].runs if run.known)
        if of and not inputs:
            raise Fault(f"there is nothing to merge: nothing of {', '.join(of)} ran")
        spec = start.session(step, self.submission.directory, values)
        return Start(key, spec, inputs, values.get("item"), not_before)

    def values(
        self,
        name: str,
        round: int,
        previous: Mapping[str, Status],
        own: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The names that a template of a step may use; ``own`` has the step's own value."""
        known = (*self.order.before[name], *own)
        return {
            "parameters": self.submission.parameters,
            "round": round,
            "steps": Steps(known, lambda one: own.get(one) or self.value(self.statuses[one])),
            "previous": Steps(self.order.steps, lambda one: self._before(previous, one)),
        }

    def _before(self, previous: Mapping[str, Status], name: str) -> Any:
        return self.value(previous[name]) if name in previous else None

    def value(self, status: Status) -> Any:
        """What templates see of a step that is settled."""
        if status.items is None:
            run = status.runs[0] if status.runs else None
            return RunValue(self._loader(run), {"state": status.state})
        runs = [
            RunValue(self._loader(run), {"item": item, "index": index, "state": run.state})
            for index, (item, run) in enumerate(zip(status.items, status.runs, strict=False))
        ]
        return StepValue(status.state, runs)

    def _loader(self, run: RunStatus | None) -> Callable[[], Outcome | None]:
        if run is None or not run.known:
            return lambda: None
        key = run.key
        return lambda: self.facts.outcome(key)


def _count(runs: list[RunStatus], state: str) -> int:
    return sum(run.state == state for run in runs)


def _cause(status: Status, succeeded: int, wanted: int) -> str | None:
    broken = next((run.cause for run in status.runs if run.cause is not None), None)
    if broken is not None:
        return broken
    if status.items is None:
        return None
    return f"{succeeded} of {len(status.runs)} succeeded, and {wanted} had to"


def _told(field: str, act: Callable[..., Any], *given: Any) -> Any:
    try:
        return act(*given)
    except Fault as fault:
        raise Fault(f"{field}: {fault}") from None
