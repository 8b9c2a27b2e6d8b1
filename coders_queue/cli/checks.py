"""The checks of ``coders doctor``: those made here, and those of the host side's own doctor.

A check is ``{check, ok, found, fix}``; ``fix`` is null when there is nothing to do.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from typing import Any

from coders_queue import errors, wire
from coders_queue.cli import stack
from coders_queue.cli.context import Context
from coders_queue.cli.text import printable

Check = dict[str, Any]

_OLDEST_PYTHON = (3, 11)
_LIMIT = 30.0


def all_of_them(context: Context) -> list[Check]:
    """Every check. Where both sides make one, the host side's counts."""
    found = {one["check"]: one for one in (_python(), _git(), *_state(context), *_worker(context))}
    for one in _host_side():
        found[one["check"]] = one
    return list(found.values())


def check(name: str, ok: bool, found: str, fix: str | None = None) -> Check:
    """One check's outcome."""
    return {"check": name, "ok": ok, "found": found, "fix": None if ok else fix}


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    oldest = ".".join(str(part) for part in _OLDEST_PYTHON)
    ok = sys.version_info[:2] >= _OLDEST_PYTHON
    return check("python", ok, f"{version}, {sys.executable}", f"install Python {oldest} or newer")


def _git() -> Check:
    program = shutil.which("git")
    if program is None:
        return check("git", False, "not on PATH", "apt-get install git")
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return check("git", False, f"{program} does not run: {error}", "install git anew")
    version = done.stdout.strip().removeprefix("git version ")
    return check("git", done.returncode == 0, version, "install git anew")


def _state(context: Context) -> list[Check]:
    try:
        state = context.paths.state
    except errors.CodersError as error:
        return [check("state directory", False, error.message, error.hint)]
    try:
        found = state.stat()
    except FileNotFoundError:
        return [check("state directory", True, f"{state} (made at the first start)")]
    except OSError as error:
        return [
            check("state directory", False, f"{state}: {error.strerror}", "set CODERS_STATE_DIR")
        ]
    if not stat.S_ISDIR(found.st_mode):
        return [check("state directory", False, f"{state} is not a directory", "move it away")]
    if found.st_uid != os.geteuid():
        return [
            check("state directory", False, f"{state} is somebody else's", "set CODERS_STATE_DIR")
        ]
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    private = not found.st_mode & 0o077
    fix = f"chmod 700 {state}"
    return [check("state directory", private, f"{state}, mode {mode}", fix)]


def _worker(context: Context) -> list[Check]:
    try:
        status = context.host.ask("status", timeout=_LIMIT)
        agents = context.host.ask("agents", timeout=_LIMIT)["agents"]
    except wire.NotListening:
        return [check("worker", True, "not running (starts with the first coders run or spawn)")]
    except errors.CodersError as error:
        return [check("worker", False, error.message, error.hint or "coders down; coders up")]
    worker = status.get("worker") or {}
    broker = printable(status.get("broker"))
    answers = not status.get("degraded")
    stalled = [str(one) for one in status.get("stalled") or ()]
    here = [one["name"] for one in agents if one.get("path") or one.get("program") is None]
    return [
        check(
            "worker",
            not stalled,
            f"pid {worker.get('pid')}, version {worker.get('version')}"
            + (f"; {', '.join(stalled)} stand still" if stalled else ""),
            "coders down, then coders up: sessions go on meanwhile",
        ),
        check(
            "broker",
            answers,
            broker if answers else f"{broker} does not answer; the host goes on alone",
            "start it, or see coders config show for broker.url",
        ),
        check("agents", bool(here), ", ".join(here) or "none", "install one, such as claude"),
    ]


def _host_side() -> list[Check]:
    """What ``python -m coders_workers doctor --json`` finds: tmux and its floor, among others."""
    try:
        code, text = stack.capture(["doctor", "--json"])
        told = json.loads(text)
        return [check(one["check"], bool(one["ok"]), str(one["found"]), one["fix"]) for one in told]
    except errors.CodersError as error:
        return [check("host side", False, error.message, error.hint)]
    except (ValueError, KeyError, TypeError):
        found = f"its doctor failed with exit code {code}"
        return [check("host side", False, found, "install coders-queue anew")]
