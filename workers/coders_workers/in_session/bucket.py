"""How often somebody may ask: a bucket that fills at a steady rate. Knows no clock."""

from __future__ import annotations


class Bucket:
    """So many at once, and so many a second."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """One more; False when it has to wait."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def ready_in(self, now: float) -> float:
        """Seconds until the next may."""
        return max(0.0, (1 - self._left) / self._rate - (now - self._at))
