"""One line of Qwen Code's stream as plain text for a person who watches. Judges no success."""

from __future__ import annotations

from typing import Any

from coders_queue.agents import loose
from coders_queue.agents.gemini.render import encode, noise, purpose, seconds, tool_result
from coders_queue.agents.qwen import stream


def render_line(line: bytes) -> bytes | None:
    """Text ending in a newline, or None for a line that nobody needs to see."""
    event = loose.event(line)
    return noise(line) if event is None else encode(_event(event))


def _event(event: dict[str, Any]) -> str:
    kind = event["type"]
    if kind == "system" and event.get("subtype") == "init":
        version, model = event.get("qwen_code_version", "?"), event.get("model", "?")
        return f"* Qwen Code {version}, {model}, conversation {event.get('session_id', '?')}"
    if kind in ("assistant", "user"):
        message = event.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        blocks = content if isinstance(content, list) else []
        shown = [_block(block) for block in blocks if isinstance(block, dict)]
        return "\n".join(text for text in shown if text)
    if kind == "result":
        return _result(event)
    return ""


def _block(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block.get("text", ""))
    if kind == "tool_use":
        return f"> {block.get('name', '?')}{purpose(block.get('input'))}"
    if kind == "tool_result":
        return tool_result(block.get("content"), failed=bool(block.get("is_error")))
    return ""


def _result(event: dict[str, Any]) -> str:
    said = stream.read_result(event)
    took = seconds(event.get("duration_ms"))
    if said.error is not None:
        return f"* failed: {said.error}{took}"
    denied = sorted(set(said.denials))
    note = f"\n* denied for want of permission: {', '.join(denied)}" if denied else ""
    return f"* done{took}{note}"
