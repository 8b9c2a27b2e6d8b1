"""The built-in agent that merges: a program of ours, run as a session like any other.

``argv`` is the strategy and its options; what is merged are the session's inputs. The request goes
to the program in a 0600 file: options may be long, and are nobody else's business. What it prints
last on its standard output is its answer, one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from coders_queue import errors
from coders_queue.agents import ending
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.tool import Tool
from coders_queue.merging import catalog, words
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading, SeedFile
from coders_queue.models.spec import Mode, SessionSpec

REQUEST_FILE = "merge.json"
PROGRAM = ("-P", "-m", "coders_workers.merging")


class MergeAdapter(Tool):
    """Merges what is handed on to it."""

    name = "merge"
    program: str | None = None
    modes: tuple[Mode, ...] = ("headless",)
    pass_env: tuple[str, ...] = ()
    takes_prompt = False
    version_argv: tuple[str, ...] = ()

    def check(self, spec: SessionSpec) -> None:
        """Strategy and options; what a plug-in is told is read where it runs."""
        if spec.task is not None:
            raise errors.UsageError(
                "the agent merge takes no task", "coders run merge -- STRATEGY [OPTIONS]"
            )
        if not spec.argv:
            raise errors.UsageError(
                "the agent merge needs a strategy",
                f"coders run merge -- STRATEGY [OPTIONS], one of {', '.join(catalog.BUILT_IN)}",
            )
        known = catalog.BUILT_IN.get(spec.argv[0])
        if known is None:
            return
        words.parse(known.name, known.options, spec.argv[1:])
        if known.needs == "worktree" and spec.workspace.type != "worktree":
            raise errors.UsageError(
                f"merge {known.name} needs a worktree of its own: nobody's checkout is touched",
                "add --worktree HEAD (or another commit to start from)",
            )

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """Our own program, told what to do in a file."""
        self.check(spec)
        request = {"argv": list(spec.argv), "worktree": spec.workspace.type == "worktree"}
        return LaunchPlan(
            argv=(sys.executable, *PROGRAM, f"{facts.directory}/{REQUEST_FILE}"),
            files=(SeedFile(path=REQUEST_FILE, content=json.dumps(request).encode()),),
        )

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """Its answer: the result, and what is wrong with it."""
        answer = _answer(stdout)
        if answer is None:
            said = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
            why = ending.describe(status)
            return Reading(ok=False, message=f"the merge failed: {why}" + f": {said}" * bool(said))
        problem = answer.get("problem")
        ok = ending.succeeded(status) and problem is None
        message = None if ok else str(problem or f"the merge failed: {ending.describe(status)}")
        return Reading(ok=ok, message=message, result=answer.get("result"))

    def render(self, line: bytes) -> bytes | None:
        """The text that was made, or what was made as indented JSON; other lines as they are."""
        answer = _answer(line)
        result = None if answer is None else answer.get("result")
        merged = result.get("merged") if isinstance(result, dict) else None
        if answer is None:
            return line
        if merged is None:
            return None
        text = merged if isinstance(merged, str) else json.dumps(merged, indent=2)
        return text.encode("utf-8", "replace").rstrip(b"\n") + b"\n"


def _answer(stdout: bytes) -> dict[str, Any] | None:
    last = stdout.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        found = json.loads(last)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.keys() == {"result", "problem"} else None
