"""A mailbox, in Python."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Sequence

from coders_queue.models.message import Message, check_address
from coders_queue.store.base import Store


class Mailbox:
    """The mailbox of a session or a person.

    Made by :meth:`coders_queue.client.client.Coders.inbox`. What is taken is this object's, until
    it is acknowledged or a while has passed; then it is handed out again, with the same id.
    """

    def __init__(self, address: str, store: Callable[[], Store]) -> None:
        self.address = check_address(address)
        self._store = store
        self._reader = f"python {os.urandom(16).hex()}"
        #: What :meth:`read` took and does not know to be acknowledged.
        self._in_doubt: list[Message] = []

    def look(self) -> builtins.list[Message]:
        """What is in it, the oldest first. Changes nothing."""
        return self._store().mailboxes.waiting(self.address)

    def take(self, limit: int = 50) -> builtins.list[Message]:
        """Take messages in hand; the same again until they are acknowledged."""
        return self._store().mailboxes.take(self.address, self._reader, limit)

    def acknowledge(self, messages: Sequence[Message | str]) -> builtins.list[str]:
        """They have been read; the ids of those that nobody else was given meanwhile."""
        ids = [one if isinstance(one, str) else one.id for one in messages]
        return self._store().mailboxes.acknowledge(self.address, self._reader, ids)

    def release(self, messages: Sequence[Message | str]) -> None:
        """Put back what was taken."""
        ids = [one if isinstance(one, str) else one.id for one in messages]
        self._store().mailboxes.release(self.address, self._reader, ids)

    def read(self, limit: int = 50) -> builtins.list[Message]:
        """Take and acknowledge: each message once, over all that read here.

        Where it raises, because the broker is away, call it again: what it had taken comes then.
        """
        self._in_doubt = self._in_doubt or self.take(limit)
        own = set(self.acknowledge(self._in_doubt))
        taken, self._in_doubt = self._in_doubt, []
        return [one for one in taken if one.id in own]

    def dead(self) -> builtins.list[Message]:
        """The last dead letters, the latest first."""
        return self._store().mailboxes.dead(self.address)
