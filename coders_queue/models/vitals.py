"""Whether a session's process lives, as far as anybody can know just now."""

from __future__ import annotations

from coders_queue import ids
from coders_queue.models.base import Model
from coders_queue.models.heartbeat import HostHealth
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord

#: Seconds of silence told of a host that nobody remembers a heartbeat of: they are kept that long.
FORGOTTEN = 86400.0

#: Periods by which a session can be younger than the last heartbeat of a host that is heard.
_AT_MOST = 3.0


class Vitals(Model):
    """What is known of a session beyond its record, which may be older than the truth."""

    alive: bool | None = None
    """Of a running session: whether its agent's process lived at the last look; null when that is
    not known. false: its end is being dealt with."""
    host_silent: float | None = None
    """Seconds since its host was last heard of, when that is too long ago: the state is the last
    one known. null while the host is heard."""


def vitals(record: SessionRecord, health: HostHealth | None) -> Vitals:
    """By the heartbeats of its host."""
    if not record.state.on_host:
        return Vitals()
    silent = FORGOTTEN if health is None else health.silent_for
    if health is None or silent is not None:
        return Vitals(host_silent=silent)
    if record.state is not State.RUNNING:
        return Vitals()
    if ids.attempt_ref(record.id, record.attempt) in health.last.sessions:
        return Vitals(alive=True if health.fresh else None)
    if record.started_at is None:
        return Vitals()
    # it may be younger than the heartbeat, by the host's clock; by more than the time to the next
    # one it cannot be: that clock was set back
    younger = 0 <= record.started_at - health.last.sent_at < _AT_MOST * health.last.period
    return Vitals(alive=None if younger else False)
