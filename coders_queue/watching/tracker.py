"""What one attempt's agent is doing: signals and signs of progress go in, an activity comes out.

Pure: the time of everything is told. What is done about an activity is others'.
"""

from __future__ import annotations

from coders_queue.models.activity import Activity, Doing
from coders_queue.models.observation import Observation, ObservedState, Source
from coders_queue.watching.limits import Limits
from coders_queue.watching.loop import Loop
from coders_queue.watching.words import Word, believed

_DOING: dict[ObservedState, Doing] = {
    "starting": "starting",
    "dialog": "starting",
    "idle": "idle",
    "error": "idle",  # the turn is over, and a prompt would be taken
    "working": "working",
    "waiting": "waiting",
    "rate_limited": "rate_limited",
}
#: What says nothing of what the agent does: its program goes, or the signal cannot tell.
_SILENT: frozenset[ObservedState] = frozenset({"exited", "unknown"})
#: How long what a screen said holds while it cannot be read, seconds: half of it may be drawn.
_UNREADABLE = 10.0


class Tracker:
    """One attempt. Times are epoch seconds and do not have to come in order."""

    def __init__(
        self,
        started_at: float,
        limits: Limits,
        *,
        tells: bool = True,
        progress_at: float | None = None,
    ) -> None:
        """``tells``: whether any signal of this agent tells what it does. ``progress_at``: the
        last sign of progress that is known, for an attempt that began before it was watched."""
        self._started_at = started_at
        self._limits = limits
        self._tells = tells
        self._loop = Loop(limits.repeats)
        self._words: dict[Source, Word] = {}
        self._asked_at = started_at
        self._ready = False
        self._last: Activity | None = None
        #: The last sign of progress.
        self.progress_at = started_at if progress_at is None else progress_at

    @property
    def limits(self) -> Limits:
        """After how long it counts as stuck."""
        return self._limits

    def progress(self, at: float) -> None:
        """Something came of what it does, whatever it was."""
        self.progress_at = max(self.progress_at, at)

    def observe(self, seen: Observation, at: float) -> None:
        """A signal says something. A look at a screen is no progress by itself."""
        self._loop.add(seen.steps)
        if seen.source != "screen" and _is_progress(seen):
            self.progress(at)
        before = self._words.get(seen.source)
        if seen.state in _SILENT:
            if seen.source == "screen" and (before is None or at >= before.at + _UNREADABLE):
                self._words.pop("screen", None)
            return
        if before is not None and before.at > at:
            return
        same = before is not None and before.seen.state == seen.state
        self._words[seen.source] = Word(seen, at, before.since if before and same else at)
        if seen.state == "dialog":
            self._asked_at = max(self._asked_at, at)
        elif seen.state != "starting":
            self._ready = True

    def activity(self, now: float) -> Activity:
        """What it is doing."""
        plain = self._plain(now)
        if plain.doing == "idle":
            self._loop.settle()
        found = self._stuck(plain, now) or plain
        last = self._last
        if last is not None and (last.doing, last.question) == (found.doing, found.question):
            found = found.model_copy(update={"since": last.since})
        self._last = found
        return found

    def due(self) -> float | None:
        """When it will count as stuck if nothing happens until then; None for never."""
        last = self._last
        if last is None:
            return self._started_at
        if last.doing not in ("starting", "working", "unknown"):
            return None
        since, limit = self._patience(last)
        return None if limit is None else since + limit

    def _plain(self, now: float) -> Activity:
        """What the signals say."""
        word = believed(self._words, now)
        if word is None:
            doing: Doing = "starting" if self._tells and not self._ready else "unknown"
            return Activity(doing=doing, since=self._started_at, progress_at=self.progress_at)
        seen = word.seen
        doing = _DOING.get(seen.state, "unknown")
        return Activity(
            doing=doing,
            since=word.since,
            progress_at=self.progress_at,
            source=seen.source,
            question=seen.question if doing in ("waiting", "starting") else None,
            choices=seen.choices if doing in ("waiting", "starting") else (),
            resets_at=seen.resets_at if doing == "rate_limited" else None,
            why=(seen.message or "")[:500] or None if doing in ("rate_limited", "idle") else None,
        )

    def _stuck(self, plain: Activity, now: float) -> Activity | None:
        """The same as stuck, when it is."""
        if plain.doing not in ("starting", "working", "unknown"):
            return None
        if plain.doing == "working" and (repeated := self._loop.found()) is not None:
            since = self.progress_at
            return plain.model_copy(update={"doing": "stuck", "since": since, "why": repeated})
        since, limit = self._patience(plain)
        if limit is None or now - since < limit:
            return None
        return plain.model_copy(
            update={
                "doing": "stuck",
                "since": since + limit,
                "source": None,
                "question": None,
                "choices": (),
                "why": f"{self._phase(plain)} for longer than {limit:g} s",
            }
        )

    def _patience(self, plain: Activity) -> tuple[float, float | None]:
        """Since when nothing has come of it, and for how long that may be."""
        limits = self._limits
        if plain.doing == "starting":
            if plain.question is not None:
                return self._asked_at, None
            return self._asked_at, limits.starting
        if plain.doing == "unknown" and not self._tells:
            return self.progress_at, limits.silent
        return self.progress_at, limits.tool if self._loop.open else limits.thinking

    def _phase(self, plain: Activity) -> str:
        if plain.doing == "starting":
            return "it has not become ready"
        if plain.doing == "unknown":
            return "it has printed nothing"
        if self._loop.open:
            return "a tool that it called has given nothing back, and nothing else has come of it,"
        return "it works, and nothing has come of it"


def _is_progress(seen: Observation) -> bool:
    """A refusal is none, and neither is that something failed and is tried again."""
    return seen.state not in ("rate_limited", "error") and seen.message is None
