"""``python -m coders_workers.merging REQUEST``: what a session of the agent ``merge`` runs.

Standard output carries one line, the answer; whatever a strategy prints goes to standard error.
Exits with 0 when the merge is as asked for, 1 when it is not, 2 for a request that is none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.merging import request, words
from coders_queue.merging.part import Part, parts_of
from coders_queue.merging.strategy import carry_out
from coders_workers.merging import strategies


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Merge what the request file and ``CODERS_INPUT`` say; the exit code."""
    # a plug-in, or what it calls, may print
    signal.signal(signal.SIGTERM, _end)  # so that what is under way is ended, too
    answer = os.dup(1)
    os.dup2(2, 1)
    result: dict[str, Any] | None = None
    problem: str | None = None
    code = 0
    try:
        result, problem = _merge(Path(argv[0]), environ)
        code = 0 if problem is None else 1
    except errors.UsageError as error:
        problem, code = str(error), 2
    except errors.CodersError as error:
        problem, code = str(error), 1
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
        problem, code = f"the strategy failed: {type(error).__name__}: {error}", 1
        traceback.print_exc()
    problem = None if problem is None else " ".join(problem.split())
    text = json.dumps({"result": result, "problem": problem})
    with os.fdopen(answer, "wb") as stream:
        stream.write(text.encode("ascii") + b"\n")
    if problem is not None:
        print(f"coders: error: {problem}", file=sys.stderr)
    return code


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _merge(file: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], str | None]:
    asked = json.loads(file.read_bytes())
    name, told = asked["argv"][0], asked["argv"][1:]
    strategy = strategies.find(name)
    options = words.parse(name, strategy.options, told)
    if strategy.needs == "worktree" and not asked["worktree"]:
        raise errors.UsageError(f"merge {name} needs a worktree of its own", "add --worktree HEAD")
    parts = _parts(environ)
    if strategy.needs != "nothing":
        request.check_hosts(name, parts)
    result, problem = carry_out(strategy, options, parts, file.parent)
    return result.model_dump(mode="python"), problem


def _parts(environ: Mapping[str, str]) -> tuple[Part, ...]:
    inputs = environ.get("CODERS_INPUT")
    return parts_of(json.loads(Path(inputs).read_bytes()) if inputs else [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
