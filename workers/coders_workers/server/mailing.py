"""The verbs about messages."""

from __future__ import annotations

from typing import Any

from coders_queue import errors, ids
from coders_queue.models import context as names
from coders_queue.models.message import check_address
from coders_workers.server import params as read
from coders_workers.server.station import Station

Params = dict[str, Any]

#: How many messages are shown, unless told otherwise, and at most.
_SHOWN, _MOST = 50, 1000
#: How long a reader's name may be, characters.
_READER = 100


class Mailing:
    """Sends messages, and hands them out."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def send(self, params: Params) -> Params:
        """Put a message into a mailbox."""
        to = self._receiver(read.text(params, "to") or "")
        text, key = read.text(params, "text") or "", read.text(params, "key")
        sent = self._station.store.mailboxes.send(to, self._asks(params), text, key=key)
        return sent.model_dump()

    def inbox(self, params: Params) -> Params:
        """What is in a mailbox; handed out to the reader, where one is named."""
        store, address = self._station.store.mailboxes, self._mailbox(params)
        limit = min(read.count(params, "limit", 1) or _SHOWN, _MOST)
        reader = read.text(params, "reader")
        if read.flag(params, "dead"):
            found = store.dead(address)[:limit]
        elif reader is None:
            found = store.waiting(address)[:limit]
        else:
            found = store.take(address, _checked(reader), limit)
        return {"address": address, "messages": [one.model_dump() for one in found]}

    def acknowledge(self, params: Params) -> Params:
        """Messages that the reader has in hand have been read."""
        address, reader = self._mailbox(params), read.text(params, "reader") or ""
        taken = read.listed(params, "ids")
        own = self._station.store.mailboxes.acknowledge(address, _checked(reader), taken)
        return {"acknowledged": own}

    def _mailbox(self, params: Params) -> str:
        who = read.text(params, "who")
        return self._asks(params) if who is None else self._receiver(who)

    def _asks(self, params: Params) -> str:
        """Whose request it is: the session's that the caller runs in, or the owner's."""
        chosen = read.text(params, "session")
        if chosen is None:
            return check_address(names.person(self._station.settings.owner))
        if not ids.is_session_id(chosen):
            raise errors.UsageError(f"'session' is {chosen[:60]!r}, not a session's id")
        return names.session(chosen)

    def _receiver(self, to: str) -> str:
        if not to:
            raise errors.UsageError("nobody was named", "write person:NAME, or a session")
        if to.startswith(names.person("")):
            return check_address(to)
        try:
            session_id = self._station.store.resolve(to.removeprefix(names.session("")))
        except errors.Ambiguous:
            raise
        except errors.NotFound as error:
            raise errors.NotFound(
                error.message, f"see: coders ls --all; a person is written person:{to[:60]}"
            ) from None
        return names.session(session_id)


def _checked(reader: str) -> str:
    if not 0 < len(reader) <= _READER or not reader.isprintable():
        raise errors.UsageError(f"'reader' must be 1 to {_READER} printable characters")
    return reader
