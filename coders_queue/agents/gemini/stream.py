"""Reading the lines of ``gemini --output-format stream-json``.

A pure reader, tolerant of lines that are cut, are not JSON, or are of a kind not known yet. It says
what the stream says; what that means for the session is the adapter's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Usage

#: How many lines of noise are kept, and how much of each.
_NOISE_LINES = 20
_NOISE_CHARACTERS = 2000


@dataclass(frozen=True)
class Stream:
    """What a whole stream said."""

    finished: bool = False
    """Whether a ``result`` line arrived."""
    is_error: bool = False
    error: str | None = None
    """Why it failed, as the tool tells it, cleaned of its wrapping."""
    result: str | None = None
    """The last answer: what was said after the last use of a tool."""
    session_id: str | None = None
    usage: Usage | None = None
    noise: tuple[str, ...] = ()
    """The last lines that are not part of the stream, as text."""


def read_stream(stdout: bytes) -> Stream:
    """What the stream says; of several ``result`` lines the last one counts."""
    session_id: str | None = None
    said: list[str] = []
    errors: list[str] = []
    result: dict[str, Any] | None = None
    noise: list[str] = []
    for line in loose.lines(stdout):
        event = loose.event(line)
        if event is None:
            noise.append(line.decode("utf-8", "replace")[:_NOISE_CHARACTERS])
            continue
        kind = event["type"]
        if kind == "init" and isinstance(event.get("session_id"), str):
            session_id = event["session_id"] or None
        elif kind in ("tool_use", "tool_result") or event.get("role") == "user":
            said.clear()
        elif kind == "message" and isinstance(event.get("content"), str):
            said.append(event["content"])
        elif kind == "error" and event.get("severity") != "warning":
            errors.append(str(event.get("message", "")))
        elif kind == "result":
            result = event
    finished = result or {}
    failed = result is not None and finished.get("status") != "success"
    error = finished.get("error")
    told = error.get("message") if isinstance(error, dict) else error
    return Stream(
        finished=result is not None,
        is_error=failed,
        error=(unwrap(str(told)) if told else "; ".join(filter(None, errors))) or None,
        # what was said before a failure is no answer
        result="".join(said) if result is not None and not failed else None,
        session_id=session_id,
        usage=read_usage(finished.get("stats")),
        noise=tuple(noise[-_NOISE_LINES:]),
    )


def unwrap(message: str) -> str:
    """The reason within ``[API Error: {"error": ...}]``, with its HTTP status."""
    text = message.strip()
    if text.startswith("[API Error:") and text.endswith("]"):
        text = text.removeprefix("[API Error:")[:-1].strip()
    try:
        error = json.loads(text)["error"]
        if isinstance(error["message"], str):
            return unwrap_status(error["message"], error.get("code"))
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return text


def unwrap_status(text: str, code: Any) -> str:
    """A reason that names its HTTP status."""
    if not isinstance(code, int) or isinstance(code, bool) or str(code) in text:
        return text
    return f"{text} (HTTP {code})"


def read_usage(stats: Any) -> Usage | None:
    """Tokens of one run, all models and sub-agents included.

    As the service counts: what came from its cache is part of the prompt, and reasoning is part of
    the total only.
    """
    if not isinstance(stats, dict) or "input_tokens" not in stats:
        return None
    return usage_of(
        prompt=stats.get("input_tokens"),
        cached=stats.get("cached"),
        said=stats.get("output_tokens"),
        total=stats.get("total_tokens"),
    )


def usage_of(*, prompt: Any, cached: Any, said: Any, total: Any) -> Usage:
    """Usage in the project's own words: input without cache, output with reasoning."""
    asked, reused = loose.count(prompt), loose.count(cached)
    return Usage(
        input_tokens=max(0, asked - reused),
        output_tokens=max(loose.count(said), loose.count(total) - asked),
        cache_read_tokens=reused,
    )


def add_usage(first: Usage | None, second: Usage) -> Usage:
    """The sum of two."""
    if first is None:
        return second
    return Usage(
        input_tokens=first.input_tokens + second.input_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        cache_read_tokens=first.cache_read_tokens + second.cache_read_tokens,
        cache_write_tokens=first.cache_write_tokens + second.cache_write_tokens,
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    event = loose.event(line)
    if event is None:
        return None
    if event["type"] == "result":
        said = read_stream(line)
        if said.is_error:
            return Observation(state="error", source="stream", message=said.error, usage=said.usage)
        return Observation(state="idle", source="stream", usage=said.usage)
    if event["type"] == "init":
        return Observation(state="starting", source="stream")
    if event["type"] == "message":
        return Observation(state="working", source="stream")
    if event["type"] == "tool_use":
        made = steps.called(event.get("tool_id"), event.get("tool_name"), event.get("parameters"))
        return Observation(state="working", source="stream", steps=made)
    if event["type"] == "tool_result":
        made = steps.returned(event.get("tool_id"), [event.get("status"), event.get("output")])
        return Observation(state="working", source="stream", steps=made)
    return None


def text_of(content: Any, parts: str = "text") -> str:
    """The text of a message's content: a text, or a list of parts with texts."""
    if isinstance(content, str):
        return content
    found = content if isinstance(content, list) else []
    texts = [part.get(parts) for part in found if isinstance(part, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))
