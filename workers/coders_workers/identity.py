"""The identity of a state directory, in whose name its workers hold the host's name."""

from __future__ import annotations

import uuid
from pathlib import Path

from coders_queue.settings.paths import Paths


def of(paths: Paths) -> str:
    """Its identity, which a restarted worker has again; made when there is none."""
    file = _file(paths)
    try:
        found = file.read_text().strip()
        if found:
            return found
    except FileNotFoundError:
        pass
    new = uuid.uuid4().hex
    temporary = file.with_name("host-id.new")
    temporary.write_text(new + "\n")
    temporary.chmod(0o600)
    temporary.replace(file)
    return new


def is_known(paths: Paths) -> bool:
    """Whether a worker has ever run with it."""
    return _file(paths).exists()


def _file(paths: Paths) -> Path:
    return paths.state / "host-id"
