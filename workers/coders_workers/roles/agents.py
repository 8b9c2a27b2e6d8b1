"""``coders agents ls|check|install|rm``, the host side: answers in JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers import attempt_dir
from coders_workers.programs import chosen
from coders_workers.programs.locate import Programs
from coders_workers.programs.report import Report, tested_newest


def run(settings: Settings, paths: Paths, _broker_url: str, words: Sequence[str]) -> int:
    """Do it and print the answer. Raises a CodersError that says what is wrong."""
    options = _parser().parse_intermixed_args(words)
    environ = dict(os.environ)
    report = Report(settings, paths, environ, Path(options.cwd))
    answer: Any
    if options.action == "ls":
        answer = report.listing()
        for problem in registry.problems():
            print(f"coders: {problem}", file=sys.stderr)
    elif options.action == "check":
        answer = report.check(*registry.parse(options.agent))
    elif options.action == "install":
        answer = _install(Programs(settings, paths, environ), options.agent)
    else:
        answer = _remove(Programs(settings, paths, environ), paths, options)
    print(json.dumps(answer))
    return 0


def _install(programs: Programs, asked: str) -> dict[str, Any]:
    name, version = _exactly(asked)
    package = registry.get(name).package
    if package is None:
        raise errors.InstallError(
            f"{name} is not from a registry that coders installs from", "install it by hand"
        )
    known = programs.installs.find(name, version)
    installed = known or programs.installs.install(name, package, version, lambda _what: None)
    return {**installed.model_dump(exclude={"lock"}), "new": known is None}


def _remove(programs: Programs, paths: Paths, options: Any) -> dict[str, Any]:
    name, version = _exactly(options.agent)
    directory = paths.state / "agents" / name / version
    running = chosen.users((path for _, _, path in attempt_dir.all(paths.sessions)), directory)
    if running and not options.force:
        raise errors.Conflict(
            f"{name} {version} is in use by {running} session{'s' if running > 1 else ''} here",
            "wait for their end, or --force",
        )
    if not programs.installs.remove(name, version):
        there = ", ".join(one.version for one in programs.installs.all(name)) or "none"
        raise errors.NotFound(f"{name} {version} is not installed by coders", f"installed: {there}")
    return {"agent": name, "version": version, "removed": True}


def _exactly(asked: str) -> tuple[str, str]:
    name, version = registry.parse(asked)
    if version is None:
        newest = tested_newest(registry.get(name)) or "1.2.3"
        raise errors.UsageError(
            f"{asked!r} names no version", f"such as {name}@{newest}; coders agents ls"
        )
    return name, version


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coders agents", allow_abbrev=False)
    parser.add_argument("action", choices=("ls", "check", "install", "rm"))
    parser.add_argument("agent", nargs="?", default="")
    parser.add_argument("--cwd", default="/")
    parser.add_argument("--force", action="store_true")
    return parser
