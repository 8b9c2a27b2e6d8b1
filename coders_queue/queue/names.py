"""Task names and their payloads' order: how one process asks another for work.

The names are the contract; clients send by name and never import what runs there.
"""

from __future__ import annotations

#: A session. ``args``: results handed on by a canvas; ``kwargs``: ``spec``.
SESSION = "coders.session"

#: On ``host.<name>``: bring an attempt up. ``(session id, attempt)``.
SPAWN = "coders.host.spawn"
#: On ``host.<name>``: end an attempt. ``(session id, attempt)``.
STOP = "coders.host.stop"
#: On ``host.<name>``: store what an attempt left, and others that wait. ``(session id, attempt)``.
ARCHIVE = "coders.host.archive"
#: On ``host.<name>``: hold what runs against what should run.
SWEEP = "coders.host.sweep"
#: On ``host.<name>``: remove what ended sessions left, when its time is over.
CLEAN_HOST = "coders.host.clean"
#: On ``host.<name>``: look at every session, changed or not.
PROBE_HOST = "coders.host.probe"

#: On ``host.<name>``: give an answer to what an agent asks. ``(approval id, the answer's token)``.
ANSWER = "coders.host.answer"

#: On the control queue, linked to the sessions of flows: ``(outcome, flow id, run)``.
FLOW_ENDED = "coders.flow.ended"

#: On the control queue, by beat: send again what got lost, place what waits.
RECONCILE = "coders.reconcile"
#: On the control queue, by beat: drop index entries of expired records.
TRIM = "coders.trim"
#: On the control queue, by beat: have every host cleaned.
CLEAN = "coders.clean"
#: On the control queue, by beat: have every host look at its sessions.
PROBE = "coders.probe"
