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


class Asking(Model):
    """A question to a person that is not answered yet."""

    id: str
    text: str
    """One line."""
    choices: tuple[str, ...] = ()
    since: float
    """Epoch seconds."""


class Saying(Model):
    """What one attempt's agent said last."""

    said: Said | None = None
    asks: tuple[Asking, ...] = ()
    """Its open questions, oldest first."""

    def over(self, activity: Activity) -> Activity:
        """The activity that was seen, with what the agent says over it."""
        if self.said is not None:
            activity = activity.model_copy(update={"said": self.said})
        if not self.asks:
            return activity
        first = self.asks[0]
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

    def load(self, ref: str, directory: Path) -> None:
        """Take up an attempt that may have said something to an earlier worker."""
        content = private_file.read(directory / FILE, _LARGEST)
        if content is None:
            return
        try:
            saying = Saying.model_validate_json(content)
        except ValidationError:
            return
        with self._lock:
            self._by_ref.setdefault(ref, saying)

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
