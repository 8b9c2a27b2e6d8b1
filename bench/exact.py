"""Hostile texts through the real thing: what the agent got must be what the caller said, bytewise.

From the command line's grammar over the host's socket, the store, Celery and tmux to the launcher.
What cannot be carried must be refused with one line, and leave nothing behind.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import hostile, probe
from bench.hostile import Case
from bench.refusals import refusals
from bench.result import Result
from bench.stand import Stand, stand

ROUNDS, SHORT = 1000, 60
SEED = 20261122
_PARALLEL = 6


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """Send ``rounds`` cases through, and what is to be refused."""
    result = Result("exact", {"cases": rounds, "seed": SEED, "parallel": _PARALLEL})
    differences: list[str] = []
    sent = 0
    with stand() as place:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            cases = (hostile.case(SEED, number) for number in range(rounds))
            for done, (size, found) in enumerate(
                pool.map(lambda one: _check(place, one), cases), 1
            ):
                sent += size
                differences += found
                if done % 100 == 0:
                    tell(f"{done} of {rounds}, {len(differences)} differences")
        wrong = refusals(place)
    for one in [*differences, *wrong.problems]:
        tell(one)
    result.measured = {
        "differences": len(differences),
        "bytes_sent": sent,
        **hostile.coverage([hostile.case(SEED, number) for number in range(rounds)]),
        "first_differences": differences[:20],
        "refused_as_due": wrong.count - len(wrong.problems),
        "to_be_refused": wrong.count,
        "refusals_off": wrong.problems,
    }
    result.bar(
        f"{rounds} hostile tasks, arguments, paths, environments through real tmux",
        "0 differences", f"{len(differences)} differences", not differences,
    )  # fmt: skip
    result.bar(
        "what cannot be carried is refused with one line, nothing left behind",
        "all", f"{wrong.count - len(wrong.problems)} of {wrong.count}", not wrong.problems,
    )  # fmt: skip
    return result


def _check(place: Stand, case: Case) -> tuple[int, list[str]]:
    """Run one case; the bytes it sent and what differed."""
    notes = place.work / f"case-{case.number}"
    notes.mkdir()
    directory = b"/".join((os.fsencode(place.work), b"cwd-%d" % case.number, *case.directory))
    Path(os.fsdecode(directory)).mkdir(parents=True)
    agent = [os.fsencode(word) for word in (sys.executable, "-I", "-S", probe.__file__, str(notes))]
    argv = [*agent, *case.arguments]
    words, source = _words(case, directory, notes)
    done = place.command(
        *words, b"--", *argv, input=source, environ=dict(case.environment) if case.inherited else {}
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        return 0, [f"case {case.number}: not started, exit code {done.returncode}: {said}"]
    session = json.loads(done.stdout)["id"]
    ended = place.ask("wait", ref=session, timeout=120)
    if ended["state"] != "succeeded":
        return 0, [f"case {case.number}: {ended['state']}: {ended['cause']}: {ended['output']}"]
    sent = sum(map(len, case.arguments)) + len(case.task or b"") + len(directory)
    sent += sum(len(value) for _, value in case.environment)
    found = _differences(case, notes, argv, directory)
    return sent, [f"case {case.number}: {one}" for one in found]


def _words(case: Case, directory: bytes, notes: Path) -> tuple[list[bytes], bytes | None]:
    """The command's words up to ``--``, and its standard input."""
    words = [b"spawn", b"shell", b"--json", b"--cwd", directory]
    words.append(b"--interactive" if case.interactive else b"--headless")
    if not case.wait:
        words.append(b"--no-wait")
    for name, value in case.environment:
        words += [b"--env", name if case.inherited else name + b"=" + value]
    if case.task is None:
        return words, None
    if case.channel == "word":
        return [*words, case.task], None
    if case.channel == "stdin":
        return [*words, b"--task-file", b"-"], case.task
    file = notes / "task"
    file.write_bytes(case.task)
    return [*words, b"--task-file", os.fsencode(file)], None


def _differences(case: Case, notes: Path, argv: list[bytes], directory: bytes) -> Iterator[str]:
    """What the agent was started with, beside what was asked for."""
    environ = dict(
        entry.partition(b"=")[::2]
        for entry in (notes / "environ").read_bytes().split(b"\0")
        if entry
    )
    pairs = [
        ("argv", b"".join(word + b"\0" for word in argv), (notes / "argv").read_bytes()),
        ("directory", directory, (notes / "cwd").read_bytes()),
        ("standard input", case.task or b"", (notes / "stdin").read_bytes()),
        ("runs", b"ran\n", (notes / "runs").read_bytes()),
    ]
    for name, value in case.environment:
        pairs.append((f"environment, {name.decode()}", value, environ.get(name, b"(not set)")))
    strange = {name for name in environ if name.startswith(b"BENCH_")} - dict(
        case.environment
    ).keys()
    if strange:
        yield f"environment: {sorted(strange)} were not asked for"
    for what, asked, got in pairs:
        if asked != got:
            pairs_of_bytes = zip(asked, got, strict=False)
            same = next((at for at, (a, b) in enumerate(pairs_of_bytes) if a != b), None)
            same = min(len(asked), len(got)) if same is None else same
            yield (
                f"{what} differs from byte {same} of {len(asked)} on: "
                f"{asked[same : same + 20]!r} became {got[same : same + 20]!r}"
            )
