"""The terminals of attempts: looking at them, typing into them.

Owns how tmux is asked for a screen and given text and keys. What a screen means, and when it is
right to type, is others'.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid

from coders_queue.errors import NotFound, TimedOut, Unavailable, UsageError
from coders_queue.models.key import check_key
from coders_workers.runtimes.base import Look
from coders_workers.runtimes.tmux.control import Refused
from coders_workers.runtimes.tmux.door import Door

#: Between a paste and Enter, seconds: interfaces take a quicker Enter for a part of the paste.
PASTE_PAUSE = 0.15
#: What would end a bracketed paste: the rest would count as typed. ESC may be spelled in one byte.
_PASTE_END = ("\x1b[201~", "\x9b201~")
#: Of a pane; the title is last, for it may hold anything.
_FORMAT = (
    "#{pane_id} #{pane_width} #{pane_height} #{cursor_x} #{cursor_y} #{pane_in_mode} #{pane_dead} "
    "#{pane_title}"
)


class Terminals:
    """The panes behind one door, by their attempt's reference."""

    def __init__(self, door: Door) -> None:
        self._door = door
        # From 3.7 on tmux spells control characters out in a paste unless told not to.
        self._paste_flags = ("-p", "-d", "-S") if door.version >= (3, 7) else ("-p", "-d")

    def look(self, ref: str) -> Look:
        """What it shows, and how it stands."""
        try:
            pane, width, height, column, row, mode, dead, title = self._about(ref)
            lines = self._door.ask("capture-pane", "-p", "-e", "-t", pane)
        except Refused as error:
            raise no_terminal(ref, error) from None
        return Look(
            text=b"\n".join(lines).decode("utf-8", "replace"),
            title=title,
            columns=int(width),
            rows=int(height),
            cursor=(int(column), int(row)),
            in_mode=mode not in ("", "0"),
            dead=dead == "1",
        )

    def screen(self, ref: str) -> str:
        """The visible text."""
        try:
            lines = self._door.ask("capture-pane", "-p", "-t", self._pane(ref))
        except Refused as error:
            raise no_terminal(ref, error) from None
        return b"\n".join(lines).decode("utf-8", "replace")

    def paste(self, ref: str, text: str) -> None:
        """Put text in by bracketed paste, and nothing after it."""
        check_paste(text)
        if not text:
            return
        name = f"coders-{uuid.uuid4()}"
        try:
            pane = self._pane(ref)
            # one request: whoever dies meanwhile, either both steps are done or none
            load = ("load-buffer", "-b", name, "-")
            paste = ("paste-buffer", *self._paste_flags, "-b", name, "-t", pane)
            self._door.feed(os.fsencode(text), *load, ";", *paste)
        except Refused as error:
            self._forget(name)
            raise no_terminal(ref, error) from None
        except TimedOut:
            self._forget(name)
            raise

    def press(self, ref: str, key: str) -> None:
        """Press one key. Raises UsageError for what is none: tmux would type it out."""
        check_key(key)
        try:
            self._door.once("send-keys", "-t", self._pane(ref), key)
        except Refused as error:
            raise no_terminal(ref, error) from None

    def leave_copy_mode(self, ref: str) -> None:
        """Back to the program, should a person have scrolled or opened another mode."""
        try:
            self._door.ask("copy-mode", "-q", "-t", self._pane(ref))
        except Refused as error:
            raise no_terminal(ref, error) from None

    def send(self, ref: str, text: str, *, enter: bool = True) -> None:
        """Paste, and press Enter, whatever the terminal shows."""
        check_paste(text)
        self.leave_copy_mode(ref)
        self.paste(ref, text)
        if enter:
            if text:
                time.sleep(PASTE_PAUSE)
            self.press(ref, "Enter")

    def _pane(self, ref: str) -> str:
        return self._about(ref)[0]

    def _about(self, ref: str) -> list[str]:
        """The agent's pane: the session's first, whatever a person who attached opened later."""
        lines = self._door.ask("list-panes", "-s", "-t", f"={ref}", "-F", _FORMAT)
        found = [line.decode("utf-8", "replace").split(" ", 7) for line in lines]
        panes = [words for words in found if len(words) == 8 and words[0][1:].isdigit()]
        if not panes:
            raise Refused("it has no pane")
        return min(panes, key=lambda words: int(words[0][1:]))

    def _forget(self, name: str) -> None:
        with contextlib.suppress(Refused, Unavailable, TimedOut):
            self._door.ask("delete-buffer", "-b", name)


def check_paste(text: str) -> None:
    """Raises UsageError for text that a bracketed paste cannot carry."""
    if "\0" in text or any(end in text for end in _PASTE_END):
        raise UsageError(
            "the text holds NUL or the end mark of a bracketed paste (ESC[201~)",
            "leave it out, or put the text into a file",
        )


def no_terminal(ref: str, error: Refused) -> NotFound:
    """The error for an attempt whose terminal is gone."""
    return NotFound(f"attempt {ref} has no terminal: {error}", "see its state: coders show")
