"""What a strategy is, and what is the same for all of them: who counts, and the typed result.

A plug-in is an object like :class:`Strategy`, named by an entry point of the group
``coders.merge``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field

from coders_queue.merging.part import Part
from coders_queue.models.base import Model

#: What a strategy needs of the place it runs in: nothing; the machine that the parts ran on; a git
#: worktree of its own there.
Needs = Literal["nothing", "host", "worktree"]
#: How many of those that are left out a failure names.
_NAMED = 5


class MergeFailed(Exception):
    """The parts cannot be merged; the text says why, in one line."""


class Options(Model):
    """What a strategy is told. Those of each are a model of their own that begins with this."""

    rest: ClassVar[str | None] = None
    """The option that takes the words after ``--``, if one does."""

    at_least: int = Field(default=1, ge=1)
    """How many parts have to be there to be merged; with fewer the merge fails."""


class LeftOut(Model):
    """A part that is not in what was merged."""

    part: int
    """Its place among the parts, from 1."""
    session: str | None = None
    """Its session's id; null for what is no outcome."""
    cause: str
    """Why, one line."""

    @classmethod
    def of(cls, part: Part, cause: str) -> LeftOut:
        """That part, for that cause."""
        return cls(part=part.number, session=part.session, cause=cause)


class Merge(Model):
    """What a strategy made of the parts."""

    merged: Any = None
    left_out: tuple[LeftOut, ...] = ()
    """Parts that it could not use."""
    problem: str | None = None
    """Why this is not what was asked for, one line: the session fails, and has it all the same."""


class MergeResult(Model):
    """The result of a session that merges."""

    strategy: str
    """The strategy's name."""
    parts: int
    """How many there were."""
    used: tuple[int, ...]
    """Those that are in what was merged, by their places among the parts, from 1."""
    left_out: tuple[LeftOut, ...]
    """Those that are not: they failed, were cancelled, or could not be used."""
    merged: Any
    """What the strategy made of them; null when it made nothing."""


def plain(model: Model) -> Any:
    """The model as JSON has it. Names of files that are no UTF-8 are carried, as JSON can."""
    return json.loads(json.dumps(model.model_dump(mode="python")))


class Strategy(Protocol):
    """A way to make one of many."""

    name: str
    about: str
    """What it does, one line."""
    options: type[Options]
    needs: Needs

    def merge(self, parts: Sequence[Part], options: Any, place: Path) -> Merge:
        """Merge parts that succeeded, at least one; ``options`` are its own.

        ``place`` is a directory for what it has to write on the way. The process' own directory is
        the session's workspace. Raises MergeFailed.
        """
        ...


def carry_out(
    strategy: Strategy, options: Options, parts: Sequence[Part], place: Path
) -> tuple[MergeResult, str | None]:
    """Merge what succeeded of the parts: the result, and why it is none, one line."""
    failed = [LeftOut.of(part, part.cause or "failed") for part in parts if not part.ok]
    good = [part for part in parts if part.ok]
    made, problem = Merge(), _too_few(len(good), options.at_least, parts, failed)
    if problem is None:
        try:
            made = strategy.merge(good, options, place)
            problem = made.problem
        except MergeFailed as error:
            problem = str(error)
    left_out = sorted([*failed, *made.left_out], key=lambda one: one.part)
    gone = {one.part for one in left_out}
    used = tuple(part.number for part in parts if part.number not in gone)
    problem = problem or _too_few(len(used), options.at_least, parts, left_out)
    result = MergeResult(
        strategy=strategy.name,
        parts=len(parts),
        used=used if made.merged is not None else (),
        left_out=tuple(left_out),
        merged=made.merged,
    )
    return result, problem


def _too_few(
    count: int, needed: int, parts: Sequence[Part], left_out: Sequence[LeftOut]
) -> str | None:
    if not parts:
        return "there is nothing to merge: no results were handed on"
    if count >= needed:
        return None
    labels = {part.number: part.label for part in parts}
    told = [f"{labels[one.part]} ({one.cause})" for one in left_out[:_NAMED]]
    more = len(left_out) - len(told)
    without = f"; without {', '.join(told)}" if told else ""
    and_more = f" and {more} more" if more > 0 else ""
    return f"{count} of {len(parts)} parts can be merged, {needed} are needed{without}{and_more}"
