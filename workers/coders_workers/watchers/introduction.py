"""How an attempt comes under watch: from its reference to a subject, with what must be asked first.

Asks the store once, and reads the attempt's directory. The watch itself asks for neither.
"""

from __future__ import annotations

from coders_queue import ids
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.models.record import SessionRecord
from coders_queue.watching.tracker import Tracker
from coders_workers import workspace
from coders_workers.programs import chosen
from coders_workers.runtimes.base import Started
from coders_workers.supervisor import plan
from coders_workers.supervisor.host import Host
from coders_workers.watchers.limits import limits_of
from coders_workers.watchers.steady_clock import SteadyClock
from coders_workers.watchers.subject import Facts, Subject
from coders_workers.watchers.transcripts import Transcripts

#: An agent that has run for longer was started before it came under watch, seconds.
_FRESH = 5.0


def introduce(host: Host, ref: str, clock: SteadyClock) -> Subject | None:
    """The subject; None while its agent has not started. Raises Unavailable without a store."""
    session_id, attempt = ids.parse_attempt_ref(ref)
    directory = host.attempt_path(session_id, attempt)
    started = host.runtime.started(directory)
    if started is None:
        return None
    record = host.store.get(session_id)
    if record is None or record.attempt != attempt or record.state.ended:
        return None
    adapter = plan.adapter_for(record)
    program = chosen.recall(directory)
    now = clock.now()
    started_at = min(now, started.at - clock.correction())
    facts = Facts(
        ref=ref,
        record=record,
        adapter=adapter,
        version=program.version if program else None,
        directory=directory,
        started_at=started_at,
        adopted=now - started_at > _FRESH,
    )
    before = record.activity.progress_at if record.activity else None
    tracker = Tracker(
        started_at,
        limits_of(record.spec, host.settings),
        tells=adapter.tells(record.spec.mode),
        progress_at=max(started_at, min(now, before)) if before else None,
    )
    return Subject(facts, tracker, _transcripts(host, record, started, facts), now)


def _transcripts(
    host: Host, record: SessionRecord, started: Started, facts: Facts
) -> Transcripts | None:
    if record.spec.mode != "interactive":
        return None
    about = _launch_facts(host, record, started, facts)
    patterns = facts.adapter.transcripts(record.spec, about)
    own = facts.adapter.owns_transcripts(record.spec, about)
    return Transcripts(patterns, facts.started_at, started.pid, own=own, adopted=facts.adopted)


def _launch_facts(host: Host, record: SessionRecord, started: Started, facts: Facts) -> LaunchFacts:
    """What the adapter was told at the start."""
    prepared = workspace.recall(facts.directory)
    cwd = str(prepared.cwd) if prepared else "/"
    found = plan.facts_of(host, facts.adapter, record, facts.directory, cwd)
    return found.model_copy(update={"version": facts.version, "started_at": started.at})
