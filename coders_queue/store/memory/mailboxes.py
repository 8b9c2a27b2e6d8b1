"""Mailboxes in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from coders_queue.clock import Clock
from coders_queue.models import message as model
from coders_queue.models.lifecycle import ENDED, State
from coders_queue.models.message import MailboxLimits, Message
from coders_queue.store import kinds, rules
from coders_queue.store.memory.events import EventLog


@dataclass
class _Kept:
    """A message in a mailbox, and who has it in hand."""

    message: Message
    size: int
    tries: int = 0
    taken_at: float = 0.0
    reader: str = ""


@dataclass
class _Mailbox:
    """One mailbox."""

    kept: dict[str, _Kept] = field(default_factory=dict)
    dead: list[Message] = field(default_factory=list)
    sent: dict[tuple[str, str], str] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)


class Mailboxes:
    """See :class:`~coders_queue.store.mailboxes.MailboxStore`."""

    def __init__(
        self,
        lock: threading.Condition,
        clock: Clock,
        limits: MailboxLimits,
        state_of: Callable[[str], State | None],
        events: EventLog,
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._limits = limits
        self._state_of = state_of
        self._events = events
        self._boxes: dict[str, _Mailbox] = {}
        self._last = 0

    def send(self, to: str, sender: str, text: str, *, key: str | None = None) -> Message:
        """Put a message into a mailbox."""
        model.check_address(sender)
        size = model.check_message(text, key, self._limits)
        with self._lock:
            now = self._clock()
            box = self._box(to)
            about = {"to": to, "sender": sender, "text": text, "at": now, "key": key}
            if key is not None and (sender, key) in box.sent:
                return Message(id=box.sent[sender, key], **about)
            state = self._over(to)
            if state is not None:
                raise model.over(to, state) if state else model.unknown(to)
            waiting = sum(one.size for one in box.kept.values())
            if len(box.kept) >= self._limits.messages or waiting + size > self._limits.size:
                raise model.full(to, len(box.kept), waiting)
            weight = sum(
                one.size
                for mailbox in self._boxes.values()
                for one in mailbox.kept.values()
                if one.message.sender == sender
            )
            if weight + size > self._limits.of_sender:
                raise model.unread(sender, weight)
            self._last = max(self._last + 1, int(now * 1000))
            message = Message(id=f"{self._last}-0", **about)
            box.kept[message.id] = _Kept(message, size)
            if key is not None:
                box.sent[sender, key] = message.id
            return message

    def take(self, address: str, reader: str, limit: int) -> list[Message]:
        """Hand out messages."""
        with self._lock:
            self._bury_over(address)
            box = self._box(address)
            taken: list[Message] = []
            blocked: set[str] = set()
            size = 0
            for one in list(box.kept.values()):
                if len(taken) >= limit or size >= rules.HANDFUL:
                    break
                held = self._held(one)
                if held and one.reader != reader:
                    blocked.add(one.message.sender)
                elif one.message.sender not in blocked:
                    one.tries += not held
                    one.reader, one.taken_at = reader, self._clock()
                    taken.append(one.message.model_copy(update={"tries": one.tries}))
                    size += one.size
            return taken

    def acknowledge(self, address: str, reader: str, ids: Sequence[str]) -> list[str]:
        """Take messages out of the mailbox."""
        with self._lock:
            box = self._box(address)
            for one in self._in_hand(address, reader, ids):
                del box.kept[one.message.id]
                box.read[one.message.id] = reader
            return [one for one in dict.fromkeys(ids) if box.read.get(one) == reader]

    def release(self, address: str, reader: str, ids: Sequence[str]) -> None:
        """Put messages back."""
        with self._lock:
            for one in self._in_hand(address, reader, ids):
                one.tries, one.reader = max(0, one.tries - 1), ""

    def bury(self, address: str, reader: str, ids: Sequence[str], why: str) -> None:
        """Make dead letters."""
        with self._lock:
            for one in self._in_hand(address, reader, ids):
                self._bury(address, one, why)

    def waiting(self, address: str) -> list[Message]:
        """What is in a mailbox."""
        with self._lock:
            kept = self._box(address).kept.values()
            return [one.message.model_copy(update={"tries": one.tries}) for one in kept]

    def dead(self, address: str) -> list[Message]:
        """The last dead letters."""
        with self._lock:
            return self._box(address).dead[::-1]

    def addresses(self) -> list[str]:
        """The mailboxes in which there is something."""
        with self._lock:
            return [address for address, box in self._boxes.items() if box.kept]

    def tidy(self, address: str) -> int:
        """Make dead letters of what is over."""
        with self._lock:
            return self._bury_over(address)

    def _box(self, address: str) -> _Mailbox:
        return self._boxes.setdefault(model.check_address(address), _Mailbox())

    def _over(self, address: str) -> str | None:
        session_id = model.session_of(address)
        if session_id is None:
            return None
        state = self._state_of(session_id)
        if state is None:
            return ""
        return str(state) if state in ENDED else None

    def _held(self, one: _Kept) -> bool:
        return bool(one.reader) and abs(self._clock() - one.taken_at) < self._limits.again

    def _in_hand(self, address: str, reader: str, ids: Sequence[str]) -> Iterator[_Kept]:
        kept = self._box(address).kept
        for one in dict.fromkeys(ids):
            if one in kept and kept[one].reader == reader:
                yield kept[one]

    def _bury_over(self, address: str) -> int:
        over = self._over(address) is not None
        buried = 0
        for one in list(self._box(address).kept.values()):
            if over:
                self._bury(address, one, model.RECEIVER_OVER)
            elif self._held(one):
                continue
            elif one.message.at + self._limits.expiry <= self._clock():
                self._bury(address, one, model.EXPIRED)
            elif one.tries >= self._limits.tries:
                self._bury(address, one, model.UNACKNOWLEDGED)
            else:
                continue
            buried += 1
        return buried

    def _bury(self, address: str, one: _Kept, why: str) -> None:
        box = self._box(address)
        del box.kept[one.message.id]
        box.dead.append(one.message.model_copy(update={"tries": one.tries, "why": why}))
        del box.dead[: -model.MAX_DEAD]
        session_id = model.session_of(address)
        if session_id is not None:
            about = {
                "message": one.message.id,
                "sender": one.message.sender,
                "tries": one.tries,
            }
            self._events.append(session_id, 0, kinds.MESSAGE_DEAD, None, about)
