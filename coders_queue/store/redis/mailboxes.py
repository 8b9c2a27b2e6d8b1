"""Mailboxes on the server: a stream each, and a hash of who has what in hand.

Not Redis' own consumer groups: those hand later messages of a sender to others while an earlier one
is in hand, and tell nobody who acknowledged what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coders_queue.clock import Clock
from coders_queue.models import message as model
from coders_queue.models.lifecycle import ENDED
from coders_queue.models.message import MailboxLimits, Message
from coders_queue.store import codec, rules
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door, Word
from coders_queue.store.redis.scripts import source

_ENDS = ",".join(sorted(ENDED))


class Mailboxes:
    """See :class:`~coders_queue.store.mailboxes.MailboxStore`."""

    def __init__(
        self, door: Door, names: Keys, clock: Clock, limits: MailboxLimits, max_events: int
    ) -> None:
        self._door = door
        self._keys = names
        self._clock = clock
        self._limits = limits
        self._max_events = max_events
        self._send, self._take, self._settle = (
            door.script("\n".join((source("_mail"), source(name))))
            for name in ("mail_send", "mail_take", "mail_settle")
        )

    def send(self, to: str, sender: str, text: str, *, key: str | None = None) -> Message:
        """Put a message into a mailbox."""
        model.check_address(sender)
        limits = self._limits
        size = model.check_message(text, key, limits)
        now = self._clock()
        answer, found = self._run(
            self._send,
            to,
            now,
            [self._keys.mail_sent(to, sender, key or "")],
            *(sender, text, key or "", size, limits.messages, limits.size),
            *(_milliseconds(rules.SENT), limits.of_sender),
        )
        if answer == "over":
            raise model.over(to, found) if found else model.unknown(to)
        if answer == "unread":
            raise model.unread(sender, int(found))
        if answer == "full":
            count, waiting = found.split(" ")
            raise model.full(to, int(count), int(waiting))
        return Message(id=found, to=to, sender=sender, text=text, at=now, key=key)

    def take(self, address: str, reader: str, limit: int) -> list[Message]:
        """Hand out messages."""
        return self._handed(address, reader, limit)[1] if limit > 0 else []

    def acknowledge(self, address: str, reader: str, ids: Sequence[str]) -> list[str]:
        """Take messages out of the mailbox."""
        return self._settled(address, reader, "acknowledge", ids)

    def release(self, address: str, reader: str, ids: Sequence[str]) -> None:
        """Put messages back."""
        self._settled(address, reader, "release", ids)

    def bury(self, address: str, reader: str, ids: Sequence[str], why: str) -> None:
        """Make dead letters."""
        self._settled(address, reader, "bury", ids, why)

    def waiting(self, address: str) -> list[Message]:
        """What is in a mailbox."""
        model.check_address(address)
        entries, flat = self._door.together(
            ("XRANGE", self._keys.mail(address), "-", "+"),
            ("HGETALL", self._keys.mail_hands(address)),
        )
        hands = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        return [
            _message(address, one, _pairs(fields), tries=int(hands.get(one, "0 ").split(" ")[0]))
            for one, fields in entries
        ]

    def dead(self, address: str) -> list[Message]:
        """The last dead letters."""
        model.check_address(address)
        found = []
        for _, flat in self._door.call("XREVRANGE", self._keys.mail_dead(address), "+", "-"):
            fields = _pairs(flat)
            about = {"tries": int(fields["tries"]), "why": fields["why"]}
            found.append(_message(address, fields["id"], fields, **about))
        return found

    def addresses(self) -> list[str]:
        """The mailboxes in which there is something."""
        return [str(one) for one in self._door.call("ZRANGE", self._keys.mailboxes, 0, -1)]

    def tidy(self, address: str) -> int:
        """Make dead letters of what is over."""
        return self._handed(address, "", 0)[0]

    def _handed(self, address: str, reader: str, limit: int) -> tuple[int, list[Message]]:
        limits = self._limits
        buried, taken = self._run(
            self._take,
            address,
            self._clock(),
            [],
            *(reader, limit, codec.number(limits.again), limits.tries),
            *(codec.number(limits.expiry), rules.HANDFUL),
            *(model.RECEIVER_OVER, model.EXPIRED, model.UNACKNOWLEDGED),
        )
        return int(buried), [
            _message(address, one, _pairs(flat), tries=int(tries)) for one, tries, flat in taken
        ]

    def _settled(
        self, address: str, reader: str, what: str, ids: Sequence[str], why: str = ""
    ) -> list[str]:
        if not ids:
            return []
        own = self._run(
            self._settle,
            address,
            self._clock(),
            [],
            *(reader, what, why, self._keys.mail_read(address)),
            _milliseconds(rules.READ),
            *dict.fromkeys(ids),
        )
        return [str(one) for one in own]

    def _run(
        self, script: Any, address: str, now: float, more: Sequence[str], *arguments: Word
    ) -> Any:
        names = self._keys
        session_id = model.session_of(model.check_address(address)) or ""
        keys = [
            *(names.mail(address), names.mail_hands(address), names.mail_dead(address)),
            *(names.mailboxes, names.session(session_id), names.events, *more),
        ]
        first: list[Word] = [
            *(address, session_id, codec.number(now), _ENDS),
            *(_milliseconds(2 * self._limits.expiry), model.MAX_DEAD, self._max_events),
            names.mail_weight(""),
        ]
        return self._door.run(script, keys, [*first, *arguments])


def _message(to: str, delivery: str, fields: Mapping[str, str], **rest: Any) -> Message:
    return Message(
        id=delivery,
        to=to,
        sender=fields["sender"],
        text=fields["text"],
        at=float(fields["at"]),
        key=fields["key"] or None,
        **rest,
    )


def _pairs(flat: Any) -> dict[str, str]:
    if isinstance(flat, dict):
        return flat
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
