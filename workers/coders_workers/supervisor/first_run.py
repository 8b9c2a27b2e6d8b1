"""What a tool makes once for all its sessions, made by one before any of them needs it.

Two first starts at once would make it both, and one of them fail. One process runs at a time; what
succeeded is remembered in the state directory.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import structlog

from coders_queue.models.launch import FirstRun
from coders_workers import dirlock

log = structlog.get_logger(__name__)

_TIMEOUT = 60.0
#: For those that wait for it, seconds.
_PATIENCE = 90.0


def ensure(
    root: Path, first: FirstRun, program: str, environ: Mapping[str, str], directory: Path
) -> None:
    """Run it, unless it was run before. A failure is logged: the session itself will tell it.

    ``root`` holds the marks; ``directory`` is where it runs.
    """
    mark = root / hashlib.sha256("\0".join(first.once_for).encode()).hexdigest()[:32]
    if mark.exists():
        return
    with dirlock.hold(root, _PATIENCE, make=True):
        if not mark.exists() and _run((program, *first.argv), environ, directory):
            mark.touch(mode=0o600)


def _run(argv: tuple[str, ...], environ: Mapping[str, str], directory: Path) -> bool:
    try:
        done = subprocess.run(
            argv,
            env=dict(environ),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("first_run_failed", cause=str(error)[:300])
        return False
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        log.warning("first_run_failed", cause=(said or ["no message"])[-1][:300])
    return done.returncode == 0
