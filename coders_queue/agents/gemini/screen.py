"""What a screen of Gemini CLI's says, and of its fork Qwen Code: by structure and place.

Text that the model wrote may quote any of the words looked for here; so they count only where the
tool itself writes them: in the line of status over the box, at the left edge of a message of the
tool's own, in a panel, in the title. That the model service refuses and is asked again and again
shows nowhere unless a line of status says so: it reads as ``working``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coders_queue.agents import shell_prompt
from coders_queue.agents.gemini import layout
from coders_queue.agents.gemini.layout import Layout
from coders_queue.agents.gemini.stream import unwrap
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation, ObservedState

#: How far in the line of status stands: answers are further in, or have a mark of their own.
_INDENT = 1
#: How far in the mark of a message stands.
_MARK = 0
_CANCEL = re.compile(r"\((?:[^()]* · )?esc to cancel(?:, [^()]*)?\)")
#: Marks of messages, which are no spinner.
_MARKS = "✦◆●✕✖⚠ℹ✓>*!?│┃╭╰(-"
_STATUS_LINES = 4
#: What the line of status says while the service is asked again and again.
_RETRYING = re.compile(
    r"Trying to reach .* \(Attempt \d+/\d+\)|taking a bit longer, we're still on it"
)
#: A message of the tool's own that says that a turn failed.
_ERROR = re.compile(r"(?P<indent> *)[✕✖]\s+(?P<text>\S.*)")
#: What may stand under it and is no new turn.
_NOTE = re.compile(r"\s{0,2}(?:[ℹ⚠●]\ufe0e?\s|\s{2,}\S|\? for shortcuts\s*$|\(Press|↻|Press )")
_HINT = re.compile(r"\s*\? for shortcuts|\s*ℹ.*")
_TURN = re.compile(r"\s{0,2}(?:[>*!✦◆]\ufe0e?\s)")
_LIMIT = re.compile(
    r"\b429\b|\b529\b|RESOURCE_EXHAUSTED|[Qq]uota|[Rr]ate.?limit|[Uu]sage limit|Too Many Requests"
)
#: A panel that asks how to go on after that.
_USED_UP = re.compile(r"[Uu]sage limit reached|[Qq]uota (?:exceeded|limit)|Keep trying|run out of")
#: Questions of the tool's own start, or of a command of the person's; never an agent's.
_START = re.compile(
    r"Do you trust|authenticat|Authentication|Get started|Terms of Serv|API [Kk]ey|Access Method"
    r"|Select Theme|Login|Sign in|log in|IDE|Privacy|editor|Coding Plan|Waiting for .*auth"
)
#: How answers to an agent that wants to use a tool start.
_ANSWERS = ("Allow once", "Allow for this", "Yes, allow", "Always allow", "No, suggest changes")
#: A question of the running agent's that no title tells.
_LOOP = re.compile(r"potential loop was detected|loop detection", re.IGNORECASE)
_WAITING = "Waiting for user confirmation"
_DEAD = re.compile(r"Pane is dead \(")
_FAREWELL = re.compile(
    r"Agent powering down|To (?:continue|resume) this session(?:,? run|:)|Goodbye!", re.IGNORECASE
)
_BANNER = re.compile(r"[▝▜▄▗▟▀█╗╝╔╚═║ ]{4,}|.*(?:Initializing|Loading|Starting)", re.IGNORECASE)
_PLACEHOLDERS = (
    "Type your message",
    "Type your shell command",
    "Press 'i' for INSERT",
    "Press 'Esc' for NORMAL",
    "Ask ",
)


def observe(screen: Screen) -> Observation:
    """What the screen shows."""
    return look(screen, _INDENT, _MARK, told_by(screen.plain_title))


def look(screen: Screen, indent: int, mark: int, title: ObservedState | None) -> Observation:
    """What the screen shows, given how far in its line of status and the marks of messages stand,
    and what the title tells."""
    if _is_over(screen):
        return _say("exited")
    if not screen.shown:
        return _say("starting")
    parts = layout.lay_out(screen)
    if parts.box is not None:
        return _with_box(parts, title, indent, mark)
    return _without_box(parts, screen, title, indent)


def _with_box(parts: Layout, title: ObservedState | None, indent: int, mark: int) -> Observation:
    draft = _draft(parts)
    status = _status(parts.body, indent)
    if status is not None:
        if _RETRYING.search(status):
            return _say("rate_limited", draft=draft, message=status)
        return _say("working", draft=draft)
    if title == "working":
        return _say("working", draft=draft)
    error = _last_error(parts.body, mark)
    if error is not None:
        state: ObservedState = "rate_limited" if _LIMIT.search(error) else "error"
        return _say(state, draft=draft, message=error)
    return _say("idle", draft=draft)


def _without_box(
    parts: Layout, screen: Screen, title: ObservedState | None, indent: int
) -> Observation:
    text = "\n".join(parts.panel)
    asked = bool(parts.choices)
    if asked and _LOOP.search(text):
        return _say("waiting", question=parts.question, choices=parts.choices)
    at_end = screen.shown[-1]
    if title == "waiting" or _WAITING in at_end:
        return _say("waiting", question=parts.question, choices=parts.choices)
    if _USED_UP.search(text) and asked:
        return _say("rate_limited", question=parts.question, choices=parts.choices)
    if any(choice.startswith(_ANSWERS) for choice in parts.choices):
        return _say("waiting", question=parts.question, choices=parts.choices)
    if _START.search(text) and (asked or "│" in at_end or "╯" in at_end or "┘" in at_end):
        return _say("dialog", question=parts.question, choices=parts.choices)
    if asked and title == "idle":
        # the tool's own: a question of the agent's is in the title
        return _say("dialog", question=parts.question, choices=parts.choices)
    if asked:
        return _say("waiting", question=parts.question, choices=parts.choices)
    if title == "working" or _status(parts.body, indent) is not None:
        return _say("working")
    if all(_BANNER.match(line) for line in screen.shown) or _is_banner(screen):
        return _say("starting")
    return _say("unknown")


def _is_over(screen: Screen) -> bool:
    lines = [line for line in screen.lines if line.strip()]
    if not lines:
        return False
    if _DEAD.match(lines[-1]) or shell_prompt.returned(lines):
        return True
    if any(_FAREWELL.match(line.strip(" │█")) for line in lines[-8:]):
        return layout.lay_out(screen).box is None
    return False


def _is_banner(screen: Screen) -> bool:
    return any("Gemini CLI v" in line or "Qwen Code (v" in line for line in screen.shown)


def told_by(title: str) -> ObservedState | None:
    """What the title tells. The questions of the first start call it ready."""
    if title.startswith(("✦", "⏲")):
        return "working"
    if title.startswith("✋"):
        return "waiting"
    return "idle" if title.startswith("◇") else None


def _status(body: Sequence[str], indent: int) -> str | None:
    """The line of status at the end of the body, when it says that work goes on.

    A narrow screen breaks it before its bracket or within.
    """
    tail = body[-_STATUS_LINES:]
    for number, line in enumerate(tail):
        text = line.lstrip()
        if len(line) - len(text) != indent or not text or text[0] in _MARKS:
            continue
        whole = " ".join(one.strip() for one in tail[number:])
        if _CANCEL.search(whole):
            return whole
    return None


def _last_error(body: Sequence[str], mark: int) -> str | None:
    """The error that the last turn ended in, when nothing came after it."""
    for number in range(len(body) - 1, -1, -1):
        line = body[number]
        match = _ERROR.fullmatch(line)
        if match is not None and len(match["indent"]) == mark:
            text = match["text"]
            for more in body[number + 1 :]:
                if not more.startswith("  ") or _TURN.match(more) or _HINT.fullmatch(more):
                    break
                text += " " + more.strip()
            return unwrap(text.split(" (Press ")[0])
        if _TURN.match(line) or not _NOTE.match(line):
            return None
    return None


def _draft(parts: Layout) -> str | None:
    if parts.box is None or parts.ghost:
        return None
    text = "\n".join(parts.box).strip()
    return None if not text or text.startswith(_PLACEHOLDERS) else text


def _say(
    state: ObservedState,
    *,
    draft: str | None = None,
    message: str | None = None,
    question: str | None = None,
    choices: tuple[str, ...] = (),
) -> Observation:
    return Observation(
        state=state,
        source="screen",
        draft=draft,
        message=message,
        question=question,
        choices=choices,
    )
