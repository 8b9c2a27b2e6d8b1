"""The one queue of what waits for a person, over a shelf that Redis or memory keeps.

Every change is one compared write with its event: two at once, late ones and repeated ones leave
what the first of them made. What a legal change is, :mod:`coders_queue.models.approval` says.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Protocol

from coders_queue import errors
from coders_queue.clock import Clock
from coders_queue.models import approval as moves
from coders_queue.models.approval import Answer, Approval
from coders_queue.store import kinds

_ENDS = {
    "answered": kinds.APPROVAL_ANSWERED,
    "expired": kinds.APPROVAL_EXPIRED,
    "gone": kinds.APPROVAL_GONE,
}

#: How often a change is tried that others come before.
_TRIES = 50
#: The shortest part of an id that counts as one.
_SHORTEST = 4


class Shelf(Protocol):
    """Where approvals are kept: raw reads, and one compared write."""

    def read(self, approval_ids: builtins.list[str]) -> builtins.list[Approval]:
        """Those that are there, in that order."""
        ...

    def write(self, approval: Approval, expect: int | None, current: str | None, kind: str) -> bool:
        """Keep it, with its event, in one step; False, and nothing kept, where it is not of that
        version (None: where it is there), or where another than ``current`` is its session's own
        (None: whichever is; empty: none)."""
        ...

    def current(self, session: str) -> str | None:
        """The id of what the session's terminal asked last."""
        ...

    def ids(self, *, waiting: bool, limit: int | None = None) -> builtins.list[str]:
        """Ids by age: those that wait, oldest first; all, newest first."""
        ...


class Approvals:
    """Reached as ``store.approvals``. Thread-safe."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        #: Where they are kept.
        self.shelf = shelf
        self._clock = clock

    def open(self, approval: Approval) -> Approval:
        """Something waits for a person. As it is kept: one that its session's terminal asks
        already is not asked twice, and another dialog takes the place of the one before.

        What the same terminal asked before its last question ended is late, and is not kept: the
        last one is returned. Raises Unavailable.
        """
        if approval.kind == "ask":
            self.shelf.write(approval, None, None, kinds.APPROVAL_OPENED)  # as often as it is asked
            return self._known(approval.id)
        for _ in range(_TRIES):
            last = self.shelf.current(approval.session)
            before = self.get(last) if last else None
            if before is not None and before.waits:
                same = (before.attempt, before.digest) == (approval.attempt, approval.digest)
                if same:
                    return before
                if before.attempt > approval.attempt or approval.since < before.since:
                    return before
                self.close(before.id)
            elif before is not None and approval.since <= (before.ended_at or 0.0):
                return before
            if self.shelf.write(approval, None, last or "", kinds.APPROVAL_OPENED):
                return approval
            known = self.get(approval.id)
            if known is not None:
                return known
        raise _crowded(approval.id)

    def claim(self, approval_id: str, answer: Answer) -> Approval:
        """An answer sets out. Raises NotFound, Conflict."""
        found = self._change(
            approval_id, lambda one: moves.claim(one, answer, self._clock()), kinds.APPROVAL_CLAIMED
        )
        if found is None:
            raise unknown(approval_id)
        return found

    def begin(self, approval_id: str, token: str) -> Approval | None:
        """Its key is about to be pressed; None unless this is the one who may."""
        return self._change(
            approval_id, lambda one: moves.begin(one, token, self._clock()), kinds.APPROVAL_PRESSED
        )

    def settle(self, approval_id: str, token: str, note: str | None = None) -> Approval | None:
        """The answer was given; None when it had ended, or another answer is on its way."""
        return self._change(
            approval_id,
            lambda one: moves.settle(one, token, self._clock(), note),
            kinds.APPROVAL_ANSWERED,
        )

    def fail(self, approval_id: str, token: str, why: str) -> Approval | None:
        """The answer did not get there: it waits on. None as :meth:`settle`."""
        return self._change(
            approval_id, lambda one: moves.fail(one, token, why), kinds.APPROVAL_FAILED
        )

    def withdraw(self, approval_id: str, token: str, why: str) -> Approval | None:
        """The same, unless its key was pressed."""

        def move(one: Approval) -> Approval | None:
            pressed = one.answer is not None and one.answer.pressed_at is not None
            return None if pressed else moves.fail(one, token, why)

        return self._change(approval_id, move, kinds.APPROVAL_FAILED)

    def close(self, approval_id: str) -> Approval | None:
        """The agent waits no more; None when it had ended."""
        return self._change(
            approval_id, lambda one: moves.close(one, self._clock()), kinds.APPROVAL_GONE
        )

    def get(self, approval_id: str) -> Approval | None:
        """One, as it is now."""
        return next(iter(self.shelf.read([approval_id])), None)

    def list(self, *, waiting: bool = True, limit: int | None = None) -> list[Approval]:
        """Those that wait, the oldest first; or all that are kept, the newest first."""
        found = self.shelf.read(self.shelf.ids(waiting=waiting, limit=limit))
        return [one for one in found if one.waits] if waiting else found

    def of(self, session: str) -> builtins.list[Approval]:
        """What a session waits for."""
        return [one for one in self.list() if one.session == session]

    def find(self, reference: str) -> Approval | None:
        """The approval of that id, or of that start of one; None when none has it.

        Raises Ambiguous.
        """
        if (exact := self.get(reference)) is not None:
            return exact
        if len(reference) < _SHORTEST:
            return None
        fits = [one for one in self.shelf.ids(waiting=False) if one.startswith(reference)]
        if len(fits) > 1:
            raise errors.Ambiguous(f"{reference!r} fits several approvals", ", ".join(fits[:5]))
        return self.get(fits[0]) if fits else None

    def _known(self, approval_id: str) -> Approval:
        found = self.get(approval_id)
        if found is None:
            raise unknown(approval_id)
        return found

    def _change(
        self, approval_id: str, move: Callable[[Approval], Approval | None], kind: str
    ) -> Approval | None:
        for _ in range(_TRIES):
            before = self.get(approval_id)
            after = None if before is None else move(before)
            if before is None or after is None:
                return None
            told = _ENDS.get(after.state, kind)
            if self.shelf.write(after, before.version, None, told):
                return after
        raise _crowded(approval_id)


def unknown(reference: str) -> errors.NotFound:
    """There is no such approval."""
    return errors.NotFound(
        f"there is no approval or session {reference[:80]!r}", "see: coders approvals"
    )


def _crowded(approval_id: str) -> errors.Unavailable:
    return errors.Unavailable(f"{approval_id} is changed by others all the time", "try again")
