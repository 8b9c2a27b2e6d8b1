"""Handing the terminal to a session's: tmux inside of tmux, and back."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from coders_queue import errors


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for tmux's client.

    Our tmux server is a private one, so the client of a person who is in tmux already cannot switch
    to it; without these two variables it nests.
    """
    return {key: value for key, value in environ.items() if key not in ("TMUX", "TMUX_PANE")}


def run(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run a full-screen program and return when the person has left it."""
    try:
        # no time limit: a person may stay as long as they like
        subprocess.run(list(argv), env=environment(environ), check=False)
    except OSError as error:
        raise errors.SetupError(
            f"cannot run {argv[0]}: {error.strerror}", "coders doctor"
        ) from None
