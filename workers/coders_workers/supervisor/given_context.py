"""What an attempt is given of its spaces of shared context, kept in its directory.

Read from the store once, before the attempt starts: whoever carries it on after a crash, and
whoever looks at its prompt later, has the same.
"""

from __future__ import annotations

import json
from pathlib import Path

from coders_queue.agents.shared_context import Chosen, choose
from coders_queue.models.record import SessionRecord
from coders_workers.supervisor import private_file
from coders_workers.supervisor.host import Host

#: In the attempt's directory, JSON: a :class:`~coders_queue.agents.shared_context.Chosen`.
CONTEXT_FILE = "context.json"
#: The largest that is read, bytes: more than the largest budget makes as JSON.
_LARGEST = 32 * 1024 * 1024


def take(host: Host, record: SessionRecord, directory: Path) -> None:
    """Read the record's spaces, unless that was done. Raises Unavailable."""
    if not record.spec.context or recall(directory) is not None:
        return
    found = {space: host.store.context.entries(space) for space in record.spec.context}
    chosen = choose(record.spec.context, found, host.settings.context.prompt_bytes)
    # ASCII: bytes that are not UTF-8 survive as the escapes that they are
    content = json.dumps(chosen.model_dump(), indent=1).encode("ascii")
    private_file.write(directory, CONTEXT_FILE, content)


def recall(directory: Path) -> Chosen | None:
    """What was taken; None when nothing was."""
    content = private_file.read(Path(directory, CONTEXT_FILE), _LARGEST)
    if content is None:
        return None
    try:
        return Chosen.model_validate(json.loads(content))
    except (ValueError, RecursionError):  # pydantic's is one, too; the agent can write there
        return None
