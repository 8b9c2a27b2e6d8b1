"""Where an attempt's private socket is, and the token that opens it: made, found again, removed.

The token is random, for one attempt, and kept in the attempt's directory (0600), so that the next
worker serves the same session under the same token. Nothing of it is ever logged or archived. The
socket lies in a directory of its own (0700) below the run directory, whose path is short enough.
Who listens on it, and what is answered, is others'.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from coders_queue.in_session.access import Access
from coders_queue.settings.paths import Paths
from coders_workers.supervisor import private_file

#: In the attempt's directory.
FILE = "access.json"
_LARGEST = 4096
#: Bytes of randomness in a token.
_TOKEN_BYTES = 32


def place(paths: Paths, ref: str) -> Path:
    """Where the attempt's socket lies, whether or not it exists."""
    return paths.session_socket(hashlib.sha256(ref.encode()).hexdigest()[:12])


def provide(paths: Paths, directory: Path, ref: str) -> Access:
    """The attempt's access: what was made for it before, else a new one. Raises OSError."""
    found = recall(directory)
    socket = str(place(paths, ref))
    if found is not None and found.socket == socket:
        return found
    access = Access(socket, secrets.token_urlsafe(_TOKEN_BYTES))
    private_file.write(directory, FILE, json.dumps(access._asdict()).encode())
    return access


def recall(directory: Path) -> Access | None:
    """What was made for the attempt; None when nothing was."""
    try:
        told = json.loads(private_file.read(directory / FILE, _LARGEST) or b"")
        return Access(str(told["socket"]), str(told["token"]))
    except (ValueError, LookupError, TypeError):
        return None


def remove(paths: Paths, directory: Path, ref: str) -> None:
    """The attempt is over: its socket and its token are no more. Gone already is fine."""
    with contextlib.suppress(OSError):
        (directory / FILE).unlink()
    shutil.rmtree(place(paths, ref).parent, ignore_errors=True)


def remove_others(paths: Paths, refs: Callable[[], set[str]]) -> None:
    """Remove the sockets of all attempts but these: what a killed worker has left."""
    try:
        found = list(paths.session_sockets.iterdir())
    except OSError:
        return
    # asked after the look: an attempt is among them before its socket is made
    kept = {place(paths, ref).parent.name for ref in refs()}
    for directory in found:
        if directory.name not in kept:
            shutil.rmtree(directory, ignore_errors=True)
