"""Loops: the steps that may run again are taken together, round after round.

A round is over when all of it that can run has ended. Then the steps that want to go back are
asked, all at once, so that it does not matter which of them ended first: what rests on the places
they go back to runs again as the next round, and the rest stays as it ended. What waits for a loop
from outside sees its last round only.
"""

from __future__ import annotations

from collections.abc import Mapping

from coders_queue.flows import language
from coders_queue.flows.data import Fault
from coders_queue.flows.evaluate import Evaluation
from coders_queue.flows.model import GoBack
from coders_queue.flows.order import Unit
from coders_queue.flows.status import Status


def evaluate(evaluation: Evaluation, unit: Unit) -> None:
    """Take a loop through its rounds, as far as the facts go."""
    steps = evaluation.submission.flow.whole
    numbers = dict.fromkeys(unit.members, 1)
    used = dict.fromkeys(unit.gates, 0)
    redone: set[str] = set(unit.members)
    previous: Mapping[str, Status] = {}
    floor = 0
    for number in range(1, 1_000_000):
        for name in unit.members:
            if name not in redone:
                continue
            numbers[name] = number
            status = evaluation.step(name, number, previous, floor)
            if (loop := steps[name].go_back) is not None:
                # what fails here may yet go back
                status.doomed = False
                if status.settled:
                    _judge(evaluation, status, loop, used[name], previous)
        now = {name: evaluation.statuses[name] for name in unit.members}
        if not all(one.settled or one.going_back or one.held for one in now.values()):
            for one in now.values():
                one.looping = True
            return
        back = [name for name in unit.gates if now[name].going_back]
        if not back:
            break
        previous, redone = now, set()
        for name in back:
            used[name] += 1
            floor = max(floor, now[name].generation)
            redone.update(evaluation.order.redone(unit, name))


def _judge(
    evaluation: Evaluation, status: Status, loop: GoBack, used: int, previous: Mapping[str, Status]
) -> None:
    """Whether a step that ended goes back."""
    if status.state == "skipped" or not status.runs or not any(run.known for run in status.runs):
        return
    try:
        wants = _wants(evaluation, status, loop, previous)
    except Fault as fault:
        status.state, status.cause = "failed", str(fault)
        return
    if not wants:
        return
    resumed = evaluation.facts.generation if loop.exhausted == "fail" else 0
    if used < loop.at_most * (resumed + 1):
        status.state, status.going_back = "running", True
    elif loop.exhausted == "fail":
        status.state = "failed"
        status.cause = f"it would go back to {loop.to} once more than {used} times"


def _wants(
    evaluation: Evaluation, status: Status, loop: GoBack, previous: Mapping[str, Status]
) -> bool:
    key = (status.name, status.round, status.generation, "go_back")
    memo = evaluation.memo
    if key not in memo:
        own = evaluation.value(status)
        values = evaluation.values(status.name, status.round, previous, {status.name: own})
        values |= {name: own.field(name) for name in ("result", "output", "state", "outcome")}
        try:
            memo[key] = bool(language.evaluate(language.condition(loop.when), values))
        except Fault as fault:
            memo[key] = Fault(f"go_back.when: {fault}")
    found = memo[key]
    if isinstance(found, Fault):
        raise Fault(str(found))
    return bool(found)
