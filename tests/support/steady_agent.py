"""An agent that can be resumed, for tests: it works in steps, each written into its conversation.

``steady_agent.py DIRECTORY PROMPT [--resume ID]``: a prompt ``work N PAUSE`` is N steps, a pause
before each, seconds; any other prompt goes on with what is left. Every step is one line of
``DIRECTORY/ledger`` (``<conversation> step <n> <pid>``), appended in one write, and one of the
conversation's file, so that a step that was done is never done again. A prompt that says ``fall``
ends it by SIGKILL after a step of each of the first runs, as many as it names; one that says
``hang`` has it do nothing any more there.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any

DESCRIPTION = """\
name = "steady"
program = "{python}"
version = []
pass_env = ["STEADY_*"]

[headless]
prompt = "argument"
argv = ["{script}", "{directory}", "{{task}}"]
resume = ["--resume", "{{resume}}"]

[headless.output]
format = "jsonl"
[[headless.output.lines]]
when = {{ "/type" = "begin" }}
conversation = "/conversation"
[[headless.output.lines]]
when = {{ "/type" = "end" }}
done = true
result = "/result"
usage = {{ input = "/input", output = "/output" }}
"""


def describe(agents: Path, directory: Path) -> None:
    """Write the file that makes it an agent of whoever reads ``agents``."""
    agents.mkdir(parents=True, exist_ok=True)
    text = DESCRIPTION.format(
        python=sys.executable, script=Path(__file__).resolve(), directory=directory
    )
    (agents / "steady.toml").write_text(text)


def ledger(directory: Path) -> list[tuple[str, int, int]]:
    """Conversation, step and process of every step that was done, in order."""
    try:
        lines = (directory / "ledger").read_text().splitlines()
    except FileNotFoundError:
        return []
    words = [line.split() for line in lines]
    whole = [one for one in words if len(one) == 4 and one[1] == "step"]
    return [(one[0], int(one[2]), int(one[3])) for one in whole]


def _append(path: Path, text: str) -> None:
    """Have the text on a line of its own. What a full disk takes of it is not whole and counts as
    nothing: it is written again when there is room."""
    data = f"\n{text}\n".encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        with contextlib.suppress(OSError):
            if os.write(descriptor, data) == len(data):
                break
        time.sleep(0.1)
    os.close(descriptor)


def _entries(place: Path) -> list[dict[str, Any]]:
    found = []
    for line in place.read_text().splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def main(argv: list[str]) -> None:
    """One run."""
    directory, prompt = Path(argv[0]), argv[1]
    conversation = argv[argv.index("--resume") + 1] if "--resume" in argv else str(uuid.uuid4())
    place = directory / f"{conversation}.jsonl"
    if "--resume" in argv and not place.exists():
        sys.exit(f"no conversation {conversation}")
    _append(place, json.dumps({"prompt": prompt, "pid": os.getpid()}))
    print(json.dumps({"type": "begin", "conversation": conversation}), flush=True)
    entries = _entries(place)
    words = next(one["prompt"] for one in entries if one.get("prompt", "").startswith("work"))
    _, steps, pause, *rest = words.split()
    done = sum("step" in one for one in entries)
    runs = sum("prompt" in one for one in entries)
    for number in range(done + 1, int(steps) + 1):
        time.sleep(float(pause))
        _append(place, json.dumps({"step": number}))
        _append(directory / "ledger", f"{conversation} step {number} {os.getpid()}")
        if rest[:1] == ["fall"] and runs <= int(rest[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        if rest[:1] == ["hang"] and runs <= int(rest[1]):
            time.sleep(3600)
    end = {"type": "end", "result": f"{steps} steps", "input": 10, "output": 1}
    print(json.dumps(end), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
