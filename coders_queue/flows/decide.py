"""What is to happen next in a flow: a pure function of the flow and the facts.

However often, late or twice it is asked, it says the same of the same facts, and more facts never
take back what fewer had said: a run that was to start is one that is started, or has ended, or is
wanted no more. So it may run anywhere, at any time, more than once at once.

Steps are taken in their order; a loop's steps are taken together, round after round, as
:mod:`coders_queue.flows.rounds` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from coders_queue.flows import rounds
from coders_queue.flows.check import targets
from coders_queue.flows.data import Fault
from coders_queue.flows.decision import Decision, FlowState, RunView, Start, StepView
from coders_queue.flows.evaluate import Evaluation
from coders_queue.flows.facts import Facts, RunKey
from coders_queue.flows.order import Order
from coders_queue.flows.start import options
from coders_queue.flows.status import Status
from coders_queue.flows.submission import Submission
from coders_queue.flows.values import Steps

Severity = Literal["stop", "continue", "ignore"]


class Plan:
    """A submission made ready to be decided on, again and again.

    Remembers what cannot change any more: conditions, items, steps that are settled. It is cheap to
    make anew, and a decision does not depend on it.
    """

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.flow = submission.flow
        self.steps = submission.flow.whole
        self.order = Order(submission.waits, targets(submission.flow))
        self.memo: dict[Any, Any] = {}

    def severity(self, name: str) -> Severity:
        """What follows when that step fails."""
        if (own := self.steps[name].on_failure) is not None:
            return own
        return "continue" if name in self.order.dealt_with else self.flow.on_failure


def decide(plan: Plan, facts: Facts) -> Decision:
    """What follows from the facts."""
    evaluation = _evaluated(plan, facts)
    statuses = evaluation.statuses
    live = [key for key in facts.started if key not in facts.ends]
    failed = next((n for n in _by_state(statuses) if _is_failure(plan, n, statuses[n])), None)
    doomed = next((n for n in plan.order.steps if _stops(plan, n, statuses[n])), None)
    if facts.halt is None and doomed is None:
        over = all(status.settled for status in statuses.values()) and not live
        wanted = set(evaluation.wanted)
        state: FlowState = "running" if not over else "succeeded" if failed is None else "failed"
        decision = Decision(
            state,
            _views(statuses),
            starts=tuple(evaluation.starts),
            cancels=tuple(sorted(set(live) - wanted, key=str)),
            again=tuple(sorted(set(live) & wanted, key=str)),
            cause=_why(statuses, failed),
        )
        return _with_result(plan, evaluation, decision) if state == "succeeded" else decision
    if failed is None and not live and all(_done(one, facts) for one in statuses.values()):
        return _with_result(plan, evaluation, Decision("succeeded", _views(statuses)))
    if facts.halt is None:
        state, cause = "failed", _why(statuses, failed or doomed)
    else:
        state = "cancelled" if facts.halt.kind == "cancelled" else "failed"
        cause = facts.halt.message
    return Decision(
        "stopping" if live else state,
        {name: _halted(view, facts) for name, view in _views(statuses).items()},
        cancels=tuple(sorted(live, key=str)),
        cause=cause,
    )


def remake(plan: Plan, facts: Facts, keys: Sequence[RunKey]) -> tuple[Start, ...]:
    """The sessions of runs that are asked for and wanted, once more."""
    wanted = set(keys)
    less = replace(facts, started=frozenset(facts.started) - wanted)
    return tuple(one for one in _evaluated(plan, less).starts if one.key in wanted)


def _evaluated(plan: Plan, facts: Facts) -> Evaluation:
    evaluation = Evaluation(plan.submission, plan.order, plan.severity, facts, plan.memo)
    statuses, memo, generation = evaluation.statuses, plan.memo, facts.generation
    for unit in plan.order.units:
        # what is settled stays as it is in this generation, whatever else becomes known
        key = ("unit", unit.members[0], generation)
        if (known := memo.get(key)) is not None:
            statuses.update(known)
            continue
        if unit.gates:
            rounds.evaluate(evaluation, unit)
        else:
            evaluation.step(unit.members[0])
        if all(statuses[name].settled for name in unit.members):
            memo[key] = {name: statuses[name] for name in unit.members}
    return evaluation


def _by_state(statuses: Mapping[str, Status]) -> list[str]:
    """Those that failed before those that were cancelled, perhaps for the others' sake."""
    failed = [name for name, status in statuses.items() if status.state == "failed"]
    return [*failed, *(n for n, status in statuses.items() if status.state == "cancelled")]


def _is_failure(plan: Plan, name: str, status: Status) -> bool:
    return status.settled and status.failed and plan.severity(name) != "ignore"


def _stops(plan: Plan, name: str, status: Status) -> bool:
    certain = (status.settled and status.failed) or status.doomed
    return certain and plan.severity(name) == "stop"


def _why(statuses: Mapping[str, Status], name: str | None) -> str | None:
    if name is None:
        return None
    status = statuses[name]
    if status.cause is not None:
        return f"step {name} failed: {status.cause}"
    return f"step {name} {'was cancelled' if status.state == 'cancelled' else 'failed'}"


def _done(status: Status, facts: Facts) -> bool:
    """Whether it came to its own end and not to the flow's, even where no failure of it matters."""
    if not status.settled or not status.failed:
        return status.settled
    return not any(run.known and facts.ends[run.key].cause == "cancelled" for run in status.runs)


def _views(statuses: Mapping[str, Status]) -> dict[str, StepView]:
    return {name: status.view() for name, status in statuses.items()}


def _halted(view: StepView, facts: Facts) -> StepView:
    """A step of a flow that ends early: what has not begun is cancelled, and so is what will be."""
    if view.state not in ("waiting", "running"):
        return view
    runs = tuple(
        run
        if run.state not in ("waiting", "running")
        else RunView(run.key, "running" if _lives(run.key, facts) else "cancelled")
        for run in view.runs
    )
    lives = any(run.state == "running" for run in runs)
    return replace(view, state="running" if lives else "cancelled", runs=runs)


def _lives(key: RunKey, facts: Facts) -> bool:
    return key in facts.started and key not in facts.ends


def _with_result(plan: Plan, evaluation: Evaluation, decision: Decision) -> Decision:
    key = ("result", evaluation.facts.generation)
    if key not in plan.memo:
        try:
            plan.memo[key] = _result(plan, evaluation)
        except Fault as fault:
            plan.memo[key] = fault
    found = plan.memo[key]
    if isinstance(found, Fault):
        return replace(decision, state="failed", cause=f"its result: {found}")
    return replace(decision, result=found)


def _result(plan: Plan, evaluation: Evaluation) -> Any:
    if plan.flow.result is not None:
        names = plan.order.steps
        values = {
            "parameters": plan.submission.parameters,
            "steps": Steps(names, lambda name: evaluation.value(evaluation.statuses[name])),
        }
        return options(plan.flow.result, values, "result")
    last = {
        name: _given(evaluation, evaluation.statuses[name])
        for name in plan.order.last
        if evaluation.statuses[name].state == "succeeded"
    }
    return next(iter(last.values())) if len(plan.order.last) == 1 and last else last or None


def _given(evaluation: Evaluation, status: Status) -> Any:
    """A step's result; what it printed, where it has none."""
    value = evaluation.value(status)
    result = value.field("result")
    if not isinstance(result, list) or status.items is None:
        return value.field("output") if result is None else result
    outputs = value.field("output")
    return [output if one is None else one for one, output in zip(result, outputs, strict=True)]
