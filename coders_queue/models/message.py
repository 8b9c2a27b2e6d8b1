"""Messages between sessions and people, and what a mailbox may hold.

Owns addresses, the limits and the words of the errors. Where mailboxes are kept is the store's.
"""

from __future__ import annotations

import re

from pydantic import Field

from coders_queue import errors
from coders_queue.models.base import Model

_ADDRESS = re.compile(r"session:[\w-]{1,64}|person:[\w.@+-]{1,64}")
_SESSION = "session:"
#: The longest id that a sender gives a message, characters.
MAX_KEY = 200
#: How many dead letters of a mailbox are kept.
MAX_DEAD = 200

#: Why a message is a dead letter.
EXPIRED = "nobody took it in time"
UNACKNOWLEDGED = "it was handed out again and again, and never acknowledged"
RECEIVER_OVER = "its receiver has ended"


class MailboxLimits(Model):
    """What a mailbox holds, for how long, and when it hands out again."""

    message: int = Field(default=64 * 1024, ge=1, le=1024 * 1024)
    """Bytes that one message may have."""
    messages: int = Field(default=1000, ge=1, le=100_000)
    """How many may wait in one mailbox."""
    size: int = Field(default=4 * 1024 * 1024, ge=1, le=64 * 1024 * 1024)
    """Bytes that may wait in one mailbox."""
    of_sender: int = Field(default=16 * 1024 * 1024, ge=1, le=1024 * 1024 * 1024)
    """Bytes of one sender's that may wait in all mailboxes together."""
    expiry: float = Field(default=7 * 86_400.0, gt=0)
    """Seconds after which a message that nobody took is a dead letter."""
    again: float = Field(default=60.0, gt=0)
    """Seconds after which one that was handed out and not acknowledged is handed out again."""
    tries: int = Field(default=5, ge=1, le=1000)
    """How often a message is handed out before it is a dead letter."""


class Message(Model):
    """A message. Times are epoch seconds."""

    id: str
    """Its delivery id: of one mailbox, later ones are larger. Whoever gets it twice sees the same
    id."""
    to: str
    """Its receiver: `session:ID` or `person:NAME`."""
    sender: str
    """Who sent it, spelled likewise."""
    text: str
    """What it says."""
    at: float
    """When it was sent."""
    key: str | None = None
    """The id that its sender gave it: sent again with the same, it is not sent twice."""
    tries: int = 0
    """How often it was handed out."""
    why: str | None = None
    """Of a dead letter: why it is one."""


def check_address(address: str) -> str:
    """The address itself. Raises UsageError for what is none."""
    if not _ADDRESS.fullmatch(address):
        raise errors.UsageError(
            f"{address[:80]!r} is nobody's address",
            "write person:NAME, or a session's name or id",
        )
    return address


def session_of(address: str) -> str | None:
    """The id of the session that it is the address of; None for a person's."""
    return address.removeprefix(_SESSION) if address.startswith(_SESSION) else None


def check_message(text: str, key: str | None, limits: MailboxLimits) -> int:
    """Bytes of the text. Raises UsageError for what cannot be sent, TaskTooLarge for too much."""
    if not text.strip():
        raise errors.UsageError("there is no text to send")
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise errors.UsageError(
            f"{key[:60]!r} is no id of a message", f"write 1 to {MAX_KEY} printable characters"
        )
    try:
        size = len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise errors.UsageError(
            f"the message holds a lone surrogate at character {error.start}"
        ) from None
    if size > limits.message:
        raise errors.TaskTooLarge(
            f"the message has {size} bytes, over the {limits.message} of one",
            "put it into shared context, and send its place: coders context put",
        )
    return size


def unknown(address: str) -> errors.CodersError:
    """The error for a session that nobody knows."""
    return errors.NotFound(f"there is no {address.replace(':', ' ', 1)}", "see: coders ls --all")


def over(address: str, state: str) -> errors.CodersError:
    """The error for a session that has ended."""
    return errors.Conflict(
        f"{address.replace(':', ' ', 1)} has ended: it is {state}; nothing was sent",
        "nobody reads there any more; see: coders ls",
    )


def unread(sender: str, size: int) -> errors.CodersError:
    """The error for one message too many of a sender whose messages nobody reads."""
    return errors.Conflict(
        f"{size} bytes of messages from {sender.replace(':', ' ', 1)} wait unread; "
        "nothing was sent",
        "wait until some of them are read",
    )


def full(address: str, count: int, size: int) -> errors.CodersError:
    """The error for one message too many."""
    return errors.Conflict(
        f"the mailbox of {address.replace(':', ' ', 1)} is full: {count} messages of {size} bytes "
        "wait there; nothing was sent",
        "wait until some of them are read",
    )
