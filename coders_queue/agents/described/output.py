"""What a tool's output is read by: lines of JSON, or text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from coders_queue.agents.described.patterns import pattern
from coders_queue.models.base import Model

_USAGE = frozenset({"input", "output", "cache_read", "cache_write"})


def _regex(text: str) -> str:
    pattern(text)
    return text


def _pointer(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("should be a path such as /usage/input_tokens")
    return text


Regex = Annotated[str, AfterValidator(_regex)]
Pointer = Annotated[str, AfterValidator(_pointer)]


class UsagePaths(Model):
    """Where a line says what was consumed, in tokens."""

    input: Pointer | None = None
    output: Pointer | None = None
    cache_read: Pointer | None = None
    cache_write: Pointer | None = None
    cost_usd: Pointer | None = None
    """US dollars."""
    cached_in_input: bool = False
    """Whether `input` counts what was read from the cache too."""
    each: bool = False
    """Whether each such line is of one request, so that they are added up; else the last counts."""


class LineRule(Model):
    """What a line of JSON means. Every rule that fits counts, in order."""

    when: dict[Pointer, str | bool | int | None] = Field(default_factory=dict)
    """Values that the line has, by path."""
    starts: bool = False
    """Whether a turn begins with it: what was done before counts no more."""
    done: bool = False
    """Whether a turn is complete with it."""
    failed: bool = False
    """Whether the turn has failed with it."""
    error: Pointer | None = None
    """Where it says what went wrong. Anything there but null, false and nothing is a failure."""
    result: Pointer | None = None
    """Where it says the answer."""
    conversation: Pointer | None = None
    """Where it says the conversation's id."""
    usage: UsagePaths | None = None


class JsonLines(Model):
    """Lines of JSON."""

    format: Literal["jsonl"]
    lines: tuple[LineRule, ...] = Field(min_length=1)
    """What they mean."""

    @property
    def tells_end(self) -> bool:
        """Whether it can tell a complete run from one that was cut off."""
        return any(rule.done for rule in self.lines)


class Span(Model):
    """The lines between two others: the last pair of them that there is."""

    after: Regex
    """Matches the line before them. Where none does, they begin with the text."""
    before: Regex
    """Matches the line after them."""


class Text(Model):
    """Text, read line by line."""

    format: Literal["text"]
    result: Span | None = None
    """The answer's lines. Where there are none, the run was cut off."""
    done: Regex | None = None
    """A line that says that the run is complete."""
    failed: tuple[Regex, ...] = ()
    """Lines that mean a failure, whatever the exit status."""
    message: tuple[Regex, ...] = ()
    """Lines that say why a run failed, if it did."""
    usage: tuple[Regex, ...] = ()
    """Lines with tokens consumed: groups `input`, `output`, `cache_read`, `cache_write`. The last
    of each counts; a number that is rounded (`1.2k`) does not."""
    conversation: Regex | None = None
    """A line with the conversation's id: its group `id`."""

    @property
    def tells_end(self) -> bool:
        """Whether it can tell a complete run from one that was cut off."""
        return self.result is not None or self.done is not None

    @model_validator(mode="after")
    def _has_groups(self) -> Text:
        for text in self.usage:
            if not pattern(text).groups & _USAGE:
                raise ValueError(f"usage: {text!r} has no group such as (?P<input>[0-9]+)")
        if self.conversation is not None and "id" not in pattern(self.conversation).groups:
            raise ValueError("conversation has no group (?P<id>...)")
        return self


Output = Annotated[JsonLines | Text, Field(discriminator="format")]
