"""Ending a tmux server that holds nothing: what a worker that was killed could not do.

Standard library only: ``coders down`` must not load libtmux for it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

#: The session that the worker's control connection is attached to; it keeps the server busy.
KEEPER = "keeper"

_TIMEOUT = 5.0


def end(tmux: str, socket: Path) -> bool:
    """End the server on ``socket`` if nothing but our keeper is in it; whether it was ended.

    For when no worker runs: nobody starts a session between the two steps.
    """
    if not socket.exists() or _ask(tmux, socket, "list-sessions", "-F", "#{session_name}") != [
        KEEPER
    ]:
        return False
    return _ask(tmux, socket, "kill-server") is not None


def _ask(tmux: str, socket: Path, *words: str) -> list[str] | None:
    """The lines it prints; None when there is no such server, or no tmux, or no answer."""
    try:
        done = subprocess.run(
            [tmux, "-S", str(socket), *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None
