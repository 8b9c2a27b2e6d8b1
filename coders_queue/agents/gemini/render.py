"""One line of Gemini CLI's stream as plain text for a person who watches.

Decides what is worth seeing and strips what could command a terminal. Judges no success.
"""

from __future__ import annotations

from typing import Any

from coders_queue.agents import loose
from coders_queue.agents.gemini import stream
from coders_queue.agents.screen import plain

#: Input fields that say in a few words what a tool is to do, the best first.
_TELLING = ("command", "file_path", "absolute_path", "path", "pattern", "url", "query", "prompt")
_RESULT_LINES = 8
_WIDTH = 200


def render_line(line: bytes) -> bytes | None:
    """Text, or None for a line that nobody needs to see.

    Pieces of an answer come without a line end of their own, as they were streamed.
    """
    event = loose.event(line)
    if event is None:
        return noise(line)
    if event["type"] == "message" and event.get("role") == "assistant" and event.get("delta"):
        return plain(str(event.get("content", ""))).encode("utf-8", "replace") or None
    return encode(_event(event))


def noise(line: bytes) -> bytes | None:
    """A line that is not part of the stream, as it is."""
    return encode(line.decode("utf-8", "replace"))


def encode(text: str) -> bytes | None:
    """Ending in a newline; None when there is nothing. A newline in front of it stays."""
    shown = plain(text).rstrip("\n")
    return (shown + "\n").encode("utf-8", "replace") if shown.strip() else None


def _event(event: dict[str, Any]) -> str:
    kind = event["type"]
    if kind == "init":
        return f"* Gemini CLI, {event.get('model', '?')}, conversation {event.get('session_id')}"
    if kind == "message" and event.get("role") == "assistant":
        return str(event.get("content", ""))
    if kind == "tool_use":
        return f"\n> {event.get('tool_name', '?')}{purpose(event.get('parameters'))}"
    if kind == "tool_result":
        error = event.get("error")
        told = error.get("message") if isinstance(error, dict) else None
        return tool_result(event.get("output") or told or "", failed=event.get("status") == "error")
    if kind == "error":
        return f"\n* {event.get('severity', 'error')}: {event.get('message', '')}"
    if kind == "result":
        return "\n" + _result(event)
    return ""


def purpose(arguments: Any) -> str:
    """What a tool is to do, in a few words."""
    if not isinstance(arguments, dict):
        return ""
    for field in _TELLING:
        if isinstance(arguments.get(field), str):
            return ": " + short(" ".join(arguments[field].split()))
    return ""


def tool_result(output: Any, *, failed: bool) -> str:
    """The first lines of what a tool gave back."""
    lines = plain(stream.text_of(output)).strip().split("\n")
    lines = [line for line in lines if line.strip()]
    if len(lines) > _RESULT_LINES:
        hidden = len(lines) - _RESULT_LINES
        lines = [*lines[:_RESULT_LINES], f"... {hidden} more lines"]
    mark = "!" if failed else "|"
    return "\n".join(f"  {mark} {short(line)}" for line in lines)


def _result(event: dict[str, Any]) -> str:
    stats = event.get("stats")
    facts = seconds(stats.get("duration_ms") if isinstance(stats, dict) else None)
    if event.get("status") == "success":
        return f"* done{facts}"
    error = event.get("error")
    told = error.get("message") if isinstance(error, dict) else None
    return f"* failed: {stream.unwrap(str(told)) if told else 'no reason given'}{facts}"


def seconds(milliseconds: Any) -> str:
    """A duration in brackets; nothing when it is not known."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return ""
    return f" ({milliseconds / 1000:.1f} s)"


def short(text: str) -> str:
    """At most 200 characters."""
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
