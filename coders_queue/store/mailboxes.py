"""The contract of mailboxes: what Redis and the in-memory twin both do.

A message is in exactly one of three places: waiting, handed out to one reader, or out of the
mailbox (acknowledged, or a dead letter). While one of a sender is handed out, no later one of that
sender is given to anybody else: so what a receiver gets from one sender is in order, also when a
reader dies with messages in hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from coders_queue.models.message import Message


class MailboxStore(Protocol):
    """Mailboxes by address, reached as ``store.mailboxes``."""

    def send(self, to: str, sender: str, text: str, *, key: str | None = None) -> Message:
        """Put a message into a mailbox; the message as it is there.

        With the ``key`` of an earlier one of the same sender nothing is sent, and that one's id
        comes back. Raises NotFound for a session that nobody knows, Conflict for one that has ended
        and for a mailbox that is full, TaskTooLarge, UsageError. What raises has sent nothing.
        """
        ...

    def take(self, address: str, reader: str, limit: int) -> list[Message]:
        """Hand out up to that many messages to a reader, the oldest first.

        Those that this reader has in hand already come first, so that asking again gives the same.
        One in hand for too long is handed out to whoever asks; one that was so too often, is too
        old, or whose receiver has ended becomes a dead letter.
        """
        ...

    def acknowledge(self, address: str, reader: str, ids: Sequence[str]) -> list[str]:
        """Take messages out of the mailbox that this reader has in hand; those that are its own.

        An id that is not in the answer was handed out to somebody else since, who has it now.
        Acknowledged again, the answer is the same.
        """
        ...

    def release(self, address: str, reader: str, ids: Sequence[str]) -> None:
        """Put back what this reader has in hand, as if it had never been handed out."""
        ...

    def bury(self, address: str, reader: str, ids: Sequence[str], why: str) -> None:
        """Make dead letters of what this reader has in hand."""
        ...

    def waiting(self, address: str) -> list[Message]:
        """What is in a mailbox, handed out or not, the oldest first. Changes nothing."""
        ...

    def dead(self, address: str) -> list[Message]:
        """The last dead letters of a mailbox, the latest first."""
        ...

    def addresses(self) -> list[str]:
        """The mailboxes in which there is something."""
        ...

    def tidy(self, address: str) -> int:
        """Make dead letters of what is too old, and of all when the receiver has ended; how
        many."""
        ...
