"""What an agent did, and what came of it, as digests: so that the same over and over can be seen.

What is compared is a tool with its arguments, and what it gave back. Times and process ids in it
are left out: a test that fails again takes another 0.31 s. Anything else that differs makes another
digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from coders_queue.agents import loose
from coders_queue.models.observation import Step

#: How much of a result is looked at, characters from each end.
_END = 16 * 1024
_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b"
    r"|\b\d+(?:\.\d+)?\s?(?:ms|µs|ns|seconds?|secs?|s|minutes?|mins?|m)\b"
    r"|\b(?:Chunk ID|Process Group PGID|PID): \w+"
)


def called(call: Any, name: Any, arguments: Any) -> tuple[Step, ...]:
    """A call; nothing when it does not say which."""
    if not isinstance(call, str) or not call:
        return ()
    tool = name if isinstance(name, str) else ""
    return (Step(kind="call", id=call, digest=_digest([tool, arguments]), name=tool or None),)


def returned(call: Any, result: Any) -> tuple[Step, ...]:
    """What it gave back."""
    if not isinstance(call, str) or not call:
        return ()
    return (Step(kind="return", id=call, digest=_digest(result)),)


def of_message(message: Any) -> tuple[Step, ...]:
    """Those in a message's content as Anthropic's API spells it: ``tool_use``, ``tool_result``."""
    return tuple(_of_content(loose.mapping(message).get("content")))


def _of_content(content: Any) -> Iterator[Step]:
    for block in loose.items(content):
        about = loose.mapping(block)
        if about.get("type") == "tool_use":
            yield from called(about.get("id"), about.get("name"), about.get("input"))
        elif about.get("type") == "tool_result":
            yield from returned(about.get("tool_use_id"), about.get("content"))


def _digest(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    text = text.replace("\\n", "\n")  # an escaped end of a line would hang on to the next word
    if len(text) > 2 * _END:
        text = f"{text[:_END]} {len(text)} {text[-_END:]}"
    plain = _VOLATILE.sub("", text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(plain, digest_size=8).hexdigest()
