"""What Codex's screen and title say.

The title turns a spinner while it works (from about 0.11 on) and says ``Action Required`` where it
asks; before, and where the user has set another title, the line over the input box tells. Where no
title is known, a turn that streams its answer shows by the lack of its last line. When the service
cannot be reached for a while (429, 529) it goes on trying: ``rate_limited`` all the same. When
a limit ends is made of its message by :meth:`Screen.timed`.
"""

from __future__ import annotations

import re

from coders_queue.agents.codex import layout, stream
from coders_queue.agents.codex.layout import Layout, Question
from coders_queue.agents.codex.traits import Traits
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation, ObservedState

_SPINNER = re.compile(r"[\u2801-\u28ff]")
_ACTION = re.compile(r"\[ . \] Action Required\b")
#: ``• Working (1m 02s • esc to interrupt)``, also with what it thinks of in place of the word.
_BUSY = re.compile(r"\S .*\((?:\d+h )?(?:\d+m )?\d+s • esc to interrupt\).*")
_FAILED = "■ "
_INTERRUPTED = "■ Conversation interrupted"
#: ``  Worked for <1s • 17:22``
_STAMP = re.compile(r"  Worked for .*\d[hms] • .*")
_DEAD = re.compile(r"Pane is dead \(.*")
#: What it leaves on the screen as it ends.
_GOODBYE = re.compile(r".*\bcodex resume [0-9a-f-]{36}\b.*|Token usage(?: so far)?: .*")
_GAVE_UP = re.compile(r"Error\b.*|.*: command not found")
#: What it asks while it runs, where the title does not tell.
_RUNNING = re.compile(
    r"Would you like to|Do you want to (?:allow|approve)|needs your approval|Allow .*\?"
    r"|Question \d+/\d+",
    re.IGNORECASE,
)
#: ``/ T R A N S C R I P T / / / /``: a person leafs through what was said.
_PAGER = re.compile(r"/ [A-Z](?: [A-Z])+ /.*")
_LOGO = re.compile(r"[\s\u2800-\u28ff]*")


def observe(screen: Screen, traits: Traits) -> Observation:
    """The state, and what is asked or typed."""
    parts = layout.parse(screen)
    title = screen.plain_title
    if parts.lines and _PAGER.match(parts.lines[0]):
        return _seen("working" if _SPINNER.search(title) else "unknown")
    if _is_over(parts):
        return _seen("exited")
    if parts.question is not None:
        return _asked(parts.question, title)
    if _ACTION.search(title):
        return _seen("waiting")
    if not parts.box:
        return _seen("starting" if _is_start(parts) else "unknown")
    if _is_working(parts, title, traits):
        message = " ".join(line.strip() for line in parts.last)
        limited = _BUSY.match(parts.last[0]) is not None if parts.last else False
        if limited and stream.is_limit(message):
            return _seen("rate_limited", parts, message=message)
        return _seen("working", parts)
    if _is_loading(parts, title):
        return _seen("starting")
    return _at_rest(parts)


def _at_rest(parts: Layout) -> Observation:
    first = parts.last[0] if parts.last else ""
    if not first.startswith(_FAILED) or first.startswith(_INTERRUPTED):
        return _seen("idle", parts)
    message = " ".join(line.strip() for line in parts.last)[len(_FAILED) :]
    limited = stream.is_limit(message)
    return _seen("rate_limited" if limited else "error", parts, message=message)


def _asked(question: Question, title: str) -> Observation:
    running = _ACTION.search(title) is not None or _RUNNING.search(question.above) is not None
    return Observation(
        state="waiting" if running else "dialog",
        source="screen",
        question=question.text or None,
        choices=question.choices,
    )


def _is_over(parts: Layout) -> bool:
    if not parts.lines:
        return False
    if _DEAD.fullmatch(parts.lines[-1]) or parts.foreign:
        return True
    if parts.box or parts.question is not None:
        return False
    return any(_GOODBYE.fullmatch(line) or _GAVE_UP.fullmatch(line) for line in parts.lines[-8:])


def _is_working(parts: Layout, title: str, traits: Traits) -> bool:
    if _SPINNER.search(title):
        return True
    busy = bool(parts.last) and _BUSY.fullmatch(parts.last[0]) is not None
    stamps = traits.stamps or any(_STAMP.fullmatch(line) for line in parts.lines)
    if not title and stamps and _is_open(parts):
        return True
    # its own title without a spinner: the line is one that the model wrote
    return busy and not _is_own(title, parts)


def _is_open(parts: Layout) -> bool:
    """Whether the last turn has no line under it that says how long it took."""
    if (parts.draft or "").startswith("/"):
        return False  # a menu stands over the box
    if not parts.last or not any(line.startswith("› ") for line in parts.lines[:-3]):
        return False
    return parts.last[0].startswith(("• ", "  ")) and not _STAMP.fullmatch(parts.last[-1])


def _is_own(title: str, parts: Layout) -> bool:
    """Whether the title is Codex's: it names the project, the last part of the footer's path."""
    paths = [word for line in parts.footer for word in line.split(" · ") if "/" in word]
    names = {path.strip().rstrip("/").rpartition("/")[2] for path in paths}
    return any(part.strip() in names for part in title.split("|"))


def _is_start(parts: Layout) -> bool:
    """Nothing yet, or only what it says before it draws its screen."""
    if not parts.lines:
        return True
    begun = parts.lines[0].startswith("WARNING: ") or any(_is_head(one) for one in parts.lines)
    return begun and not any(one.startswith(("• ", "■ ", "› ")) for one in parts.lines)


def _is_head(line: str) -> bool:
    return ">_ OpenAI Codex" in line


def _is_loading(parts: Layout, title: str) -> bool:
    """Whether the box is there, but what is entered is only kept for later."""
    head = next((index for index, line in enumerate(parts.lines) if _is_head(line)), None)
    if head is None or parts.draft is not None:
        return False
    behind = parts.lines[head + 1 : head + 4]
    if any(line.strip() == "loading" or "model:     loading" in line for line in behind):
        return True
    if parts.lines[head].startswith("│"):
        return False
    # the newer screen: until it is ready neither model nor directory are under the box
    rest = parts.lines[head + 2 :]
    alone = all(_LOGO.fullmatch(line) for line in rest[: -1 - len(parts.footer)])
    return alone and not any(" · " in line and "/" in line for line in parts.footer)


def _seen(
    state: ObservedState, parts: Layout | None = None, message: str | None = None
) -> Observation:
    return Observation(
        state=state, source="screen", draft=parts.draft if parts else None, message=message
    )
