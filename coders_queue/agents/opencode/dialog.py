"""opencode's questions for leave as they can be answered: Enter for what is marked, Escape to deny.

Its choices have no keys of their own. Which one is marked shows by its colours alone, so that a
screen without them gives none a key.
"""

from __future__ import annotations

import re

from coders_queue.agents.dialog import Choice, Dialog, call_of, detail_of, meaning
from coders_queue.agents.opencode import screen as look
from coders_queue.agents.opencode.layout import lay_out
from coders_queue.agents.screen import Screen
from coders_queue.models.approval import ToolCall

_FILE = re.compile(r"→ (?:Edit|Write) (?P<path>\S.*)")
#: The end of what is asked: the choices' own line.
_CHOICES = re.compile(r"\s*Allow once\s{2,}")


def read(screen: Screen) -> Dialog | None:
    """The question for leave; None for any other, and when there is none."""
    seen = look.observe(screen)
    if seen.state != "waiting" or seen.choices[:1] != ("Allow once",) or seen.question is None:
        return None
    marked = [one for one in seen.choices if _is_marked(screen, one)]
    choices = []
    for text in seen.choices:
        means = meaning(text, permission=True)
        key = "Escape" if means == "deny" else "Enter" if marked == [text] else None
        choices.append(Choice(text=text, key=key, means=means))
    lines = []
    for line in lay_out(screen).ask:
        if _CHOICES.match(line):
            break
        lines.append(line)
    return Dialog(
        kind="permission",
        question=seen.question,
        choices=tuple(choices),
        detail=detail_of(lines),
        call=_call([line.strip() for line in lines if line.strip()]),
        dismiss="Escape",
    )


def _is_marked(screen: Screen, text: str) -> bool:
    """Whether its background begins one blank before it."""
    form = rf"\x1b\[(?:\d+;)*48;[\d;]+m (?:\x1b\[[\d;]*m)*{re.escape(text)}(?:\x1b\[[\d;]*m)* "
    return re.search(form, screen.text) is not None


def _call(lines: list[str]) -> ToolCall | None:
    """A command is whole where it is one line, and the last."""
    starts = [place for place, line in enumerate(lines) if line.startswith("$ ")]
    if starts:
        command = lines[starts[0] :]
        whole = len(command) == 1 and not command[0].endswith(("…", "..."))
        return call_of("bash", command="\n".join(command)[2:], whole=whole)
    for line in lines:
        if (file := _FILE.fullmatch(line)) is not None:
            return call_of("edit", path=file["path"], whole="…" not in file["path"])
    return None
