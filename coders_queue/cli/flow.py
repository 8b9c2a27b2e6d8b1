"""Flows as people see them: a drawing of steps, and watching one to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from coders_queue import errors
from coders_queue.cli import exits, table
from coders_queue.cli.console import Console
from coders_queue.cli.context import Context
from coders_queue.cli.text import printable
from coders_queue.cli.times import span
from coders_queue.flows.draw_text import Line

#: Seconds between two looks at a flow that runs.
EVERY = 0.3
#: Looks in a row without an answer after which the worker counts as gone: it may be restarting.
_PATIENCE = 60
_OVER = ("succeeded", "failed", "cancelled")


def graph(console: Console, flow: dict[str, Any], stream: TextIO | None = None) -> list[str]:
    """Its drawing, a step a line, cut to the terminal; a state in its colour."""
    return drawn(console, [Line(**one) for one in flow["graph"]], stream)


def drawn(console: Console, lines: Sequence[Line], stream: TextIO | None = None) -> list[str]:
    """A drawing in columns, cut to the terminal; a state in its colour."""
    names = [f"{line.name} {line.times}".rstrip() for line in lines]
    wide = max(map(len, names), default=0)
    doers = max((len(line.doer) for line in lines), default=0)
    width = console.width()
    made = []
    for line, name in zip(lines, names, strict=True):
        rest = f"{name:<{wide}}  {line.doer:<{doers}}  {line.about}".rstrip()
        whole = printable(f"{line.rails}  {rest}")
        shown = whole if width is None else table.fit(whole, width)
        if line.state is not None:
            shown = shown.replace(line.state, console.state(line.state, stream), 1)
        made.append(shown)
    return made


def plain_steps(flow: dict[str, Any]) -> list[str]:
    """A line for each step that has begun, for where nothing is drawn anew."""
    return [
        f"{one['name']}: {one['state']}" + (f", round {one['round']}" if one["round"] > 1 else "")
        for one in flow["steps"]
        if one["state"] != "waiting"
    ]


def headline(
    console: Console, flow: dict[str, Any], now: float, stream: TextIO | None = None
) -> str:
    """Its name, how it stands and for how long."""
    began = flow["resumed_at"] or flow["created_at"]
    took = span(max(0.0, (flow["ended_at"] or now) - began))
    cause = f": {printable(flow['cause'])}" if flow["cause"] else ""
    name = f"{printable(flow['name'])} ({flow['id'][:8]})"
    return f"flow {name}  {console.state(flow['state'], stream)}  {took}{cause}"


def until_over(
    context: Context, ref: str, seen: Callable[[dict[str, Any]], None], limit: float | None = None
) -> dict[str, Any]:
    """The flow when it is over; ``seen`` is handed each look at it. Raises TimedOut."""
    deadline = None if limit is None else time.monotonic() + limit
    lost = 0
    while True:
        try:
            flow = context.host.ask("flow-show", {"ref": ref})
            lost = 0
        except errors.Unavailable:
            lost += 1
            if lost > _PATIENCE:
                raise
            time.sleep(1.0)
            continue
        seen(flow)
        if flow["state"] in _OVER:
            return flow
        if deadline is not None and time.monotonic() > deadline:
            raise errors.TimedOut(
                f"flow {flow['name']} is still {flow['state']} after {limit:g} s",
                "it goes on; wait again, or end it: coders flow cancel",
            )
        time.sleep(EVERY)


def of_json(flow: dict[str, Any]) -> dict[str, Any]:
    """The object for scripts: without the drawing."""
    return {name: value for name, value in flow.items() if name != "graph"}


def to_look_at(flow: dict[str, Any]) -> list[str]:
    """Where to look for why it failed: a line for each failed session."""
    return [
        f"  {printable(step['name'])} failed: coders logs {run['session'][:8]}"
        for step in flow["steps"]
        for run in step["runs"]
        if run["state"] == "failed" and step["state"] == "failed" and not run["cause"]
    ]


def exit_code(flow: dict[str, Any]) -> int:
    """0 when it succeeded, 1 when it failed, 9 when it was cancelled."""
    codes = {"succeeded": exits.FINE, "cancelled": exits.CANCELLED}
    return codes.get(flow["state"], exits.AGENT_FAILED)
