"""A flow engine in a few lines: sessions are answers of a function, nothing is stored."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coders_queue.flows.decide import Plan, decide
from coders_queue.flows.decision import Decision
from coders_queue.flows.facts import Facts, Halt, RunKey
from coders_queue.flows.read import of_data
from coders_queue.flows.submission import Submission, submit
from coders_queue.models.outcome import Cause, Outcome

Answer = Callable[[RunKey], Outcome]


def outcome(state: str = "succeeded", kind: str = "agent-error", **fields: Any) -> Outcome:
    """How a session ended."""
    cause = None if state == "succeeded" else Cause.model_validate({"kind": kind, "message": "no"})
    return Outcome.model_validate({"id": "x", "state": state, "cause": cause, **fields})


def submission(data: dict[str, Any], **given: Any) -> Submission:
    """A flow of Python values, submitted."""
    data = {"flow": "f", "defaults": {"agent": "claude", "task": "do it"}, **data}
    return submit(of_data(data), given, "/work")


@dataclass
class Engine:
    """Keeps the facts and does what decisions say."""

    submission: Submission
    answer: Answer = lambda key: outcome()
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    outcomes: dict[RunKey, Outcome] = field(default_factory=dict)
    started: dict[RunKey, Any] = field(default_factory=dict)
    """Each run that was asked for, with what it was asked to be."""
    generation: int = 0
    halt: Halt | None = None
    plan: Plan | None = None

    def facts(self) -> Facts:
        """All that is known now."""
        return Facts.of(
            dict(self.outcomes),
            started=frozenset(self.started),
            generation=self.generation,
            halt=self.halt,
        )

    def decide(self) -> Decision:
        """Decide, on a plan of its own half of the time, and do what it says."""
        if self.plan is None or self.chance.random() < 0.5:
            self.plan = Plan(Submission.load(self.submission.dump()))
        decision = decide(self.plan, self.facts())
        for start in decision.starts:
            assert start.key not in self.started
            self.started[start.key] = start
        for key in decision.cancels:
            self.end(key, outcome("cancelled", "cancelled"))
        return decision

    def end(self, key: RunKey, how: Outcome | None = None) -> None:
        """A session ends."""
        assert key in self.started
        self.outcomes.setdefault(key, how or self.answer(key))

    @property
    def live(self) -> list[RunKey]:
        """The sessions that run."""
        return [key for key in self.started if key not in self.outcomes]

    def run(self, most: int = 2000) -> Decision:
        """To the end; sessions end in any order, several before one decision, or none."""
        for _ in range(most):
            decision = self.decide()
            if decision.over:
                return decision
            live = self.live
            assert live or self.decide() != decision or self.halt, "nothing runs, nothing follows"
            for key in self.chance.sample(live, k=min(len(live), self.chance.randint(0, 3))):
                self.end(key)
        raise AssertionError("it does not end")

    def resume(self) -> None:
        """Again from what failed."""
        self.generation += 1
        self.halt = None
