"""What Claude Code writes down of a conversation: its transcript, and the totals it leaves.

The transcript (``projects/<directory>/<conversation>.jsonl``, subagents in a directory beside it)
has the messages; one message spans several lines, each with the usage so far. The totals of the
last run stand in the session's own ``.claude.json`` after an orderly end, and count the requests
outside of the conversation, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.agents.claude.stream import read_usage
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Usage

_SYNTHETIC = "<synthetic>"
_INTERRUPTED = "[Request interrupted by user"


@dataclass(frozen=True)
class Transcript:
    """What the files say of one run."""

    result: str | None = None
    """The last answer's text."""
    error: str | None = None
    """The API's error, when the last turn ended in one."""
    usage: Usage | None = None
    prompts: int = 0
    """How many prompts of a person's were sent."""


def read(files: Sequence[bytes], conversation: str, cwd: str, since: float | None) -> Transcript:
    """What was written from ``since`` (epoch seconds) on."""
    result: str | None = None
    error: str | None = None
    totals: Usage | None = None
    prompts = 0
    seen: dict[str, dict[str, Any]] = {}
    for data in files:
        whole = _parse(data)
        if whole is not None and "projects" in whole:
            totals = _totals(whole, conversation, cwd) or totals
            continue
        for entry in _entries(data.split(b"\n")):
            if since is not None and (_time(entry) or since) < since:
                continue
            message = loose.mapping(entry.get("message"))
            if _is_prompt(entry, message) and not entry.get("isSidechain"):
                prompts, result, error = prompts + 1, None, None
            if entry["type"] != "assistant":
                continue
            text = _text(message)
            if not entry.get("isSidechain"):
                if entry.get("isApiErrorMessage"):
                    result, error = None, text or "the model service failed"
                elif text:
                    result, error = text, None
            identity = message.get("id")
            if isinstance(identity, str) and message.get("model") != _SYNTHETIC:
                # a subagent's lines repeat its parent's; a message's last line has its whole usage
                seen[identity] = loose.mapping(message.get("usage"))
    return Transcript(
        result=result, error=error, usage=totals or _sum(seen.values()), prompts=prompts
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    for entry in _entries([line]):
        message = loose.mapping(entry.get("message"))
        if entry.get("isSidechain"):
            return None
        if _is_prompt(entry, message):
            return Observation(state="working", source="transcript")
        if entry["type"] == "user":
            interrupted = _text(message).startswith(_INTERRUPTED)
            return Observation(
                state="idle" if interrupted else "working",
                source="transcript",
                steps=steps.of_message(message),
            )
        if entry["type"] == "assistant":
            return _assistant(entry, message)
    return None


def _assistant(entry: dict[str, Any], message: dict[str, Any]) -> Observation:
    text = _text(message)
    if entry.get("isApiErrorMessage"):
        limited = entry.get("error") == "rate_limit"
        return Observation(
            state="rate_limited" if limited else "error",
            source="transcript",
            message=" ".join(text.split())[:500] or None,
        )
    ended = message.get("stop_reason") in ("end_turn", "stop_sequence", "max_tokens", "refusal")
    return Observation(
        state="idle" if ended else "working",
        source="transcript",
        result=(text or None) if ended else None,
        usage=read_usage({"usage": message.get("usage")}),
        steps=steps.of_message(message),
    )


def _totals(state: dict[str, Any], conversation: str, cwd: str) -> Usage | None:
    project = loose.mapping(loose.mapping(state["projects"]).get(cwd))
    if project.get("lastSessionId") != conversation:
        return None
    return read_usage(
        {"modelUsage": project.get("lastModelUsage"), "total_cost_usd": project.get("lastCost")}
    )


def _sum(usages: Iterable[dict[str, Any]]) -> Usage | None:
    read_ones = [one for usage in usages if (one := read_usage({"usage": usage})) is not None]
    if not read_ones:
        return None
    return Usage(
        input_tokens=sum(one.input_tokens for one in read_ones),
        output_tokens=sum(one.output_tokens for one in read_ones),
        cache_read_tokens=sum(one.cache_read_tokens for one in read_ones),
        cache_write_tokens=sum(one.cache_write_tokens for one in read_ones),
    )


def _is_prompt(entry: dict[str, Any], message: dict[str, Any]) -> bool:
    if entry["type"] != "user" or entry.get("isMeta"):
        return False
    content = message.get("content")
    if isinstance(content, list):
        kinds = {block.get("type") for block in content if isinstance(block, dict)}
        return "tool_result" not in kinds and not _text(message).startswith(_INTERRUPTED)
    return isinstance(content, str)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [
        block["text"]
        for block in blocks
        if isinstance(block, dict)
        and block.get("type") == "text"
        and isinstance(block.get("text"), str)
    ]
    return "\n".join(texts)


def _entries(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        entry = _parse(line)
        if entry is not None and isinstance(entry.get("type"), str):
            yield entry


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _time(entry: dict[str, Any]) -> float | None:
    stamp = entry.get("timestamp")
    if not isinstance(stamp, str):
        return None
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
