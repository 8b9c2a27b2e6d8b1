"""Reading what Qwen Code writes down of a conversation: ``projects/<directory>/chats/<id>.jsonl``.

A pure reader, tolerant of files that are cut in the middle of a line. Every call of a model is in
there, those of its helpers too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.agents.gemini.stream import add_usage, text_of, usage_of
from coders_queue.agents.gemini.transcript import seconds
from coders_queue.models.observation import Observation, Step
from coders_queue.models.outcome import Usage


@dataclass(frozen=True)
class Transcript:
    """What the files say of one attempt."""

    session_id: str | None = None
    result: str | None = None
    """The last answer; None when the last turn gave none."""
    error: str | None = None
    """What the last turn ended in, when that was an error."""
    usage: Usage | None = None


def read(files: Sequence[bytes], since: float | None = None) -> Transcript:
    """What the files say, counting only what was written at or after ``since``."""
    session_id: str | None = None
    usage: Usage | None = None
    result: str | None = None
    error: str | None = None
    for content in files:
        for line in loose.lines(content):
            entry = _parse(line)
            if entry is None:
                continue
            if isinstance(entry.get("sessionId"), str):
                session_id = entry["sessionId"]
            at = seconds(entry.get("timestamp"))
            if since is not None and at is not None and at < since:
                continue
            event = _event(entry)
            cost = _cost(event)
            if cost is not None:
                usage = add_usage(usage, cost)
            if event.get("event.name") == "qwen-code.api_error" and _is_main(event):
                result, error = None, _reason(event)
            elif entry.get("type") == "user":
                result, error = None, None
            elif entry.get("type") == "assistant":
                result, error = _answer(entry) or result, None
    return Transcript(session_id=session_id, result=result, error=error, usage=usage)


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    entry = _parse(line)
    if entry is None:
        return None
    at = seconds(entry.get("timestamp"))
    event = _event(entry)
    if event.get("event.name") == "qwen-code.api_error" and _is_main(event):
        limited = event.get("status_code") in (429, 529)
        return Observation(
            state="rate_limited" if limited else "error",
            source="transcript",
            message=_reason(event),
            at=at,
        )
    kind = entry.get("type")
    if kind == "assistant" and not _calls(entry):
        return Observation(state="idle", source="transcript", result=_answer(entry), at=at)
    if kind in ("user", "assistant", "tool_result"):
        return Observation(state="working", source="transcript", at=at, steps=_steps(entry))
    return None


def _steps(entry: dict[str, Any]) -> tuple[Step, ...]:
    made: tuple[Step, ...] = ()
    for part in (loose.mapping(one) for one in loose.items(_parts(entry))):
        call = loose.mapping(part.get("functionCall"))
        back = loose.mapping(part.get("functionResponse"))
        made += steps.called(call.get("id"), call.get("name"), call.get("args"))
        made += steps.returned(back.get("id"), back.get("response"))
    return made


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _event(entry: dict[str, Any]) -> dict[str, Any]:
    """What the telemetry in an entry tells; empty for any other entry."""
    payload = entry.get("systemPayload")
    event = payload.get("uiEvent") if isinstance(payload, dict) else None
    return event if isinstance(event, dict) else {}


def _is_main(event: dict[str, Any]) -> bool:
    return not event.get("subagent_name")


def _cost(event: dict[str, Any]) -> Usage | None:
    if event.get("event.name") != "qwen-code.api_response":
        return None
    return usage_of(
        prompt=event.get("input_token_count"),
        cached=event.get("cached_content_token_count"),
        said=event.get("output_token_count"),
        total=event.get("total_token_count"),
    )


def _reason(event: dict[str, Any]) -> str:
    told = event.get("error_message") or event.get("error") or event.get("error_type")
    status = event.get("status_code")
    text = str(told or "the model service failed")
    return text if status is None or str(status) in text else f"{text} (HTTP {status})"


def _parts(entry: dict[str, Any]) -> Any:
    message = entry.get("message")
    return message.get("parts") if isinstance(message, dict) else None


def _calls(entry: dict[str, Any]) -> bool:
    parts = _parts(entry)
    found = parts if isinstance(parts, list) else []
    return any(isinstance(part, dict) and "functionCall" in part for part in found)


def _answer(entry: dict[str, Any]) -> str | None:
    parts = _parts(entry)
    found = parts if isinstance(parts, list) else []
    said = [part for part in found if not (isinstance(part, dict) and part.get("thought"))]
    return text_of(said).strip() or None
