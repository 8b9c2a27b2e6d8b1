"""Reading the lines of ``qwen --output-format stream-json``.

They are shaped like Claude Code's, but what they leave out differs: an answer that the model
service refused is a success to Qwen Code, with the refusal as its text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.agents.gemini.stream import text_of, usage_of
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Usage

_NOISE_LINES = 20
_NOISE_CHARACTERS = 2000
#: How Qwen Code starts the text that stands for an answer it did not get.
_API_ERROR = "[API Error: "


@dataclass(frozen=True)
class Stream:
    """What a whole stream said."""

    finished: bool = False
    """Whether a ``result`` line arrived."""
    error: str | None = None
    """Why it failed; None when it did not."""
    result: Any = None
    session_id: str | None = None
    usage: Usage | None = None
    """Of the whole conversation, the part before a resume included."""
    denials: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    """The last lines that are not part of the stream, as text."""


def read_stream(stdout: bytes) -> Stream:
    """What the stream says; of several ``result`` lines the last one counts."""
    session_id: str | None = None
    refused: str | None = None
    result: dict[str, Any] | None = None
    noise: list[str] = []
    for line in loose.lines(stdout):
        event = loose.event(line)
        if event is None:
            noise.append(line.decode("utf-8", "replace")[:_NOISE_CHARACTERS])
            continue
        if isinstance(event.get("session_id"), str) and event["session_id"]:
            session_id = event["session_id"]
        if event["type"] == "assistant" and event.get("parent_tool_use_id") is None:
            refused = refusal(event.get("message"))
        elif event["type"] == "result":
            result = event
    kept = tuple(noise[-_NOISE_LINES:])
    if result is None:
        return Stream(error=refused, session_id=session_id, noise=kept)
    said = read_result(result)
    if refused is not None:
        said = replace(said, error=refused, result=None)
    return replace(said, session_id=session_id, noise=kept)


def read_result(result: dict[str, Any]) -> Stream:
    """What a ``result`` event says."""
    error = _error(result)
    structured = result.get("structured_result")
    return Stream(
        finished=True,
        error=error,
        result=None if error else result.get("result") if structured is None else structured,
        usage=read_usage(result.get("usage")),
        denials=tuple(
            str(denial["tool_name"])
            for denial in result.get("permission_denials") or []
            if isinstance(denial, dict) and "tool_name" in denial
        ),
    )


def refusal(message: Any) -> str | None:
    """The reason in a message that stands for an answer never given; None for any other.

    The model may well write the same words: but then it was paid for them.
    """
    if not isinstance(message, dict):
        return None
    text = text_of(message.get("content"))
    usage = message.get("usage")
    paid = isinstance(usage, dict) and loose.count(usage.get("output_tokens")) > 0
    if paid or not text.startswith(_API_ERROR):
        return None
    return text.removeprefix(_API_ERROR).strip().removesuffix("]")


def read_usage(usage: Any) -> Usage | None:
    """Tokens of the conversation, sub-agents included."""
    if not isinstance(usage, dict):
        return None
    return usage_of(
        prompt=usage.get("input_tokens"),
        cached=usage.get("cache_read_input_tokens"),
        said=usage.get("output_tokens"),
        total=usage.get("total_tokens"),
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    event = loose.event(line)
    if event is None or "sessionId" in event:  # the transcript's spelling; a stream's: session_id
        return None
    if event["type"] == "result":
        said = read_result(event)
        if said.error is not None:
            return Observation(state="error", source="stream", message=said.error)
        return Observation(state="idle", source="stream", usage=said.usage, result=said.result)
    if event["type"] == "assistant":
        refused = refusal(event.get("message"))
        if refused is not None and event.get("parent_tool_use_id") is None:
            return Observation(state="error", source="stream", message=refused)
    if event["type"] in ("assistant", "user"):
        made = steps.of_message(event.get("message"))
        return Observation(state="working", source="stream", steps=made)
    if event["type"] == "system" and event.get("subtype") == "init":
        return Observation(state="starting", source="stream")
    return None


def _error(result: dict[str, Any]) -> str | None:
    # a result that does not say is no success
    if result.get("is_error") is False:
        return None
    error = result.get("error")
    told = error.get("message") if isinstance(error, dict) else error
    texts = (told, result.get("result"), result.get("subtype"))
    return next((text for text in texts if isinstance(text, str) and text), "it does not say why")
