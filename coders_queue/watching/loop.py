"""Whether an agent does the same over and over: the same actions, and the same comes of them.

Sees pairs of an action and its outcome, as digests. A period of up to four pairs counts: read,
edit, test, and the same again. One pair that is new ends the loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from coders_queue.models.observation import Step

#: The longest round that is looked for, pairs.
_LONGEST = 4
#: Calls that were not answered, of which the oldest are forgotten.
_OPEN = 64


class Loop:
    """The last pairs of one attempt."""

    def __init__(self, repeats: int) -> None:
        """``repeats``: how often a round has to be seen in a row."""
        self._repeats = repeats
        self._pairs: deque[tuple[str, str]] = deque(maxlen=_LONGEST * repeats)
        self._open: dict[str, Step] = {}
        self._names: dict[str, str | None] = {}
        self._closed: deque[str] = deque(maxlen=_OPEN)

    @property
    def open(self) -> bool:
        """Whether a call has not given anything back yet."""
        return bool(self._open)

    def add(self, steps: Iterable[Step]) -> None:
        """Calls and returns, in order. Told twice (a transcript is written anew), they count
        once."""
        for step in steps:
            if step.id in self._closed:
                continue
            if step.kind == "call":
                self._open[step.id] = step
                if len(self._open) > _OPEN:
                    del self._open[next(iter(self._open))]
                continue
            call = self._open.pop(step.id, None)
            if call is not None:
                self._closed.append(step.id)
                self._pairs.append((call.digest, step.digest))
                self._names[call.digest] = call.name
                self._forget_names()

    def settle(self) -> None:
        """The turn is over: nothing that was called runs any more, and to be asked for the same
        again is no loop of the agent's."""
        self._open.clear()
        self._pairs.clear()

    def found(self) -> str | None:
        """What is repeated, in words; None while nothing is."""
        pairs = list(self._pairs)
        for period in range(1, _LONGEST + 1):
            length = period * self._repeats
            if len(pairs) < length:
                return None
            last = pairs[-length:]
            if all(last[index] == last[index % period] for index in range(period, length)):
                names = [self._names.get(action) or "a tool" for action, _ in last[:period]]
                what = ", ".join(dict.fromkeys(names))
                return f"the same came of the same {self._repeats} times in a row: {what}"
        return None

    def _forget_names(self) -> None:
        if len(self._names) > 2 * (self._pairs.maxlen or 1):
            kept = {action for action, _ in self._pairs}
            self._names = {one: name for one, name in self._names.items() if one in kept}
