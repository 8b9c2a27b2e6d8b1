"""Names of things: session ids, attempt references, queues, hosts.

Owns how an identifier is made, checked and spelled. Knows nothing of what it names.
"""

from __future__ import annotations

import re
import uuid

#: What a session or host may be called: a letter or digit, then up to 62 of ``[A-Za-z0-9._-]``.
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")

#: The queue that any worker with the control role consumes.
CONTROL_QUEUE = "coders"


def new_session_id() -> str:
    """A new session id, which is also its Celery task id (a random UUID)."""
    return str(uuid.uuid4())


def is_session_id(text: str) -> bool:
    """Whether ``text`` is a session id: a UUID in its usual spelling."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def is_name(text: str) -> bool:
    """Whether ``text`` may name a session or a host."""
    return NAME_PATTERN.match(text) is not None


def attempt_ref(session_id: str, attempt: int) -> str:
    """One run of a session: id and attempt number (from 1), as used for its tmux session."""
    return f"{session_id}_{attempt}"


def parse_attempt_ref(ref: str) -> tuple[str, int]:
    """The inverse of :func:`attempt_ref`. Raises ValueError for anything else."""
    session_id, _, attempt = ref.rpartition("_")
    if not session_id or not attempt.isdigit():
        raise ValueError(f"not an attempt reference: {ref!r}")
    return session_id, int(attempt)


def host_queue(host: str) -> str:
    """The queue that only the named host consumes."""
    return f"host.{host}"


def short(session_id: str) -> str:
    """The first eight characters, for people."""
    return session_id[:8]
