"""How a screen of Claude Code's is laid out: conversation, input box, footer, or a menu.

Finds the parts by their place and frame; what they mean is :mod:`screen`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coders_queue.agents.screen import Screen, plain

#: A frame line of the box or above a menu. It may carry a label: the session's name.
_RULE = re.compile(r"[─━╌]{3,}.*[─━╌]{3,}|[─━]{8,}")
_FULL_RULE = re.compile(r"─{8,}( .{0,60} ─+)?|─{3,} .{0,60} ─{3,}")
_BOX_START = re.compile(r"[❯>](?:[ \xa0]|$)")
_CHOICE = re.compile(r"\s*(?P<mark>❯)?\s*(?P<number>\d{1,2})\.\s+(?P<text>\S.*)")
#: Text that stands in an empty box.
_PLACEHOLDER = re.compile(r'Try "|Press up to edit queued messages|Message @|Ask a side question')
_DIM = re.compile(r"\x1b\[(?:\d+;)*2(?:;\d+)*m")


@dataclass(frozen=True)
class Layout:
    """The parts of a screen."""

    body: tuple[str, ...]
    """The conversation: all lines above the box, or above the menu. Empty lines are left out."""
    box: tuple[str, ...] | None
    """The lines in the input box, without its mark; None when there is no box."""
    footer: tuple[str, ...]
    """The lines below the box."""
    menu: tuple[str, ...]
    """The lines of an open menu and of what it asks; empty when there is none."""
    placeholder: bool = False
    """Whether the text in the box is the tool's own."""

    @property
    def draft(self) -> str | None:
        """What a person has typed and not sent."""
        if self.box is None or self.placeholder:
            return None
        text = "\n".join(self.box).strip()
        return text or None

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that the menu offers."""
        return tuple(match["text"].strip() for _, match in _choices(self.menu))

    @property
    def question(self) -> str | None:
        """What the menu asks: the last question above its choices, else the last line there."""
        found = _choices(self.menu)
        if not found:
            return None
        above = [line.strip() for line in self.menu[: found[0][0]]]
        above = [line for line in above if line and not _RULE.fullmatch(line)]
        asking = [line for line in above if line.endswith("?")]
        chosen = asking or above
        return chosen[-1] if chosen else None


def is_rule(line: str) -> bool:
    """Whether it is a line of the box's frame, or the one above a menu."""
    return _FULL_RULE.fullmatch(line) is not None


def lay_out(screen: Screen) -> Layout:
    """The parts of a screen."""
    lines = [line.replace("\xa0", " ") for line in screen.lines]
    # at the left edge, where the model cannot write
    rules = [number for number, line in enumerate(lines) if is_rule(line)]
    for lower, upper in zip(reversed(rules), reversed(rules[:-1]), strict=False):
        inner = lines[upper + 1 : lower]
        below = [line for line in lines[lower + 1 :] if line]
        if not inner or not _BOX_START.match(inner[0]):
            continue
        if _is_menu(inner) or _is_menu(below):
            continue
        box = (inner[0][1:].strip(), *(line.strip() for line in inner[1:]))
        return Layout(
            body=_filled(lines[:upper]),
            box=box,
            footer=tuple(below),
            menu=(),
            placeholder=_is_placeholder(screen, box, upper + 1),
        )
    return _without_box(lines, rules)


def _without_box(lines: list[str], rules: list[int]) -> Layout:
    chosen = [number for number, line in enumerate(lines) if _is_cursor(line)]
    if not chosen:
        return Layout(body=_filled(lines), box=None, footer=(), menu=())
    # the menu begins after the last rule that stands above it and has the question below it
    above = [rule for rule in rules if rule < chosen[-1]]
    start = above[-1] + 1 if above else 0
    return Layout(
        body=_filled(lines[: max(0, start - 1)]), box=None, footer=(), menu=_filled(lines[start:])
    )


def _is_cursor(line: str) -> bool:
    match = _CHOICE.fullmatch(line)
    return match is not None and match["mark"] is not None


def _is_menu(lines: list[str]) -> bool:
    return any(_is_cursor(line) for line in lines)


def _choices(lines: tuple[str, ...]) -> list[tuple[int, re.Match[str]]]:
    """The numbered lines of the menu that the cursor stands in, with their places."""
    found = [
        (place, match)
        for place, line in enumerate(lines)
        if (match := _CHOICE.fullmatch(line)) is not None
    ]
    run: list[tuple[int, re.Match[str]]] = []
    best: list[tuple[int, re.Match[str]]] = []
    for place, match in found:
        run = [*run, (place, match)] if int(match["number"]) == len(run) + 1 else [(place, match)]
        if any(one["mark"] for _, one in run):
            best = run
    return best


def _is_placeholder(screen: Screen, box: tuple[str, ...], line: int) -> bool:
    if _PLACEHOLDER.match(box[0]):
        return True
    if not screen.coloured or not box[0]:
        return False
    raw = screen.text.replace("\r\n", "\n").split("\n")
    # dim from its first letter on
    marked = raw[line] if line < len(raw) else ""
    at = plain(marked).find(box[0])
    seen = 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", marked):
        if part.startswith("\x1b["):
            if seen <= max(at, 0) + 1 and _DIM.fullmatch(part):
                return True
        else:
            seen += len(plain(part))
    return False


def _filled(lines: list[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if line)
