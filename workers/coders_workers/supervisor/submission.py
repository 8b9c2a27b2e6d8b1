"""One text's way into one agent: wait, paste, look, press Enter, look, press again.

The order is what keeps it whole and single: nothing is typed before the tool stands ready with an
empty box, Enter is pressed only when the box holds the text and nothing else, again only when the
first one was read, and it is pasted a second time only when the first was read and the box stayed
empty. Knows neither sessions nor the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog

from coders_queue import errors
from coders_queue.agents.adapter import Adapter
from coders_queue.models.observation import Observation
from coders_workers.supervisor import input_box, undelivered
from coders_workers.supervisor.terminal_view import Clock, Reader, Terminal, View

log = structlog.get_logger(__name__)

#: What told that the text was taken: the agent began to work; its transcript has it; the screen
#: shows it as sent; the box let go of it and the screen went on; the box let go of it in a queue.
Sign = Literal["working", "transcript", "echo", "screen", "queue"]

_POLL = 0.05
#: Seconds after an Enter was read before the next, if the text still stands in the box. An
#: interface that had no time to draw shows a text that it has sent, and would send it again.
_AGAIN = 2.5
#: How much longer, where nothing shows that it came to it: not the kernel, or no change on screen.
_UNSURE = 2.0
#: Seconds of an empty box after which a paste counts as lost.
_LOST = 2.5
#: Seconds that foreign text may stand in the box beside ours: a paste may arrive in pieces.
_FOREIGN = 1.0
#: Seconds with an empty box after which weaker signs count.
_AFTER = 0.8
#: The most that is kept of the time allowed for what follows the first paste.
_RESERVE = 3.0

_TMUX_AWAY = (errors.Unavailable, errors.TimedOut)


@dataclass(frozen=True)
class Receipt:
    """A text was taken."""

    sign: Sign
    presses: int
    pastes: int
    queued: bool
    """Whether the agent was at work, so that the text waits for its turn."""
    seconds: float


class Submission:
    """Carries a text. :attr:`pastes` tells how often it was pasted, and when it failed
    :attr:`left` whether it may stand in the box now."""

    def __init__(
        self,
        terminal: Terminal,
        adapter: Adapter,
        version: str | None,
        text: str,
        *,
        label: str,
        timeout: float,
        written: Callable[[], bool] = lambda: False,
        abandoned: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        """``written``: whether the tool's transcript has it; ``abandoned``: its sender is gone."""
        self._terminal = terminal
        self._adapter = adapter
        self._text = text
        self._label = label
        self._timeout = timeout
        self._written = written
        self._abandoned = abandoned
        self._clock = clock or Clock()
        self._reader = Reader(terminal, adapter, version, text, label, self._clock)
        self._began = self._clock.now()
        self.pastes = self._presses = 0
        self.left = False

    def carry_out(self, *, left: str | None = None) -> Receipt:
        """Bring it in. ``left`` is the text that an earlier delivery left in the box.

        Raises Undelivered or DeliveryInDoubt, within the time allowed.
        """
        try:
            before = self._ready(left)
            view = before
            if view.box == "empty":
                self._paste()
                view = self._in_box()
            return self._submit(before, view)
        except errors.NotFound:
            agent, self.left = self._adapter.name, False
            if self._presses:
                raise undelivered.in_doubt(self._label, agent, "it has ended since") from None
            what = "the text was not sent" if self.pastes else "nothing was typed"
            raise undelivered.gone(self._label, agent, what) from None
        except _TMUX_AWAY as error:
            if isinstance(error, errors.DeliveryInDoubt):
                raise
            if self._presses:
                raise undelivered.in_doubt(self._label, self._adapter.name, error.message) from None
            raise undelivered.out_of_reach(self._label, error) from None

    def _ready(self, left: str | None) -> View:
        """Wait for a box that takes text; the view of it."""
        reserve = min(_RESERVE, self._timeout / 3)
        settle = self._adapter.delivery.settle
        since: float | None = None
        while True:
            view = self._view()
            free = view.box == "empty" or (left == self._text and view.box == "ours")
            free = free and not view.unread
            if not (free and self._takes(view.seen)):
                since = None
            elif since is None:
                since = view.at
            if since is not None and view.at - since >= settle:
                return view
            if self._over(reserve):
                raise self._not_ready(view, left)
            if self._abandoned():
                raise undelivered.given_up(self._label)
            self._clock.sleep(_POLL)

    def _not_ready(self, view: View, left: str | None) -> errors.Undelivered:
        agent, seen = self._adapter.name, view.seen
        if left is not None and self._reader.holds(seen.draft, left) == "ours":
            return undelivered.blocked(self._label, seen)
        return undelivered.not_ready(self._label, agent, seen, view.box, self._elapsed)

    def _paste(self) -> None:
        self._terminal.leave_copy_mode()
        self.pastes += 1
        self.left = True
        try:
            self._terminal.paste(self._text)
        except errors.TimedOut as error:
            log.warning("paste_in_question", session=self._label, cause=str(error))

    def _in_box(self) -> View:
        """Wait until the pasted text stands in the box, whole and alone; the view of it."""
        pasted = self._clock.now()
        empty: float | None = None
        foreign: float | None = None
        last: str | None = None
        while True:
            view = self._view()
            takes = self._takes(view.seen)
            rested = view.at - pasted >= self._adapter.delivery.pause
            if takes and rested and view.box == "ours" and view.seen.draft == last:
                return view
            last = view.seen.draft
            nothing = view.box == "empty" and takes and not view.unread
            empty = (empty or view.at) if nothing else None
            foreign = None if view.box != "other" else (foreign or view.at)
            if foreign is not None and view.at - foreign >= _FOREIGN:
                raise undelivered.mixed(self._label, view.seen)
            if empty is not None and view.at - empty >= _LOST and self.pastes < 2:
                self._paste()
                pasted, empty = self._clock.now(), None
            elif self._over():
                raise self._not_shown(view)
            self._clock.sleep(_POLL)

    def _not_shown(self, view: View) -> errors.Undelivered:
        if view.box == "ours" or view.seen.state in ("dialog", "waiting"):
            return undelivered.not_taken(self._label, self._adapter.name, 0, view.seen)
        return undelivered.not_shown(self._label, self._adapter.name)

    def _submit(self, before: View, view: View) -> Receipt:
        """Press Enter until the box lets go of the text and something shows where it went."""
        searched = input_box.needles(self._text, view.seen.draft)
        shown = input_box.count(before.screen.lines, searched)
        if before.box == "ours":
            shown -= 1  # what stood in the box will stand above it
        was_working = view.seen.state not in ("idle", "error")
        emptied: float | None = None
        drawn, moved = view.screen.text, False
        pressed = self._press()
        while True:
            self._clock.sleep(_POLL)
            view = self._view()
            held = view.box == "ours"
            free = view.box == "empty" and self._takes(view.seen)
            emptied = (emptied or view.at) if free else None if held else emptied
            if held:
                sign: Sign | None = "transcript" if self._written() else None
            else:
                sign = self._sign(before, view, searched, shown, was_working, emptied)
            if sign is not None:
                self.left = False
                return Receipt(sign, self._presses, self.pastes, was_working, self._elapsed)
            if self._over():
                raise self._unconfirmed(view, emptied)
            if view.unread:
                pressed = view.at  # it has not come to it yet
            moved = moved or view.screen.text != drawn
            wait = _AGAIN if moved and view.unread is not None else _AGAIN * _UNSURE
            if held and self._takes(view.seen) and view.at - pressed >= wait:
                was_working = view.seen.state not in ("idle", "error")
                drawn, moved = view.screen.text, False
                pressed = self._press()

    def _press(self) -> float:
        self._terminal.leave_copy_mode()
        self._presses += 1
        self._terminal.press(self._adapter.delivery.submit)
        return self._clock.now()

    def _sign(
        self,
        before: View,
        view: View,
        searched: tuple[str, ...],
        shown: int,
        was_working: bool,
        emptied: float | None,
    ) -> Sign | None:
        """What shows that the text was taken, in a view whose box does not hold it."""
        if not was_working and view.seen.state in ("working", "rate_limited"):
            return "working"
        if self._written():
            return "transcript"
        if view.box == "empty" and input_box.count(view.screen.lines, searched) > shown:
            return "echo"
        if emptied is None or view.at - emptied < _AFTER:
            return None
        if was_working:
            return "queue"
        if input_box.letters(view.screen.text) != input_box.letters(before.screen.text):
            return "screen"
        return None

    def _unconfirmed(self, view: View, emptied: float | None) -> errors.CodersError:
        agent = self._adapter.name
        if view.unread:
            self.left = view.box == "ours"
            return undelivered.in_doubt(self._label, agent, "it has not read the key yet")
        if view.box == "ours":
            return undelivered.not_taken(self._label, agent, self._presses, view.seen)
        self.left = False
        if view.seen.state in ("dialog", "waiting"):
            return undelivered.in_doubt(self._label, agent, "a question covers its input box")
        if emptied is not None:
            return undelivered.in_doubt(self._label, agent, "its input box is empty")
        if view.box == "other":
            return undelivered.in_doubt(self._label, agent, "its input box holds another text now")
        return undelivered.in_doubt(self._label, agent, "its input box cannot be seen")

    def _takes(self, seen: Observation) -> bool:
        """Whether text that is typed now is a prompt."""
        if seen.choices:
            return False
        if seen.state in ("idle", "error"):
            return True
        return self._adapter.delivery.queues and seen.state in ("working", "rate_limited")

    def _view(self) -> View:
        """Look; to look twice harms nobody: a tmux that is busy or was lost is asked again."""
        while True:
            try:
                return self._reader.view()
            except _TMUX_AWAY:
                if self._over():
                    raise
                self._clock.sleep(_POLL)

    @property
    def _elapsed(self) -> float:
        return round(self._clock.now() - self._began, 3)

    def _over(self, reserve: float = 0.0) -> bool:
        return self._elapsed >= self._timeout - reserve
