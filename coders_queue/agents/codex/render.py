"""One line of Codex's stream as plain text for a person who watches.

Decides what is worth seeing and strips what could command a terminal. Judges no success.
"""

from __future__ import annotations

from typing import Any

from coders_queue.agents import loose
from coders_queue.agents.codex import stream
from coders_queue.agents.screen import plain

_OUTPUT_LINES = 8
_WIDTH = 200


def render_line(line: bytes) -> bytes | None:
    """Text ending in a newline, or None for a line that nobody needs to see."""
    event = loose.event(line)
    text = line.decode("utf-8", "replace") if event is None else _event(event)
    text = plain(text).strip("\n")
    return (text + "\n").encode("utf-8", "replace") if text.strip() else None


def _event(event: dict[str, Any]) -> str:
    kind = event["type"]
    if kind == "thread.started":
        return f"* Codex, conversation {event.get('thread_id', '?')}"
    if kind in ("item.started", "item.completed"):
        item = event.get("item")
        return _item(item, kind == "item.started") if isinstance(item, dict) else ""
    if kind == "error":
        return f"* {stream.error_text(event)}"
    if kind == "turn.failed":
        return f"* failed: {stream.error_text(event)}"
    if kind == "turn.completed":
        return f"* done{_tokens(event)}"
    return ""


def _tokens(event: dict[str, Any]) -> str:
    usage = stream.read_usage(event.get("usage"))
    if usage is None:
        return ""
    read = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return f" ({read} tokens in, {usage.output_tokens} out)"


def _item(item: dict[str, Any], begun: bool) -> str:
    kind = item.get("type")
    if kind == "command_execution":
        return f"> {_short(_line(item.get('command')))}" if begun else _output(item)
    if begun:
        return _begun(item)
    if kind in ("agent_message", "reasoning"):
        return _text(item.get("text"))
    if kind == "file_change":
        changes = [one for one in loose.items(item.get("changes")) if isinstance(one, dict)]
        return "\n".join(f"  | {one.get('kind', '?')} {one.get('path', '?')}" for one in changes)
    if kind == "error":
        return f"* {_short(_line(item.get('message')))}"
    if kind == "todo_list":
        return "\n".join(
            _step(one) for one in loose.items(item.get("items")) if isinstance(one, dict)
        )
    if kind == "mcp_tool_call" and item.get("status") == "failed":
        return f"  ! {item.get('tool', '?')} failed"
    return ""


def _begun(item: dict[str, Any]) -> str:
    kind = item.get("type")
    if kind == "mcp_tool_call":
        return f"> {item.get('server', '?')}.{item.get('tool', '?')}"
    if kind == "web_search":
        return f"> search: {_short(_line(item.get('query')))}"
    return ""


def _output(item: dict[str, Any]) -> str:
    lines = [line for line in plain(_text(item.get("aggregated_output"))).split("\n") if line]
    if len(lines) > _OUTPUT_LINES:
        hidden = len(lines) - _OUTPUT_LINES
        lines = [*lines[:_OUTPUT_LINES], f"... {hidden} more lines"]
    code = item.get("exit_code")
    mark = "|" if code in (0, None) else "!"
    if mark == "!":
        lines.append(f"exit status {code}")
    return "\n".join(f"  {mark} {_short(line)}" for line in lines)


def _step(step: dict[str, Any]) -> str:
    mark = "x" if step.get("completed") else " "
    return f"  [{mark}] {_short(_line(step.get('text')))}"


def _line(value: Any) -> str:
    return " ".join(_text(value).split())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
