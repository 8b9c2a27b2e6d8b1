"""Flows as people see them: a table of steps, and watching one to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits, table
from coders_queue.cli.console import Console
from coders_queue.cli.context import Context
from coders_queue.cli.text import printable
from coders_queue.cli.times import span

#: Seconds between two looks at a flow that runs.
EVERY = 0.3
#: Looks in a row without an answer after which the worker counts as gone: it may be restarting.
_PATIENCE = 60
_OVER = ("succeeded", "failed", "cancelled")

_COLUMNS = (
    table.Column("STEP", shrinks=True),
    table.Column("STATE"),
    table.Column("ROUND", rank=2),
    table.Column("SESSIONS", rank=1),
    table.Column("WHY", shrinks=True, rank=1),
)
_STATE = 1


def steps(console: Console, flow: dict[str, Any], stream: Any = None) -> list[str]:
    """The table of its steps."""

    def paint(column: int, cell: str) -> str:
        if column == -1:
            return console.paint("bold", cell, stream)
        return console.state(cell, stream) if column == _STATE else cell

    rows = [_row(one) for one in flow["steps"]]
    return table.render(_COLUMNS, rows, console.width(), paint)


def plain_steps(flow: dict[str, Any]) -> list[str]:
    """A line for each step that has begun, for where nothing is drawn anew."""
    return [
        f"{one['name']}: {one['state']}" + (f", round {one['round']}" if one["round"] > 1 else "")
        for one in flow["steps"]
        if one["state"] != "waiting"
    ]


def _row(step: dict[str, Any]) -> tuple[object, ...]:
    runs = step["runs"]
    ended = sum(one["state"] in _OVER for one in runs)
    names = [one["session"][:8] for one in runs]
    count = f"{ended} of {len(runs)} ended" if len(runs) > 1 else names[0] if names else "-"
    why = step["cause"] or next((one["cause"] for one in runs if one["cause"]), None)
    return (step["name"], step["state"], step["round"], count, printable(why or "-"))


def headline(console: Console, flow: dict[str, Any], now: float, stream: Any = None) -> str:
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


def exit_code(flow: dict[str, Any]) -> int:
    """0 when it succeeded, 1 when it failed, 9 when it was cancelled."""
    codes = {"succeeded": exits.FINE, "cancelled": exits.CANCELLED}
    return codes.get(flow["state"], exits.AGENT_FAILED)
