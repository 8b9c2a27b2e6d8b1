"""``coders agents conform``: its options and what it prints."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence

from coders_queue import errors
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.structured_log import configure
from coders_workers.conformance import suite
from coders_workers.conformance.row import Row
from coders_workers.conformance.wiring import known

_CLAIM = 46
_VERDICT = 11
_COLOURS = {"holds": "32", "does not": "31", "not offered": "33"}


def run(settings: Settings, paths: Paths, words: Sequence[str]) -> int:
    """Run the suite and print; 0 when nothing speaks against the version.

    Raises a CodersError when it cannot begin.
    """
    options = _parser().parse_intermixed_args(words)
    configure(settings.log, process="conform", file=paths.logs / "conform.log")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)

    def tell(row: Row) -> None:
        if not options.json:
            print(line(row), flush=True)

    try:
        report = suite.run(
            options.agent,
            settings,
            paths,
            parts=tuple(options.only or suite.PARTS),
            keep=options.keep,
            said=_note,
            told=tell,
        )
    except _Told as told:
        # all is ended and removed; a thread that still waits for a start that never comes would
        # hold the end of the interpreter up
        sys.stdout.flush()
        os._exit(128 + told.number)
    if options.json:
        print(json.dumps(report.as_json()))
    else:
        print(total(report))
    return 0 if report.conforms else errors.SetupError.exit_code


class _Told(BaseException):
    """A signal, on its way past all that has to be ended and removed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _leave(number: int, _frame: object) -> None:
    raise _Told(number)


def _note(text: str) -> None:
    print(f"coders: {text}", file=sys.stderr, flush=True)


def line(row: Row) -> str:
    """A row of the table, coloured on a terminal."""
    verdict = row.verdict.ljust(_VERDICT)
    if sys.stdout.isatty():
        verdict = f"\x1b[{_COLOURS[row.verdict]}m{verdict}\x1b[0m"
    return f"{verdict}  {row.claim.ljust(_CLAIM)}  {row.evidence}"


def total(report: suite.Report) -> str:
    """The last line."""
    counts = {name: sum(row.verdict == name for row in report.rows) for name in _COLOURS}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    tested = "tested" if report.tested else "not among the versions tested"
    return f"{report.agent} {report.version}: {told} ({tested}; network: {report.isolated})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coders agents conform",
        allow_abbrev=False,
        description=(
            "Drive the real program of an agent against the project's model stub, with a clean "
            "environment, a scratch home and loopback alone (the last as root only), and print "
            f"what holds. Agents: {', '.join(known())}. Exits 0 when nothing speaks against it, 7 "
            "when something does. It takes some minutes."
        ),
    )
    parser.add_argument("agent", metavar="AGENT[@VERSION]", help="such as claude@2.1.197")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--only", action="append", choices=tuple(suite.PARTS), help="this part alone; repeatable"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the scratch directory, and say where it is"
    )
    return parser
