"""What a tool makes once for all its sessions."""

from __future__ import annotations

import threading
from pathlib import Path

from coders_queue.models.launch import FirstRun
from coders_workers.supervisor import first_run

_SCRIPT = '#!/bin/sh\nset -e\nmkdir "$STORE"\necho "$1" >> "$STORE/made"\nsleep 0.2\n'


def tool(directory: Path, script: str = _SCRIPT) -> str:
    """A program that cannot make its store twice."""
    program = directory / "tool"
    program.write_text(script)
    program.chmod(0o700)
    return str(program)


def test_many_at_once_make_it_once(tmp_path: Path) -> None:
    """And all of them find it made."""
    store = tmp_path / "store"
    environ = {"PATH": "/usr/bin:/bin", "STORE": str(store)}
    first = FirstRun(argv=("init",), once_for=(str(store), "1.0"))
    program = tool(tmp_path)
    seen = []

    def start() -> None:
        first_run.ensure(tmp_path / "marks", first, program, environ, tmp_path)
        seen.append((store / "made").read_text())

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["init\n"] * 6


def test_another_version_makes_it_anew(tmp_path: Path) -> None:
    """It may bring what is there to a new form."""
    made = tmp_path / "made"
    program = tool(tmp_path, f"#!/bin/sh\necho run >> {made}\n")
    for version in ("1.0", "1.0", "1.1"):
        first = FirstRun(argv=(), once_for=("/store", version))
        first_run.ensure(tmp_path / "marks", first, program, {}, tmp_path)
    assert made.read_text() == "run\nrun\n"


def test_a_failure_is_tried_again_by_the_next(tmp_path: Path) -> None:
    """And keeps no session from starting: what is wrong, it will say itself."""
    made = tmp_path / "made"
    program = tool(tmp_path, f"#!/bin/sh\necho run >> {made}\nexit 3\n")
    first = FirstRun(argv=(), once_for=("/store", "1.0"))
    for _ in range(2):
        first_run.ensure(tmp_path / "marks", first, program, {}, tmp_path)
    assert made.read_text() == "run\nrun\n"
    first_run.ensure(tmp_path / "marks", first, "/no/such/program", {}, tmp_path)
