"""``coders show``: all that is known of a session."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, session
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, add_reference
from coders_queue.cli.text import printable, printable_block
from coders_queue.cli.times import ago, instant

EXAMPLES = ("coders show fix", "coders show 3f2a --json")

#: How much of a task is shown, characters.
_TASK_SHOWN = 2000


def arguments(parser: ArgumentParser) -> None:
    """The session."""
    add_reference(parser)
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    shown = context.host.ask("show", {"ref": options.ref})
    if options.json:
        console.json(shown)
        return exits.FINE
    now = time.time()
    session.print_result(console, shown, now, console.out)
    for title, value in _request(shown, now):
        console.line(f"{console.paint('bold', title.ljust(12))}  {printable(value)}")
    task = (shown.get("spec") or {}).get("task")
    if task:
        more = "" if len(task) <= _TASK_SHOWN else f"\n... ({len(task)} characters in all)"
        console.line(f"\n{console.paint('bold', 'task')}")
        console.line(printable_block(task[:_TASK_SHOWN]) + more)
    for end in shown.get("history") or ():
        line = (
            f"attempt {end['attempt']} ended {instant(end['ended_at'])}: {end['cause']['message']}"
        )
        console.line(f"{console.paint('bold', 'before'.ljust(12))}  {printable(line)}")
    answer = session.result_text(shown)
    if answer:
        console.line(f"\n{console.paint('bold', 'result')}")
        console.line(printable_block(answer.rstrip()))
    events = shown.get("events") or []
    if events:
        console.line(f"\n{console.paint('bold', 'events')}")
    for event in events:
        attempt = f" (attempt {event['attempt']})" if event.get("attempt") else ""
        console.line(f"{instant(event.get('at'))}  {printable(event.get('kind'))}{attempt}")
    return exits.FINE


def _request(shown: dict[str, Any], now: float) -> list[tuple[str, str]]:
    spec = shown.get("spec") or {}
    version = shown.get("version")
    labels = ", ".join(f"{key}={value}" for key, value in (shown.get("labels") or {}).items())
    found = [
        ("agent", f"{shown.get('agent')}@{version}" if version else shown.get("agent")),
        ("ran version", shown.get("agent_version")),
        ("mode", shown.get("mode")),
        ("model", spec.get("model")),
        ("permission", spec.get("permission")),
        ("argv", " ".join(repr(word) for word in spec.get("argv") or ())),
        ("env", ", ".join(spec.get("env") or ())),
        ("directory", shown.get("cwd")),
        ("host", shown.get("host")),
        ("owner", shown.get("owner")),
        ("labels", labels),
        ("pid", shown.get("pid")),
        ("asked to end", shown.get("cancel_reason")),
    ]
    for title in ("created", "started", "ended"):
        then = shown.get(f"{title}_at")
        if then is not None:
            found.append((title, f"{instant(then)} ({ago(then, now)})"))
    found += session.activity_facts(shown, now)
    if waits := session.waits(shown):
        found.append(("waits", waits))
        found.append(("priority", str(shown.get("priority"))))
    due = shown.get("due_at")
    if due is not None and shown.get("state") == "queued":
        found.append(("next attempt", f"not before {instant(due)}"))
    return [(title, str(value)) for title, value in found if value]
