"""The Lua scripts, each behind a method with types: what makes a write one step.

Owns the order of keys and arguments, which the head of each script describes. Which states a move
may start from is always handed in, from the lifecycle table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from coders_queue.models.heartbeat import Heartbeat
from coders_queue.models.lifecycle import ENDED, State, sources_of
from coders_queue.store import codec, keys, kinds, rules
from coders_queue.store.keys import Keys
from coders_queue.store.redis.door import Door

_WAITING = ("_session", "_limits", "_line")
_ENDING = (*_WAITING, "_quorum", "_end")
#: The scripts that write sessions, and what is put before each.
_ON_SESSIONS = {
    "submit": (*_WAITING, "_quorum"),
    "assign": _WAITING,
    "admit": _WAITING,
    "prioritize": _WAITING,
    "redirect": _WAITING,
    "limits": _WAITING,
    "line_up": _WAITING,
    "move": ("_session",),
    "put_back": _WAITING,
    "requeue": _WAITING,
    "attach_request": _WAITING,
    "finish": _ENDING,
    "request_cancel": _ENDING,
    "note_activity": ("_session",),
    "settle": ("_session",),
    "mark_archived": ("_session",),
    "record_event": ("_session",),
}
_OTHERS = ("trim", "acquire_lease", "release_lease", "heartbeat")


@dataclass(frozen=True)
class End:
    """What the end of a session writes."""

    state: State
    at: float
    outcome: str
    """As its field holds it."""
    data: str
    """Of the event, JSON."""

    def arguments(self) -> tuple[str, ...]:
        """In the order in which scripts take them."""
        return (
            self.state,
            kinds.of_state(self.state),
            self.data,
            codec.number(self.at),
            self.outcome,
            keys.ended_name_stem("", self.at),
            "1" if self.state is State.SUCCEEDED else "0",
        )


class Scripts:
    """All scripts of one installation on one server."""

    def __init__(self, door: Door, names: Keys, max_events: int) -> None:
        self._door = door
        self._keys = names
        self._max_events = max_events
        self._scripts = {
            name: door.script("\n".join(map(source, (*before, name))))
            for name, before in _ON_SESSIONS.items()
        }
        where = names
        self._host_sessions = where.host_sessions("")
        # as _session.lua takes them, after the session's own key
        self._of_sessions = [
            *(where.events, where.ids, where.live, where.ended, where.unsettled, where.names),
            *(where.ended_names, where.queued),
        ]
        # as _limits.lua takes them
        self._of_waiting = [
            *(where.limits, where.shares, where.exhausted, where.clocks, where.parked),
            *(where.limit_sessions(""), where.limit_rate(""), where.line(""), where.lines("")),
            *(where.turns(""), where.turns_over(""), where.freed),
        ]
        # as _quorum.lua takes them
        self._of_waiting += [where.quorum(""), where.quorum_live(""), where.quorums]
        self._scripts |= {name: door.script(source(name)) for name in _OTHERS}

    # -- sessions ------------------------------------------------------------------------------

    def submit(
        self,
        session_id: str,
        now: float,
        fields: Mapping[str, str],
        data: str,
        capacity: int | None,
        running: bool,
    ) -> tuple[str, list[str | None] | str | None]:
        """``new``; ``exists`` and its fields; ``taken`` and the id that has the name; ``full``."""
        answer = self._on_session(
            "submit",
            session_id,
            now,
            fields.get("name", ""),
            fields.get("host", ""),
            fields["attempt"],
            fields["created_at"],
            kinds.of_state(State(fields["state"])),
            data,
            "running" if running else "" if capacity is None else capacity,
            fields["claim"],
            fields["priority"],
            len(codec.FIELDS),
            *codec.FIELDS,
            *(part for pair in fields.items() for part in pair),
        )
        return str(answer[0]), answer[1] if len(answer) > 1 else None

    def assign(
        self,
        session_id: str,
        now: float,
        host: str,
        capacity: int | None,
        *,
        begun: bool,
        waited: bool,
    ) -> int | None:
        """The new attempt's number, None when the state, or the host's capacity, forbids it."""
        target = State.ASSIGNED
        answer = self._on_session(
            "assign",
            session_id,
            now,
            host,
            _words(sources_of(target)),
            target,
            kinds.of_state(target),
            "{}",
            "running" if begun else "" if capacity is None else capacity,
            "due" if begun or waited else "",
        )
        return None if answer is None else int(answer)

    def admit(self, now: float, hosts: Mapping[str, int]) -> tuple[str, str, int] | float | None:
        """Id, host and attempt; else in how many seconds to ask again, None for when one ends."""
        target = State.ASSIGNED
        answer = self._on_session(
            "admit",
            "",
            now,
            _words(sources_of(target)),
            target,
            kinds.of_state(target),
            "{}",
            *(part for pair in hosts.items() for part in pair),
        )
        if len(answer) == 1:
            return float(answer[0]) if answer[0] else None
        return str(answer[0]), str(answer[1]), int(answer[2])

    def prioritize(self, session_id: str, now: float, priority: int, data: str) -> bool:
        """Whether it waits."""
        answer = self._on_session(
            "prioritize",
            session_id,
            now,
            State.QUEUED,
            priority,
            kinds.PRIORITIZED,
            data,
        )
        return bool(answer)

    def redirect(
        self, session_id: str, now: float, claims: tuple[str, str], spec: str, data: str
    ) -> bool:
        """Whether it waited, had never begun and was what the first of ``claims`` says."""
        answer = self._on_session(
            "redirect", session_id, now, State.QUEUED, *claims, spec, kinds.REDIRECTED, data
        )
        return bool(answer)

    def limits(self, now: float, removed: Collection[str], texts: Mapping[str, str]) -> None:
        """Remove limits and set others."""
        self._on_session(
            "limits",
            "",
            now,
            len(removed),
            *removed,
            *(part for pair in texts.items() for part in pair),
        )

    def line_up(self, now: float, session_ids: Sequence[str]) -> int:
        """How many of them were to wait for their turn and did not; now they do."""
        return int(self._on_session("line_up", "", now, *session_ids))

    def move(
        self,
        session_id: str,
        now: float,
        attempt: int,
        target: State,
        fields: Mapping[str, str],
    ) -> bool:
        """Whether it was legal, and done."""
        answer = self._on_session(
            "move" if target.on_host else "put_back",
            session_id,
            now,
            attempt,
            _words(sources_of(target)),
            target,
            kinds.of_state(target),
            "{}",
            *(() if target.on_host else (",".join(rules.OF_AN_ATTEMPT),)),
            *(part for pair in fields.items() for part in pair),
        )
        return bool(answer)

    def requeue(
        self,
        session_id: str,
        now: float,
        attempt: int,
        data: str,
        fields: Mapping[str, str],
        *,
        keeps_place: bool,
    ) -> bool:
        """Whether it was legal, and done."""
        target = State.QUEUED
        answer = self._on_session(
            "requeue",
            session_id,
            now,
            attempt,
            _words(sources_of(target)),
            target,
            kinds.REQUEUED,
            data,
            ",".join((*rules.OF_AN_ATTEMPT, "due_at", "only_host")),
            int(keeps_place),
            *(part for pair in fields.items() for part in pair),
        )
        return bool(answer)

    def note_activity(
        self, session_id: str, now: float, attempt: int, activity: str, data: str | None
    ) -> bool:
        """Whether it was kept; ``data`` of the event, None for no event."""
        kind = kinds.ACTIVITY if data is not None else ""
        answer = self._on_session(
            "note_activity",
            session_id,
            now,
            attempt,
            _words(rules.ACTIVE),
            activity,
            kind,
            data or "",
        )
        return bool(answer)

    def finish(self, session_id: str, now: float, attempt: int, end: End) -> bool:
        """Whether it was legal, and done."""
        allowed = _words(sources_of(end.state))
        answer = self._on_session("finish", session_id, now, attempt, allowed, *end.arguments())
        return bool(answer)

    def request_cancel(
        self, session_id: str, now: float, reason: str, end: End
    ) -> list[str | None] | None:
        """The fields after it, None for an unknown id. ``reason`` as its field holds it."""
        answer: list[str | None] | None = self._on_session(
            "request_cancel",
            session_id,
            now,
            reason,
            _words(rules.ENDS_AT_ONCE),
            _words(rules.HOST_ACTS),
            kinds.CANCEL_REQUESTED,
            *end.arguments(),
            *codec.FIELDS,
        )
        return answer

    def attach_request(self, session_id: str, now: float, request: str, inputs: str) -> bool:
        """Whether it was the first; both as their fields hold them, ``inputs`` may be empty."""
        return bool(
            self._on_session("attach_request", session_id, now, request, inputs, State.QUEUED)
        )

    def settle(self, session_id: str, now: float, ttl: float) -> bool:
        """Whether it was the first of an ended session."""
        answer = self._on_session(
            "settle", session_id, now, _words(ENDED), _milliseconds(ttl), kinds.SETTLED
        )
        return bool(answer)

    def mark_archived(self, session_id: str, now: float, attempt: int) -> bool:
        """Whether it was the first for the attempt."""
        return bool(self._on_session("mark_archived", session_id, now, attempt, kinds.ARCHIVED))

    def record_event(self, session_id: str, now: float, attempt: int, kind: str, data: str) -> str:
        """The event's id."""
        return str(self._on_session("record_event", session_id, now, attempt, kind, data))

    def field(self, session_id: str, name: str) -> str | None:
        """One field of a record, as it is stored."""
        found = self._door.call("HGET", self._keys.session(session_id), name)
        return None if found is None else str(found)

    # -- the rest ------------------------------------------------------------------------------

    def trim(self, indexes: Sequence[str], members: Mapping[str, str]) -> int:
        """How many members had no record and were dropped; ``members`` names the id of each."""
        arguments = [self._keys.session("")]
        for member, session_id in members.items():
            arguments += [session_id, member]
        return int(self._door.run(self._scripts["trim"], indexes, arguments))

    def acquire_lease(self, name: str, holder: str, ttl: float) -> bool:
        """Whether ``holder`` has it now."""
        names = [self._keys.lease(name)]
        arguments: list[str | int] = [holder, _milliseconds(ttl)]
        return bool(self._door.run(self._scripts["acquire_lease"], names, arguments))

    def release_lease(self, name: str, holder: str) -> bool:
        """Whether ``holder`` had it."""
        names = [self._keys.lease(name)]
        return bool(self._door.run(self._scripts["release_lease"], names, [holder]))

    def heartbeat(self, beat: Heartbeat, info: str, whole: str, ttl: float) -> bool:
        """Whether it was new; ``info`` and ``whole`` are its description and itself, JSON."""
        host = beat.host
        where = self._keys
        names = [where.host(host), where.hosts, where.health(host), where.heard]
        arguments: list[str | int] = [
            *(host, info, _milliseconds(ttl), where.host("")),
            *(whole, beat.sequence, codec.number(beat.period), _milliseconds(rules.HEALTH)),
        ]
        return bool(self._door.run(self._scripts["heartbeat"], names, arguments))

    def _on_session(self, name: str, session_id: str, now: float, *arguments: str | int) -> Any:
        names = [self._keys.session(session_id), *self._of_sessions]
        if _ON_SESSIONS[name] != ("_session",):
            names += self._of_waiting
        first: list[str | int] = [
            session_id,
            codec.number(now),
            self._max_events,
            self._host_sessions,
        ]
        return self._door.run(self._scripts[name], names, [*first, *arguments])


def source(name: str) -> str:
    """The text of a script."""
    folder = resources.files("coders_queue.store").joinpath("lua")
    return folder.joinpath(f"{name}.lua").read_text(encoding="utf-8")


def _words(states: Collection[State]) -> str:
    return ",".join(sorted(states))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
