"""``coders status``: what runs on this machine. Starts nothing."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import keeping, wire
from coders_queue.cli import exits
from coders_queue.cli.console import Console
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable
from coders_queue.cli.times import ago, span

EXAMPLES = ("coders status", "coders status --json | jq .worker.pid")
NOTES = "Exits 0 whether or not a worker runs; in --json, worker is null when none does."


def arguments(parser: ArgumentParser) -> None:
    """Nothing but the form."""
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    status = read(context)
    if options.json:
        context.console.json(status)
    else:
        show(context, status)
    return exits.FINE


def read(context: Context) -> dict[str, Any]:
    """The worker's status; with null for what only a worker knows when none runs."""
    try:
        return context.host.ask("status")
    except wire.NotListening:
        unknown = dict.fromkeys(
            (
                *("worker", "host", "roles", "broker", "embedded", "degraded", "away"),
                *("sessions", "hosts", "waits"),
            )
        )
        kept = [one.shown() for one in keeping.kept(context.paths)]
        return {**unknown, "kept": kept, "state_dir": str(context.paths.state)}


def show(context: Context, status: dict[str, Any]) -> None:
    """The status, for people."""
    console = context.console
    worker = status.get("worker")
    if worker is None:
        state = (
            console.paint("yellow", "not running")
            + " (coders run and spawn start it, or coders up)"
        )
        lines = [("worker", state)]
    else:
        state = console.paint("green", "running")
        since = ago(worker.get("started_at"), time.time())
        lines = [("worker", f"{state}, pid {worker.get('pid')}, started {since}")]
        lines.append(
            ("host", f"{printable(status.get('host'))} ({', '.join(status.get('roles') or ())})")
        )
        broker = printable(status.get("broker")) + (" (embedded)" if status.get("embedded") else "")
        if status.get("degraded"):
            broker += "  " + console.paint("red", "does not answer") + _alone(status.get("away"))
        lines.append(("broker", broker))
        counts = status.get("sessions") or {}
        listed = ", ".join(
            f"{count} {console.state(state)}" for state, count in counts.items() if count
        )
        lines.append(("sessions", listed or "none live"))
        for why, count in (status.get("waits") or {}).items():
            lines.append(("waiting", f"{count}: {printable(why)}"))
        for name, one in (status.get("hosts") or {}).items():
            lines.append(("hears", _heard(console, name, one)))
    for one in status.get("kept") or ():
        lines.append(("restarts", _kept(console, one)))
    lines.append(("state", printable(status.get("state_dir"))))
    for title, value in lines:
        console.line(f"{console.paint('bold', title.ljust(8))}  {value}")


def _kept(console: Console, one: dict[str, Any]) -> str:
    """How a part had to be kept running."""
    part, cause = printable(one.get("part")), printable(one.get("cause"))
    if one.get("gave_up"):
        return console.paint("red", f"{part} ended too often and is left alone: {cause}")
    last = ago(one.get("at"), time.time())
    return f"{part} was started again {one.get('restarts')} times, last {last}: {cause}"


def _heard(console: Console, name: str, health: dict[str, Any]) -> str:
    """How a host's heartbeats come."""
    silent = health.get("silent_for")
    if silent is not None:
        return f"{printable(name)} " + console.paint("red", f"silent for {span(silent)}")
    return (
        f"{printable(name)}, {health.get('alive')} alive: {health.get('beats'):,} heartbeats "
        f"every {span(float(health.get('period') or 0))}, {health.get('late')} late, "
        f"{health.get('missed')} missed, longest gap {span(float(health.get('longest_gap') or 0))}"
    )


def _alone(away: Any) -> str:
    """How long the host has been on its own, and what it has to tell."""
    if not isinstance(away, dict):
        return ""
    text = f" since {ago(away.get('since'), time.time())}; {away.get('journal')} to tell it"
    return text + (f", {away['refused']} refused" if away.get("refused") else "")
