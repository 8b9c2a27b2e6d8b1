"""``coders mcp``: what an agent may ask of its host, as an MCP server on standard input."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.in_session import mcp_server

EXAMPLES = ("coders mcp",)
NOTES = (
    "Inside of a session only. The agents that coders knows start it themselves; another tool is\n"
    "told to in its own configuration."
)


def arguments(parser: ArgumentParser) -> None:
    """Nothing but where the session is reached."""
    parser.add_argument(
        "--access",
        metavar="FILE",
        help="the file that says how the session's host is reached, for a tool that hands on no "
        "environment: access.json beside the session's recording",
    )


def run(options: Namespace, _context: Context) -> int:
    """Serve until the client hangs up."""
    return mcp_server.main([options.access] if options.access else []) or exits.FINE
