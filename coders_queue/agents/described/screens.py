"""What a described tool's terminal shows, by the rules of its file."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue.agents.described.model import ScreenRule
from coders_queue.agents.described.patterns import pattern
from coders_queue.agents.described.reading import one_line
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation

_CHOICES = 50
_DRAFT = 4096
_ASKS = ("dialog", "waiting")
_TELLS = ("error", "rate_limited")


def observe(screen: Screen, rules: Sequence[ScreenRule]) -> Observation:
    """The first rule that fits; unknown when none does."""
    for rule in rules:
        lines = _region(screen, rule)
        found = pattern(rule.match).last(lines)
        if found is None:
            continue
        groups = found[1].groupdict()
        draft = groups.get("draft")
        return Observation(
            state=rule.state,
            source="screen",
            question=one_line(groups.get("question") or found[1][0]) or None
            if rule.state in _ASKS
            else None,
            choices=_choices(lines, rule),
            draft=draft.strip()[:_DRAFT] or None if draft else None,
            message=one_line(groups.get("message") or found[1][0]) or None
            if rule.state in _TELLS
            else None,
        )
    return Observation(state="unknown", source="screen")


def _region(screen: Screen, rule: ScreenRule) -> Sequence[str]:
    if rule.where == "title":
        return (screen.plain_title,)
    if rule.where == "footer":
        return screen.shown[-1:]
    return screen.shown if rule.where == "screen" else screen.shown[-rule.lines :]


def _choices(lines: Sequence[str], rule: ScreenRule) -> tuple[str, ...]:
    if rule.choices is None or rule.state not in _ASKS:
        return ()
    found = []
    for line in lines:
        if match := pattern(rule.choices).search(line):
            text = match.groupdict().get("choice") or match[0]
            found.append(one_line(text))
    return tuple(found[:_CHOICES])
