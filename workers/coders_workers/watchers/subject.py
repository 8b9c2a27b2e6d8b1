"""One attempt under watch: its signals are read here and handed to its tracker.

Reads files and screens of this attempt alone; when, and what is done about it, is the watchers'.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from coders_queue.agents.adapter import Adapter
from coders_queue.agents.screen import Screen
from coders_queue.models.activity import Activity
from coders_queue.models.observation import Observation
from coders_queue.models.record import SessionRecord
from coders_queue.watching.picture import Pictures
from coders_queue.watching.tracker import Tracker
from coders_workers import attempt_dir
from coders_workers.runtimes.base import Look
from coders_workers.watchers.glances import Glances
from coders_workers.watchers.hook_files import HookFiles
from coders_workers.watchers.tail import Begin, Tail
from coders_workers.watchers.transcripts import Transcripts

log = structlog.get_logger(__name__)

_Observe = Callable[[bytes, str | None], Observation | None]

#: Hooks and transcripts of a terminal are read so often, seconds: while it prints and for a moment
#: after, and else.
_LIVELY, _OFTEN, _SOMETIMES = 1.5, 0.2, 2.0


@dataclass(frozen=True)
class Facts:
    """What is known of an attempt when its watch begins."""

    ref: str
    record: SessionRecord
    adapter: Adapter
    version: str | None
    directory: Path
    started_at: float
    """When its agent started, in the watchers' time."""
    adopted: bool
    """Whether it has run for a while."""


class Subject:
    """One attempt."""

    def __init__(
        self, facts: Facts, tracker: Tracker, transcripts: Transcripts | None, now: float
    ) -> None:
        """``transcripts`` are for a terminal; a headless run has its stream."""
        self.facts = facts
        self.tracker = tracker
        # a picture that nothing can be read of is worth a look only where spinners must fool nobody
        telling = facts.adapter.tells("interactive") or tracker.limits.silent is not None
        self.terminal = facts.record.spec.mode == "interactive" and telling
        self.glances = Glances(now)
        #: When something is to be done for it although nothing has changed.
        self.due_at = now
        #: Whether its tracker was told anything since it was asked last.
        self.news = True
        #: Whether it said something of itself since; set by other threads.
        self.spoke = False
        #: When its tracker was asked last.
        self.asked_at = float("-inf")
        #: When something will have to be done about what it does.
        self.act_at = float("inf")
        #: Its screen, while that asks something.
        self.asking: Screen | None = None
        #: What was last told of it, and when.
        self.told: Activity | None = None
        self.told_at = now
        self._output = str(facts.directory / attempt_dir.OUTPUT)
        self._size = -1
        self._lively_until = now + _LIVELY
        self._read_at = float("-inf")
        self._pictures = Pictures()
        self._transcripts = transcripts
        hooks = facts.adapter.hook_directory if self.terminal else None
        self._hooks = HookFiles(facts.directory / hooks) if hooks else None
        headless = facts.record.spec.mode == "headless"
        reads = headless and facts.adapter.tells("headless")
        begin: Begin = "late" if facts.adopted else "begin"
        self._stream = Tail(Path(self._output), begin) if reads else None
        self._broken = False

    def changed(self) -> bool:
        """Whether it has printed something since this was asked last."""
        try:
            size = os.stat(self._output).st_size  # noqa: PTH116 - asked ten times a second
        except OSError:
            return False
        if size == self._size:
            return False
        self._size = size
        return True

    def printed(self, now: float) -> None:
        """It has printed something."""
        self._lively_until = now + _LIVELY
        if self.terminal:
            self.glances.changed(now)
        elif self._stream is None:
            self.tracker.progress(now)
            self.news = True

    def listen(self, now: float) -> None:
        """Read what its stream, or its hooks and transcripts, say."""
        if self._stream is not None:
            first = self._stream.written == 0.0 and self.facts.adopted
            for line in self._stream.lines():
                at = min(now, self._stream.written) if first else now
                self._take(self.facts.adapter.observe_stream, line, at)
            return
        if now < self.listens_at(now):
            return
        self._read_at = now
        for line in self._hooks.new() if self._hooks else ():
            self._take(self.facts.adapter.observe_hook, line, now)
            self.glances.doubted(now)
        for line, written in self._transcripts.lines(now) if self._transcripts else ():
            at = now if written is None else min(now, written)
            self._take(self.facts.adapter.observe_transcript, line, at)

    def listens_at(self, now: float) -> float:
        """When to listen next although nothing was printed."""
        if self._hooks is None and self._transcripts is None:
            return float("inf")
        return self._read_at + (_OFTEN if now < self._lively_until else _SOMETIMES)

    def look(self, look: Look, now: float) -> None:
        """See what its terminal shows."""
        self.glances.looked(now)
        if look.dead:
            return
        screen = Screen(look.text, look.title, look.columns, look.rows, taken_at=now)
        self.news = True
        if self._pictures.new(screen.lines):
            self.tracker.progress(now)
        seen = self._observe(lambda: self.facts.adapter.observe_screen(screen, self.facts.version))
        if seen is None:
            return
        self.asking = screen if seen.choices else None
        if seen.state == "unknown":
            self.glances.doubted(now)
        self.tracker.observe(seen, now)

    def _take(self, observe: _Observe, line: bytes, at: float) -> None:
        seen = self._observe(lambda: observe(line, self.facts.version))
        if seen is not None:
            self.tracker.observe(seen, at)
            self.news = True

    def _observe(self, observe: Callable[[], Observation | None]) -> Observation | None:
        try:
            return observe()
        except Exception:
            if not self._broken:
                log.exception("signal_unreadable", session=self.facts.record.id)
            self._broken = True
            return None
