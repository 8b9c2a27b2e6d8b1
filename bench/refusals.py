"""What no program can be given must be refused: one line, an exit code by kind, nothing left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.stand import Stand
from coders_queue import errors

_LARGE = 200 * 1024


@dataclass
class Refusals:
    """How many there were, and which were not as due."""

    count: int = 0
    problems: list[str] = field(default_factory=list)


def refusals(place: Stand) -> Refusals:
    """Ask for each of them, by the command line and from Python."""
    found = Refusals()
    before = _sessions(place)
    for what, words, data in _commands(place):
        found.count += 1
        done = place.command(*words, input=data)
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        errors_said = [line for line in lines if line.startswith("coders: error: ")]
        told = len(errors_said) == 1 and len(lines) <= 2  # the error, and the way out of it
        if done.returncode not in (2, 5) or not told or done.stdout:
            found.problems.append(f"{what}: exit code {done.returncode}, said {lines}")
    with place.client() as client:
        for what, fields in _requests():
            found.count += 1
            call: Callable[..., Any] = client.spawn
            try:
                call("shell", **{"argv": ["true"], "cwd": str(place.work), **fields})
            except errors.CodersError as error:
                if error.exit_code not in (2, 5) or "\n" in error.message:
                    found.problems.append(f"{what}: {error.exit_code}: {error}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not the refusal
                found.problems.append(f"{what}: {type(error).__name__}: {error}")
            else:
                found.problems.append(f"{what}: was accepted")
    found.count += 1
    left = [one for one in _sessions(place) - before if one]
    if left:
        found.problems.append(f"sessions were left behind: {left}")
    return found


def _commands(place: Stand) -> list[tuple[str, list[str], bytes | None]]:
    large = place.work / "large"
    large.write_bytes(b"BIG=" + b"x" * _LARGE + b"\n")
    holed = place.work / "holed"
    holed.write_bytes(b"HOLE=a\0b\n")
    true = ["--", "true"]
    return [
        ("NUL in a task", ["spawn", "shell", "--task-file", "-", *true], b"a\0b"),
        ("NUL in a variable", ["spawn", "shell", "--env-file", str(holed), *true], None),
        ("a variable of 200 KB", ["spawn", "shell", "--env-file", str(large), *true], None),
        ("a task of 5 MB", ["spawn", "shell", "--task-file", "-", *true], b"x" * 5_000_000),
    ]


def _requests() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("NUL in an argument", {"argv": ["echo", "a\0b"]}),
        ("an argument of 200 KB", {"argv": ["echo", "x" * _LARGE]}),
        ("a variable of 200 KB, from Python", {"env": {"BIG": "x" * _LARGE}}),
        ("NUL in a variable, from Python", {"env": {"HOLE": "a\0b"}}),
        ("NUL in a task, from Python", {"task": "a\0b"}),
        ("NUL in a directory", {"cwd": "/tmp/a\0b"}),
        ("a lone surrogate", {"argv": ["echo", "\ud800"]}),
        ("an environment of 3 MB", {"env": {f"V{n}": "x" * 100_000 for n in range(30)}}),
        ("a task of 5 MB, from Python", {"task": "x" * 5_000_000}),
    ]


def _sessions(place: Stand) -> set[str]:
    """Sessions that have not failed before they began: those are a report, not a leftover."""
    listed = place.ask("ls", all=True)["sessions"]
    return {
        one["id"] for one in listed if one["state"] != "failed" or one["started_at"] is not None
    }
