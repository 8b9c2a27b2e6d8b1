"""A flow as it is shown: one plain object for every view."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from coders_queue.flows import draw_text
from coders_queue.flows.decide import Plan
from coders_queue.flows.decision import Decision, RunView, StepView
from coders_queue.models.flow import FlowRecord


def flow_object(record: FlowRecord, view: tuple[Plan, Decision] | None = None) -> dict[str, Any]:
    """What ``coders flow ls --json`` prints, and with its steps ``coders flow show --json``."""
    shown: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "state": record.state,
        "created_at": record.created_at,
        "resumed_at": record.resumed_at,
        "ended_at": record.ended_at,
        "cause": record.cause,
        "result": record.result,
    }
    if view is not None:
        plan, decision = view
        if record.state == "running" and decision.state == "stopping":
            shown["state"], shown["cause"] = "stopping", decision.cause
        shown["steps"] = [_step(record, name, step) for name, step in decision.steps.items()]
        drawn = draw_text.lines(plan.flow, plan.order, decision.steps)
        shown["graph"] = [asdict(line) for line in drawn]
    return shown


def _step(record: FlowRecord, name: str, view: StepView) -> dict[str, Any]:
    return {
        "name": name,
        "state": view.state,
        "round": view.round,
        "cause": view.cause,
        "runs": [_run(record, one) for one in view.runs],
    }


def _run(record: FlowRecord, view: RunView) -> dict[str, Any]:
    return {
        "run": str(view.key),
        "session": view.key.session_id(record.id),
        "state": view.state,
        "cause": view.cause,
    }
