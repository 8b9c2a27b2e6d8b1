"""How a screen of opencode's is laid out: conversation, input box or question, footer.

Finds the parts by their place and frame; what they mean is :mod:`screen`'s. Bars (``┃``) stand
left of the box, of prompts that were sent, of tools and errors; only the box has a bottom
(``╹▀▀▀``), and what a model wrote is indented further than any bar. A wide screen has a sidebar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coders_queue.agents.screen import Screen

_BOTTOM = re.compile(r"(?P<indent> *)╹(?P<edge>▀{3,})")
_BAR = re.compile(r"(?P<indent> *)┃(?P<text>.*)")
#: A menu above the box, of commands or files: a bar on either side.
_MENU = re.compile(r" *┃.*┃$")
#: What stands in an empty box.
_PLACEHOLDER = re.compile(r"Ask anything(…|\.\.\.)|Run a command(…|\.\.\.) ?\"")


@dataclass(frozen=True)
class Layout:
    """The parts of a screen."""

    body: tuple[str, ...]
    """The conversation: all lines above the box or the question, cut to its column."""
    box: tuple[str, ...] | None
    """The lines in the input box without their bar, the last with agent and model left out; None
    when there is no box."""
    footer: tuple[str, ...]
    """The lines below the box."""
    ask: tuple[str, ...]
    """The lines of what stands in the box's place, without their bar; empty when there is a box."""
    placeholder: bool = False
    """Whether the text in the box is the tool's own."""

    @property
    def draft(self) -> str | None:
        """What a person has typed and not sent."""
        if self.box is None or self.placeholder:
            return None
        text = "\n".join(line.rstrip() for line in self.box).strip("\n")
        return text if text.strip() else None


def lay_out(screen: Screen) -> Layout:
    """The parts that are to be seen."""
    lines = screen.lines
    for place in range(len(lines) - 1, -1, -1):
        bottom = _BOTTOM.match(lines[place])
        if bottom is not None:
            width = bottom.end() + 1
            column = [line[:width].rstrip() for line in lines]
            return _with_box(column, place, len(bottom["indent"]))
    return _without(lines)


def _with_box(lines: list[str], bottom: int, indent: int) -> Layout:
    start = _block_start(lines, bottom - 1, indent)
    rows = [_inside(line, indent) for line in lines[start:bottom]]
    # empty, the text, empty, agent and model
    text = rows[1:-2] if len(rows) > 3 else rows[:-1]
    shown = "\n".join(text).strip()
    return Layout(
        body=tuple(line for line in lines[:start] if not _MENU.match(line)),
        box=tuple(text),
        footer=tuple(line for line in lines[bottom + 1 :] if line),
        ask=(),
        placeholder=_PLACEHOLDER.match(shown) is not None,
    )


def _without(lines: tuple[str, ...]) -> Layout:
    last = max((place for place, line in enumerate(lines) if _BAR.match(line)), default=None)
    if last is None:
        return Layout(body=lines, box=None, footer=(), ask=())
    bar = _BAR.match(lines[last])
    assert bar is not None  # noqa: S101
    indent = len(bar["indent"])
    start = _block_start(list(lines), last, indent)
    rows = tuple(_inside(line, indent) for line in lines[start : last + 1])
    below = tuple(line for line in lines[last + 1 :] if line)
    return Layout(body=lines[:start], box=None, footer=below, ask=rows)


def _block_start(lines: list[str], last: int, indent: int) -> int:
    """Where the block of bars begins that ends at ``last``."""
    place = last
    while place >= 0 and _barred(lines[place], indent):
        place -= 1
    return place + 1


def _barred(line: str, indent: int) -> bool:
    if line[indent : indent + 1] != "┃" or line[:indent].strip():
        return False
    return _MENU.match(line) is None


def _inside(line: str, indent: int) -> str:
    text = line[indent + 1 :]
    # two columns are the box's padding; further blanks are the text's own
    return text[2:] if text.startswith("  ") else text.lstrip()
