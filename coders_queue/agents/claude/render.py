"""One line of Claude Code's stream as plain text for a person who watches.

Decides what is worth seeing and strips what could command a terminal. Judges no success.
"""

from __future__ import annotations

from typing import Any

from coders_queue.agents import loose
from coders_queue.agents.claude import stream
from coders_queue.agents.screen import plain

#: Input fields that say in a few words what a tool is to do, the best first.
_TELLING = ("command", "file_path", "path", "notebook_path", "pattern", "url", "query", "prompt")
_RESULT_LINES = 8
_WIDTH = 200


def render_line(line: bytes) -> bytes | None:
    """Text ending in a newline, or None for a line that nobody needs to see."""
    event = loose.event(line)
    if event is None:
        text = plain(line.decode("utf-8", "replace")).strip("\n")
        return _encode(text) if text.strip() else None
    text = plain(_event(event)).strip("\n")
    return _encode(text) if text else None


def _encode(text: str) -> bytes:
    return (text + "\n").encode("utf-8", "replace")


def _event(event: dict[str, Any]) -> str:
    kind = event["type"]
    if kind == "system":
        return _system(event)
    if kind in ("assistant", "user"):
        message = event.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        blocks = content if isinstance(content, list) else []
        shown = [_block(block) for block in blocks if isinstance(block, dict)]
        return "\n".join(text for text in shown if text)
    if kind == "result":
        return _result(event)
    return ""


def _system(event: dict[str, Any]) -> str:
    if event.get("subtype") == "init":
        version, model = event.get("claude_code_version", "?"), event.get("model", "?")
        return f"* Claude Code {version}, {model}, conversation {event.get('session_id', '?')}"
    if event.get("subtype") == "api_retry":
        status = event.get("error_status") or event.get("error") or "an error"
        return f"* the model service answered {status}; trying again"
    return ""


def _block(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block.get("text", ""))
    if kind == "tool_use":
        return f"> {block.get('name', '?')}{_purpose(block.get('input'))}"
    if kind == "tool_result":
        return _tool_result(block)
    return ""


def _purpose(arguments: Any) -> str:
    if not isinstance(arguments, dict):
        return ""
    for field in _TELLING:
        if isinstance(arguments.get(field), str):
            return ": " + _short(" ".join(arguments[field].split()))
    return ""


def _tool_result(block: dict[str, Any]) -> str:
    content = block.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    lines = plain(content).strip().split("\n") if isinstance(content, str) else []
    lines = [line for line in lines if line.strip()]
    if len(lines) > _RESULT_LINES:
        hidden = len(lines) - _RESULT_LINES
        lines = [*lines[:_RESULT_LINES], f"... {hidden} more lines"]
    mark = "!" if block.get("is_error") else "|"
    return "\n".join(f"  {mark} {_short(line)}" for line in lines)


def _result(event: dict[str, Any]) -> str:
    said = stream.read_result(event)
    facts = []
    if isinstance(event.get("duration_ms"), int):
        facts.append(f"{event['duration_ms'] / 1000:.1f} s")
    if said.turns is not None:
        facts.append(f"{said.turns} turn{'' if said.turns == 1 else 's'}")
    if said.usage is not None and said.usage.cost_usd is not None:
        facts.append(f"${said.usage.cost_usd:.4f}")
    tail = f" ({', '.join(facts)})" if facts else ""
    if said.is_error:
        why = said.result if isinstance(said.result, str) and said.result else said.subtype
        return f"* failed: {'; '.join(said.errors) or why or 'no reason given'}{tail}"
    denied = sorted(set(said.denials))
    note = f"\n* denied for want of permission: {', '.join(denied)}" if denied else ""
    return f"* done{tail}{note}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
