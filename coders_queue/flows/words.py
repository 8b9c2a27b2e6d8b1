"""A step in a few words, for graphs and tables."""

from __future__ import annotations

from coders_queue.flows import language
from coders_queue.flows.decision import StepView
from coders_queue.flows.model import Glob, Step
from coders_queue.flows.order import Waits


def doer(step: Step) -> str:
    """Who does it."""
    return f"merge {step.merge.strategy}" if step.merge is not None else step.agent or "?"


def times(step: Step, view: StepView | None = None) -> str:
    """How often: ``×3``, ``2/3`` once it runs; nothing for a single session."""
    if step.each is None:
        return ""
    if view is not None and view.runs:
        done = sum(run.state == "succeeded" for run in view.runs)
        return f"{done}/{len(view.runs)}"
    return f"×{len(step.each)}" if isinstance(step.each, tuple) else "×n"


def about(step: Step) -> list[str]:
    """What else is worth knowing, in pieces."""
    found = []
    if isinstance(step.each, str):
        found.append(f"each of {(language.lone_expression(step.each) or step.each).strip()}")
    elif isinstance(step.each, Glob):
        found.append(f"each of {step.each.glob}")
    if step.quorum is not None:
        found.append(f"{step.quorum} are enough")
    if step.when is not None:
        found.append(f"if {' '.join(language.condition(step.when).split())}")
    if step.retries:
        found.append(f"{step.retries} {'retry' if step.retries == 1 else 'retries'}")
    if step.go_back is not None:
        found.append(f"back to {step.go_back.to}, at most {step.go_back.at_most}×")
    return found


def waits_for(waits: Waits) -> str:
    """What it waits for: ``a, b, the end of c``."""
    return ", ".join((*waits.needs, *(f"the end of {name}" for name in waits.after)))


def told(view: StepView) -> str:
    """How it stands: its state, its round, its cause."""
    told = view.state if view.round == 1 else f"{view.state}, round {view.round}"
    return told if view.cause is None else f"{told}: {' '.join(view.cause.split())}"
