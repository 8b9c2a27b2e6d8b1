"""The local stack, by the host side's own program: ``python -m coders_workers up``, ``down``, ...

The command line never imports the host side; this is the door.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, NoReturn

from coders_queue import errors
from coders_queue.cli.failure import AlreadySaid

#: Seconds that a start or stop of the whole stack may take on a slow machine.
LIMIT = 180.0


def program(*words: str) -> list[str]:
    """The argv of the host side's program.

    ``-P`` keeps the current directory out of the module path: people stand in repositories that
    hold a ``redis/`` or a ``celery/`` of their own.
    """
    return [sys.executable, "-P", "-m", "coders_workers", *words]


def up() -> dict[str, Any]:
    """Start what is not running; what it says about itself."""
    return _json_object("up")


def down() -> dict[str, Any]:
    """Stop the worker, beat and the embedded broker; sessions stay."""
    return _json_object("down")


def replace_with(*words: str) -> NoReturn:
    """Become the host side's program."""
    argv = program(*words)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(argv[0], argv)  # noqa: S606


def capture(words: Sequence[str], limit: float = 60.0) -> tuple[int, str]:
    """Run it and return its exit code and standard output."""
    # a file, not a pipe: a daemon it leaves behind may hold the descriptor open for ever
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                program(*words), stdin=subprocess.DEVNULL, stdout=output, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            raise errors.TimedOut(
                f"'coders {words[0]}' did not finish in {limit:g} s", "look at it: coders doctor"
            ) from None
        output.seek(0)
        return done.returncode, output.read().decode("utf-8", "replace")


def ask(words: Sequence[str], limit: float = LIMIT) -> Any:
    """What it answers to ``words`` with ``--json``. Raises AlreadySaid: it has told the user."""
    code, text = capture([words[0], "--json", *words[1:]], limit)
    return _answer(words[0], code, text)


def _json_object(verb: str) -> dict[str, Any]:
    answer = ask([verb])
    return answer if isinstance(answer, dict) else {}


def _answer(verb: str, code: int, text: str) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if code != 0:
        told = answer.get("error") if isinstance(answer, dict) else None
        if isinstance(told, dict):
            error = errors.from_wire(told)
            raise AlreadySaid(error.message, error.hint, code, str(told.get("kind")))
        raise AlreadySaid(f"'coders {verb}' failed with exit code {code}", "coders doctor", code)
    return answer
