"""Reading the lines of ``claude -p --output-format stream-json``.

A pure reader, tolerant of lines that are cut, are not JSON, or are of a kind not known yet. It says
what the stream says; what that means for the session is the adapter's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from coders_queue.agents import loose, steps
from coders_queue.models.observation import Observation
from coders_queue.models.outcome import Usage


@dataclass(frozen=True)
class Stream:
    """What a whole stream said."""

    finished: bool = False
    """Whether a ``result`` line arrived; without it nothing below but the id is known."""
    is_error: bool = False
    subtype: str | None = None
    """``success``, ``error_max_turns``, ``error_during_execution``, ..."""
    result: Any = None
    """The answer: a text, or data where a JSON schema was asked for."""
    errors: tuple[str, ...] = ()
    api_status: int | None = None
    """HTTP status of the model service's refusal, where that was the error."""
    turns: int | None = None
    session_id: str | None = None
    usage: Usage | None = None
    denials: tuple[str, ...] = ()
    """Tools that were asked for and denied, in order."""
    noise: tuple[str, ...] = ()
    """The last lines that are not part of the stream, as text."""

    @property
    def unknown_command(self) -> bool:
        """Whether the task was taken for a slash command that does not exist.

        Claude Code (2.1.197) calls that a success.
        """
        return (
            self.turns == 0
            and isinstance(self.result, str)
            and self.result.startswith("Unknown command:")
        )


#: How many lines of noise are kept, and how much of each.
_NOISE_LINES = 20
_NOISE_CHARACTERS = 2000


def read_stream(stdout: bytes) -> Stream:
    """What the stream says; of several ``result`` lines the last one counts."""
    result: dict[str, Any] | None = None
    session_id: str | None = None
    noise: list[str] = []
    for line in loose.lines(stdout):
        event = loose.event(line)
        if event is None:
            noise.append(line.decode("utf-8", "replace")[:_NOISE_CHARACTERS])
            continue
        if isinstance(event.get("session_id"), str) and event["session_id"]:
            session_id = event["session_id"]
        if event["type"] == "result":
            result = event
    kept = tuple(noise[-_NOISE_LINES:])
    if result is None:
        return Stream(session_id=session_id, noise=kept)
    return replace(read_result(result), session_id=session_id, noise=kept)


def read_result(result: dict[str, Any]) -> Stream:
    """What a ``result`` event says."""
    structured = result.get("structured_output")
    return Stream(
        finished=True,
        # a result that does not say is no success
        is_error=result.get("is_error") is not False,
        subtype=loose.text(result.get("subtype")),
        result=result.get("result") if structured is None else structured,
        errors=tuple(str(error) for error in loose.items(result.get("errors"))),
        api_status=loose.count(result.get("api_error_status")) or None,
        turns=loose.integer(result.get("num_turns")),
        session_id=loose.text(result.get("session_id")) or None,
        usage=read_usage(result),
        denials=tuple(
            str(denial["tool_name"])
            for denial in loose.items(result.get("permission_denials"))
            if isinstance(denial, dict) and "tool_name" in denial
        ),
    )


def read_usage(result: dict[str, Any]) -> Usage | None:
    """Tokens and money of one run.

    ``modelUsage`` counts every model and subagent, and goes with ``total_cost_usd``; ``usage``
    counts the main conversation only, and nothing when a budget stops the run.
    """
    money = loose.money(result.get("total_cost_usd"))
    by_model = loose.mapping(result.get("modelUsage"))
    models = [one for one in by_model.values() if isinstance(one, dict)]
    if models:
        return Usage(
            input_tokens=sum(loose.count(model.get("inputTokens")) for model in models),
            output_tokens=sum(loose.count(model.get("outputTokens")) for model in models),
            cache_read_tokens=sum(
                loose.count(model.get("cacheReadInputTokens")) for model in models
            ),
            cache_write_tokens=sum(
                loose.count(model.get("cacheCreationInputTokens")) for model in models
            ),
            cost_usd=money,
        )
    usage = result.get("usage")
    if not isinstance(usage, dict):
        return None if money is None else Usage(cost_usd=money)
    return Usage(
        input_tokens=loose.count(usage.get("input_tokens")),
        output_tokens=loose.count(usage.get("output_tokens")),
        cache_read_tokens=loose.count(usage.get("cache_read_input_tokens")),
        cache_write_tokens=loose.count(usage.get("cache_creation_input_tokens")),
        cost_usd=money,
    )


def observe(line: bytes) -> Observation | None:
    """What one line says of the state while it runs."""
    event = loose.event(line)
    if event is None or "sessionId" in event:  # the transcript's spelling; a stream's: session_id
        return None
    kind = event["type"]
    if kind == "result":
        said = read_result(event)
        why = "; ".join(said.errors) or (said.result if isinstance(said.result, str) else "")
        return Observation(
            state="error" if said.is_error else "idle",
            source="stream",
            result=said.result,
            usage=said.usage,
            message=(" ".join(why.split())[:500] or said.subtype) if said.is_error else None,
        )
    if kind == "rate_limit_event":
        return _limit(loose.mapping(event.get("rate_limit_info")))
    if kind == "system" and event.get("subtype") == "api_retry":
        status = event.get("error_status")
        limited = status in (429, 529) or event.get("error") in ("rate_limit", "overloaded")
        return Observation(
            state="rate_limited" if limited else "working",
            source="stream",
            message=f"the model service answered {status or event.get('error')}; trying again",
        )
    if kind == "control_request":
        request = loose.mapping(event.get("request"))
        if request.get("subtype") == "can_use_tool":
            return Observation(
                state="waiting", source="stream", question=str(request.get("tool_name", "a tool"))
            )
        return None
    if kind in ("system", "assistant", "user", "stream_event"):
        made = steps.of_message(event.get("message"))
        return Observation(state="working", source="stream", steps=made)
    return None


def _limit(info: dict[Any, Any]) -> Observation | None:
    if info.get("status") != "rejected":
        return None
    kind = loose.text(info.get("rateLimitType"))
    return Observation(
        state="rate_limited",
        source="stream",
        resets_at=loose.number(info.get("resetsAt")),
        message=f"limit reached: {kind}" if kind else "limit reached",
    )
