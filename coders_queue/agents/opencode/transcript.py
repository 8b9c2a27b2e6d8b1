"""What the journal says, which the session's plug-in wrote: all conversations of one attempt.

One JSON object a line, see :mod:`coders_queue.agents.opencode.plugin`. Sub-agents have
conversations of their own, with a ``parent``; what they cost is part of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.agents.opencode import stream
from coders_queue.models.observation import Observation, ObservedState, Step
from coders_queue.models.outcome import Usage

#: What a person's own stop looks like: no failure of the agent's.
_STOPPED = "MessageAbortedError"


@dataclass(frozen=True)
class Journal:
    """What all lines together say."""

    session: str | None = None
    """The conversation that was last spoken in."""
    result: str | None = None
    """The last answer's text, when it is complete."""
    error: str | None = None
    """Why the last turn failed."""
    prompts: int = 0
    """How many a person, or we, sent."""
    usage: Usage | None = None


def read(files: Sequence[bytes]) -> Journal:
    """All of it; a line that was cut off is left out."""
    children: set[str] = set()
    roles: dict[str, str] = {}
    texts: dict[str, dict[str, str]] = {}
    steps: dict[str, dict[str, Any]] = {}
    session: str | None = None
    result: str | None = None
    error: str | None = None
    prompts = 0
    for event in (loose.event(line) for data in files for line in loose.lines(data)):
        if event is None:
            continue
        kind, about = event["type"], stream.text_of(event.get("session"))
        if kind == "session" and about and event.get("parent"):
            children.add(about)
        message = stream.text_of(event.get("message")) or ""
        if kind == "step":
            steps[str(event.get("part"))] = event
        if about is None or about in children:
            continue
        if kind == "message":
            role = stream.text_of(event.get("role")) or ""
            if role == "user" and roles.get(message) != role:
                prompts, session, result, error = prompts + 1, about, None, None
            roles[message] = role
            if role == "assistant" and event.get("error"):
                result, error = None, _error(event)
        elif kind == "text":
            texts.setdefault(message, {})[str(event.get("part"))] = str(event.get("text") or "")
        elif kind == "step":
            reason = stream.text_of(event.get("reason")) or ""
            if reason not in stream.GOES_ON:
                error = stream.BAD_ENDS.get(reason)
                said = "\n".join(text for text in texts.get(message, {}).values() if text)
                result = said or None
        elif kind == "error" and _error(event) is not None:
            result, error = None, _error(event)
    return Journal(
        session=session,
        result=result,
        error=error,
        prompts=prompts,
        usage=stream.add_steps(steps.values()),
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    event = loose.event(line)
    if event is None:
        return None
    kind = event["type"]
    if kind == "started":
        return Observation(state="starting", source="transcript")
    if kind == "status":
        return _status(event)
    if kind == "asked":
        return _asked(event)
    if kind == "error":
        message = _error(event)
        if message is None:
            return Observation(state="idle", source="transcript")
        return Observation(state="error", source="transcript", message=message)
    if kind == "step":
        usage = stream.add_steps([event])
        return Observation(state="working", source="transcript", usage=usage)
    if kind == "tool":
        return Observation(state="working", source="transcript", steps=_tool(event))
    if kind in ("message", "text", "answered"):
        return Observation(state="working", source="transcript")
    return None


def _tool(event: dict[str, Any]) -> tuple[Step, ...]:
    """A call, or that it is over: the journal has no output."""
    call, status = event.get("part"), event.get("status")
    if status in ("completed", "error"):
        return steps.returned(call, [status, event.get("title")])
    if status == "running":
        return steps.called(call, event.get("tool"), event.get("title"))
    return ()


def _status(event: dict[str, Any]) -> Observation | None:
    status = loose.mapping(event.get("status"))
    kind = status.get("type")
    if kind == "idle":
        if event.get("child"):
            # who asked the sub-agent goes on
            return Observation(state="working", source="transcript")
        error = _error(event) if event.get("error") else None
        state: ObservedState = "idle" if error is None else "error"
        return Observation(state=state, source="transcript", message=error)
    if kind == "retry":
        message = stream.text_of(status.get("message"))
        if not _limited(message or ""):
            return Observation(state="working", source="transcript", message=message)
        due = loose.count(status.get("next")) / 1000
        return Observation(
            state="rate_limited", source="transcript", message=message, resets_at=due or None
        )
    return Observation(state="working", source="transcript") if kind == "busy" else None


def _limited(message: str) -> bool:
    words = message.lower().replace("_", " ")
    return any(one in words for one in ("rate limit", "too many requests", "overloaded", "quota"))


def _asked(event: dict[str, Any]) -> Observation:
    questions = event.get("questions")
    first = loose.mapping(questions[0]) if isinstance(questions, list) and questions else {}
    options = first.get("options")
    choices = tuple(
        str(option["label"])
        for option in (options if isinstance(options, list) else [])
        if isinstance(option, dict) and "label" in option
    )
    if first:
        return Observation(
            state="waiting",
            source="transcript",
            question=stream.text_of(first.get("question")),
            choices=choices,
        )
    patterns = event.get("patterns")
    about = ", ".join(str(one) for one in patterns) if isinstance(patterns, list) else patterns
    title = stream.text_of(event.get("title")) or f"{event.get('what', 'something')}: {about or ''}"
    return Observation(
        state="waiting",
        source="transcript",
        question=f"Permission required: {title}",
        choices=("Allow once", "Allow always", "Reject"),
    )


def _error(event: dict[str, Any]) -> str | None:
    """The error in words; None for a person's own stop."""
    error = loose.mapping(event.get("error"))
    if error.get("name") == _STOPPED:
        return None
    return stream.describe_error(error)
