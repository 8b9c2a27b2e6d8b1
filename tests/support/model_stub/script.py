"""What the stub answers, decided by words in the prompt; the same for every API.

``RUN:<command>`` asks for the shell tool with that command, ``SLOW:<seconds>`` spreads the answer
over that time, ``FAIL:<status>`` is an HTTP error, ``SAY:<text>`` is answered with that text (each
to the end of its line). A prompt that says that the task is in a file has that file read, as a
model would. Anything else gets the fixed answer. Knows no API's spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIXED_ANSWER = "The stub has read the prompt."
AFTER_TOOL = "The stub has seen the tool's result."

_POINTER = re.compile(r"task is in the file (/\S+)\. ")
_WORD = re.compile(r"\b(RUN|SLOW|FAIL|SAY):(.+)")


@dataclass(frozen=True)
class Say:
    """Answer with a text, spread over some seconds."""

    text: str
    seconds: float = 0.0


@dataclass(frozen=True)
class CallShell:
    """Ask the agent to run a command with its shell tool."""

    command: str


@dataclass(frozen=True)
class ReadFile:
    """Ask the agent to read the beginning of a file with its tool for that."""

    path: str


@dataclass(frozen=True)
class Refuse:
    """Answer with an HTTP error."""

    status: int


Action = Say | CallShell | ReadFile | Refuse


def decide(prompt: str, *, tool_result: bool) -> Action:
    """The answer to a prompt; ``tool_result`` when the agent reports back from a tool call."""
    if tool_result:
        return Say(AFTER_TOOL)
    pointer = _POINTER.search(prompt)
    if pointer is not None:
        return ReadFile(pointer[1])
    match = _WORD.search(prompt)
    if match is None:
        return Say(FIXED_ANSWER)
    word, rest = match[1], match[2].strip()
    if word == "RUN":
        return CallShell(rest)
    if word == "SAY":
        return Say(rest)
    number = re.match(r"\d+", rest)
    if number is None:
        return Say(FIXED_ANSWER)
    if word == "FAIL":
        return Refuse(int(number[0]))
    seconds = int(number[0])
    return Say(" ".join(f"part {i}" for i in range(1, 4 * seconds + 1)), seconds)
