r"""What the stub does with a prompt, decided by words in it; the same for every API.

=============================== ==================================================================
``RUNTOOL:<command>``           asks for the shell tool (also ``RUN:``)
``WRITE:<path> <text>``         asks for the tool that writes a file
``EDIT:<path> <old> => <new>``  asks for the tool that edits one
``READ:<path>``                 asks for the tool that reads one
``ASK`` ``ASK:<question>``      asks for the tool that asks the person
``TOOL:<name> <json>``          asks for the tool whose name ends so, with these arguments; each
                                further one in its turn
``LOOP:<n>``                    asks for the same tool n times over
``ESC``                         with a shell tool that offers it: asks to leave the sandbox
``SAY:<text>``                  says that, with ``\n``, ``\t``, ``\\`` and ``\x1b`` understood
``JSON:<json>``                 answers with that, by the tool for structured output if there is one
``SLOW:<seconds>``              spreads the answer over that time
``THINK:<seconds>``             is silent that long before the first byte
``FAIL:<status>[:<n>[:<s>]]``   refuses with that status (n times, 0 for always; retry after s)
``HANG``                        never answers
``CUT``                         breaks the connection off in the middle of the answer
``GARBAGE``                     answers with what is neither JSON nor an event stream
=============================== ==================================================================

Words with a text take the rest of their line. A prompt that says that the task is in a file has
that file read, as a model would. Anything else gets the fixed answer. ``POST /_script`` sets the
same words from outside. Knows no API's spelling.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal

FIXED_ANSWER = "Stub says hi."
AFTER_TOOL = "Stub finished after the tool result."

ToolKind = Literal["shell", "write", "edit", "read", "ask", "named"]
Break = Literal["hang", "cut", "garbage"]

_LOOPED = "echo loop"
_QUESTION = "Which colour should it be?"
_POINTER = re.compile(r"task is in the file (/\S+)\. ")
_WORD = re.compile(
    r"\b(?:(?P<line>RUN|RUNTOOL|TOOL|WRITE|EDIT|READ|ASK|SAY|JSON):(?P<rest>[^\n]*)"
    r"|(?P<timed>SLOW|THINK|LOOP):(?P<value>\d+(?:\.\d+)?)"
    r"|FAIL:(?P<status>\d{3})(?::(?P<times>\d+))?(?::(?P<after>\d+))?"
    r"|(?P<bare>HANG|CUT|GARBAGE|ASK|ESC)\b)"
)
_BREAKS: dict[str, Break] = {"HANG": "hang", "CUT": "cut", "GARBAGE": "garbage"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([nrt\\]))")
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


@dataclass(frozen=True)
class Call:
    """Ask the agent to use one of its tools."""

    kind: ToolKind
    text: str
    """The command, path or question; of a named tool, the end of its name."""
    old: str = ""
    new: str = ""
    """What replaces ``old``, the whole content of a file written, or a named tool's arguments."""


@dataclass(frozen=True)
class Refusal:
    """Answer with an HTTP error."""

    status: int
    retry_after: int = 1
    """Seconds, where the status has it."""


@dataclass(frozen=True)
class Behaviour:
    """All that a prompt asks for."""

    text: str | None = None
    """What to say; None for the fixed answer."""
    json: str | None = None
    call: Call | None = None
    calls: int = 1
    """How often the tool is asked for."""
    then: tuple[Call, ...] = ()
    """Tools asked for after it, in order."""
    escalate: bool = False
    slow: float = 0.0
    think: float = 0.0
    refusal: Refusal | None = None
    times: int = 0
    """How often it is refused; 0 for always."""
    breaks: Break | None = None


@dataclass
class Rule:
    """Words set from outside, for prompts that contain ``match``."""

    match: str
    behaviour: Behaviour
    left: int | None = None
    """For how many more requests; None for all."""


@dataclass
class Script:
    """The rules, and how often which prompt was refused."""

    rules: list[Rule] = field(default_factory=list)
    _refused: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def clear(self) -> None:
        """Forget rules and counts."""
        self.rules.clear()
        self._refused.clear()

    def add(self, match: str, words: str, times: int | None = None) -> None:
        """A rule over the words of any prompt that contains ``match``; the newest wins."""
        self.rules.insert(0, Rule(match, parse(words), times))

    def decide(self, prompt: str, *, fresh: bool = True, side: bool = False) -> Behaviour:
        """What to do now.

        ``fresh``: the prompt is new, not a tool's result that follows it: only then does anything
        break. ``side``: a request without tools, such as one for a title.
        """
        behaviour = self._found(prompt, fresh)
        if not fresh:
            return replace(behaviour, think=0.0, refusal=None, breaks=None)
        if behaviour.refusal is not None and behaviour.times:
            key = (prompt, side)
            self._refused[key] += 1
            if self._refused[key] > behaviour.times:
                return Behaviour()
        return behaviour

    def _found(self, prompt: str, fresh: bool) -> Behaviour:
        for rule in self.rules:
            if rule.match in prompt and rule.left != 0:
                if rule.left is not None and fresh:
                    rule.left -= 1
                return rule.behaviour
        return parse(prompt)


def parse(prompt: str) -> Behaviour:
    """The words of a prompt."""
    if len(prompt) > 1 and prompt[0] == prompt[-1] == '"':
        # opencode 1.18 quotes what it got as one argument
        prompt = prompt[1:-1]
    pointer = _POINTER.search(prompt)
    if pointer is not None:
        return Behaviour(call=Call("read", pointer[1]))
    behaviour = Behaviour()
    for match in _WORD.finditer(prompt):
        behaviour = _with(behaviour, match)
    if behaviour.calls > 1 and behaviour.call is None:
        behaviour = replace(behaviour, call=Call("shell", _LOOPED))
    return behaviour


def unescape(text: str) -> str:
    r"""``\x1b`` and its like as the characters they stand for."""

    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _PLAIN_ESCAPES[match[3]]

    return _ESCAPE.sub(one, text)


def _with(behaviour: Behaviour, match: re.Match[str]) -> Behaviour:
    if match["line"]:
        return _line(behaviour, match["line"], match["rest"].strip())
    if match["timed"]:
        number = float(match["value"])
        if match["timed"] == "LOOP":
            return replace(behaviour, calls=int(number))
        if match["timed"] == "SLOW":
            return replace(behaviour, slow=number)
        return replace(behaviour, think=number)
    if match["status"]:
        refusal = Refusal(int(match["status"]), int(match["after"] or 1))
        return replace(behaviour, refusal=refusal, times=int(match["times"] or 0))
    if match["bare"] == "ASK":
        return replace(behaviour, call=Call("ask", _QUESTION))
    if match["bare"] == "ESC":
        return replace(behaviour, escalate=True)
    return replace(behaviour, breaks=_BREAKS[match["bare"]])


def _line(behaviour: Behaviour, word: str, rest: str) -> Behaviour:
    if word == "SAY":
        return replace(behaviour, text=unescape(rest))
    if word == "JSON":
        return replace(behaviour, json=rest)
    if word in ("RUN", "RUNTOOL"):
        return replace(behaviour, call=Call("shell", rest))
    if word == "ASK":
        return replace(behaviour, call=Call("ask", rest or _QUESTION))
    path, _, text = rest.partition(" ")
    if word == "TOOL":
        call = Call("named", path, new=text or "{}")
        if behaviour.call is None:
            return replace(behaviour, call=call)
        return replace(behaviour, then=(*behaviour.then, call))
    if word == "READ":
        return replace(behaviour, call=Call("read", path))
    if word == "WRITE":
        return replace(behaviour, call=Call("write", path, new=unescape(text)))
    old, _, new = text.partition(" => ")
    return replace(behaviour, call=Call("edit", path, unescape(old), unescape(new)))
