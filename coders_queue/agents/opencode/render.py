"""One line of opencode's stream as plain text for a person who watches.

Decides what is worth seeing and strips what could command a terminal. Judges no success.
"""

from __future__ import annotations

from typing import Any

from coders_queue.agents import loose
from coders_queue.agents.opencode import stream
from coders_queue.agents.screen import plain

#: Input fields that say in a few words what a tool is to do, the best first.
_TELLING = ("command", "filePath", "path", "pattern", "url", "query", "description", "prompt")
_RESULT_LINES = 8
_WIDTH = 200


def render_line(line: bytes) -> bytes | None:
    """Text ending in a newline, or None for a line that nobody needs to see."""
    event = loose.event(line)
    text = line.decode("utf-8", "replace") if event is None else _event(event)
    text = plain(text).strip("\n")
    return (text + "\n").encode("utf-8", "replace") if text.strip() else None


def _event(event: dict[str, Any]) -> str:
    part = loose.mapping(event.get("part"))
    kind = event["type"]
    if kind == "text":
        return stream.text_of(part.get("text")) or ""
    if kind == "tool_use":
        return _tool(part)
    if kind == "error":
        return f"* failed: {stream.describe_error(event.get('error'))}"
    if kind == "step_finish":
        return _step(part)
    return ""


def _step(part: dict[str, Any]) -> str:
    reason = stream.text_of(part.get("reason")) or ""
    if reason in stream.GOES_ON:
        return ""
    if reason in stream.BAD_ENDS:
        return f"* failed: {stream.BAD_ENDS[reason]}"
    return "* done"


def _tool(part: dict[str, Any]) -> str:
    state = loose.mapping(part.get("state"))
    shown = [f"> {part.get('tool', '?')}{_purpose(loose.mapping(state.get('input')))}"]
    failed = state.get("status") == "error"
    content = stream.text_of(state.get("error" if failed else "output")) or ""
    lines = [line for line in plain(content).strip().split("\n") if line.strip()]
    if len(lines) > _RESULT_LINES:
        hidden = len(lines) - _RESULT_LINES
        lines = [*lines[:_RESULT_LINES], f"... {hidden} more lines"]
    shown += [f"  {'!' if failed else '|'} {_short(line)}" for line in lines]
    return "\n".join(shown)


def _purpose(arguments: dict[str, Any]) -> str:
    for field in _TELLING:
        if isinstance(arguments.get(field), str):
            return ": " + _short(" ".join(arguments[field].split()))
    return ""


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
