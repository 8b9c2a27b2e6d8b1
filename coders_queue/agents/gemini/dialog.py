"""Gemini CLI's panels, and Qwen Code's, as they can be answered: numbers choose, Escape denies."""

from __future__ import annotations

import re

from coders_queue.agents.dialog import Choice, Dialog, call_of, detail_of, meaning
from coders_queue.agents.gemini.layout import lay_out
from coders_queue.agents.screen import Screen
from coders_queue.models.approval import ToolCall

_ANSWERS = ("Allow once", "Allow for this", "Yes, allow", "Always allow", "No, suggest changes")
_CHOICE = re.compile(r"\s*(?P<mark>[●›❯◉>])?\s*(?P<number>\d{1,2})\.\s+(?P<text>\S.*)")
_FRAME = re.compile(r"[\s│┃╭╮╰╯─━┌┐└┘]*")
_HEAD = re.compile(r"\s*\?\s+(?P<tool>[A-Za-z_][\w-]*)\s+(?P<about>\S.*)")
_SHELL = ("Shell", "run_shell_command")
_WRITES = re.compile(r"(?:Writing to|Edit:?) (?P<path>\S+)|(?P<edited>\S+): ")


def read(screen: Screen) -> Dialog | None:
    """The panel on the screen; None when there is none that numbers answer."""
    parts = lay_out(screen)
    if parts.box is not None or not parts.choices or parts.question is None:
        return None
    texts = parts.choices
    permission = any(text.startswith(_ANSWERS) for text in texts)
    numbered = [found for line in parts.panel if (found := _CHOICE.match(line)) is not None]
    if len(numbered) < len(texts):
        return None
    choices = []
    for number, text in enumerate(texts, 1):
        means = meaning(text, permission=permission)
        key = "Escape" if means == "deny" else str(number) if number <= 9 else None
        choices.append(Choice(text=text, key=None if means == "write" else key, means=means))
    first = max(place for place, line in enumerate(parts.panel) if _is_first(line))
    lines = [line for line in parts.panel[:first] if not _FRAME.fullmatch(line)]
    heads = [place for place, line in enumerate(lines) if _HEAD.fullmatch(_unframed(line))]
    above = lines[heads[-1] :] if heads else lines  # one without a frame begins with its head
    marked = next((found["text"] for found in reversed(numbered) if found["mark"]), "")
    return Dialog(
        kind="permission" if permission else "question",
        question=parts.question,
        choices=tuple(choices),
        detail=detail_of([_unframed(line) for line in above if parts.question not in line]),
        call=_call(above, parts.question) if permission else None,
        dismiss="Escape",
        busy=meaning(marked, permission=False) == "write" and not permission,
    )


def _is_first(line: str) -> bool:
    found = _CHOICE.match(line)
    return found is not None and found["number"] == "1"


def _unframed(line: str) -> str:
    return re.sub(r"^\s{0,2}[│┃] ?|\s*[│┃]\s*$", "", line)


def _call(above: list[str], question: str) -> ToolCall | None:
    lines = [_unframed(line).strip() for line in above]
    for place, line in enumerate(lines):
        head = _HEAD.fullmatch(line)
        if head is None:
            continue
        tool, about = head["tool"], head["about"]
        if tool not in _SHELL:
            file = _WRITES.match(about)
            path = (file["path"] or file["edited"]) if file is not None else None
            return call_of(tool, path=path, whole=path is not None and "…" not in about)
        shown = [one for one in lines[place + 1 :] if one and one != question]
        # the panel's own line begins with the command, and the field below holds it whole
        whole = len(shown) == 1 and (about == shown[0] or about.startswith(f"{shown[0]} ["))
        return call_of(tool, command="\n".join(shown) or about, whole=whole)
    return None
