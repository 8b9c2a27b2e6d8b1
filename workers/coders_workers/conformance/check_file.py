"""``coders agents check FILE``: does a file that describes a tool fit the tool?

The file's ``[check]`` says how the tool is pointed at the model stub; what is then looked at is
:mod:`~coders_workers.conformance.described`'s.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from coders_queue import described_agents, errors
from coders_queue.agents import registry
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.described.adapter import DescribedAdapter
from coders_queue.agents.described.model import Check
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.structured_log import configure
from coders_workers.conformance import described
from coders_workers.conformance.command import line, total
from coders_workers.conformance.isolation import isolate
from coders_workers.conformance.room import Room, scratch
from coders_workers.conformance.row import Row, Rows
from coders_workers.conformance.suite import Report
from coders_workers.conformance.wiring import Wiring
from coders_workers.model_stub.running import ModelStub
from coders_workers.programs.locate import Program, Programs


class _Only:
    """A source of one agent."""

    def __init__(self, adapter: DescribedAdapter, file: Path) -> None:
        self._adapter = adapter
        self._file = file

    def names(self) -> tuple[str, ...]:
        """It."""
        return (self._adapter.name,)

    def problems(self) -> tuple[str, ...]:
        """None: it was read."""
        return ()

    def find(self, name: str) -> Adapter | None:
        """It, or nothing."""
        return self._adapter if name == self._adapter.name else None

    def looked_in(self) -> str:
        """The file."""
        return str(self._file)


def run(settings: Settings, paths: Paths, words: Sequence[str]) -> int:
    """Check and print; 0 when nothing speaks against the file. Raises a CodersError before that."""
    options = _parser().parse_intermixed_args(words)
    configure(settings.log, process="conform", file=paths.logs / "conform.log")
    file = Path(options.file).absolute()

    def tell(row: Row) -> None:
        if not options.json:
            print(line(row), flush=True)

    report = check(file, settings, paths, Rows(tell), keep=options.keep)
    print(json.dumps(report.as_json()) if options.json else total(report))
    return 0 if report.conforms else errors.SetupError.exit_code


def check(file: Path, settings: Settings, paths: Paths, rows: Rows, *, keep: bool) -> Report:
    """All of it. This process is cut off from the network from here on.

    Raises ConfigError for a file that is wrong.
    """
    adapter = described_agents.load(file)
    rows.check("the file is right", True, f"{file}: {adapter.name}, {' and '.join(adapter.modes)}")
    if file.stem != adapter.name:
        better = file.with_stem(adapter.name).name
        rows.check("it is named after its agent", False, f"{file.name} is found only as {better}")
    registry.look_in(_Only(adapter, file))
    path = os.environ.get("PATH", os.defpath)
    try:
        program = Programs(settings, paths, dict(os.environ)).locate(
            adapter, None, path, Path.cwd()
        )
    except errors.MissingBinary as error:
        program = None
        rows.check("its program is here", False, str(error))
    isolated = "not run"
    if program is not None:
        rows.check("its program is here", True, program.path)
        _version(rows, adapter, program)
        told = adapter.description.check
        if told is None:
            rows.not_offered("it runs", "the file has no [check] that points it at the model stub")
        else:
            reason = isolate()
            isolated = "loopback only" if reason is None else f"not isolated: {reason}"
            _drive(adapter, program, told, settings, rows, path, keep=keep)
    return Report(
        agent=adapter.name,
        version=program.version if program else None,
        program=program.path if program else adapter.description.program,
        tested=program is not None and program.version in adapter.tested,
        isolated=isolated,
        rows=tuple(rows.all),
    )


def _version(rows: Rows, adapter: DescribedAdapter, program: Program) -> None:
    if not adapter.version_argv:
        rows.not_offered("its version is told", "the file says that it tells none")
    elif program.version is None:
        asked = " ".join((program.path, *adapter.version_argv))
        rows.check("its version is told", False, f"{asked} says none")
    else:
        tested = "tested" if program.version in adapter.tested else "not in the file's tested"
        rows.check("its version is told", True, f"{program.version}, {tested}")


def _drive(
    adapter: DescribedAdapter,
    program: Program,
    told: Check,
    settings: Settings,
    rows: Rows,
    path: str,
    *,
    keep: bool,
) -> None:
    with scratch(keep=keep) as directory, ModelStub() as stub:
        if keep:
            print(f"coders: kept for a look: {directory}", file=sys.stderr, flush=True)
        env, files = (
            {name: text.replace("{stub}", stub.url) for name, text in table.items()}
            for table in (told.env, told.files)
        )
        room = Room(
            adapter,
            program.path,
            program.version,
            stub,
            Wiring(env, files),
            directory,
            path,
            settings.tmux.program,
        )
        try:
            described.check(room, rows, adapter.description)
        finally:
            room.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coders agents check",
        allow_abbrev=False,
        description="Check a file that describes an agent, and drive the agent with it.",
    )
    parser.add_argument("file", metavar="FILE.toml")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--keep", action="store_true", help="keep the scratch directory, and say where it is"
    )
    return parser
