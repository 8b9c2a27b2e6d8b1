"""What must be true of this machine: each check with what was found and how to mend it."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from coders_queue import errors, keeping
from coders_queue.settings.masking import mask_url
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers import broker, stack
from coders_workers.runtimes.tmux import version


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    check: str
    ok: bool
    found: str
    fix: str | None = None


def run(settings: Settings, paths: Paths) -> list[dict[str, Any]]:
    """All checks of the host side."""
    checks: list[Callable[[], Check]] = [
        lambda: _tmux(settings),
        _git,
        lambda: _state(paths),
        lambda: _broker(settings, paths),
        lambda: _process("worker", stack.worker_lock(paths).holder()),
        lambda: _process("beat", stack.beat_lock(paths).holder()),
        lambda: _keeping(paths),
    ]
    return [asdict(one()) for one in checks]


def _tmux(settings: Settings) -> Check:
    try:
        found = version.check(settings.tmux.program)
    except errors.SetupError as error:
        return Check("tmux", ok=False, found=error.message, fix=error.hint)
    floor = ".".join(map(str, version.FLOOR))
    return Check("tmux", ok=True, found=f"{'.'.join(map(str, found))} (at least {floor} is needed)")


def _git() -> Check:
    try:
        done = subprocess.run(
            ["git", "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return Check("git", ok=False, found="not there", fix="install it: apt-get install git")
    return Check("git", ok=True, found=done.stdout.strip())


def _state(paths: Paths) -> Check:
    try:
        paths.ensure()
        mode = stat.S_IMODE(paths.state.stat().st_mode)
    except (errors.CodersError, OSError) as error:
        return Check("state directory", ok=False, found=str(error), fix="set CODERS_STATE_DIR")
    if mode & 0o077:
        return Check(
            "state directory",
            ok=False,
            found=f"{paths.state} can be read by others (mode {mode:o})",
            fix=f"chmod 700 {paths.state}",
        )
    return Check("state directory", ok=True, found=str(paths.state))


def _broker(settings: Settings, paths: Paths) -> Check:
    if settings.broker.url is None:
        if broker.answers(paths):
            return Check("broker", ok=True, found=f"embedded, on {paths.broker_socket}")
        pid = broker.broker_lock(paths).holder()
        if pid is not None:
            return Check(
                "broker",
                ok=False,
                found=f"embedded, pid {pid}, does not answer",
                fix=f"see {paths.logs / 'broker.log'}",
            )
        return Check("broker", ok=False, found="embedded, not running", fix="coders up")
    shown = mask_url(settings.broker.url)
    store = open_configured(settings.broker.url, settings)
    try:
        store.ping()
    except errors.CodersError as error:
        return Check("broker", ok=False, found=error.message, fix=error.hint)
    finally:
        store.close()
    return Check("broker", ok=True, found=shown)


def _process(what: str, pid: int | None) -> Check:
    if pid is None:
        return Check(what, ok=False, found="not running", fix="coders up")
    return Check(what, ok=True, found=f"pid {pid}, user {os.geteuid()}")


def _keeping(paths: Paths) -> Check:
    kept = keeping.kept(paths)
    for one in kept:
        if one.gave_up:
            found = f"{one.part} ended too often and is left alone: {one.cause}"
            return Check(
                "restarts", ok=False, found=found, fix=f"see {paths.logs}, then: coders up"
            )
    listed = ", ".join(f"{one.part} {one.restarts} times" for one in kept)
    return Check("restarts", ok=True, found=listed or "none since it was started")
