"""The entry point: finds the command, runs it, and turns every error into a line and an exit code.

Errors go to standard error as ``coders: error: ...`` and, where there is a way out,
``  try: ...``. With ``--json`` standard output carries them too, as ``{"error": {kind, message,
hint, exit_code}}``, so that a program reads JSON whatever happens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from coders_queue import errors
from coders_queue.cli import exits, failure, grammar, lazy
from coders_queue.cli.catalog import COMMANDS
from coders_queue.cli.context import Context
from coders_queue.cli.parser import unknown_word


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if "_ARGCOMPLETE" in os.environ:
        lazy.complete()
    context = Context(os.environ)
    try:
        code = _run(words, context)
        context.console.out.flush()
    except errors.CodersError as error:
        return _failed(context, words, error)
    except KeyboardInterrupt:
        context.console.note("coders: interrupted")
        return exits.INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return exits.BROKEN_PIPE
    except SystemExit as stop:
        # argparse, after a help
        return stop.code if isinstance(stop.code, int) else exits.FINE
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback on a screen
        return _bug(context, words, error)
    return code


def _run(words: Sequence[str], context: Context) -> int:
    """Find the command and run it."""
    match list(words):
        case []:
            context.console.line(grammar.short_help())
            return exits.FINE
        case ["-h" | "--help" | "help"]:
            context.console.line(grammar.full_help())
            return exits.FINE
        case ["-V" | "--version", *_]:
            context.console.line(grammar.version_line())
            return exits.FINE
        case ["help", *names]:
            return _run([*names, "--help"], context)
        case [name, *rest]:
            return _command(name, rest, context)
    raise AssertionError(words)


def _command(name: str, words: Sequence[str], context: Context) -> int:
    entry = COMMANDS.get(name)
    if entry is None:
        if name.startswith("-"):
            raise errors.UsageError(
                f"there is no command before {name!r}",
                "options follow the command: coders ls --json",
            )
        raise unknown_word("command", name, COMMANDS, "coders --help")
    if entry.children:
        if words[:1] and words[0] in ("-h", "--help"):
            context.console.line(grammar.group_help(entry))
            return exits.FINE
        entry, words = grammar.child(entry, words)
    module = entry.load()
    parser = grammar.of_command(entry, module)
    if entry.verbatim:
        options = parser.parse_args([])
        options.words = list(words)
    else:
        options = grammar.read(entry, parser, words)
    return module.run(options, context)


def _failed(context: Context, words: Sequence[str], error: errors.CodersError) -> int:
    try:
        failure.report(context.console, words, error)
    except BrokenPipeError:
        _discard_output()
    return error.exit_code


def _bug(context: Context, words: Sequence[str], error: Exception) -> int:
    file = lazy.write_crash(context.environ, words[0] if words else "", context.correlation)
    where = f"report it with {file}" if file else "run it again where a file can be written"
    problem = failure.Bug(f"this is a bug in coders: {type(error).__name__}: {error}", where)
    return _failed(context, words, problem)


def _discard_output() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        # standard output is not a file here (an embedding program, a test)
        pass
    finally:
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
