"""What each verb of the host's socket does. The verbs are listed in ``coders_queue.wire``."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any

from coders_queue import errors
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.view import LISTED_OUTPUT, session_object, spec_shown
from coders_workers.server import params as read
from coders_workers.server.approving import Approving
from coders_workers.server.flowing import Flowing
from coders_workers.server.limiting import Limiting
from coders_workers.server.mailing import Mailing
from coders_workers.server.ruled import Ruled
from coders_workers.server.sending import Sending
from coders_workers.server.sharing import Sharing
from coders_workers.server.spawning import Spawning
from coders_workers.server.station import Station
from coders_workers.server.transcript import Transcript

Params = dict[str, Any]
Parts = Generator[dict[str, Any], None, dict[str, Any]]
Gone = Callable[[], bool]

#: How often a caller that only waits is checked for having hung up, seconds.
_PATIENCE = 2.0
_EVENTS_READ = 20_000
_EVENTS_SHOWN = 200
_WAITS_SHOWN = 10


#: What says so in its answer, or is asked by programs.
_ABOUT_IT = frozenset({"status", "stop", "agents"})


class Verbs:
    """Answers requests with what the station has."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._limiting = Limiting(station)
        self._approving = Approving(station)
        self._flowing = Flowing(station)
        self._spawning = Spawning(station)
        self._sending = Sending(station)
        self._sharing = Sharing(station)
        self._mailing = Mailing(station)
        self._ruled = Ruled(station)
        self._transcript = Transcript(station)

    def handle(self, verb: str, params: Params, gone: Gone) -> Parts:
        """The parts of the answer; its return value is the final one. Raises UsageError."""
        method = getattr(self, f"_verb_{verb.replace('-', '_')}", None)
        if method is None:
            raise errors.UsageError(
                f"the worker has no verb {verb!r}", "update coders on this host"
            )
        parts: Parts = method(params, gone)
        return parts

    def note(self, verb: str) -> str | None:
        """What the caller is to know besides the answer: that this host is on its own."""
        away = None if verb in _ABOUT_IT else self._station.degraded()
        if away is None:
            return None
        since = time.strftime("%H:%M:%S", time.localtime(away["since"]))
        return (
            f"degraded: the broker is away since {since}; host {self._station.host.name} goes on "
            "with what it knows, and tells the rest when it is back"
        )

    # each verb is a generator: ``yield`` sends a part, ``return`` is the answer

    def _verb_status(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        status = self._station.status()
        waits: Counter[str] = Counter()
        if not status["degraded"] and status["sessions"].get(str(State.QUEUED)):
            standings = self._limiting.standings(self._station.store.list(live=True))
            waits.update(standing.why for standing in standings.values())
        return {**status, "waits": dict(waits.most_common(_WAITS_SHOWN))}

    def _verb_spawn(self, params: Params, gone: Gone) -> Parts:
        record, warnings = yield from self._spawning.spawn(params)
        standing = self._limiting.standings([record]).get(record.id)
        return {**session_object(record, standing=standing), "warnings": warnings}

    def _verb_ls(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        limit, doing = read.count(params, "limit", 0), read.words(params, "doing")
        records = self._station.store.list(
            live=None if read.flag(params, "all") and not doing else True,
            owner=read.text(params, "owner"),
            limit=None if doing else limit,
        )
        if doing:
            does = [one for one in records if one.activity and one.activity.doing in doing]
            records = does[:limit]
        vitals = self._station.vitals(records)
        waiting = self._limiting.standings(records)
        return {
            "sessions": [
                session_object(
                    one,
                    vitals.get(one.id),
                    output_limit=LISTED_OUTPUT,
                    standing=waiting.get(one.id),
                )
                for one in records
            ]
        }

    def _verb_show(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        record = self._record(params)
        since = f"{int(record.created_at * 1000) - 1000}-0"  # an event's id starts with its time
        events = [
            event.model_dump(mode="json")
            for event in self._station.store.events(since, limit=_EVENTS_READ)
            if event.session == record.id
        ]
        return {
            **session_object(
                record,
                self._station.vitals([record]).get(record.id),
                standing=self._limiting.standings([record]).get(record.id),
            ),
            "spec": spec_shown(record),
            "events": events[-_EVENTS_SHOWN:],
        }

    def _verb_result(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        record = self._record(params)
        if not record.state.ended:
            raise errors.Conflict(
                f"session {record.label} has no result yet: it is {record.state}",
                f"wait for it: coders wait {record.label}",
            )
        return session_object(record)

    def _verb_wait(self, params: Params, gone: Gone) -> Parts:
        record = self._record(params)
        timeout = read.seconds(params, "timeout")
        deadline = None if timeout is None else time.monotonic() + timeout
        state: State | None = None
        while True:
            if record.state is not state:
                state = record.state
                yield {"state": str(state)}
            if record.state.ended:
                return session_object(record)
            if gone():
                return {}
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise errors.TimedOut(
                    f"session {record.label} is still {record.state} after {timeout:g} s",
                    "it goes on; wait again, or end it: coders kill",
                )
            step = _PATIENCE if left is None else min(_PATIENCE, left)
            record = self._station.bulletin.wait_change(record, step) or self._again(record)

    def _verb_logs(self, params: Params, gone: Gone) -> Parts:
        record = self._record(params)
        for data in self._transcript.read(
            record,
            follow=read.flag(params, "follow"),
            raw=read.flag(params, "raw"),
            attempt=read.count(params, "attempt", 1),
            gone=gone,
        ):
            yield {"data": base64.b64encode(data).decode("ascii")}
        return {"state": str(self._again(record).state)}

    def _verb_attach(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return {"argv": self._station.runtime.attach_argv(self._running_here(params))}

    def _verb_send(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sending.send(self._record(params), params, gone)

    def _verb_screen(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return {"text": self._station.runtime.screen(self._running_here(params))}

    def _verb_kill(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        record = self._record(params)
        reason = read.text(params, "reason") or "killed"
        if record.state.ended:
            raise errors.Conflict(f"session {record.label} has already ended: {record.state}")
        self._cancel(record, reason)
        limit = self._station.settings.session.grace + 5.0
        ended = self._station.bulletin.wait(record.id, lambda now: now.state.ended, limit)
        return session_object(ended or self._again(record))

    def _cancel(self, record: SessionRecord, reason: str) -> None:
        try:
            self._station.dispatch.cancel(record.id, reason)
        except errors.Unavailable:
            current = self._station.store.get(record.id)
            if current is None or current.cancel_reason is None:
                raise
            # asked for durably; without the message another host's sweep sees to it
            if current.host == self._station.host.name:
                self._station.end(current.id, current.attempt)

    def _verb_agents(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return {"agents": self._station.agents()}

    def _verb_limits(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._limiting.shown()

    def _verb_limit(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._limiting.change(params)

    def _verb_share(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._limiting.share(params)

    def _verb_reopen(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._limiting.reopen(params)

    def _verb_rules(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._ruled.shown()

    def _verb_context_ls(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sharing.listed(params)

    def _verb_context_get(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sharing.shown(params)

    def _verb_context_put(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sharing.put(params)

    def _verb_context_rm(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sharing.remove(params)

    def _verb_context_search(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sharing.found(params)

    def _verb_context_history(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._sharing.history(params)

    def _verb_message(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._mailing.send(params)

    def _verb_inbox(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._mailing.inbox(params)

    def _verb_inbox_ack(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._mailing.acknowledge(params)

    def _verb_approvals(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._approving.listed(params)

    def _verb_approval(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._approving.shown(params)

    def _verb_approve(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._approving.answer(params)

    def _verb_prioritize(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        record = self._limiting.prioritize(self._record(params), params)
        standing = self._limiting.standings([record]).get(record.id)
        return session_object(record, standing=standing)

    def _verb_flow_submit(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._flowing.submit(params)

    def _verb_flow_ls(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._flowing.ls(params)

    def _verb_flow_show(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._flowing.show(params)

    def _verb_flow_cancel(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._flowing.cancel(params)

    def _verb_flow_resume(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        return self._flowing.resume(params)

    def _verb_clean(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        report = self._station.clean(dry_run=read.flag(params, "dry_run"))
        return report.model_dump(mode="json")

    def _verb_stop(self, params: Params, gone: Gone) -> Parts:
        yield from ()
        self._station.stop()
        return {}

    def _record(self, params: Params) -> SessionRecord:
        reference = read.text(params, "ref")
        if not reference:
            raise errors.UsageError(
                "no session was named", "give an id, a name or a prefix of an id"
            )
        session_id = self._station.store.resolve(reference)
        record = self._station.store.get(session_id)
        if record is None:
            raise errors.NotFound(f"there is no session {reference!r}", "see: coders ls --all")
        return record

    def _again(self, record: SessionRecord) -> SessionRecord:
        return self._station.store.get(record.id) or record

    def _running_here(self, params: Params) -> str:
        record = self._record(params)
        return self._station.running_here(record)
