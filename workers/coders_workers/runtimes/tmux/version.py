"""tmux's version: which one is there, and whether it will do."""

from __future__ import annotations

import re
import shutil
import subprocess

from coders_queue.errors import SetupError

#: The oldest tmux that the runtime works with, found by running tests/integration/test_tmux_*.py
#: with CODERS_TEST_TMUX set to builds of tmux's tags: 3.2, 3.2a, 3.5a and 3.7c pass, as does
#: Debian's 3.3a. With 3.1c the server now and then dies while it starts ("server exited
#: unexpectedly"), 3.1 fails eleven of the tests, and 3.0a knows no window-size `latest`.
FLOOR = (3, 2)

_HINT = "install it: apt-get install tmux"


def find() -> str:
    """The path of the tmux on PATH. Raises SetupError without one."""
    path = shutil.which("tmux")
    if path is None:
        raise SetupError("tmux is not installed (looked on PATH)", _HINT)
    return path


def parse(text: str) -> tuple[int, int] | None:
    """Major and minor of what ``tmux -V`` prints: ``tmux 3.3a``, ``tmux next-3.5``; else None.

    A version without numbers (``tmux master``) is newer than any.
    """
    if re.fullmatch(r"tmux (master|openbsd-\S+)\s*", text):
        return (999, 0)
    match = re.fullmatch(r"tmux (?:next-)?(\d+)\.(\d+)\S*\s*", text)
    return (int(match[1]), int(match[2])) if match else None


def check(tmux: str, timeout: float = 5.0) -> tuple[int, int]:
    """The version of the program ``tmux``. Raises SetupError when it cannot be used."""
    try:
        done = subprocess.run(
            [tmux, "-V"], capture_output=True, text=True, errors="replace", timeout=timeout
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{tmux} -V does not run: {error}", _HINT) from None
    found = parse(done.stdout)
    if found is None:
        raise SetupError(f"{tmux} -V printed no version but {done.stdout.strip()!r}", _HINT)
    if found < FLOOR:
        raise SetupError(
            f"{tmux} is {done.stdout.strip()}, too old",
            f"install tmux {FLOOR[0]}.{FLOOR[1]} or newer",
        )
    return found
