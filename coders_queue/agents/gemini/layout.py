"""How a screen of Gemini CLI's, or of its fork Qwen Code, is laid out.

From the bottom: a footer, the input box, a line of status, the conversation. While something is
asked there is no box, but a panel with choices at the end. Finds the parts by their place and
frame; what they mean is :mod:`screen`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coders_queue.agents.screen import Screen

#: The line over the box, from edge to edge.
_RULE = re.compile(r"[─━]{16,}")
#: The halves of a painted frame, where the terminal has true colour.
_PAINTED = re.compile(r"[▄▀]{16,}")
#: The first line in the box: its mark tells the mode (``>`` ask, ``*`` everything allowed, ``!``
#: commands).
_BOX_START = re.compile(r"(?: | {0,2}│ )?(?P<mark>[>*!?]|\(r:\))(?: (?P<text>.*)|)")
#: The line of the approval mode, between rule and box.
_BETWEEN = 3
#: A box may hold this many lines, and be followed by as many of a menu of commands.
_DEEPEST = 40
_EDGE = re.compile(r"[│┃▌█▐▕]+\s*$")
_BORDER = re.compile(r"\s*[╭┌╰└][─━]{8,}[╮┐╯┘]?\s*[│█]?")
_TOP = re.compile(r"\s{0,3}[╭┌][─━]{8,}")
_CHOICE = re.compile(r"\s*(?P<mark>[●›❯◉>])?\s*(?P<number>\d{1,2})\.\s+(?P<text>\S.*)")
_MARKED = re.compile(r"\s*[●›❯◉]\s+(?P<text>\S.*)")
_COLOURS = r"(?:\x1b\[[\d;]*m)*"
_GHOST = re.compile(
    rf"[>*!]{_COLOURS} {_COLOURS}\x1b\[(?:4|48;[\d;]+)m{_COLOURS}[^ ]{_COLOURS}\x1b\[38;[\d;]+m"
)


@dataclass(frozen=True)
class Layout:
    """The parts of a screen."""

    body: tuple[str, ...]
    """The conversation and the status line: all lines above the box that are not empty."""
    box: tuple[str, ...] | None
    """The lines in the input box, without its mark; None when there is no box."""
    footer: tuple[str, ...]
    """The lines below the box."""
    panel: tuple[str, ...]
    """The lines of an open panel at the end of a screen without a box, without their frame. Empty
    ones stay."""
    ghost: bool = False
    """Whether the text in the box is the tool's own, by its colour."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that the panel offers."""
        return tuple(text for _, text in _choices(self.panel))

    @property
    def question(self) -> str | None:
        """What the panel asks: the last question above its choices, else the last line there.

        Without choices it is the heading: what is typed below it may be a key.
        """
        found = _choices(self.panel)
        if not found:
            lines = (line.strip(" ?") for line in self.panel)
            return next((line for line in lines if line), None)
        above = [line for line in (one.strip() for one in self.panel[: found[0][0]]) if line]
        asking = [line for line in above if line.endswith("?")]
        chosen = asking or above
        return chosen[-1] if chosen else None


def lay_out(screen: Screen) -> Layout:
    """The parts of a screen."""
    lines = [line.replace("\xa0", " ").replace("\u200b", "").rstrip() for line in screen.lines]
    start = _box(lines)
    if start is None:
        return Layout(
            body=tuple(bare(line) for line in lines if line),
            box=None,
            footer=(),
            panel=_panel(lines),
        )
    rule, first = start
    end = _box_end(lines, first)
    head = _BOX_START.match(bare(lines[first]))
    text = (head["text"] or "") if head is not None else ""
    box = (text.strip(), *(bare(line).strip() for line in lines[first + 1 : end]))
    return Layout(
        body=tuple(bare(line) for line in lines[:rule] if line),
        box=box,
        footer=tuple(line for line in lines[end:] if line and not _PAINTED.fullmatch(line)),
        panel=(),
        ghost=_is_ghost(screen, first),
    )


def bare(line: str) -> str:
    """A line without the scroll bar or frame at its right edge."""
    return _EDGE.sub("", line).rstrip()


def _box(lines: list[str]) -> tuple[int, int] | None:
    """The numbers of the lines with the rule over the box and with its first line."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if not filled or _BORDER.fullmatch(lines[filled[-1]]):
        return None
    for rule in range(len(lines) - 1, -1, -1):
        if not _RULE.fullmatch(lines[rule].strip()) or filled[-1] - rule > _DEEPEST:
            continue
        following = [number for number in filled if number > rule][: _BETWEEN + 1]
        for number in following:
            if _RULE.fullmatch(lines[number].strip()):
                break
            if _BOX_START.fullmatch(bare(lines[number])):
                below = lines[number + 1 :]
                return None if _has_panel(below) else (rule, number)
    return None


def _box_end(lines: list[str], first: int) -> int:
    """The number of the first line below the box."""
    for number in range(first + 1, len(lines)):
        line = lines[number].strip()
        framed = _RULE.fullmatch(line) or _PAINTED.fullmatch(line)
        if framed or not line or not lines[number].startswith("  "):
            return number
    return len(lines)


def _has_panel(lines: list[str]) -> bool:
    return any(_TOP.match(line) for line in lines)


def _panel(lines: list[str]) -> tuple[str, ...]:
    """The lines of the last panel, or of the last list of choices where it has no frame."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    start = end
    for number in range(end - 1, -1, -1):
        if _TOP.match(lines[number]) and not lines[number].lstrip().startswith(("╰", "└")):
            start = number
            if not lines[number].startswith(("│", " │", "  │")):
                break
    if start == end:
        # the frame's top is out of sight, or there is none
        start = max(0, end - _DEEPEST)
    unframed = (re.sub(r"^\s{0,3}[│┃]", "", bare(line)) for line in lines[start:end])
    return tuple(line for line in unframed if not _BORDER.fullmatch(line))


def _choices(panel: tuple[str, ...]) -> list[tuple[int, str]]:
    """The last list in the panel that counts up from 1, or, failing that, what is marked."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(panel):
        match = _CHOICE.match(line)
        if match is None:
            continue
        count = int(match["number"])
        if count == 1:
            found = []
        if count == len(found) + 1:
            found.append((number, match["text"].strip()))
    if found:
        return found
    return _unnumbered(panel)


def _unnumbered(panel: tuple[str, ...]) -> list[tuple[int, str]]:
    """The marked answer, and the paragraphs that start in the same column."""
    marks = [(number, _MARKED.match(line)) for number, line in enumerate(panel)]
    marked = [(number, match) for number, match in marks if match is not None]
    if not marked:
        return []
    first, match = marked[-1]
    column = match.start("text")
    found = []
    for number, line in enumerate(panel):
        starts = number == 0 or not panel[number - 1].strip()
        inner = line[column : column + 1].strip() and not line[:column].strip()
        if number == first or (starts and inner and number > 0):
            found.append((number, line[column:].strip()))
    return found


def _is_ghost(screen: Screen, number: int) -> bool:
    """Whether the text in the box is a suggestion: it starts under the cursor, in its own colour.

    Only a screen captured with its colours can tell.
    """
    raw = screen.text.replace("\r\n", "\n").split("\n")
    return number < len(raw) and _GHOST.search(raw[number]) is not None
