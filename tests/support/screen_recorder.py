"""One tool in one version before a camera: started as its adapter plans it, labelled by the stub.

Owns how a picture gets its label and its place in the corpus; what is done with the tool is
:mod:`screen_acts`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coders_queue import ids
from coders_queue.agents import registry
from coders_queue.agents.screen import plain
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_workers.conformance.room import Room
from coders_workers.conformance.wiring import Wiring, wiring
from coders_workers.model_stub.control import Stub
from coders_workers.runtimes.base import Launch
from coders_workers.supervisor import plan
from coders_workers.workspace import Prepared
from support.screen_stage import Picture, Stage

SCREENS = Path(__file__).resolve().parents[1] / "golden" / "screens"
#: Where to write instead, for a try.
ELSEWHERE = "CODERS_RECORDING_INTO"
HOME = Path("/home/dev")
PATH = "/usr/local/bin:/usr/bin:/bin"

ARRIVES = 15.0
BUSY = ("thinking", "streaming")
LIMITS = (429, 529)


@dataclass(frozen=True)
class Ways:
    """What of a tool's handling differs from the others'."""

    leave: str
    """The command that ends it."""
    start: float
    """Seconds that it is given to start, at least."""
    question: str = "ASK"
    outside: str = "RUNTOOL"
    """How the stub makes it ask before a command."""


WAYS = {
    "claude": Ways(leave="/exit", start=4),
    "codex": Ways(leave="/quit", start=9, outside="ESC RUNTOOL"),
    "gemini": Ways(leave="/quit", start=6),
    "opencode": Ways(leave="/exit", start=8),
    "qwen": Ways(leave="/quit", start=5),
}


class Recorder:
    """One tool in one version."""

    def __init__(self, tool: str, version: str, program: Path, stub: Stub) -> None:
        self.tool, self.version, self.stub = tool, version, stub
        self.program, self.ways = program, WAYS[tool]
        self.adapter = registry.get(tool)
        HOME.mkdir(parents=True, exist_ok=True)
        self.stage = Stage(HOME)
        self.wiring = patient(tool, wiring(tool, stub.url))
        self.room = Room(self.adapter, str(program), version, stub, self.wiring, HOME, PATH, "tmux")
        self.count = 0
        self._target = Path(os.environ.get(ELSEWHERE, SCREENS)) / tool / version
        self._target.mkdir(parents=True, exist_ok=True)
        self._index = self._target / "index.jsonl"
        kept = self._index.read_text(encoding="utf-8") if self._index.exists() else ""
        self.written = len(kept.splitlines())
        self._seen: set[tuple[str, str, str]] = set()

    def launch(self, columns: int, rows: int, **fields: Any) -> Launch:
        """As the adapter plans it."""
        workspace = DirectoryWorkspace(path=str(self.room.project))
        env = self.wiring.env
        spec = SessionSpec(
            agent=self.tool, workspace=workspace, env=env, owner="dev", mode="interactive",
            columns=columns, rows=rows, **fields,
        )  # fmt: skip
        session_id = ids.new_session_id()
        self.room.store.submit(session_id, spec, host="devbox")
        record = self.room.store.get(session_id)
        assert record is not None
        record = record.model_copy(update={"attempt": 1})
        directory = HOME / "attempts" / session_id
        directory.mkdir(parents=True, mode=0o700)
        prepared = Prepared(session_id, self.room.project, self.room.project)
        return plan.make_launch(self.room.host, record, directory, prepared)

    def start(self, columns: int, rows: int, **fields: Any) -> list[Picture]:
        """Start it; what was seen before it read any key is kept, the first prompt returned."""
        self.stub.clear()
        made = self.launch(columns, rows, **fields)
        self.stage.open(
            [str(made.program), *made.argv[1:]], made.env, Path(made.cwd), columns, rows
        )
        self.early()
        return self.settled_start()

    def early(self) -> None:
        """Keep what is seen before it reads any key."""
        for moment in (0.03, 0.1):
            time.sleep(moment)
            seen = self.stage.picture()
            if not seen.dead and self.stage.canonical():
                self.keep(seen, "starting", "just started: the terminal is still canonical")

    def settled_start(self) -> list[Picture]:
        """Wait until its start is over; what it shows then."""
        self.drawn()
        time.sleep(self.ways.start)
        return [self.stage.stable(2.5, 25)]

    def drawn(self) -> None:
        """Wait until it reads keys and shows something."""
        self.wait(lambda: not self.stage.canonical(), 40)
        self.wait(lambda: len(plain(self.stage.picture().text).split()) > 8, 40)

    def keep(self, seen: Picture, state: str, note: str) -> None:
        """Add it to the corpus."""
        if (seen.text, seen.title, state) in self._seen:
            return
        self._seen.add((seen.text, seen.title, state))
        self.written += 1
        name = f"{self.written:03}.txt"
        (self._target / name).write_text(seen.text, encoding="utf-8")
        row = {
            "file": name,
            "title": seen.title,
            "columns": seen.columns,
            "rows": seen.rows,
            "state": state,
            "note": note,
        }
        with self._index.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")

    def doing(self) -> str:
        """What the stub does now."""
        return self.stub.doing(time.time())

    def turns(self) -> list[dict[str, Any]]:
        """The agent's requests to the model."""
        return self.stub.requests()

    def wait(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Wait on a condition."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if holds():
                return True
            time.sleep(0.2)
        return False

    def send(self, prompt: str, behaviour: str = "") -> bool:
        """Give it a prompt; whether it arrived at the model."""
        self.count += 1
        prompt = f"{prompt} (no {self.count})"
        if behaviour:
            self.stub.script(f"(no {self.count})", behaviour)
        before = len(self.stub.timeline())
        self.stage.keys("C-u")
        time.sleep(0.15)
        self.stage.paste(prompt)
        for _ in range(3):
            time.sleep(0.3)
            self.stage.keys("Enter")
            if self.wait(lambda: len(self.stub.timeline()) > before, ARRIVES / 3):
                return True
        print(f"  did not arrive: {prompt!r}", flush=True)
        return False

    def busy(self, note: str) -> None:
        """Keep what is shown if the model was at work before and after it."""
        before = self.doing()
        seen = self.stage.picture()
        if before in BUSY and self.doing() in BUSY:
            self.keep(seen, "working", f"{note}: {before}")

    def idle(self, note: str, timeout: float = 15, after: tuple[str, ...] = ("idle",)) -> bool:
        """Wait until it is over and the screen rests; keep it."""
        if not self.wait(lambda: self.doing() in after, timeout):
            return False
        time.sleep(0.8)
        requests = len(self.stub.timeline())
        seen = self.stage.resting(1.0, 8)
        # one that moves is of a tool that has not made anything of the answer yet
        if seen is None or self.doing() not in after or len(self.stub.timeline()) != requests:
            print(f"  not kept: {note} ({self.doing()}, at rest: {seen is not None})", flush=True)
            return False
        self.keep(seen, "exited" if seen.dead else "idle", note)
        return True


def patient(tool: str, made: Wiring) -> Wiring:
    """Retries as often as a tool does by itself, or more: they are to be seen."""
    env, files = dict(made.env), dict(made.files)
    if tool == "claude":
        env["CLAUDE_CODE_MAX_RETRIES"] = "10"
    for name, content in files.items():
        content = content.replace("_max_retries = 1", "_max_retries = 12")
        content = content.replace('"maxAttempts": 2', '"maxAttempts": 8')
        files[name] = content.replace('"maxRetries": 1', '"maxRetries": 7')
    return replace(made, env=env, files=files)
