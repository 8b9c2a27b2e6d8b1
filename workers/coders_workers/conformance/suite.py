"""The whole run for one version of one tool: program, isolation, stub, checks."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers.conformance import failures, headless, terminal
from coders_workers.conformance.isolation import isolate
from coders_workers.conformance.room import Room, scratch
from coders_workers.conformance.row import Row, Rows
from coders_workers.conformance.wiring import wiring
from coders_workers.model_stub.running import ModelStub
from coders_workers.programs.locate import Programs

PARTS = {"headless": headless.check, "failures": failures.check, "terminal": terminal.check}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What a run found."""

    agent: str
    version: str | None
    program: str
    tested: bool
    """Whether the adapter names this version among those that it was tested with."""
    isolated: str
    """``loopback only``, or why not."""
    rows: tuple[Row, ...]

    @property
    def conforms(self) -> bool:
        """Whether nothing speaks against it."""
        return all(row.verdict != "does not" for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {**asdict(self), "conforms": self.conforms}


def run(
    asked: str,
    settings: Settings,
    paths: Paths,
    *,
    parts: tuple[str, ...] = tuple(PARTS),
    keep: bool = False,
    said: Say = lambda _text: None,
    told: Callable[[Row], None] = lambda _row: None,
) -> Report:
    """Drive ``TOOL[@VERSION]``. This process is cut off from the network from here on.

    Raises a CodersError when it cannot begin: no such agent or version, no wiring, no tmux.
    """
    name, version = registry.parse(asked)
    adapter = registry.get(name)
    wiring(name, "")  # before anything is installed
    path = os.environ.get("PATH", os.defpath)
    programs = Programs(settings, paths, dict(os.environ))
    program = programs.provide(adapter, version, path, Path.cwd(), said)
    if program is None:
        raise errors.UsageError(f"{name} has no program of its own", "name another agent")
    reason = isolate()
    isolated = "loopback only" if reason is None else f"not isolated: {reason}"
    said(f"{name} {program.version or '(version unknown)'}: {program.path}; network: {isolated}")
    rows = Rows(told)
    with scratch(keep=keep) as directory, ModelStub() as stub:
        if keep:
            said(f"kept for a look: {directory}")
        room = Room(
            adapter,
            program.path,
            program.version,
            stub,
            wiring(name, stub.url),
            directory,
            path,
            settings.tmux.program,
        )
        try:
            for part in parts:
                PARTS[part](room, rows)
        finally:
            room.close()
    return Report(
        agent=name,
        version=program.version,
        program=program.path,
        tested=program.version in adapter.tested,
        isolated=isolated,
        rows=tuple(rows.all),
    )
