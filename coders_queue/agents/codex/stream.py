"""Reading the lines of ``codex exec --json``.

A pure reader, tolerant of lines that are cut, are not JSON, or are of a kind not known yet. It says
what the stream says; what that means for the session is the adapter's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.models.observation import Observation, Step
from coders_queue.models.outcome import Usage


@dataclass(frozen=True)
class Stream:
    """What a whole stream said."""

    thread: str | None = None
    """The conversation's id."""
    completed: bool = False
    """Whether the last turn that was begun is over, and was no failure."""
    error: str | None = None
    """Why the last turn failed; also the last error of one that has no end."""
    result: str | None = None
    """The last message of the last turn."""
    usage: Usage | None = None
    """Of the whole conversation, what was there before it was resumed included."""
    noise: tuple[str, ...] = ()
    """The last lines that are not part of the stream, as text."""


#: How many lines of noise are kept, and how much of each.
_NOISE_LINES = 20
_NOISE_CHARACTERS = 2000


def read_stream(stdout: bytes) -> Stream:
    """What the stream says."""
    thread = error = result = None
    usage: Usage | None = None
    completed = False
    noise: list[str] = []
    for line in loose.lines(stdout):
        event = loose.event(line)
        if event is None:
            noise.append(line.decode("utf-8", "replace")[:_NOISE_CHARACTERS])
            continue
        kind = event["type"]
        if kind == "thread.started" and isinstance(event.get("thread_id"), str):
            thread = event["thread_id"] or thread
        elif kind == "turn.started":
            completed, error, result = False, None, None
        elif kind == "turn.completed":
            completed, error = True, None
            usage = read_usage(event.get("usage")) or usage
        elif kind == "turn.failed":
            completed, error = False, error_text(event)
        elif kind == "error" and not completed:
            # of retries, too: the end of the turn says what became of them
            error = error_text(event)
        elif kind == "item.completed":
            result = _message(event) or result
    return Stream(
        thread=thread,
        completed=completed,
        error=error,
        result=result,
        usage=usage,
        noise=tuple(noise[-_NOISE_LINES:]),
    )


def read_usage(counted: Any) -> Usage | None:
    """Tokens in the project's words: input without what came from a cache, output with reasoning.

    Codex counts the cached ones as input, too.
    """
    if not isinstance(counted, dict):
        return None
    cached = loose.count(counted.get("cached_input_tokens"))
    written = loose.count(counted.get("cache_write_input_tokens"))
    return Usage(
        input_tokens=max(0, loose.count(counted.get("input_tokens")) - cached - written),
        output_tokens=loose.count(counted.get("output_tokens")),
        cache_read_tokens=cached,
        cache_write_tokens=written,
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state while it runs."""
    event = loose.event(line)
    if event is None:
        return None
    kind = event["type"]
    if kind == "turn.completed":
        return Observation(state="idle", source="stream", usage=read_usage(event.get("usage")))
    if kind == "turn.failed":
        message = error_text(event)
        return Observation(state=failed_state(message), source="stream", message=message)
    if kind == "error":
        message = error_text(event)
        state = failed_state(message)
        # not the end of the turn: it is tried again
        return Observation(
            state="working" if state == "error" else state, source="stream", message=message
        )
    if kind == "item.completed" and (message := _message(event) or ""):
        return Observation(state="working", source="stream", result=message)
    if kind in ("item.started", "item.updated", "item.completed"):
        return Observation(state="working", source="stream", steps=_steps(event))
    if kind == "turn.started":
        return Observation(state="working", source="stream")
    if kind == "thread.started":
        return Observation(state="starting", source="stream")
    return None


#: Items that are something done, and what of them says how it came out.
_DONE = ("aggregated_output", "exit_code", "result", "error", "status")


def _steps(event: dict[str, Any]) -> tuple[Step, ...]:
    item = loose.mapping(event.get("item"))
    kind, call = item.get("type"), item.get("id")
    if kind == "command_execution":
        made = steps.called(call, "command", item.get("command"))
    elif kind in ("mcp_tool_call", "file_change", "web_search"):
        about = [item.get(key) for key in ("server", "arguments", "changes", "query")]
        made = steps.called(call, item.get("tool") or kind, about)
    else:
        return ()
    if event["type"] == "item.completed":
        made += steps.returned(call, [item.get(key) for key in _DONE])
    return made


def failed_state(message: str) -> Any:
    """``rate_limited`` for what passes when one waits, ``error`` for the rest."""
    return "rate_limited" if is_limit(message) else "error"


def is_limit(message: str) -> bool:
    """Whether an error of the tool's says that the service wants fewer requests."""
    text = message.lower().replace("’", "'")
    return any(
        words in text
        for words in (
            "429 too many requests",
            "status 529",
            "hit your usage limit",
            "rate limit",
            "usage limit",
        )
    )


def error_text(event: dict[str, Any]) -> str:
    """Why, in one line."""
    error = event.get("error")
    message = error.get("message") if isinstance(error, dict) else event.get("message")
    text = " ".join(message.split()) if isinstance(message, str) else ""
    return text[:2000] or "it does not say why"


def _message(event: dict[str, Any]) -> str | None:
    item = event.get("item")
    if not isinstance(item, dict) or item.get("type") != "agent_message":
        return None
    text = item.get("text")
    return text if isinstance(text, str) else None
