"""``user_worker``'s tasks as an agent: ``peer_agent.py NOTES NAME [ARG]``, input in CODERS_INPUT.

A broker that dies swallows messages of tasks that are not ours; where it dies, these take their
part. What one of them prints, ``value`` reads again.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

#: How the output of such an agent begins.
MARK = "peer:"


def value(found: Any) -> Any:
    """What came of a task: of one of these agents, what it printed; else as it is."""
    if isinstance(found, list):
        return [value(one) for one in found]
    if isinstance(found, dict) and str(found["output"]).startswith(MARK):
        return json.loads(found["output"].removeprefix(MARK))
    return found


def said(outcome: Any) -> str:
    """What the agent printed."""
    return (
        outcome if isinstance(outcome, str) else f"{outcome['state']}:{outcome['output'].strip()}"
    )


def flat(found: Any) -> list[Any]:
    """The leaves of nested lists."""
    return [leaf for one in found for leaf in flat(one)] if isinstance(found, list) else [found]


def main(notes: Path, name: str, *args: str) -> None:
    """Do what the task of that name does."""
    given = value(json.loads(Path(os.environ.get("CODERS_INPUT", os.devnull)).read_text() or "[]"))
    made: Any
    if name == "add":
        made = sum(map(int, args))
    elif name == "said":
        made = said(given[0])
    elif name == "collect":
        made = sorted(said(one) for one in flat(given[0]))
    else:  # a link or an errback
        made = said(given[0])
    if name in {"collect", "linked", "failed"}:
        with (notes / args[0]).open("a") as file:
            file.write((",".join(made) if isinstance(made, list) else made) + "\n")
    print(MARK + json.dumps(made))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
