"""The watch over all agents of a host: one thread that sees what changes, and tells it.

Ten times a second it asks the file system whose output has grown, which tells of every agent at
once; only who has changed is read or looked at. It needs no broker: what it finds is told to the
store when that can be had.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Protocol

import structlog

from coders_queue import errors
from coders_queue.models.activity import Activity
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.watch import Watched
from coders_workers.watchers.introduction import introduce
from coders_workers.watchers.notes import Notes
from coders_workers.watchers.steady_clock import SteadyClock
from coders_workers.watchers.subject import Subject

log = structlog.get_logger(__name__)

#: Seconds between two turns.
TICK = 0.1
#: The share of one core that looks at terminals which never rest may take, and the shortest time
#: between two looks at one of them, seconds.
_SHARE, _BUSY_EVERY = 0.04, 0.5
#: Seconds after which an attempt is introduced again: that could not be, or of which nothing was
#: heard since.
_RETRY, _PATIENCE = 0.5, 30.0
#: Seconds between two times that a tracker is asked for which nothing happens.
_EVALUATE = 5.0
#: Seconds after which a probe tells again what was told.
_TELL_AGAIN = 60.0
#: Seconds for which no terminal is looked at when they could not be.
_BLIND = 5.0


class React(Protocol):
    """What is done about an activity."""

    def __call__(self, subject: Subject, activity: Activity, now: float) -> None:
        """Asked at every change and from time to time, on the watching thread."""
        ...

    def due(self, subject: Subject, activity: Activity) -> float | None:
        """When to ask again if nothing happens until then."""
        ...


class Watchers:
    """Watches what the supervisor has under watch."""

    def __init__(
        self,
        host: Host,
        watched: Watched,
        react: React | None = None,
        clock: SteadyClock | None = None,
    ) -> None:
        self._host = host
        self._watched = watched
        self._react = react
        self._clock = clock or SteadyClock()
        self.notes = Notes(host.store)
        self._subjects: dict[str, Subject] = {}
        self._introduced: dict[str, float] = {}
        self._guard = threading.Lock()
        self._turning = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchers", daemon=True)
        self._cost = 0.001
        self._busy = 0
        self._blind_until = float("-inf")
        self._failed = False
        #: Looks at terminals so far.
        self.looks = 0

    def start(self) -> None:
        """Begin to watch."""
        self.notes.start()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self.notes.stop()

    def pulses(self) -> dict[str, float]:
        """The last sign of progress of each attempt under watch, epoch seconds, by its
        reference."""
        correction = self._clock.correction()
        return {
            subject.facts.ref: subject.tracker.progress_at + correction for subject in self._all()
        }

    def turn(self) -> None:
        """One turn: see who has changed, and what of it follows."""
        with self._turning:
            now = self._clock.now()
            self._meet(now)
            busy = 0
            for subject in self._all():
                if subject.changed():
                    subject.printed(now)
                    soon = subject.glances.due(self._pause()) if subject.terminal else now
                    subject.due_at = min(subject.due_at, soon)
                if subject.spoke:
                    subject.spoke, subject.news = False, True
                    subject.tracker.progress(now)
                    subject.due_at = now
                if now >= subject.due_at:
                    self._serve(subject, now)
                if subject.terminal and not subject.glances.quiet(now):
                    busy += 1
            self._busy = busy

    def probe(self) -> int:
        """See to it that nobody was missed, changed or not; how many are under watch."""
        with self._turning:
            now = self._clock.now()
            with self._guard:
                self._introduced.clear()
            self._meet(now)
            subjects = self._all()
            for subject in subjects:
                self._serve(subject, now)
                again = now >= subject.told_at + _TELL_AGAIN
                self._tell(subject, self._activity(subject, now), again=again)
        return len(subjects)

    def heard(self, ref: str) -> None:
        """An agent said something of itself: tell it at the next turn."""
        with self._guard:
            subject = self._subjects.get(ref)
        if subject is not None:
            subject.spoke = True

    def _activity(self, subject: Subject, now: float) -> Activity:
        """What it is doing by all signals, and by its own word."""
        activity = subject.tracker.activity(now)
        saying = self._host.sayings.of(subject.facts.ref)
        return activity if saying is None else saying.over(activity, self._host.clock())

    def _all(self) -> list[Subject]:
        with self._guard:
            return list(self._subjects.values())

    def _meet(self, now: float) -> None:
        """Take up who is new, and let go of who is gone."""
        refs = self._watched.refs()
        with self._guard:
            gone = self._subjects.keys() - refs
            for ref in gone:
                del self._subjects[ref]
            for ref in self._introduced.keys() - refs:
                del self._introduced[ref]
            new = [
                ref for ref in refs - self._subjects.keys() if now >= self._introduced.get(ref, 0.0)
            ]
            self._introduced.update(dict.fromkeys(new, now + _PATIENCE))
        for ref in gone:
            self.notes.drop(ref)
        for ref in new:
            self._host.submit(partial(self._introduce, ref))

    def _introduce(self, ref: str) -> None:
        subject = None
        try:
            subject = introduce(self._host, ref, self._clock)
        except errors.Unavailable:
            pass  # the store is away: again in a moment
        except Exception:
            log.exception("watch_failed", path=ref)
        with self._guard:
            if subject is not None and ref in self._watched:
                self._subjects.setdefault(ref, subject)
            self._introduced[ref] = self._clock.now() + _RETRY

    def _pause(self) -> float:
        """Seconds between two looks at a terminal that never rests: all of them share the time."""
        return max(_BUSY_EVERY, self._busy * self._cost / _SHARE)

    def _serve(self, subject: Subject, now: float) -> None:
        """Read and look if it is time, and tell what it is doing if that is news."""
        subject.listen(now)
        look_at = float("inf")
        if subject.terminal:
            if now >= max(subject.glances.due(self._pause()), self._blind_until):
                self._look(subject, now)
            look_at = max(subject.glances.due(self._pause()), self._blind_until)
        stuck_at = subject.tracker.due() or float("inf")
        if subject.news or now >= min(stuck_at, subject.act_at, subject.asked_at + _EVALUATE):
            subject.news, subject.asked_at = False, now
            activity = self._activity(subject, now)
            self._tell(subject, activity)
            if self._react is not None:
                self._react(subject, activity, now)
                subject.act_at = self._react.due(subject, activity) or float("inf")
            stuck_at = subject.tracker.due() or float("inf")
        subject.due_at = min(
            look_at,
            subject.listens_at(now),
            subject.asked_at + _EVALUATE,
            max(min(stuck_at, subject.act_at), now + TICK),
        )

    def _tell(self, subject: Subject, activity: Activity, *, again: bool = False) -> None:
        before = subject.told
        if again or before is None or _is_news(before, activity):
            change = before is None or _is_change(before, activity)
            subject.told, subject.told_at = activity, self._clock.now()
            self.notes.put(subject.facts.ref, self._corrected(activity), tell=change)

    def _look(self, subject: Subject, now: float) -> None:
        began = time.thread_time()
        try:
            look = self._host.runtime.look(subject.facts.ref)
        except errors.NotFound:
            subject.glances.looked(now)  # it is ending
            subject.glances.doubted(now)
            return
        except errors.CodersError as error:
            if not self._failed:
                log.warning("screens_unavailable", cause=str(error))
            self._failed = True
            self._blind_until = now + _BLIND
            return
        self._failed = False
        self.looks += 1
        subject.look(look, now)
        self._cost += (time.thread_time() - began - self._cost) / 16

    def _corrected(self, activity: Activity) -> Activity:
        """With the machine's times."""
        correction = self._clock.correction()
        if not correction:
            return activity
        times = {"since": activity.since, "progress_at": activity.progress_at}
        return activity.model_copy(update={key: at + correction for key, at in times.items()})

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self.turn()
            except Exception:
                log.exception("watch_failed")
            self._stopping.wait(max(0.01, TICK - (time.monotonic() - began)))


def _is_change(before: Activity, now: Activity) -> bool:
    """Whether it does something else."""
    return (before.doing, before.question, before.resets_at) != (
        now.doing,
        now.question,
        now.resets_at,
    )


def _is_news(before: Activity, now: Activity) -> bool:
    """Whether anything but its progress is another."""
    return before.model_copy(update={"progress_at": now.progress_at}) != now
