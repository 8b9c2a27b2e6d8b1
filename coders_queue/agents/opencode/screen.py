"""What a screen of opencode's says, by structure and place, not by words anywhere on it.

The box goes when the agent asks something; below it stands whether the agent works. The title says
nothing of that.
"""

from __future__ import annotations

import re

from coders_queue.agents.opencode.layout import Layout, lay_out
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation, ObservedState

_DEAD = re.compile(r"Pane is dead \(|\[exited\]|\[lost server\]")
#: At the left edge, where opencode itself writes nothing.
_SHELL_PROMPT = re.compile(r"[^\s┃╹█▀▄■⬝].{0,120}[$#%❯]\s?$|[$#%❯]\s?$")
_RESUME = re.compile(r"\s*Continue\s+opencode -s ses_")
_INTERRUPT = re.compile(r"\besc (again to )?inter|\besc again\b|\besc inte?r?r?u?p?t?$")
#: The spinner; a message runs into it.
_FRAME = re.compile(r"^\s*[■⬝]")
_RETRY = re.compile(r"\[?retrying\b|\battempt #\d", re.IGNORECASE)
_LIMITED = re.compile(
    r"rate.?limit|too many requests|\b429\b|quota|usage limit|rate increased too quickly"
    r"|overloaded|\b529\b",
    re.IGNORECASE,
)
_PERMISSION = re.compile(r"^△\s+(?P<what>.+)$")
_QUESTION_KEYS = re.compile(r"\benter (submit|confirm|toggle)|\besc dismiss|↑↓ select")
_NUMBERED = re.compile(r"\s*(?:\d{1,2}\.|\[[ ✓x]\])\s+(?:\[[ ✓x]\]\s+)?(?P<text>\S.*?)(\s+✓)?$")
_ALTERNATIVES = ("Allow once", "Allow always", "Reject", "Confirm", "Cancel")
#: What tools have right of their bar.
_TOOL = re.compile(r"[$#→←⚙✱%◇◈│└✓•~⠀-⣿]|\S+ …")
#: ``▣  Build · Model · 3.6s`` ends a turn; without the time it goes on or has failed.
_TURN = re.compile(r"\s*▣ ")
_UNFINISHED = re.compile(r"\s*▣ +[^·]+· [^·]+")
#: The conversation's name at the top of the screen, in versions before 1.2.
_HEADER = re.compile(r"\s*┃(  # .*)?$")


def observe(screen: Screen) -> Observation:
    """What it says; ``unknown`` where a screen alone cannot tell."""
    shown = screen.shown
    if not shown:
        return _say("starting")
    if any(_DEAD.match(line.strip()) for line in shown[-2:]):
        return _say("exited")
    if any(_SHELL_PROMPT.match(line) for line in shown):
        return _say("exited")
    layout = lay_out(screen)
    if layout.box is not None:
        return _conversation(layout)
    if any(_RESUME.match(line) for line in shown):
        return _say("exited")
    if layout.ask:
        return _asked(layout)
    return _say("starting" if any("█▀▀" in line for line in shown) else "unknown")


def _asked(layout: Layout) -> Observation:
    text = [line for one in layout.ask if (line := _column(one.strip()))]
    for place, line in enumerate(text):
        if (permission := _PERMISSION.match(line)) is not None:
            about = text[place + 1] if place + 1 < len(text) else ""
            about = about.removeprefix("# ")
            told = [one for one in text[place + 2 :] if one.startswith("$ ")][:1]
            return _say(
                "waiting",
                question=": ".join(one for one in (permission["what"], *(told or [about])) if one),
                choices=_alternatives(text[place + 1 :]),
            )
    if any(_QUESTION_KEYS.search(line) for line in text[-2:]):
        choices = tuple(
            match["text"] for line in text if (match := _NUMBERED.match(line)) is not None
        )
        question = next((line for line in text if not _NUMBERED.match(line)), None)
        return _say("waiting", question=question, choices=choices)
    return _say("unknown")


def _alternatives(lines: list[str]) -> tuple[str, ...]:
    for line in reversed(lines):
        found = [one for one in _ALTERNATIVES if re.search(rf"(^|\s{{2,}}){one}(\s{{2,}}|$)", line)]
        if found:
            return tuple(sorted(found, key=line.index))
    return ()


def _column(text: str) -> str:
    """Without what stands far right of it."""
    return re.split(r"\s{4,}", text)[0].strip()


def _conversation(layout: Layout) -> Observation:
    draft = layout.draft
    footer = " ".join(layout.footer)
    # a message of the spinner's own first: where it leaves room, the hint stands beside it
    if _RETRY.search(footer) or (_framed(layout) and not _INTERRUPT.search(footer)):
        message = " ".join(re.sub("[■⬝]|esc (again to )?interrupt", " ", footer).split())
        if _LIMITED.search(message):
            return _say("rate_limited", draft=draft, message=message[:300])
        return _say("working", draft=draft, message=message[:300] or None)
    if any(_INTERRUPT.search(line) for line in layout.footer):
        return _say("working", draft=draft)
    error = _error(layout.body)
    if error is not None:
        return _say("error", draft=draft, message=error)
    return _say("idle", draft=draft)


def _framed(layout: Layout) -> bool:
    return bool(layout.footer) and _FRAME.match(layout.footer[0]) is not None


def _error(body: tuple[str, ...]) -> str | None:
    """The text of an error that ends the conversation: bars that are neither prompt nor tool.

    An error follows the prompt's own bars, or a text; a prompt follows the end of a turn.
    """
    lines = [line for line in body if line.strip()]
    if lines and _UNFINISHED.fullmatch(lines[-1]):
        lines.pop()
    place = len(body)
    while place and not (body[place - 1].strip() and body[place - 1] in lines[-1:]):
        place -= 1
    block: list[str] = []
    while place and body[place - 1].lstrip().startswith("┃"):
        place -= 1
        block.insert(0, body[place].lstrip().removeprefix("┃").strip())
    text = [line for line in block if line]
    before = [line for line in body[:place] if line.strip()]
    if not text or not before or _TOOL.match(text[0]):
        return None
    if _TURN.match(before[-1]) or all(_HEADER.match(line) for line in before):
        return None
    return " ".join(" ".join(text).split())[:300]


def _say(
    state: ObservedState,
    *,
    question: str | None = None,
    choices: tuple[str, ...] = (),
    draft: str | None = None,
    message: str | None = None,
) -> Observation:
    return Observation(
        state=state,
        source="screen",
        question=question,
        choices=choices,
        draft=draft,
        message=message,
    )
