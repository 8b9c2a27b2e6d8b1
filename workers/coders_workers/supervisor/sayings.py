"""What the agents of this host say of themselves: how far they are, what they ask a person.

The latest of each attempt, in memory for the watch, which tells it with all else that it sees, and
in the attempt's directory, so that the next worker knows it, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import ValidationError

from coders_queue.models.activity import Activity, Said
from coders_queue.models.base import Model
from coders_workers.supervisor import private_file

log = structlog.get_logger(__name__)

FILE = "said.json"
_LARGEST = 256 * 1024
#: Seconds for which a question of before shows, within which it is asked again if it still counts.
_ASKED_AGAIN = 60.0


class Asking(Model):
    """A question to a person that is not answered yet."""

    id: str
    text: str
    """One line."""
    choices: tuple[str, ...] = ()
    since: float
    """Epoch seconds."""
    until: float
    """When it is withdrawn, epoch seconds."""


class Saying(Model):
    """What one attempt's agent said last."""

    said: Said | None = None
    asks: tuple[Asking, ...] = ()
    """Its open questions, oldest first."""
    asked: int = 0
    """How many it asked so far."""

    def over(self, activity: Activity, now: float) -> Activity:
        """The activity that was seen, with what the agent says over it."""
        if self.said is not None:
            activity = activity.model_copy(update={"said": self.said})
        if activity.doing == "waiting":
            return activity  # its terminal asks something, too: that holds it up
        first = next((one for one in self.asks if now < one.until), None)
        if first is None:
            return activity
        asked = {
            "doing": "waiting",
            "since": first.since,
            "source": "session",
            "question": first.text,
            "choices": first.choices,
            "why": None,
        }
        return activity.model_copy(update=asked)


class Sayings:
    """Those of all attempts of this host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_ref: dict[str, Saying] = {}
        #: Called with an attempt's reference when it says something new. Set by the worker.
        self.heard: Callable[[str], object] = lambda _ref: None

    def of(self, ref: str) -> Saying | None:
        """What it said; None when it said nothing."""
        with self._lock:
            return self._by_ref.get(ref)

    def load(self, ref: str, directory: Path, now: float) -> None:
        """Take up an attempt that may have said something to an earlier worker.

        Its questions show for a moment only, unless whoever asked them asks again.
        """
        content = private_file.read(directory / FILE, _LARGEST)
        if content is None:
            return
        try:
            saying = Saying.model_validate_json(content)
        except ValidationError:
            return
        asks = tuple(
            one.model_copy(update={"until": min(one.until, now + _ASKED_AGAIN)})
            for one in saying.asks
        )
        with self._lock:
            self._by_ref.setdefault(ref, saying.model_copy(update={"asks": asks}))

    def change(self, ref: str, directory: Path, change: Callable[[Saying], Saying]) -> None:
        """It says something. Raises OSError, and nothing is changed then."""
        with self._lock:
            saying = change(self._by_ref.get(ref, Saying()))
            private_file.write(directory, FILE, saying.model_dump_json().encode())
            self._by_ref[ref] = saying
        self.heard(ref)

    def forget(self, ref: str) -> None:
        """The attempt is over."""
        with self._lock:
            self._by_ref.pop(ref, None)
