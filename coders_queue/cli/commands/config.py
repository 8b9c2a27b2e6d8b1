"""``coders config``: the configuration in force, and where each value came from."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from coders_queue import errors
from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.rules import check
from coders_queue.settings import publish
from coders_queue.settings.load import Loaded, load

EXAMPLES = (
    "coders config show",
    "coders config show --json",
    "coders config check",
    "coders config path",
    "coders config schema > coders.schema.json",
)

_COLUMNS = (
    table.Column("KEY"),
    table.Column("VALUE", shrinks=True),
    table.Column("FROM", shrinks=True),
)


def arguments(parser: ArgumentParser) -> None:
    """What to do with it."""
    parser.add_argument(
        "action",
        choices=("show", "check", "path", "schema"),
        nargs="?",
        default="show",
        help="show: each value and its origin (the default); check: only whether it is right; "
        "path: the files read; schema: the JSON Schema of a file",
    )
    add_json(parser, "print JSON")


def run(options: Namespace, context: Context) -> int:
    """Read the configuration as every program of coders does."""
    console = context.console
    if options.action == "schema":
        console.json(publish.json_schema())
        return exits.FINE
    loaded = load(context.environ, _here())
    check.check(loaded.settings, loaded.where)
    for warning in loaded.warnings:
        console.note(f"coders: warning: {warning}")
    files = [str(file) for file in loaded.files]
    if options.action == "show":
        _show(options, context, loaded)
    elif options.action == "path":
        if options.json:
            console.json(files)
        else:
            for file in files:
                console.line(file)
            if not files:
                console.note(
                    "no configuration file; the defaults and CODERS_* variables are in force"
                )
    elif options.json:
        console.json({"ok": True, "files": files, "warnings": list(loaded.warnings)})
    else:
        console.line(f"fine: {len(files)} file{'' if len(files) == 1 else 's'} read")
    return exits.FINE


def _show(options: Namespace, context: Context, loaded: Loaded) -> None:
    rows = publish.explain(loaded)
    if options.json:
        context.console.json(
            [{"key": row.key, "value": json.loads(row.value), "origin": row.origin} for row in rows]
        )
        return
    cells = [(row.key, row.value, row.origin) for row in rows]
    for line in table.render(_COLUMNS, cells, context.console.width()):
        context.console.line(line)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise errors.ConfigError("the current directory is gone", "cd somewhere else") from None
