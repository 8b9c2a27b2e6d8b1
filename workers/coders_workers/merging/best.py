"""``best``: the part that a check command likes best, judged in its own workspace.

The command runs where the part's agent ran. A worktree that is gone, since all of it was committed,
is made again for it, in a clone of the merge's own: no repository is written to.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from coders_queue import errors
from coders_queue.merging.on_host import Best, BestOptions, Score
from coders_queue.merging.part import Part
from coders_queue.merging.strategy import LeftOut, Merge, MergeFailed, Needs, Options, plain
from coders_workers.workspace import git, repository

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
#: How much of what a command prints is looked at, bytes.
_READ = 64 * 1024
#: Variables of the merge's own session that mean nothing to the command.
_NOT_FOR_IT = ("CODERS_INPUT",)


class _Unfit(Exception):
    """A part that cannot be judged; the text says why."""


class BestOf:
    """Judges, and takes the best."""

    name = "best"
    about = "the part with the best score of a check command"
    options: type[Options] = BestOptions
    needs: Needs = "host"

    def merge(self, parts: Sequence[Part], options: BestOptions, place: Path) -> Merge:
        """Score one part after the other."""
        _told_apart(parts)
        scores: dict[int, float] = {}
        left_out = []
        for part in parts:
            try:
                with _workspace(part, place / "best") as directory:
                    scores[part.number] = _score(part, options, directory, place)
            except (_Unfit, errors.WorkspaceError) as error:
                left_out.append(LeftOut.of(part, str(error)))
        if not scores:
            raise MergeFailed(f"no part could be judged: {left_out[0].cause}")
        sign = -1 if options.prefer == "highest" else 1
        judged = [part for part in parts if part.number in scores]
        judged.sort(key=lambda part: sign * scores[part.number])
        winner = judged[0]
        left = winner.workspace
        best = Best(
            part=winner.number,
            session=winner.session,
            score=scores[winner.number],
            value=winner.value,
            path=left.path if left is not None and left.kept else None,
            branch=left.branch if left is not None else None,
            head=left.head if left is not None else None,
            scores=tuple(
                Score(part=one.number, session=one.session, score=scores[one.number])
                for one in judged
            ),
        )
        return Merge(merged=plain(best), left_out=tuple(left_out))


def _told_apart(parts: Sequence[Part]) -> None:
    seen: dict[str, Part] = {}
    for part in parts:
        left = part.workspace
        if left is None or not left.kept:
            continue
        other = seen.setdefault(left.path, part)
        if other is not part:
            raise MergeFailed(
                f"{other.label} and {part.label} share the workspace {git.shown(left.path)}: no "
                "check there can tell them apart (give each a worktree)"
            )


@contextmanager
def _workspace(part: Part, copy: Path) -> Iterator[Path]:
    """Where the part's work is, or a copy of what it committed."""
    left = part.workspace
    if left is None:
        raise _Unfit("it has no workspace")
    if left.kept and Path(left.path).is_dir():
        yield Path(left.path)
        return
    if left.head is None:
        raise _Unfit(f"its workspace {git.shown(left.path)} is gone")
    try:
        shutil.rmtree(copy, ignore_errors=True)
        _clone(Path.cwd(), copy, left.head)
        yield copy
    except git.GitFailed as failure:
        here = git.shown(Path.cwd())
        raise _Unfit(
            f"its workspace is gone, and {here} cannot give its commit {left.head[:12]}: "
            f"{failure.reason} (run the merge in its repository)"
        ) from None
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _clone(source: Path, copy: Path, head: str) -> None:
    common = repository.find(source).common
    flags = ("--quiet", "--shared", "--no-checkout", "--no-tags")
    git.run(source, "clone", *flags, "--", str(common), str(copy), timeout=git.CHECKOUT)
    git.run(copy, "checkout", "--quiet", "--detach", head, timeout=git.CHECKOUT)


def _score(part: Part, options: BestOptions, directory: Path, place: Path) -> float:
    told = place / "part.json"
    told.write_text(json.dumps(plain(part)))
    environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_IT}
    status, printed = _run(
        options.check, directory, {**environ, "CODERS_PART": str(told)}, options.timeout
    )
    if options.score == "status":
        return 1.0 if status == 0 else 0.0
    if status != 0:
        raise _Unfit(f"the check ended with status {status}")
    found = _NUMBER.findall(printed)
    if not found or not math.isfinite(float(found[-1])):
        raise _Unfit("the check printed no number")
    return float(found[-1])


def _run(
    argv: Sequence[str], directory: Path, environ: dict[str, str], timeout: float
) -> tuple[int, str]:
    """The command's status, and the end of what it printed."""
    # a file: what the command leaves running may hold a pipe open for ever
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv,
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                process_group=0,  # in our session: it ends with us, whatever becomes of us
            )
        except OSError as error:
            raise MergeFailed(
                f"the check {argv[0]!r} cannot be run: {error.strerror or error}"
            ) from None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise _Unfit(f"the check took over {timeout:g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left running, too
            process.wait()
        output.seek(max(0, output.seek(0, os.SEEK_END) - _READ))
        return status, output.read().decode("utf-8", "replace")
