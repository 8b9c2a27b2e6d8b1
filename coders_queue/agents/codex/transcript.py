"""Reading what Codex writes down: ``$CODEX_HOME/sessions/**/rollout-*.jsonl``, one a thread.

A conversation is its own thread and those of its sub-agents. What a thread says of its tokens:
``token_usage_record``, one an answer (from 0.15x on); before, ``token_count``, whose totals grow
over the whole thread and come again when it is resumed. A sub-agent's file can begin with all of
its parent's. No file is opened here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.agents.codex import stream
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Usage

_COUNTED = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")
#: What it prints as it ends, for a person to come back.
_RESUME = re.compile(r"codex resume ([0-9a-f]{8}-[0-9a-f-]{27})\b")


@dataclass(frozen=True)
class Wrote:
    """What the transcripts say of one attempt."""

    thread: str | None = None
    """The conversation's id."""
    result: str | None = None
    """The last message of the agent."""
    error: str | None = None
    """Why the last turn failed, when it did."""
    usage: Usage | None = None


@dataclass
class Thread:
    """One file."""

    id: str | None = None
    root: str | None = None
    """The thread that it works for; None for one that works for a person."""
    forked: bool = False
    """Whether it begins with a copy of another's lines."""
    source: str = ""
    """``cli``, ``exec``, ``vscode``, ...; empty for a sub-agent."""
    cwd: str = ""
    begun: float = 0.0
    prompts: list[str] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)
    result: str | None = None
    error: str | None = None
    steps: list[tuple[float, str, dict[str, int] | None]] = field(default_factory=list)
    """Totals as they grew: when, in which turn, and what; None where they begin anew."""
    answers: dict[str, tuple[float, dict[str, int]]] = field(default_factory=dict)
    """Tokens of each answer, by its id."""


@dataclass(frozen=True)
class Wanted:
    """What is known of the conversation beforehand."""

    thread: str | None = None
    """Its id, where it is known."""
    cwd: str = ""
    """Where it ran, at a terminal; empty for a file of which nothing is known."""
    task: str | None = None
    since: float | None = None
    """When the attempt began, epoch seconds."""
    printed: str = ""
    """The end of what the terminal showed."""


def read(transcripts: Sequence[bytes], wanted: Wanted) -> Wrote:
    """What is written of one attempt; nothing where it cannot be told which thread is its own."""
    threads = [_thread(content, wanted.since) for content in transcripts]
    own = _own(threads, wanted)
    if own is None:
        return Wrote(thread=wanted.thread)
    family = [one for one in threads if one is own or (one.root == own.id and one.id != own.id)]
    return Wrote(
        thread=own.id, result=own.result, error=own.error, usage=_usage(own, family, wanted.since)
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    record = _record(line)
    if record is None:
        return None
    payload = record["payload"]
    kind = payload.get("type")
    if record["type"] == "response_item":
        return _call(payload)
    if record["type"] != "event_msg":
        return None
    if kind in ("task_started", "user_message", "agent_reasoning"):
        return Observation(state="working", source="transcript")
    if kind in ("task_complete", "turn_complete", "error"):
        return _end(payload, failed=kind == "error")
    if kind == "turn_aborted":
        return Observation(state="idle", source="transcript")
    if kind == "token_count":
        return _limits(payload)
    return None


def _end(payload: dict[str, Any], *, failed: bool) -> Observation:
    if failed or payload.get("error") is not None:
        message = stream.error_text(payload)
        state = stream.failed_state(message)
        return Observation(state=state, source="transcript", message=message)
    last = payload.get("last_agent_message")
    result = last if isinstance(last, str) else None
    return Observation(state="idle", source="transcript", result=result)


def _call(payload: dict[str, Any]) -> Observation | None:
    if payload.get("type") in ("function_call_output", "custom_tool_call_output"):
        made = steps.returned(payload.get("call_id"), payload.get("output"))
        return Observation(state="working", source="transcript", steps=made)
    if payload.get("type") not in ("function_call", "custom_tool_call", "local_shell_call"):
        return None
    if payload.get("name") != "request_user_input":
        about = [payload.get(key) for key in ("arguments", "input", "action")]
        made = steps.called(payload.get("call_id"), payload.get("name"), about)
        return Observation(state="working", source="transcript", steps=made)
    try:
        asked = json.loads(payload.get("arguments") or "")["questions"][0]
        choices = tuple(str(one["label"]) for one in asked.get("options") or ())
        question = " ".join(str(asked["question"]).split())
    except (ValueError, TypeError, LookupError, RecursionError, AttributeError):
        return Observation(state="waiting", source="transcript")
    return Observation(state="waiting", source="transcript", question=question, choices=choices)


def _limits(payload: dict[str, Any]) -> Observation | None:
    """A limit that is reached; the lines come with every answer."""
    limits = loose.mapping(payload.get("rate_limits"))
    for name in ("primary", "secondary"):
        limit = loose.mapping(limits.get(name))
        used, ends = limit.get("used_percent"), limit.get("resets_at")
        if isinstance(used, int | float) and used >= 100:
            known = isinstance(ends, int | float) and not isinstance(ends, bool)
            return Observation(
                state="rate_limited",
                source="transcript",
                resets_at=float(ends) if known and ends is not None else None,
                message=f"the {name} limit is used up",
            )
    return None


def _own(threads: Iterable[Thread], wanted: Wanted) -> Thread | None:
    """The attempt's own thread."""
    mine = [one for one in threads if one.id is not None and one.root is None]
    if wanted.thread is not None:
        return next((one for one in mine if _same(one.id, wanted.thread)), None)
    if wanted.cwd:
        mine = [one for one in mine if one.source == "cli" and one.cwd == wanted.cwd]
    if wanted.since is not None:
        mine = [one for one in mine if one.begun >= wanted.since]
    printed = _RESUME.findall(wanted.printed)
    if printed and (named := [one for one in mine if one.id == printed[-1]]):
        return named[0]
    if wanted.task is not None:
        # one that began with another task is another session's, even when it is the only one
        mine = [one for one in mine if not one.prompts or _alike(one.prompts[0], wanted.task)]
    # of two that look alike neither is taken: what is another's must not be counted here
    return mine[0] if len(mine) == 1 else None


def _alike(prompt: str, task: str) -> bool:
    return prompt.split() == task.split()


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.lower() == other.lower()


def _thread(content: bytes, since: float | None) -> Thread:
    thread = Thread()
    for line in content.split(b"\n"):
        record = _record(line)
        if record is not None:
            _take(thread, record["type"], record["payload"], _time(record.get("timestamp")), since)
    return thread


def _take(
    thread: Thread, kind: str, payload: dict[str, Any], at: float, since: float | None
) -> None:
    if kind == "session_meta":
        _head(thread, payload)
        return
    if kind == "token_usage_record":
        answer, usage = payload.get("response_id"), _counts(payload.get("usage"))
        if isinstance(answer, str) and usage is not None:
            thread.answers[answer] = (at, usage)
        return
    if kind != "event_msg":
        return
    said = payload.get("type")
    if said == "task_started":
        thread.turns.append(str(payload.get("turn_id")))
        thread.error = None
    elif said == "token_count":
        info = payload.get("info")
        turn = thread.turns[-1] if thread.turns else ""
        total = _counts(info.get("total_token_usage")) if isinstance(info, dict) else None
        thread.steps.append((at, turn, total))
    elif since is None or at >= since:
        _said(thread, said, payload)


def _said(thread: Thread, said: Any, payload: dict[str, Any]) -> None:
    if said == "user_message":
        thread.prompts.append(str(payload.get("message")))
        thread.error = None
    elif said == "agent_message":
        thread.result = _text(payload.get("message")) or thread.result
    elif said == "item_completed":
        _item(thread, loose.mapping(payload.get("item")))
    elif said in ("task_complete", "turn_complete"):
        thread.result = _text(payload.get("last_agent_message")) or thread.result
        if payload.get("error") is not None:
            thread.error = stream.error_text(payload)
    elif said == "error":
        thread.error = stream.error_text(payload)


def _head(thread: Thread, payload: dict[str, Any]) -> None:
    if thread.id is not None:
        thread.forked = True  # the head of the thread that it was made from
        return
    thread.id = _text(payload.get("id"))
    thread.cwd = _text(payload.get("cwd")) or ""
    thread.begun = _time(payload.get("timestamp"))
    thread.forked = payload.get("forked_from_id") is not None
    source = payload.get("source")
    thread.source = source if isinstance(source, str) else ""
    spawned = loose.mapping(
        loose.mapping(loose.mapping(source).get("subagent")).get("thread_spawn")
    )
    parent = _text(payload.get("parent_thread_id")) or _text(spawned.get("parent_thread_id"))
    if isinstance(source, dict):
        root = _text(payload.get("session_id"))
        thread.root = (root if root != thread.id else None) or parent or "?"


def _item(thread: Thread, item: dict[str, Any]) -> None:
    parts = item.get("content")
    texts = [_text(loose.mapping(part).get("text")) or "" for part in parts or ()] if parts else []
    text = "".join(texts)
    if item.get("type") == "UserMessage":
        thread.prompts.append(text)
    elif item.get("type") == "AgentMessage":
        thread.result = text or thread.result


def _usage(own: Thread, family: Sequence[Thread], since: float | None) -> Usage | None:
    sums = dict.fromkeys(_COUNTED, 0)
    counted = False
    seen: set[str] = set()
    for thread in family:
        for found in _spent(thread, own, since, seen):
            counted = True
            for name in _COUNTED:
                sums[name] += found[name]
    return stream.read_usage(sums) if counted else None


def _spent(
    thread: Thread, own: Thread, since: float | None, seen: set[str]
) -> Iterable[Mapping[str, int]]:
    """What each answer cost."""
    if thread.answers:
        for answer, (at, usage) in thread.answers.items():
            if answer not in seen and (since is None or at >= since):
                seen.add(answer)
                yield usage
        return
    # lines of another thread's turns are a copy of its file
    copied = set(own.turns) if thread.forked and thread is not own else set()
    before = dict.fromkeys(_COUNTED, 0)
    for at, turn, total in thread.steps:
        if total is None:
            before = dict.fromkeys(_COUNTED, 0)
            continue
        grown = {name: total[name] - before[name] for name in _COUNTED}
        if any(value < 0 for value in grown.values()):
            grown = total  # counted anew
        before = total
        if turn not in copied and any(grown.values()) and (since is None or at >= since):
            yield grown


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        return None
    return record if isinstance(record.get("payload"), dict) else None


def _counts(value: Any) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    return {name: loose.count(value.get(name)) for name in _COUNTED}


def _time(value: Any) -> float:
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
