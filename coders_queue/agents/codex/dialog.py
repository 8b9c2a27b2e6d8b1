"""Codex's questions as they can be answered: a choice's own letter or number, Escape to deny."""

from __future__ import annotations

import re

from coders_queue.agents.codex.layout import parse
from coders_queue.agents.dialog import Choice, Dialog, call_of, detail_of, meaning
from coders_queue.agents.screen import Screen
from coders_queue.models.approval import ToolCall

_PERMISSION = re.compile(
    r"Would you like to|Do you want to (?:allow|approve)|needs your approval|Allow .*\?", re.I
)
_EDITS = re.compile(r"make the following edits|apply .*(?:patch|changes)", re.I)
_FILE = re.compile(r"(?:[•└ ]*)(?P<path>\S+) \(\+\d+ -\d+\)")


def read(screen: Screen) -> Dialog | None:
    """The question on the screen; None when there is none."""
    question = parse(screen).question
    if question is None:
        return None
    permission = _PERMISSION.search(question.above) is not None
    choices = []
    for number, (text, key) in enumerate(zip(question.choices, question.keys, strict=True), 1):
        means = meaning(text, permission=permission)
        chosen = {"esc": "Escape", None: str(number) if number <= 9 else None}.get(key, key)
        choices.append(Choice(text=text, key=chosen, means=means))
    return Dialog(
        kind="permission" if permission else "question",
        question=question.text,
        choices=tuple(choices),
        detail=detail_of(question.lines),
        call=_call(question.lines) if permission else None,
        dismiss="Escape",
    )


def _call(lines: tuple[str, ...]) -> ToolCall | None:
    """A command is whole where it is one line, and the last thing over the choices."""
    text = [line.strip() for line in lines]
    while text and not text[-1]:
        text.pop()
    starts = [place for place, line in enumerate(text) if line.startswith("$ ")]
    if starts:
        command = [line for line in text[starts[0] :] if line]
        whole = len(command) == 1 and not command[0].endswith(("…", "..."))
        return call_of("shell", command="\n".join(command)[2:], whole=whole)
    if any(_EDITS.search(line) for line in text):
        paths = [found["path"] for line in text if (found := _FILE.fullmatch(line)) is not None]
        return call_of("apply_patch", path=paths[0] if len(paths) == 1 else None)
    return None
