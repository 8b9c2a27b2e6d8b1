"""Reading what Gemini CLI writes down of a conversation: ``tmp/<project>/chats/session-*.jsonl``.

Before 0.40 a file was one JSON object (``.json``). A pure reader, tolerant of files that are cut in
the middle of a line. Calls that are not the conversation's own (the choice of a model by another
model) are in the session's telemetry file alone, where it has one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.agents.gemini.stream import add_usage, text_of, unwrap, usage_of
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


def read(files: Sequence[bytes], since: float | None = None, cwd: str | None = None) -> Transcript:
    """What the files say, counting only what was written at or after ``since``.

    With ``cwd``, files of conversations in other directories are left out.
    """
    project = None if cwd is None else hashlib.sha256(cwd.encode()).hexdigest()
    session_id: str | None = None
    costs: dict[str, Usage] = {}
    side: Usage | None = None
    result: str | None = None
    error: str | None = None
    for content in files:
        for entry in _entries(content):
            if project is not None and entry.get("projectHash", project) != project:
                break
            if isinstance(entry.get("sessionId"), str):
                session_id = entry["sessionId"]
            usage = _side_call(entry, since)
            if usage is not None:
                side = add_usage(side, usage)
            kind = entry.get("type")
            if kind not in ("user", "gemini", "error") or not _is_new(entry, since):
                continue
            if kind == "user":
                result, error = None, None
            elif kind == "error":
                error = unwrap(text_of(entry.get("content")))
            else:
                result, error = _answer(entry) or result, None
                tokens = entry.get("tokens")
                if isinstance(tokens, dict):
                    # written again, with the same id, when it grows
                    costs[str(entry.get("id"))] = _usage(tokens)
    total = side
    for cost in costs.values():
        total = add_usage(total, cost)
    return Transcript(session_id=session_id, result=result, error=error, usage=total)


#: A line of a telemetry record's own: metrics, which are told again and again, stand further in.
_STATUS = re.compile(rb'    "status_code": (\d+),?\s*')


def observe(line: bytes) -> Observation | None:
    """What one line says of the state, of the conversation or of the record of calls."""
    if answered := _STATUS.fullmatch(line):
        return _of_status(int(answered[1]))
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    at = seconds(entry.get("timestamp"))
    kind = entry.get("type")
    if kind == "error":
        message = unwrap(text_of(entry.get("content")))
        return Observation(state="error", source="transcript", message=message, at=at)
    if kind == "user" or (kind == "gemini" and entry.get("toolCalls")):
        return Observation(state="working", source="transcript", at=at, steps=_steps(entry))
    if kind == "gemini":
        tokens = entry.get("tokens")
        usage = _usage(tokens) if isinstance(tokens, dict) else None
        answer = _answer(entry)
        return Observation(state="idle", source="transcript", usage=usage, result=answer, at=at)
    return None


def _of_status(status: int) -> Observation | None:
    """Gemini CLI asks again for minutes, and neither its screen nor the conversation says so. It
    writes this record every five seconds."""
    if status in (429, 529):
        message = f"the model service refuses (HTTP {status})"
        return Observation(state="rate_limited", source="transcript", message=message)
    return Observation(state="working", source="transcript") if status == 200 else None


def _steps(entry: dict[str, Any]) -> tuple[Step, ...]:
    """The calls of an answer, which is written again with what they gave back."""
    made: tuple[Step, ...] = ()
    for call in (loose.mapping(one) for one in loose.items(entry.get("toolCalls"))):
        made += steps.called(call.get("id"), call.get("name"), call.get("args"))
        if call.get("result") is not None:
            # the call's id is in what it gave back, too
            shown = [
                loose.mapping(loose.mapping(part).get("functionResponse")).get("response", part)
                for part in loose.items(call["result"])
            ]
            made += steps.returned(call.get("id"), [call.get("status"), shown])
    return made


def seconds(timestamp: Any) -> float | None:
    """Epoch seconds of an ISO time; None for what is none."""
    if not isinstance(timestamp, str):
        return None
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, OverflowError):
        return None


def _entries(content: bytes) -> Iterator[dict[str, Any]]:
    whole = _whole(content)
    if whole is not None:
        yield whole
        yield from (one for one in whole.get("messages") or [] if isinstance(one, dict))
        return
    if content.startswith(b"{\n"):
        yield from _printed(content.decode("utf-8", "replace"))
        return
    for line in loose.lines(content):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry


def _whole(content: bytes) -> dict[str, Any] | None:
    """A file that is one object with messages."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("messages"), list) else None


def _printed(text: str) -> Iterator[dict[str, Any]]:
    """The telemetry file: objects of several lines, one after the other."""
    decoder, position = json.JSONDecoder(), 0
    while (position := text.find("{", position)) != -1:
        try:
            entry, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        if isinstance(entry, dict):
            yield entry


def _side_call(entry: dict[str, Any], since: float | None) -> Usage | None:
    """What a telemetry record says of a call that no conversation holds."""
    facts = entry.get("attributes")
    if not isinstance(facts, dict) or facts.get("event.name") != "gemini_cli.api_response":
        return None
    if facts.get("role") in (None, "main"):
        return None
    at = seconds(facts.get("event.timestamp"))
    if since is not None and at is not None and at < since:
        return None
    return usage_of(
        prompt=facts.get("input_token_count"),
        cached=facts.get("cached_content_token_count"),
        said=facts.get("output_token_count"),
        total=facts.get("total_token_count"),
    )


def _is_new(entry: dict[str, Any], since: float | None) -> bool:
    at = seconds(entry.get("timestamp"))
    return since is None or at is None or at >= since


def _answer(entry: dict[str, Any]) -> str | None:
    return text_of(entry.get("content")).strip() or None


def _usage(tokens: dict[str, Any]) -> Usage:
    return usage_of(
        prompt=tokens.get("input"),
        cached=tokens.get("cached"),
        said=tokens.get("output"),
        total=tokens.get("total"),
    )
