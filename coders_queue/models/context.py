"""Shared context: what sessions and people put where others of their kind find it.

Owns what a space, a key and an entry look like, and the limits. Where they are kept is the store's.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from coders_queue import errors
from coders_queue.models.base import Model

#: What an entry is, and the order in which a prompt has them.
Kind = Literal["decision", "fact", "file"]
KINDS: tuple[Kind, ...] = ("decision", "fact", "file")

#: How many spaces one session can be given.
MAX_SPACES = 8
#: How many entries a space has.
MAX_ENTRIES = 1000
#: How many earlier writes a space remembers.
MAX_HISTORY = 1000

_SPACE = re.compile(r"(?:flow|team):[A-Za-z0-9][A-Za-z0-9._-]{0,62}|repo:[\w./~][\w./~@:+-]{0,199}")
_KEY = re.compile(r"[\w./][\w./@:+~#-]{0,199}")


def check_space(name: str) -> str:
    """The name itself. Raises UsageError for what names no space."""
    if not _SPACE.fullmatch(name):
        raise errors.UsageError(
            f"{name[:80]!r} names no space",
            "write flow:NAME, team:NAME or repo:NAME; repo: may be a path, none may have blanks",
        )
    return name


def check_key(key: str) -> str:
    """The key itself. Raises UsageError for what is no key."""
    if not _KEY.fullmatch(key):
        raise errors.UsageError(
            f"{key[:80]!r} is no key",
            "write up to 200 letters, digits and . _ / @ : + ~ # -, no blanks: api/owner",
        )
    return key


def _space(name: str) -> str:
    try:
        return check_space(name)
    except errors.UsageError as error:
        raise ValueError(str(error)) from None


#: The name of a space, in a model.
Space = Annotated[str, AfterValidator(_space)]


class ContextLimits(Model):
    """How much a space holds, and for how long."""

    value: int = Field(default=256 * 1024, ge=1, le=4 * 1024 * 1024)
    """Bytes that one entry may have, its key included."""
    space: int = Field(default=4 * 1024 * 1024, ge=1, le=64 * 1024 * 1024)
    """Bytes that a space's entries may have together; as many more are kept of earlier versions."""
    expiry: float = Field(default=30 * 86_400.0, gt=0)
    """Seconds after its last write at which a space is gone."""


class ContextEntry(Model):
    """One write of one key: what is there now, or in a history what was."""

    space: str
    """The space it is in."""
    key: str
    """What it is found by."""
    version: int
    """The number of the write in its space: later is larger, for a key and among keys."""
    kind: Kind = "fact"
    """What it is: a fact, a decision, a file."""
    text: str
    """The value. Bytes that are not UTF-8 are surrogate escapes."""
    author: str
    """Who wrote it: `session:ID` or `person:NAME`."""
    at: float
    """When it was written."""
    expires_at: float | None = None
    """When it is gone; null: with its space."""
    removed: bool = False
    """In a history: that the key was removed then."""


class SpaceInfo(Model):
    """A space as a list shows it."""

    name: str
    """Its name."""
    entries: int
    """How many keys it has."""
    size: int
    """Bytes of its entries; those that expired count until the next write."""
    version: int
    """The number of the last write."""
    written_at: float
    """When that was."""
    expires_at: float
    """When it is gone unless something is written."""


def person(name: str) -> str:
    """A person as an author, a sender, a receiver."""
    return f"person:{name}"


def session(session_id: str) -> str:
    """A session as an author, a sender, a receiver."""
    return f"session:{session_id}"


def size_of(key: str, text: str) -> int:
    """Bytes that an entry counts with."""
    return len(key.encode("utf-8", "surrogateescape")) + len(
        text.encode("utf-8", "surrogateescape")
    )


def check_value(key: str, text: str, limits: ContextLimits) -> int:
    """Its size. Raises UsageError for what cannot be stored, TaskTooLarge for what is too large."""
    try:
        size = size_of(key, text)
    except UnicodeEncodeError as error:
        raise errors.UsageError(
            f"the value of {key} holds a lone surrogate at character {error.start}"
        ) from None
    if size > limits.value:
        raise errors.TaskTooLarge(
            f"{key} has {size} bytes with its key, over the {limits.value} of one entry",
            "put a summary, or where the whole is to be found",
        )
    return size


def full(space: str, size: int, limits: ContextLimits) -> errors.CodersError:
    """The error for a write after which the space would have ``size`` bytes."""
    return errors.TaskTooLarge(
        f"{space} would have {size} bytes, over its budget of {limits.space}",
        f"remove what nobody needs: coders context ls {space}",
    )


def crowded(space: str) -> errors.CodersError:
    """The error for one key too many."""
    return errors.Conflict(
        f"{space} has {MAX_ENTRIES} entries, and no room for another",
        f"remove what nobody needs: coders context ls {space}",
    )


def changed(space: str, key: str, version: int, wanted: int) -> errors.CodersError:
    """The error of a compare-and-set that came too late; a version of 0 is none at all."""
    now = f"is version {version}" if version else "is not there"
    then = f"version {wanted}" if wanted else "a new key"
    return errors.Conflict(
        f"{key} in {space} {now}, not {then}",
        f"read it, and decide again: coders context get {space} {key}"
        if version
        else "leave the version out, or say 0 for a new key",
    )
