"""``coders ls``: the sessions, as a table."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue.cli import exits, session, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.times import ago, span

EXAMPLES = (
    "coders ls",
    "coders ls --all --limit 20",
    "coders ls --doing waiting --doing stuck",
    "coders ls --json | jq -r '.[] | select(.state == \"failed\") | .id'",
)

_COLUMNS = (
    table.Column("ID"),
    table.Column("NAME", shrinks=True),
    table.Column("AGENT", shrinks=True, rank=2),
    table.Column("STATE"),
    table.Column("DOING", shrinks=True, rank=1),
    table.Column("CREATED", rank=3),
    table.Column("RUNTIME", rank=1),
    table.Column("HOST", shrinks=True, rank=4),
    table.Column("OWNER", shrinks=True, rank=5),
    table.Column("DIRECTORY", shrinks=True, rank=6),
    table.Column("WAITS FOR", shrinks=True, rank=1),
)
_STATE = 3
#: Columns that are left out when they say nothing, the last one first.
_OFTEN_EMPTY = (10, 4)


def arguments(parser: ArgumentParser) -> None:
    """Which ones, and how."""
    parser.add_argument("-a", "--all", action="store_true", help="ended ones too")
    parser.add_argument("--owner", metavar="OWNER", help="only those run for OWNER")
    parser.add_argument(
        "--doing",
        action="append",
        choices=session.DOINGS,
        help="only those whose agent does this; repeatable",
    )
    parser.add_argument("--limit", metavar="N", type=int, help="at most the N newest")
    parser.add_argument("-q", "--quiet", action="store_true", help="ids only, one a line")
    add_json(parser, "print a list of JSON objects")


def run(options: Namespace, context: Context) -> int:
    """Ask and print."""
    console = context.console
    params = {"all": options.all, "owner": options.owner, "limit": options.limit}
    if options.doing:
        params["doing"] = options.doing
    sessions = context.host.ask("ls", params, doing="listing sessions")["sessions"]
    if options.json:
        console.json(sessions)
    elif options.quiet:
        for one in sessions:
            console.line(str(one["id"]))
    elif sessions:
        _print(context, sessions)
    else:
        console.note(_nothing(options))
    return exits.FINE


def _nothing(options: Namespace) -> str:
    if options.doing:
        return f"no session's agent is {' or '.join(options.doing)}"
    return "no sessions" if options.all else "no live sessions; coders ls --all has the others"


def _print(context: Context, sessions: list[dict[str, Any]]) -> None:
    console = context.console
    now = time.time()

    def paint(column: int, cell: str) -> str:
        if column == -1:
            return console.paint("bold", cell)
        return console.state(cell) if column == _STATE else cell

    rows = [_row(one, now) for one in sessions]
    columns: tuple[table.Column, ...] = _COLUMNS
    for column in _OFTEN_EMPTY:
        if all(row[column] == "-" for row in rows):
            columns = columns[:column] + columns[column + 1 :]
            rows = [row[:column] + row[column + 1 :] for row in rows]
    for line in table.render(columns, rows, console.width(), paint):
        console.line(line)


def _row(one: dict[str, Any], now: float) -> tuple[object, ...]:
    seconds = session.runtime(one, now)
    version = one.get("agent_version") or one.get("version")
    return (
        str(one["id"])[:8],
        one.get("name") or "-",
        f"{one['agent']}@{version}" if version else one["agent"],
        session.state_text(one),
        session.at_a_glance(one, now) or "-",
        ago(one.get("created_at"), now),
        "-" if seconds is None else span(seconds),
        one.get("host") or "-",
        one.get("owner") or "-",
        one.get("cwd") or "-",
        (one.get("waiting") or {}).get("why") or "-",
    )
