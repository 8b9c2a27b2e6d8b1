"""When a terminal is worth a look. Pure: knows sizes and times, no screens.

Questions and ends come with silence, so a look follows soon after the output has gone quiet. While
it goes on, something turns or is being written: looks come at a rate that all busy terminals share.
Without any change there is nothing to see; a look once in a while proves it.
"""

from __future__ import annotations

#: Seconds without output after which it counts as quiet: longer than any spinner rests.
QUIET = 0.25
#: Seconds after which a picture that could not be read, or that another signal contradicts, is
#: looked at again.
AGAIN = 0.8
#: Seconds after which an unchanged terminal is looked at all the same.
REST = 150.0


class Glances:
    """One terminal."""

    def __init__(self, now: float) -> None:
        self._changed_at = now
        self._looked_at = float("-inf")
        self._dirty = True
        self._again_at: float | None = None

    def changed(self, now: float) -> None:
        """Something was printed."""
        self._changed_at = now
        self._dirty = True

    def doubted(self, now: float) -> None:
        """What was seen may be half a picture, or of the moment before."""
        self._again_at = now + AGAIN

    def looked(self, now: float) -> None:
        """It was looked at."""
        self._looked_at = now
        self._dirty = False
        self._again_at = None

    def due(self, busy_every: float) -> float:
        """When to look next. ``busy_every``: seconds between two looks at one that goes on."""
        if self._dirty:
            at = min(self._changed_at + QUIET, max(self._looked_at + busy_every, 0.0))
            return at if self._looked_at > float("-inf") else self._changed_at
        at = self._looked_at + REST
        return at if self._again_at is None else min(at, self._again_at)

    def quiet(self, now: float) -> bool:
        """Whether nothing has been printed for a moment."""
        return now - self._changed_at >= QUIET
