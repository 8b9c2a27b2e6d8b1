"""Reading the lines of ``opencode run --format json``.

A pure reader, tolerant of lines that are cut, are not JSON, or are of a kind not known yet. The
stream has no last line of its own: a step that ends with a reason other than its tools is the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.models.observation import Observation, Step
from coders_queue.models.outcome import Usage

#: Reasons of a step's end after which the agent goes on.
GOES_ON = frozenset({"tool-calls", "unknown", ""})
#: Reasons that are no success, and what they mean.
BAD_ENDS = {
    "length": "the answer was cut off at the model's limit of tokens",
    "content-filter": "the model service withheld the answer",
    "error": "the model service failed in the middle of the answer",
}
_NOISE_LINES = 20
_NOISE_CHARACTERS = 2000


@dataclass(frozen=True)
class Stream:
    """What a whole stream said."""

    finished: bool = False
    """Whether the last step was the last one, too: the answer is complete."""
    error: str | None = None
    """The last error that no complete answer followed."""
    ended: str | None = None
    """The reason of the last step's end."""
    result: str | None = None
    """The text of the last answer, complete or not."""
    refused: str | None = None
    """The last use of a tool that failed or was not allowed, when nothing came after it."""
    session: str | None = None
    usage: Usage | None = None
    noise: tuple[str, ...] = ()
    """The last lines that are not part of the stream, as text."""


def read_stream(stdout: bytes) -> Stream:
    """What the stream says."""
    finished = False
    error: str | None = None
    ended: str | None = None
    refused: str | None = None
    session: str | None = None
    texts: dict[str, str] = {}
    message: str | None = None
    steps: dict[str, dict[str, Any]] = {}
    noise: list[str] = []
    for line in loose.lines(stdout):
        event = loose.event(line)
        if event is None:
            noise.append(line.decode("utf-8", "replace")[:_NOISE_CHARACTERS])
            continue
        session = text_of(event.get("sessionID")) or session
        part = loose.mapping(event.get("part"))
        kind = event["type"]
        if kind == "step_start":
            finished, refused = False, None
        elif kind == "text":
            about = text_of(part.get("messageID"))
            if about != message:
                texts, message = {}, about
            texts[str(part.get("id"))] = text_of(part.get("text")) or ""
        elif kind == "tool_use":
            refused = _refused(part)
        elif kind == "step_finish":
            ended = text_of(part.get("reason")) or ""
            finished = ended not in GOES_ON
            if finished:
                error = BAD_ENDS.get(ended)
            if text_of(part.get("messageID")) != message:
                texts, message = {}, text_of(part.get("messageID"))
            steps[str(part.get("id"))] = part
        elif kind == "error":
            finished, error = False, describe_error(event.get("error"))
    return Stream(
        finished=finished,
        error=error,
        ended=ended,
        result="\n".join(text for text in texts.values() if text) or None,
        refused=refused,
        session=session,
        usage=add_steps(steps.values()),
        noise=tuple(noise[-_NOISE_LINES:]),
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state."""
    event = loose.event(line)
    if event is None:
        return None
    part = loose.mapping(event.get("part"))
    kind = event["type"]
    if kind == "error":
        return Observation(
            state="error", source="stream", message=describe_error(event.get("error"))
        )
    if kind == "step_finish":
        reason = text_of(part.get("reason")) or ""
        usage = add_steps([part])
        if reason in BAD_ENDS:
            return Observation(
                state="error", source="stream", message=BAD_ENDS[reason], usage=usage
            )
        state = "working" if reason in GOES_ON else "idle"
        return Observation(
            state="idle" if state == "idle" else "working", source="stream", usage=usage
        )
    if kind == "tool_use":
        return Observation(state="working", source="stream", steps=_steps(part))
    if kind in ("step_start", "text", "reasoning"):
        return Observation(state="working", source="stream")
    return None


def _steps(part: dict[str, Any]) -> tuple[Step, ...]:
    """A call and what it gave back: the stream tells of it when it is over."""
    call, state = part.get("callID"), loose.mapping(part.get("state"))
    made = steps.called(call, part.get("tool"), state.get("input"))
    if state.get("status") in ("completed", "error"):
        back = [state.get("status"), state.get("output"), state.get("error")]
        made += steps.returned(call, back)
    return made


def describe_error(error: Any) -> str:
    """An error of opencode's in words, with the service's status where it has one."""
    about = loose.mapping(error)
    data = loose.mapping(about.get("data"))
    text = text_of(data.get("message")) or text_of(about.get("message")) or ""
    text = text or text_of(about.get("name")) or "an error without a name"
    status = data.get("statusCode", about.get("status"))
    known = isinstance(status, int) and not isinstance(status, bool) and str(status) not in text
    return f"{text} (HTTP {status})" if known else text


def add_steps(steps: Iterable[dict[str, Any]]) -> Usage | None:
    """The sum over steps, each of which is one request to the model."""
    total: Usage | None = None
    for step in steps:
        tokens = step.get("tokens")
        if not isinstance(tokens, dict):
            continue
        cache = loose.mapping(tokens.get("cache"))
        money = step.get("cost")
        total = total or Usage()
        cost = total.cost_usd or 0.0
        # a model without a known price costs 0 in its words: that is no statement
        if isinstance(money, int | float) and not isinstance(money, bool) and 0 < money < 1e9:
            cost += money
        total = Usage(
            input_tokens=total.input_tokens + loose.count(tokens.get("input")),
            output_tokens=total.output_tokens + _output(tokens),
            cache_read_tokens=total.cache_read_tokens + loose.count(cache.get("read")),
            cache_write_tokens=total.cache_write_tokens + loose.count(cache.get("write")),
            cost_usd=cost or None,
        )
    return total


def text_of(value: Any) -> str | None:
    """The text, or None for what is none."""
    return value if isinstance(value, str) else None


def _output(tokens: dict[str, Any]) -> int:
    """Reasoning included; some versions count it within the output, which their total tells."""
    output, reasoning = loose.count(tokens.get("output")), loose.count(tokens.get("reasoning"))
    cache = loose.mapping(tokens.get("cache"))
    rest = (
        loose.count(tokens.get("input"))
        + loose.count(cache.get("read"))
        + loose.count(cache.get("write"))
    )
    if reasoning and loose.count(tokens.get("total")) == rest + output:
        return output
    return output + reasoning


def _refused(part: dict[str, Any]) -> str | None:
    state = loose.mapping(part.get("state"))
    if state.get("status") != "error":
        return None
    return f"{part.get('tool', 'a tool')}: {text_of(state.get('error')) or 'it failed'}"
