"""``coders agents pin``: which version of an agent runs when none is asked for."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from coders_queue import described_agents, errors
from coders_queue.agents import registry
from coders_queue.cli import exits, table
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import printable
from coders_queue.settings import pins
from coders_queue.settings.load import load

EXAMPLES = (
    "coders agents pin claude@2.1.197",
    "coders agents pin claude@2.1.197 --project",
    "coders agents pin --unpin claude",
    "coders agents pin",
)
NOTES = (
    'A pin file is TOML, one line an agent: claude = "2.1.197". The first of these that names\n'
    "the agent counts: the project's .coders.pins.toml, looked for from the directory upward;\n"
    "the user's pins.toml beside their configuration; the file that the setting programs.pins\n"
    "names, which a whole fleet can share. The version is settled when a session is asked for,\n"
    "so that every host runs the same; one that is not there is installed by the first session.\n"
    "AGENT@VERSION in a request counts before any pin."
)

_COLUMNS = (
    table.Column("AGENT"),
    table.Column("VERSION"),
    table.Column("FROM", shrinks=True),
)


def arguments(parser: ArgumentParser) -> None:
    """What to pin, and where."""
    agent = parser.add_argument(
        "agent", metavar="AGENT@VERSION", nargs="?", help="what to pin; without it, show the pins"
    )
    complete_with(agent, "agents")
    unpin = parser.add_argument("--unpin", metavar="AGENT", help="take a pin back")
    complete_with(unpin, "agents")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--project",
        action="store_true",
        help="in the project's .coders.pins.toml: the nearest upward, else a new one here",
    )
    file = where.add_argument("--file", metavar="FILE", help="in this file, such as a shared one")
    complete_with(file, "files")
    add_json(parser, "print JSON")


def run(options: Namespace, context: Context) -> int:
    """Show, pin or unpin."""
    described_agents.use(context.environ)
    if options.agent is not None and options.unpin is not None:
        raise errors.UsageError("pin one agent or unpin one, not both", "leave one out")
    if options.agent is None and options.unpin is None:
        return _show(options, context)
    if options.unpin is not None:
        name, version = registry.parse(options.unpin)[0], None
    else:
        name, version = registry.parse(options.agent)
        if version is None:
            raise errors.UsageError(
                f"{options.agent!r} names no version", f"write {name}@VERSION; coders agents ls"
            )
    if registry.get(name).package is None:
        raise errors.UsageError(f"{name} has no versions to pin", "coders agents ls")
    file = _file(options, context)
    changed = pins.write(file, name, version)
    if options.json:
        context.console.json(
            {"agent": name, "version": version, "file": str(file), "changed": changed}
        )
        return exits.FINE
    if version is not None:
        said = f"{name} is pinned to {version} in {file}"
    else:
        said = f"{name} is no longer pinned in {file}" if changed else f"no pin of {name} in {file}"
    context.console.line(printable(said))
    return exits.FINE


def _file(options: Namespace, context: Context) -> Path:
    here = context.here
    if options.file is not None:
        file = Path(here, options.file)
        if file.suffix != ".toml":
            raise errors.UsageError(f"{file} does not end with .toml", "a pin file is TOML")
        return file
    if options.project:
        return pins.project_file(here) or Path(here, pins.PROJECT_FILE)
    return pins.user_file(context.environ)


def _show(options: Namespace, context: Context) -> int:
    here = context.here
    shared = load(context.environ, here).settings.programs.pins
    found = sorted(pins.in_force(here, context.environ, shared).values(), key=lambda pin: pin.agent)
    console = context.console
    for pin in found:
        if pin.agent not in registry.names():
            console.note(f"coders: warning: {printable(pin.where)}: no agent {pin.agent!r} here")
    if options.json:
        console.json(
            [{"agent": pin.agent, "version": pin.version, "from": pin.where} for pin in found]
        )
        return exits.FINE
    if not found:
        console.note("nothing is pinned; coders agents pin --help")
        return exits.FINE
    rows = [(pin.agent, pin.version, printable(pin.where)) for pin in found]
    for line in table.render(_COLUMNS, rows, console.width()):
        console.line(line)
    return exits.FINE
