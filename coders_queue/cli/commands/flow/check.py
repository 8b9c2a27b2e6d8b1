"""``coders flow check``: whether a flow is right, and what of it would start first."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits, flow_file, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable
from coders_queue.flows import data, words
from coders_queue.flows.decide import Plan, decide
from coders_queue.flows.decision import Decision, Start
from coders_queue.flows.facts import Facts
from coders_queue.flows.model import Flow
from coders_queue.flows.submission import Submission
from coders_queue.settings.masking import HIDDEN

EXAMPLES = (
    "coders flow check review.yaml",
    "coders flow check review.yaml --plan -p areas=tests,api",
    "coders flow check review.yaml --plan --json",
)
NOTES = (
    "Nothing is started. Every mistake is told with its line. With --plan, or a parameter, the\n"
    "parameters are bound and patterns read as if the flow were run from here."
)

_COLUMNS = (
    table.Column("STEP"),
    table.Column("ITEM", shrinks=True, rank=2),
    table.Column("AGENT"),
    table.Column("WHERE", shrinks=True, rank=1),
    table.Column("TASK", shrinks=True),
)


def arguments(parser: ArgumentParser) -> None:
    """The file, its parameters, and how much to tell."""
    flow_file.add_file(parser)
    flow_file.add_parameters(parser)
    parser.add_argument(
        "--plan", action="store_true", help="a dry run: what would start at once, what waits"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Read, check, and print what was asked for."""
    return flow_file.telling_all(lambda: _run(options, context), options, context)


def _run(options: Namespace, context: Context) -> int:
    flow = flow_file.load(options, context)
    bound = None
    if options.plan or options.parameter:
        bound = flow_file.submission(flow, options, context)
    decision = None if bound is None else decide(Plan(bound), Facts())
    if decision is not None and decision.cause is not None:
        raise errors.UsageError(f"{options.file}: {decision.cause}", "mend the flow or a parameter")
    if options.json:
        context.console.json(_object(flow, bound, decision))
        return exits.FINE
    if options.plan and bound is not None and decision is not None:
        _plan(context, flow, bound, decision)
    counts = (_count(len(flow.steps), "step"), _count(len(flow.parameters), "parameter"))
    context.console.line(f"fine: {flow.flow}, {', '.join(counts)}")
    return exits.FINE


def _plan(context: Context, flow: Flow, bound: Submission, decision: Decision) -> None:
    console = context.console
    rows = [_row(start) for start in decision.starts]
    for line in table.render(_COLUMNS, rows, console.width()):
        console.line(line)
    for name, view in decision.steps.items():
        if view.state == "waiting":
            waits = words.waits_for(bound.waits[name])
            console.line(printable(f"{name} ({words.doer(flow.whole[name])}) waits for {waits}"))
        elif not view.runs:
            console.line(printable(f"{name}: {words.told(view)}"))


def _row(start: Start) -> tuple[object, ...]:
    workspace = start.spec["workspace"]
    where = workspace["path" if workspace["type"] == "directory" else "repository"]
    if workspace["type"] == "worktree":
        where += f" (worktree of {workspace['ref']})"
    task = start.spec.get("task") or " ".join(start.spec.get("argv", ()))
    first = next((line for line in task.splitlines() if line.strip()), "")
    item = "" if start.key.item is None else data.text_of(start.item)
    return start.key.step, item, start.spec["agent"], where, first


def _object(flow: Flow, bound: Submission | None, decision: Decision | None) -> dict[str, Any]:
    found: dict[str, Any] = {"flow": flow.flow, "ok": True, "steps": list(flow.steps)}
    if bound is None or decision is None:
        return found
    return {
        **found,
        "parameters": bound.parameters,
        "waits": {name: waits.model_dump() for name, waits in bound.waits.items()},
        "states": {name: view.state for name, view in decision.steps.items()},
        "starts": [_start(start) for start in decision.starts],
    }


def _start(start: Start) -> dict[str, Any]:
    spec = dict(start.spec)
    if "env" in spec:
        spec["env"] = dict.fromkeys(spec["env"], HIDDEN)
    return {"step": start.key.step, "item": start.item, "spec": spec}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
