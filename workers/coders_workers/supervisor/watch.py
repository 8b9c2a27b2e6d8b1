"""Which attempts this process is watching, and what happens when one ends."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watched:
    """The references under watch. ``ended`` is called, on another thread, once for each end."""

    def __init__(self, submit: Callable[[Callable[[], object]], object]) -> None:
        self._submit = submit
        self._refs: dict[str, float | None] = {}
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        #: Set by the supervisor when its services stand.
        self.ended: Callable[[str], object] = lambda _ref: None
        #: Called, on the caller's thread, when an attempt comes under watch and when it is let go
        #: of. Set by the worker.
        self.added: Callable[[str], object] = lambda _ref: None
        self.dropped: Callable[[str], object] = lambda _ref: None

    def add(self, ref: str) -> None:
        """Watch it."""
        with self._lock:
            new = ref not in self._refs
            self._refs[ref] = None
        if new:
            self.added(ref)

    def limit(self, ref: str, deadline: float) -> None:
        """Stop it after ``deadline`` of the host's steady clock, unless its end has been seen
        already."""
        with self._lock:
            if ref in self._refs:
                self._refs[ref] = deadline

    def asked(self, ref: str) -> None:
        """It was asked to end."""
        with self._lock:
            if ref in self._refs:
                self._asked.add(ref)

    def was_asked(self, ref: str) -> bool:
        """Whether it was asked to end, by this process."""
        with self._lock:
            return ref in self._asked

    def deadlines(self) -> dict[str, float]:
        """The watched attempts that have one."""
        with self._lock:
            return {ref: at for ref, at in self._refs.items() if at is not None}

    def refs(self) -> set[str]:
        """All that are watched."""
        with self._lock:
            return set(self._refs)

    def drop(self, ref: str) -> None:
        """Watch it no more."""
        with self._lock:
            known = ref in self._refs
            self._refs.pop(ref, None)
            self._asked.discard(ref)
        if known:
            self.dropped(ref)

    def __contains__(self, ref: str) -> bool:
        with self._lock:
            return ref in self._refs

    def on_end(self, ref: str) -> None:
        """The runtime saw the attempt's end."""
        self.drop(ref)
        self._submit(lambda: self.ended(ref))
