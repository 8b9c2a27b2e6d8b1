"""Whether rules are right: their events, conditions and templates; and whether one triggers itself.

Each mistake is told with the place of its key. A rule that would go round in circles is refused
where that can be seen from the rule alone; elsewhere the engine stops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from coders_queue import errors
from coders_queue.documents.mistakes import meant
from coders_queue.documents.parsed import KeyPath, dotted
from coders_queue.flows import language, references
from coders_queue.flows.data import Fault
from coders_queue.flows.references import Read
from coders_queue.models.lifecycle import State
from coders_queue.models.rule import CHAIN, Rule, Send, Spawn
from coders_queue.rules import render
from coders_queue.rules.values import EVENT_FIELDS, NAMES, SESSION_FIELDS, Lenient
from coders_queue.settings.schema import Settings

#: Tells where a key stands: ``file:line``.
Where = Callable[[KeyPath], str]

#: The kinds of events that a rule can look at: rules that look at what rules do go in circles.
KINDS = (
    *(f"session.{state.value}" for state in State),
    *("session.cancel_requested", "session.installing", "session.requeued"),
    *("session.prioritized", "session.redirected", "session.activity", "session.settled"),
    "session.archived",
    "session.token_refused",
    "message.dead",
    *("approval.opened", "approval.claimed", "approval.pressed", "approval.failed"),
    *("approval.answered", "approval.expired", "approval.gone"),
)
#: Those that every session has, or may have, whatever it is.
_OF_ANY_SESSION = KINDS[: KINDS.index("session.archived") + 1]
#: What tells of a session's end.
_OF_AN_END = ("session.cancel_requested", "session.cancelled")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    path: KeyPath
    message: str
    hint: str | None = None


def check(settings: Settings, where: Where) -> None:
    """Raises ConfigError with the first thing that is wrong."""
    for name, rule in settings.rules.items():
        for problem in problems(name, rule):
            raise errors.ConfigError(f"{where(problem.path)}: {problem.message}", problem.hint)


def problems(name: str, rule: Rule) -> Iterator[Problem]:
    """All that is wrong with one rule."""
    here = ("rules", name)
    wrong = [*_of_events(rule, here), *_of_texts(rule, here)]
    yield from wrong or _in_circles(name, rule, here)


def _of_events(rule: Rule, here: KeyPath) -> Iterator[Problem]:
    for number, pattern in enumerate(rule.on):
        if not any(fnmatchcase(kind, pattern) for kind in KINDS):
            yield Problem(
                (*here, "on", str(number)),
                f"{dotted((*here, 'on'))}: there is no event {pattern[:80]!r}",
                meant(pattern, KINDS),
            )


def _of_texts(rule: Rule, here: KeyPath) -> Iterator[Problem]:
    if rule.when is not None:
        yield from _of_text((*here, "when"), references.of_expression(rule.when))
    for number, action in enumerate(rule.do):
        for path, text in render.places(action):
            yield from _of_text((*here, "do", str(number), *path), references.of_template(text))


def _of_text(path: KeyPath, read: Read) -> Iterator[Problem]:
    told = dotted(path)
    for wrong in read.wrong:
        yield Problem(path, f"{told}: {wrong.message}", wrong.hint)
    for one in read.references:
        if one.root not in NAMES:
            yield Problem(path, f"{told}: there is no {one.root}", meant(one.root, NAMES))
            continue
        fields = {"event": EVENT_FIELDS, "session": SESSION_FIELDS}.get(one.root)
        if fields and len(one.path) > 1 and one.path[1] not in fields:
            field = str(one.path[1])
            yield Problem(path, f"{told}: {one.root} has no {field}", meant(field, fields))


# -- circles ---------------------------------------------------------------------------------------


def _in_circles(name: str, rule: Rule, here: KeyPath) -> Iterator[Problem]:
    for number, action in enumerate(rule.do):
        path = (*here, "do", str(number), action.kind)
        if action.spawn is not None and (kind := _by_spawn(name, rule, action.spawn)):
            yield Problem(
                path,
                f"rule {name} triggers itself: what is spawned is told of by {kind}, too",
                "add to its condition: when: not chain",
            )
        elif action.send is not None and _by_send(rule, action.send):
            yield Problem(
                path,
                f"rule {name} triggers itself: what is sent changes what the agent is doing",
                "say how often, for one session: at_most: 3",
            )
        elif action.stop is not None and action.stop.session is None and _by_stop(rule):
            yield Problem(
                path,
                f"rule {name} triggers itself: it stops sessions since they are stopped",
                "let it look at other events",
            )


def _by_spawn(name: str, rule: Rule, spawn: Spawn) -> str | None:
    """The event of a session that the rule spawned on which it would spawn another."""
    for kind in _OF_ANY_SESSION:
        if any(fnmatchcase(kind, one) for one in rule.on) and _holds(
            rule, _spawned(name, kind, spawn)
        ):
            return kind
    return None


def _by_send(rule: Rule, send: Send) -> bool:
    """Whether it would send again for what came of what it sent."""
    if send.to is not None or rule.at_most is not None:
        return False
    return any(fnmatchcase("session.activity", one) for one in rule.on) and any(
        _holds(rule, {"kind": "session.activity", "doing": doing, "state": "running"})
        for doing in ("working", "idle", "waiting")
    )


def _by_stop(rule: Rule) -> bool:
    return all(any(fnmatchcase(kind, one) for kind in _OF_AN_END) for one in rule.on)


def _holds(rule: Rule, known: Mapping[str, Any]) -> bool:
    """Whether the condition is true, whatever is not known. A name that is missing is a fault."""
    if rule.when is None:
        return True
    try:
        return bool(language.evaluate(language.condition(rule.when), known))
    except Fault:
        return False


def _spawned(name: str, kind: str, spawn: Spawn) -> dict[str, Any]:
    """What is known beforehand of an event of a session that it spawns."""
    labels = Lenient({key: text for key, text in spawn.labels.items() if _is_plain(text)})
    unknown = len(labels) < len(spawn.labels)
    state = kind.removeprefix("session.")
    known: dict[str, Any] = {"rule": name, "kind": kind, "chain": [name]}
    if state in set(State):
        known["state"] = state
    for field in ("name", "owner"):
        if (text := getattr(spawn, field)) is not None and _is_plain(text):
            known[field] = text
    if _is_plain(spawn.agent):
        known["agent"] = spawn.agent.partition("@")[0]
    if spawn.name is None:
        known["name"] = None
    if not unknown:
        known["labels"] = Lenient({**labels, CHAIN: name})
    told = {key: known[key] for key in ("agent", "name", "owner", "labels") if key in known}
    return {**known, "session": {**told, "mode": spawn.mode, "priority": spawn.priority}}


def _is_plain(text: str) -> bool:
    return not language.is_template(text)
