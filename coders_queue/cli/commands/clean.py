"""``coders clean``: remove what ended sessions left on this machine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from typing import Any

from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable, size

EXAMPLES = ("coders clean --dry-run", "coders clean", "coders clean --json | jq .bytes")
NOTES = (
    "The worker does the same every hour. What is old enough is set in the section retention of "
    "the configuration. A worktree with work that would be lost always stays."
)

#: Seconds that removing may take: worktrees can hold whole installations.
_TIMEOUT = 600.0
_PLURALS = {
    "archive": "archives",
    "worktree": "worktrees",
    "attempt": "left-over directories",
    "log": "log files",
    "terminal": "terminals",
    "process": "processes",
}


def arguments(parser: ArgumentParser) -> None:
    """Whether to do it, and the form."""
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="only say what would be removed"
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Ask, and print what went and what stays."""
    console = context.console
    report = context.host.ask(
        "clean", {"dry_run": options.dry_run}, timeout=_TIMEOUT, doing="cleaning"
    )
    if options.json:
        console.json(report)
        return exits.FINE
    word = "would remove" if report["dry_run"] else "removed"
    for one in report["removed"]:
        console.line(f"{word} {_named(one)} ({printable(one['why'])})")
    for one in report["kept"]:
        console.line(f"kept {_named(one)}: {printable(one['why'])}")
    console.line(_summary(report))
    return exits.FINE


def _named(one: dict[str, Any]) -> str:
    return f"{one['kind']} {printable(one['what'])}"


def _summary(report: dict[str, Any]) -> str:
    counts = Counter(one["kind"] for one in report["removed"])
    if not counts:
        return "nothing to remove"
    parts = [
        f"{count} {kind if count == 1 else _PLURALS.get(kind, kind)}"
        for kind, count in counts.items()
    ]
    word = "would free" if report["dry_run"] else "freed"
    return f"{', '.join(parts)}: {word} {size(report['bytes'])}"
