"""``coders agents read``: what an agent's adapter makes of a recording.

Reads a file and nothing else: no program runs, no worker is asked.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path

from coders_queue import described_agents, errors
from coders_queue.agents import recorded, registry
from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import printable, printable_block
from coders_queue.models.observation import Observation

EXAMPLES = (
    "coders agents read claude screen.txt",
    "tmux capture-pane -p -e | coders agents read claude@2.1.197 - --title '✳ fix' --json",
    "coders agents read codex@0.169.0 run.jsonl --kind stream --json",
)
NOTES = (
    "A screen is what tmux capture-pane prints, with colours (-e) or without. A stream is a\n"
    "headless run's output, a transcript the tool's own file, a hook what the tool gave one: all\n"
    "three are lines of JSON, and the last that says something counts. A stream that stops\n"
    "without a result is of an agent that works; with one, its turn is over (idle), or ended in\n"
    "an error. Without --kind, lines of JSON are a stream, or a transcript where only that\n"
    "reading fits; all else is a screen."
)

#: The largest file read, bytes.
MAX_BYTES = 64 * 1024 * 1024
_EPOCH = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)


def arguments(parser: ArgumentParser) -> None:
    """The recording, and what cannot be seen in it."""
    agent = parser.add_argument(
        "agent", metavar="AGENT[@VERSION]", help="the agent, and the version that was recorded"
    )
    complete_with(agent, "agents")
    file = parser.add_argument("file", metavar="FILE", help="the recording; - is standard input")
    complete_with(file, "files")
    parser.add_argument("--kind", choices=recorded.KINDS, help="what it is a recording of")
    parser.add_argument("--title", metavar="TEXT", default="", help="a screen's pane title")
    parser.add_argument("--columns", metavar="N", type=int, help="a screen's width")
    parser.add_argument("--rows", metavar="N", type=int, help="a screen's height")
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="when a screen was taken: epoch seconds, or like 2026-11-22T20:15 (local) or "
        "2026-11-22T20:15Z; tells what `resets 3pm` on it means",
    )
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Read it and print what it says."""
    described_agents.use(context.environ)
    name, version = registry.parse(options.agent)
    for option in ("columns", "rows"):
        size = getattr(options, option)
        if size is not None and not 1 <= size <= recorded.MAX_SIZE:
            raise errors.UsageError(f"--{option}: {size} is no size of a terminal", "such as 120")
    data = _read(options.file)
    kind, seen = recorded.read(
        registry.get(name),
        version,
        data,
        kind=options.kind,
        title=options.title,
        columns=options.columns,
        rows=options.rows,
        at=None if options.at is None else _moment(options.at),
    )
    if options.json:
        told = seen.model_dump(mode="json", exclude={"attempt", "at"})
        context.console.json({"agent": name, "version": version, "kind": kind, **told})
    else:
        _print(context, seen)
    return exits.FINE


def _print(context: Context, seen: Observation) -> None:
    console = context.console
    used = seen.usage
    usage = used and f"{used.input_tokens:,} in, {used.output_tokens:,} out tokens"
    rows = [
        ("state", f"{seen.state} (by its {seen.source})"),
        ("question", seen.question),
        *(("choice", choice) for choice in seen.choices),
        ("draft", seen.draft),
        ("resets at", None if seen.resets_at is None else f"{seen.resets_at:.0f}"),
        ("message", seen.message),
        ("usage", usage),
    ]
    for title, value in rows:
        if value:
            console.line(f"{console.paint('bold', title.ljust(12))}  {printable(value)}")
    if seen.result is not None:
        console.line(f"\n{console.paint('bold', 'result')}")
        console.line(printable_block(str(seen.result).rstrip()))


def _moment(text: str) -> float:
    try:
        if _EPOCH.fullmatch(text):
            return float(text)
        return datetime.fromisoformat(text).timestamp()  # without a zone: this machine's
    except (ValueError, OverflowError, OSError):
        raise errors.UsageError(
            f"--at: {text!r} is no time", "write epoch seconds, or like 2026-11-22T20:15Z"
        ) from None


def _read(file: str) -> bytes:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise errors.UsageError(
            f"cannot read {file}: {(error.strerror or str(error)).lower()}", "check the path"
        ) from None
    except ValueError as error:  # a NUL byte
        raise errors.UsageError(f"cannot read {file!r}: {error}") from None
    if len(data) > MAX_BYTES:
        raise errors.TaskTooLarge(f"{file} is larger than {MAX_BYTES} bytes", "give its end")
    return data
