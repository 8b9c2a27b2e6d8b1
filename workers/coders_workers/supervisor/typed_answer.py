"""Checking an answer against its schema in a process of its own, which may be ended.

A schema comes with the request and the answer from a model: a pattern, or references that double at
every step, can take for ever, and a pattern lets no other thread of this process run meanwhile.
What is valid is :mod:`coders_queue.agents.answer`'s.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

from coders_queue.agents import answer

#: How long a check may take, seconds; its process takes most of one on a busy machine to start.
PATIENCE = 20.0
#: How many seconds of a processor it may take: it ends itself, should this process be gone.
_PROCESSOR = 15


def typed(result: Any, schema: dict[str, Any], patience: float = PATIENCE) -> Any:
    """The answer as data that is valid under the schema. Raises WrongAnswer."""
    try:
        asked = json.dumps({"answer": result, "schema": schema}).encode()
    except (ValueError, RecursionError) as error:
        raise answer.WrongAnswer(f"it cannot be written as JSON: {error}") from None
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=asked,
            capture_output=True,
            cwd="/",
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise answer.WrongAnswer(
            f"its check took over {patience:g} s and was stopped: simplify the schema's patterns "
            "and references"
        ) from None
    try:
        told = json.loads(done.stdout)
    except (ValueError, RecursionError):
        raise answer.WrongAnswer(
            f"its check ended with status {done.returncode}: simplify the schema"
        ) from None
    if "wrong" in told:
        raise answer.WrongAnswer(told["wrong"])
    return told["value"]


def main() -> None:
    """The process: reads both, writes the value or what is wrong."""
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR, _PROCESSOR))
    asked = json.load(sys.stdin.buffer)
    told: dict[str, Any]
    try:
        told = {"value": answer.typed(asked["answer"], asked["schema"])}
    except answer.WrongAnswer as error:
        told = {"wrong": str(error)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
