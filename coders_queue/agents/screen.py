"""A terminal's screen as an adapter reads it: text, title and size, and nothing else.

Knows escape sequences and lines; what they mean is each tool's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from coders_queue.agents import reset_time
from coders_queue.models.observation import Observation

#: Escape sequences: CSI, OSC and the other strings, single ones.
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]"
)
#: Any control character left but newline and tab.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Without escape sequences and control characters; lines and tabs stay."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def one_line(text: str) -> str:
    """A message in one line that commands no terminal, of at most 500 characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= 500 else line[:499] + "…"


@dataclass(frozen=True)
class Screen:
    """What ``tmux capture-pane -p`` (with or without ``-e``) shows of a pane."""

    text: str
    """The visible lines, from the top; may hold colours as escape sequences."""
    title: str = ""
    """The pane's title, as the tool set it. Hostile like everything a tool prints."""
    columns: int = 120
    rows: int = 40
    taken_at: float | None = None
    """When it was taken, epoch seconds: clock times on it are of the hours after that."""
    zone: tzinfo | None = None
    """Where: the zone of clock times that name none. None: this machine's."""

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without escape sequences and trailing blanks; empty ones stay."""
        return tuple(line.rstrip() for line in plain(self.text).split("\n"))

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The lines that are not empty."""
        return tuple(line for line in self.lines if line)

    @cached_property
    def coloured(self) -> bool:
        """Whether the colours were captured, so that a dim placeholder can be told from text."""
        return "\x1b[" in self.text

    @cached_property
    def plain_title(self) -> str:
        """The title in one line, without control characters."""
        return " ".join(plain(self.title).split())

    def timed(self, seen: Observation) -> Observation:
        """What was seen on it, with the end of a limit that its message tells of."""
        if seen.state not in ("rate_limited", "error") or seen.message is None:
            return seen
        if seen.resets_at is not None or (ends := self.resets_at(seen.message)) is None:
            return seen
        return seen.model_copy(update={"resets_at": ends})

    def resets_at(self, text: str) -> float | None:
        """When the limit ends that a text of this screen tells of, where it does."""
        return reset_time.resets_at(text, self.taken_at, self.zone)
