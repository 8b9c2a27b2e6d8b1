"""What a screen of Claude Code's says, by structure and place, not by words anywhere on it.

The model may write any word that the tool itself uses; it cannot write at the left edge (its text
is indented), into the frame of the input box, below it, or into the title.
"""

from __future__ import annotations

import itertools
import re

from coders_queue.agents import shell_prompt
from coders_queue.agents.claude.layout import Layout, is_rule, lay_out
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation, ObservedState

_DEAD = re.compile(r"Pane is dead \(|\[exited\]|\[lost server\]")
_GLYPH = r"[·✢✳✶✻✽*∗]"
#: ``✻ Pondering… (12s · ↓ 40 tokens)``, at the left edge. When done there is no ellipsis.
_SPINNER = re.compile(_GLYPH + r" [^\s(][^(]*…( \(.*)?$")
#: ``✻ API error · Retrying in 2s · attempt 3/10``; ``⎿  API Error (...) · Retrying in 5 seconds…``
_RETRY = re.compile(
    rf"(?:{_GLYPH} |\s*⎿\s+)(?P<what>.*?)(?: ·|\.)? *[Rr]etrying in \d+ ?s.*attempt \d+/\d+"
)
#: The footer's hint; its words are cut on a narrow screen.
_INTERRUPT = re.compile(r"(^|· )\s*esc to (interrupt|stop)\b|\(esc to interrupt\)")
#: Frames of the spinner in the title from 2.1.3xx on; before, they are of dots.
_FRAMES = "◐◓◑◒"
#: ``Enter to confirm · Esc to cancel``: the last line of a question.
_KEYS = re.compile(r"(?P<hints>(Enter|Return|⏎) to \S.* · .*\bEsc to \S.*)")
_PROMPT = re.compile(r"[❯>] \S")
#: The command that ends it, sent.
_LEFT = re.compile(r"[❯>] /(exit|quit)\s*")
_DONE = re.compile(_GLYPH + r" [A-Z]\S* for \d")
#: Errors that the tool prints in place of an answer. Its own texts, at their own places.
_ERROR = re.compile(
    r"(?:● |\s*⎿\s+)(?P<what>API Error\b.*|Invalid API key\b.*|Credit balance( is)? too low\b.*"
    r"|Please run /login\b.*|OAuth token (has expired|revoked)\b.*|Connection error\b.*"
    r"|Request timed out\b.*|Prompt is too long\b.*|There's an issue with the selected model\b.*"
    r"|Failed to authenticate\b.*|Unable to connect to API\b.*|Not logged in\b.*)"
)
_LIMIT = re.compile(
    r"(?:● |\s*⎿\s+|\s*)(?P<what>(You've hit your (\S+ ){0,3}limit|You've reached your .{0,40}limit"
    r"|Claude( AI)? usage limit reached|(5-hour|Weekly|Opus weekly|Session) limit reached)"
    r"\b.*\breset.*)"
)
#: Menus of the tool's own start; all others are the running agent's.
_START = re.compile(
    r"trust (this|the files in this) folder|Do you trust the files|Accessing workspace"
    r"|Detected a custom API key|Choose the (text style|option that looks best)"
    r"|Select login method|in Bypass Permissions mode|Settings Error|new MCP servers? found"
    r"|Security notes:|Use Claude Code's terminal setup|Welcome to Claude Code|Let's get started",
    re.IGNORECASE,
)
#: An error that was given up, of a service that would take the request at another time.
_REFUSED_FOR_NOW = re.compile(
    r"API Error: (Repeated )?(429|529)\b|Request rejected \((429|529)\)|\boverloaded_error\b"
    r"|\brate_limit_error\b|\bOverloaded\b"
)
#: What the tool adds to an error that it quotes in JSON; anything else there is the model's talk.
_QUOTED = re.compile(r"API Error: [^{]*\{.*\}( ?·.*|\.)?")
_LIMIT_MENU = re.compile(r"wait for limit to reset|Stop and wait", re.IGNORECASE)


def observe(screen: Screen) -> Observation:
    """What it says; ``unknown`` where a screen alone cannot tell."""
    shown = screen.shown
    if not shown:
        return _say("starting")
    if any(_DEAD.match(line.strip()) for line in shown[-2:]):
        return _say("exited")
    layout = lay_out(screen)
    if layout.menu and layout.choices:
        return _menu(layout, screen)
    if layout.box is None:
        return _bare(layout, screen)
    return _conversation(layout, screen)


def _menu(layout: Layout, screen: Screen) -> Observation:
    text = "\n".join(layout.menu)
    state: ObservedState = "waiting"
    if _LIMIT_MENU.search(text):
        state = "rate_limited"
    elif _START.search(text) and not _in_conversation(layout, screen):
        state = "dialog"
    return _say(state, question=layout.question, choices=layout.choices)


def _in_conversation(layout: Layout, screen: Screen) -> bool:
    """Whether the tool is past its start: a prompt was sent, or it has set its title."""
    titled = screen.plain_title.startswith("✳ ") or _spinning(screen)
    return titled or any(_PROMPT.match(line) for line in layout.body)


def _asked_by_keys(layout: Layout, screen: Screen, hints: str, lines: int) -> Observation:
    """A question whose answers are keys: they are named in its last line."""
    rules = [place for place, line in enumerate(screen.shown) if is_rule(line)]
    asked = screen.shown[rules[-1] + 1 : -lines] if rules else ()
    state: ObservedState = "waiting"
    if _START.search("\n".join(asked)) and not _in_conversation(layout, screen):
        state = "dialog"
    question = next((line.strip() for line in asked if line.endswith("?")), None)
    choices = tuple(hint.strip() for hint in hints.split(" · "))
    return _say(state, question=question or (asked[0].strip() if asked else None), choices=choices)


def _bare(layout: Layout, screen: Screen) -> Observation:
    """Neither box nor menu: before the first picture, after the last, or another view."""
    last = screen.shown[-1].strip()
    if shell_prompt.returned(screen.shown):
        return _say("exited")
    if _spinning(screen):
        return _say("working")
    for lines in (1, 2, 3):  # a narrow screen breaks it
        joined = " ".join(line.strip() for line in screen.shown[-lines:])
        if (keys := _KEYS.fullmatch(joined)) is not None:
            return _asked_by_keys(layout, screen, keys["hints"], lines)
    if "Enter to continue" in last or _START.search("\n".join(screen.shown[-12:])):
        return _say("dialog", question=last)
    if any(line.startswith("claude --resume ") for line in screen.shown[-3:]):
        return _say("exited")
    if any("Claude Code" in line for line in screen.shown[:4]) and len(screen.shown) < 12:
        return _say("starting")
    return _say("unknown")


def _conversation(layout: Layout, screen: Screen) -> Observation:
    turn = _last_turn(layout.body)
    draft = layout.draft
    if len(turn) == 2 and _LEFT.fullmatch(turn[0]) and turn[1].startswith("  ⎿"):
        return _say("exited")  # it said goodbye, and left its last picture behind
    for line in reversed(turn):
        if (retry := _RETRY.match(line)) is not None:
            return _say("rate_limited", draft=draft, message=_tidy(retry["what"]))
    if _spinning(screen) or any(_INTERRUPT.search(line) for line in layout.footer):
        return _say("working", draft=draft)
    if _spinner_line(turn):
        return _say("working", draft=draft)
    if turn and _PROMPT.match(turn[0]) and len(turn) == _prompt_length(turn):
        return _say("working", draft=draft)  # sent, and nothing has come back yet
    for line in reversed(turn):
        if (limit := _LIMIT.fullmatch(line)) is not None and line.lstrip().startswith(("⎿", "●")):
            return _say("rate_limited", draft=draft, message=_tidy(limit["what"]))
    if (error := _failure(turn)) is not None:
        if _REFUSED_FOR_NOW.search(error):
            return _say("rate_limited", draft=draft, message=error)
        return _say("error", draft=draft, message=error)
    return _say("idle", draft=draft)


def _failure(turn: tuple[str, ...]) -> str | None:
    """The error that the tool printed in place of an answer, all its lines as one."""
    for place, line in enumerate(turn[1:], 1):
        if (error := _ERROR.fullmatch(line)) is None:
            continue
        more = list(itertools.takewhile(_goes_on, turn[place + 1 :]))
        told = _tidy(" ".join([error["what"], *more]))
        if "{" not in told or not told.startswith("API Error") or _QUOTED.fullmatch(told):
            return told
    return None


def _goes_on(line: str) -> bool:
    return line.startswith("  ") and "⎿" not in line


def _spinning(screen: Screen) -> bool:
    """Whether the title shows a frame of the spinner."""
    frame = screen.plain_title[:1]
    return "\u2801" <= frame <= "\u28ff" or (frame != "" and frame in _FRAMES)


def _last_turn(body: tuple[str, ...]) -> tuple[str, ...]:
    """From the last prompt that was sent to the end; all when none is to be seen."""
    for place in range(len(body) - 1, -1, -1):
        if _PROMPT.match(body[place]):
            return body[place:]
    return body


def _prompt_length(turn: tuple[str, ...]) -> int:
    """How many of the first lines are the prompt itself: its further ones are indented."""
    length = 1
    while length < len(turn) and turn[length].startswith("  ") and "⎿" not in turn[length]:
        length += 1
    return length


def _spinner_line(turn: tuple[str, ...]) -> bool:
    """Whether the tool's own line of being busy ends the turn; hints may hang below it."""
    for line in reversed(turn):
        if _SPINNER.match(line):
            return True
        if _DONE.match(line) or not line.startswith(" "):
            return False
    return False


def _tidy(text: str) -> str:
    return " ".join(text.split())[:300]


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
