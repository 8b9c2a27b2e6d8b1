"""The host side's program: ``python -m coders_workers up|down|worker|beat|serve|doctor|...``.

Parses, configures logging, and hands over. People reach it as ``coders up`` and so on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from coders_queue import described_agents, errors
from coders_queue.rules import check
from coders_queue.settings.load import load
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers import checks
from coders_workers.stack import Stack


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options, rest = _parser().parse_known_args(argv)
    if rest and options.command not in ("flower", "agents", "check-agent", "conform", "service"):
        print(f"coders: error: {options.command} does not take {rest[0]!r}", file=sys.stderr)
        return errors.UsageError.exit_code
    try:
        paths = Paths.find(os.environ)
        loaded = load(dict(os.environ), str(paths.state), _overrides(options))
        if options.command != "down":
            check.check(loaded.settings, loaded.where)
        settings = loaded.settings
        paths.ensure()
        return _run(options, rest, settings, paths)
    except errors.CodersError as error:
        if getattr(options, "json", False):
            print(json.dumps({"error": error.to_wire()}))
        print(f"coders: error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  try: {error.hint}", file=sys.stderr)
        return error.exit_code


def _run(options: Any, rest: Sequence[str], settings: Settings, paths: Paths) -> int:
    stack = Stack(settings, paths, _progress)
    if options.command == "up":
        _answer(options, stack.up())
    elif options.command == "down":
        _answer(options, stack.down())
    elif options.command == "doctor":
        found = checks.run(settings, paths)
        _answer(options, found)
        return 0 if all(one["ok"] for one in found) else errors.SetupError.exit_code
    else:
        # loaded by name: 'up' must not pay for Celery, nor the worker for Flower
        described_agents.use()
        role = import_module(f"coders_workers.roles.{options.command.replace('-', '_')}")
        return int(role.run(settings, paths, stack.broker_url, rest))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coders", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "start the embedded broker, the worker and beat where they do not run"),
        ("down", "end them; sessions stay"),
        ("doctor", "check this machine"),
        ("agents", "list, check, install and remove agents' programs, in JSON"),
        ("service", "install, remove and show the service of this machine, in JSON"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--json", action="store_true")
    worker = commands.add_parser("worker", help="run this machine's worker in the foreground")
    worker.add_argument("--name", help="the host's name")
    worker.add_argument("--broker", help="the broker's URL")
    worker.add_argument("--roles", help="host, control or both, separated by commas")
    commands.add_parser("beat", help="run beat in the foreground")
    commands.add_parser("serve", help="run all of it under one process in the foreground")
    commands.add_parser("flower", help="run Flower on 127.0.0.1:5555 in the foreground")
    # its options, --help among them, are the suite's own
    commands.add_parser("check-agent", add_help=False, help="check a file that describes one")
    commands.add_parser("conform", add_help=False, help="drive a real agent against a model stub")
    return parser


def _overrides(options: Any) -> dict[str, Any]:
    given = {
        "host.name": getattr(options, "name", None),
        "broker.url": getattr(options, "broker", None),
        "host.roles": getattr(options, "roles", None),
    }
    if given["host.roles"] is not None:
        given["host.roles"] = [role.strip() for role in given["host.roles"].split(",")]
    return {key: value for key, value in given.items() if value is not None}


def _answer(options: Any, answer: Any) -> None:
    if options.json:
        print(json.dumps(answer))


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"coders: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
