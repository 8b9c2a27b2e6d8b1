"""``vote``: the answer that most gave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from coders_queue.json_schema import WrongAnswer, parsed
from coders_queue.merging.part import Part
from coders_queue.merging.strategy import LeftOut, Merge, MergeFailed, Needs, Options, plain
from coders_queue.models.base import Model

#: How much of an answer is shown in a message, characters.
_SHOWN = 60


class VoteOptions(Options):
    """The options of ``vote``."""

    key: str | None = None
    """What of each answer counts, names joined by dots (`review.verdict`); a text is read as JSON
    for it. None: the whole answer."""
    share: Literal["most", "majority", "all"] = "most"
    """How many have to give the winning answer: more than any other, more than half of those that
    voted, or all."""
    tie: Literal["fail", "first"] = "fail"
    """What becomes of a tie: the merge fails, or the answer wins that came first."""
    exact: bool = False
    """Whether texts that differ in case or space alone are different answers."""


class Ballot(Model):
    """An answer and who gave it."""

    value: Any
    parts: tuple[int, ...]


class Vote(Model):
    """What ``vote`` makes of the parts."""

    value: Any
    """The answer that won, as the first of its voters spelled it."""
    votes: int
    """How many gave it."""
    of: int
    """How many voted."""
    tally: tuple[Ballot, ...]
    """Every answer, the most frequent first."""


class Voting:
    """Counts."""

    name = "vote"
    about = "the answer that most gave"
    options: type[Options] = VoteOptions
    needs: Needs = "nothing"

    def merge(self, parts: Sequence[Part], options: VoteOptions, place: Path) -> Merge:
        """The count; parts without an answer do not vote."""
        ballots: dict[str, Ballot] = {}
        left_out = []
        for part in parts:
            try:
                value = _choice(part.value, options.key)
            except LookupError as error:
                left_out.append(LeftOut.of(part, str(error.args[0])))
                continue
            known = ballots.get(_same(value, options), Ballot(value=value, parts=()))
            ballots[_same(value, options)] = known.model_copy(
                update={"parts": (*known.parts, part.number)}
            )
        if not ballots:
            raise MergeFailed(f"nobody voted: {left_out[0].cause}")
        tally = sorted(ballots.values(), key=lambda one: -len(one.parts))
        vote = Vote(
            value=tally[0].value,
            votes=len(tally[0].parts),
            of=sum(len(one.parts) for one in tally),
            tally=tuple(tally),
        )
        return Merge(
            merged=plain(vote),
            left_out=tuple(left_out),
            problem=_undecided(vote, options),
        )


def _undecided(vote: Vote, options: VoteOptions) -> str | None:
    tied = [one for one in vote.tally if len(one.parts) == vote.votes]
    if len(tied) > 1 and options.tie == "fail":
        shown = " and ".join(_shown(one.value) for one in tied[:3])
        return f"a tie: {shown} have {vote.votes} of {vote.of} votes each"
    if options.share == "majority" and 2 * vote.votes <= vote.of:
        return f"no majority: {_shown(vote.value)} has {vote.votes} of {vote.of} votes"
    if options.share == "all" and vote.votes < vote.of:
        return f"not all agree: {_shown(vote.value)} has {vote.votes} of {vote.of} votes"
    return None


def _choice(value: Any, key: str | None) -> Any:
    if key is None:
        if value is None or (isinstance(value, str) and not value.strip()):
            raise LookupError("it gave no answer")
        return value.strip() if isinstance(value, str) else value
    if isinstance(value, str):
        try:
            value = parsed(value)
        except WrongAnswer as error:
            raise LookupError(f"its answer is {error}") from None
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise LookupError(f"its answer has no {key!r}")
        value = value[name]
    return value


def _same(value: Any, options: VoteOptions) -> str:
    """Equal for answers that count as the same."""
    if isinstance(value, str) and not options.exact:
        value = " ".join(value.casefold().split())
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
