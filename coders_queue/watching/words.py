"""Which of several signals is believed: the last word of each, weighed by what each can know.

A headless run has its stream alone. At a terminal, hooks tell the moment something begins and are
silent after it; transcripts lag, but know of refusals that no screen shows; the screen is what a
person goes by, and is late by a moment after a hook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coders_queue.models.observation import Observation, Source

#: Seconds that a screen may still show what was before a hook spoke.
_LATE = 0.7
#: Seconds after which a refusal counts no more that nothing was heard of since, and after which a
#: limit whose end was told is over.
_REFUSED, _OVER = 900.0, 60.0


@dataclass(frozen=True)
class Word:
    """What a signal said, and when, epoch seconds."""

    seen: Observation
    at: float
    since: float
    """When it began to say so."""


Words = Mapping[Source, Word]


def believed(words: Words, now: float) -> Word | None:
    """The word that counts; None when none tells anything."""
    if "stream" in words:
        return words["stream"]
    screen = words.get("screen")
    refusal = _refusal(words, now)
    told = _told(words)
    if screen is None:
        return refusal or told
    if refusal is not None and screen.seen.state in ("working", "error"):
        return refusal
    hook = words.get("hook")
    if hook is not None and hook.at > screen.at - _LATE:
        # the screen adds what it shows of the same
        return screen if screen.seen.state == hook.seen.state else hook
    return screen


def _told(words: Words) -> Word | None:
    """The later one of hook and transcript."""
    found = [words[source] for source in ("hook", "transcript") if source in words]
    return max(found, key=lambda word: word.at, default=None)


def _refusal(words: Words, now: float) -> Word | None:
    """That the service refuses, by a signal that has said nothing else since."""
    told = _told(words)
    if told is None or told.seen.state != "rate_limited":
        return None
    ends = told.seen.resets_at
    until = told.at + _REFUSED if ends is None else max(ends + _OVER, told.at + _OVER)
    return told if now < until else None
