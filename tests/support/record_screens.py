"""Records the corpus of screens: ``python tests/support/record_screens.py TOOL VERSION [TAKE...]``.

Runs the real program, started as its adapter plans it, against the model stub, in namespaces of
its own: loopback is the only network, ``/home/dev`` is an empty home, and nothing outlives the run.
Writes ``tests/golden/screens/TOOL/VERSION/NNN.txt`` and ``index.jsonl``. Needs root and npm.

A label is what the stub was asked and did, and what the process did, when the screen was taken; no
screen is read for it. What cannot be told that way is not kept.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from coders_queue import ids
from coders_queue.agents import registry
from coders_queue.agents.screen import plain
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_workers.conformance.room import Room
from coders_workers.conformance.wiring import Wiring, wiring
from coders_workers.model_stub.control import Stub
from coders_workers.model_stub.running import ModelStub
from coders_workers.runtimes.base import Launch
from coders_workers.supervisor import plan
from coders_workers.workspace import Prepared
from support import agent_install
from support.screen_stage import Picture, Stage
from support.screen_words import LONG, MISLEADING

SCREENS = Path(__file__).resolve().parents[1] / "golden" / "screens"
#: Where to write instead, for a try.
ELSEWHERE = "CODERS_RECORDING_INTO"
HOME = Path("/home/dev")
PATH = "/usr/local/bin:/usr/bin:/bin"

_ARRIVES = 15.0
_BUSY = ("thinking", "streaming")
_LIMITS = (429, 529)


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
        self._count = 0
        self._target = Path(os.environ.get(ELSEWHERE, SCREENS)) / tool / version
        self._target.mkdir(parents=True, exist_ok=True)
        self._index = self._target / "index.jsonl"
        kept = self._index.read_text(encoding="utf-8") if self._index.exists() else ""
        self._written = len(kept.splitlines())
        self._seen: set[tuple[str, str, str]] = set()

    # -- starting ------------------------------------------------------------------------------

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
        self._early()
        return self._settled_start()

    def _early(self) -> None:
        for moment in (0.03, 0.1):
            time.sleep(moment)
            seen = self.stage.picture()
            if not seen.dead and self.stage.canonical():
                self.keep(seen, "starting", "just started: the terminal is still canonical")

    def _settled_start(self) -> list[Picture]:
        self._drawn()
        time.sleep(self.ways.start)
        return [self.stage.stable(2.5, 25)]

    def _drawn(self) -> None:
        """Wait until it reads keys and shows something."""
        self.wait(lambda: not self.stage.canonical(), 40)
        self.wait(lambda: len(plain(self.stage.picture().text).split()) > 8, 40)

    # -- labels --------------------------------------------------------------------------------

    def keep(self, seen: Picture, state: str, note: str) -> None:
        """Add it to the corpus."""
        if (seen.text, seen.title, state) in self._seen:
            return
        self._seen.add((seen.text, seen.title, state))
        self._written += 1
        name = f"{self._written:03}.txt"
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
        self._count += 1
        prompt = f"{prompt} (no {self._count})"
        if behaviour:
            self.stub.script(f"(no {self._count})", behaviour)
        before = len(self.stub.timeline())
        self.stage.keys("C-u")
        time.sleep(0.15)
        self.stage.paste(prompt)
        for _ in range(3):
            time.sleep(0.3)
            self.stage.keys("Enter")
            if self.wait(lambda: len(self.stub.timeline()) > before, _ARRIVES / 3):
                return True
        print(f"  did not arrive: {prompt!r}", flush=True)
        return False

    def busy(self, note: str) -> None:
        """Keep what is shown if the model was at work before and after it."""
        before = self.doing()
        seen = self.stage.picture()
        if before in _BUSY and self.doing() in _BUSY:
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

    # -- acts ----------------------------------------------------------------------------------

    def greet(self, first: list[Picture]) -> bool:
        """The first prompt: it shows whether what was seen before it was a tool that was ready."""
        arrived = self.send("say hi")
        for seen in first if arrived else ():
            self.keep(seen, "idle", "first prompt, nothing sent yet")
        if not arrived:
            shown = self.stage.picture()
            (HOME.parent / "agents" / "stuck.txt").write_text(shown.text)
            print(shown.text, flush=True)
        if arrived:
            self.idle("after a short answer")
        return arrived

    def box(self) -> None:
        """Things in the box that are not sent."""
        self.stage.type("refactor the parser")
        self.idle("text typed in the box, not sent")
        self.stage.keys("C-u")
        self.stage.paste("first line\nsecond line\nthird line")
        self.idle("three lines pasted in the box, not sent")
        for _ in range(3):
            self.stage.keys("C-u")
            self.stage.keys("BSpace")
        for key in ("/", "?"):
            self.stage.type(key)
            self.idle(f"{key!r} typed in an empty box")
            self.stage.keys("BSpace")

    def think(self) -> None:
        """The model is silent."""
        if self.send("think about it", "THINK:4"):
            self.busy("request just arrived")
            for wait in (0.9, 1.6):
                time.sleep(wait)
                self.busy("model silent")
            self.idle("after an answer that took its time")

    def stream(self, *, typed: bool = False, note: str = "streams") -> None:
        """The model streams, perhaps with a draft typed meanwhile."""
        if self.send("tell me slowly", "SLOW:5"):
            for wait in (1.0, 1.4):
                time.sleep(wait)
                self.busy(note)
            if typed:
                self.stage.type("and then the lexer")
                time.sleep(0.5)
                self.busy(f"{note}, unsent text in the box")
            self.idle("after a streamed answer" + (", unsent text in the box" if typed else ""))

    def queue(self) -> None:
        """A second prompt is sent while the model streams."""
        if self.send("tell me slowly again", "SLOW:4"):
            time.sleep(0.8)
            self.stage.paste("and one more thing")
            time.sleep(0.3)
            self.stage.keys("Enter")
            time.sleep(0.8)
            self.busy("streams, a second prompt was sent")
            self.idle("after both answers", timeout=20)

    def mislead(self, every: int = 1, offset: int = 0) -> None:
        """Answers that look like the tool's own."""
        for number, words in list(enumerate(MISLEADING))[offset::every]:
            if self.send(f"show picture {number}", f"SAY:{words}"):
                self.idle(f"misleading answer {number}")
        if self.send("and now", "SLOW:4"):
            time.sleep(1.5)
            self.busy("streams below misleading answers")
            self.idle("after a stream below misleading answers")

    def command(self, *, allow: bool) -> None:
        """It asks before a command, which runs for a while when it may."""
        mark = HOME / f"ran-{self._count}"
        outside = f"sh -c 'touch {mark}; sleep 4'"
        if not self.send("run the check", f"{self.ways.outside}:{outside}"):
            return
        self.asked(mark, "permission for a command")
        if not allow:
            self.stage.keys("Escape")
            self.after_answer("after a permission was denied")
            return
        self.stage.keys("Enter")
        if self.wait(mark.exists, 6):
            for wait in (0.6, 1.5):
                time.sleep(wait)
                if self.doing() == "tool":
                    self.keep(self.stage.picture(), "working", "a command runs")
        self.idle("after a command that was allowed")

    def asked(self, mark: Path, note: str) -> None:
        """Keep the question, if there is one: the tool was called, and has not run."""
        if self.wait(lambda: self.doing() == "tool", 6):
            time.sleep(0.7)
            # what moves is still about to ask, or runs already
            seen = self.stage.resting(1.0, 6)
            if seen is not None and self.doing() == "tool" and not mark.exists():
                self.keep(seen, "waiting", note)

    def file(self, *, allow: bool) -> None:
        """It asks before it writes a file."""
        mark = self.room.project / f"new-{self._count}.txt"
        if self.tool == "codex":
            mark = HOME / f"new-{self._count}.txt"
        if self.send("write it down", f"ESC WRITE:{mark} one line\\nand another"):
            self.asked(mark, "permission for a file")
            self.stage.keys("Enter" if allow else "Escape")
            self.after_answer("after the question for a file was answered")

    def question(self) -> None:
        """It asks the person something."""
        before = len(self.stub.timeline())
        if self.send("ask me", "ASK:Which colour should it be?"):
            self.wait(lambda: self.doing() in ("tool", "idle"), 6)
            time.sleep(0.8)
            if self.doing() == "tool" and len(self.stub.timeline()) > before:
                self.asked(HOME / "no-such-file", "a question of the model's, with choices")
                self.stage.keys("Escape")
            self.after_answer("after the model's question")

    def after_answer(self, note: str) -> None:
        """Some end the turn at a denial, others tell the model."""
        time.sleep(1.0)
        self.idle(note, timeout=8, after=("idle", "tool"))
        # what a denied call gave back comes with the next prompt: that one asks for nothing
        if self.send("never mind"):
            self.idle(f"the next answer {note}")

    def interrupt(self) -> None:
        """The person stops it."""
        if self.send("tell me at length", "SLOW:9"):
            time.sleep(1.5)
            self.stop("after a stream was interrupted")

    def stop(self, note: str) -> None:
        """Press Escape until no request is open and none follows."""
        for _ in range(3):
            self.stage.keys("Escape")
            if not self.wait(lambda: self.doing() not in _BUSY, 2):
                continue
            before = len(self.stub.timeline())
            time.sleep(1.5)
            # what still moves counts down to its next try
            seen = self.stage.resting(1.2, 4)
            if seen is not None and len(self.stub.timeline()) == before:
                self.keep(seen, "idle", note)
                return

    def fail(self, status: int, moments: tuple[float, ...], more: float = 12.0) -> None:
        """The service refuses: what is shown while it is tried again, and when it is given up."""
        begun = len(self.turns())
        if not self.send(f"try with {status}", f"FAIL:{status}"):
            return
        taken = []
        for wait in moments:
            time.sleep(wait)
            taken.append(self.stage.picture())
        last = taken[-1].at
        again = self.wait(lambda: any(one["started"] > last for one in self.turns()), more)
        tries = self.turns()[begun:]
        for number, seen in enumerate(taken):
            failed = sum(
                one["status"] == status and (one["ended"] or 9e99) < seen.at for one in tries
            )
            follow = any(one["started"] > seen.at for one in tries)
            if failed and follow:
                state = "rate_limited" if status in _LIMITS else "working"
                note = f"HTTP {status}: {failed} requests failed, more will follow"
                self.keep(seen, state, note)
            elif failed and not again and number == len(taken) - 1:
                state = "rate_limited" if status in _LIMITS else "error"
                rests = self.stage.resting(1.2, 4)
                if rests is not None:
                    self.keep(rests, state, f"HTTP {status}: given up after {failed} requests")
        if again:
            self.stop(f"after the retries of HTTP {status} were stopped")
        elif self.send("better now?"):
            self.idle(f"an answer after HTTP {status}")

    def leave(self, note: str = "left by its own command") -> None:
        """Quit."""
        self.stage.keys("C-u")
        self.stage.type(self.ways.leave)
        time.sleep(0.8)
        self.stage.keys("Enter")
        if not self.wait(lambda: self.stage.picture().dead, 5):
            self.stage.keys("Enter")
        if self.wait(lambda: self.stage.picture().dead, 5):
            self.keep(self.stage.picture(), "exited", note)

    # -- takes ---------------------------------------------------------------------------------

    def full(self, columns: int, rows: int) -> None:
        """Everything once."""
        if not self.greet(self.start(columns, rows)):
            return
        self.box()
        self.think()
        self.stream(typed=True)
        self.command(allow=True)
        self.question()
        self.file(allow=False)
        self.command(allow=False)
        self.mislead(2)
        self.interrupt()
        self.fail(529, (1.0, 2.5))
        self.fail(400, (3.0,), more=5)
        self.fail(429, (1.0, 3.0))
        self.fail(500, (1.5,))
        if self.send("a long story", f"SAY:{LONG}"):
            self.idle("after a very long answer")
        self.stream(note="streams on a full screen")
        self.leave()

    def brief(self, columns: int, rows: int) -> None:
        """Each state once."""
        if not self.greet(self.start(columns, rows)):
            return
        self.think()
        self.stream(typed=True)
        self.command(allow=True)
        self.mislead(4)
        self.fail(529, (1.0, 2.0), more=8)
        self.fail(400, (3.0,), more=4)
        self.question()
        self.file(allow=False)
        self.interrupt()
        self.leave()

    def short(self, columns: int, rows: int) -> None:
        """The states that matter most, then a kill."""
        if not self.greet(self.start(columns, rows)):
            return
        self.mislead(2, 1)
        self.think()
        self.command(allow=True)
        self.file(allow=True)
        self.fail(529, (2.0, 2.0))
        self.queue()
        if self.send("tell me slowly", "SLOW:9"):
            time.sleep(1.5)
            self.busy("streams")
            self.stage.kill()
            if self.wait(lambda: self.stage.picture().dead, 5):
                self.keep(self.stage.picture(), "exited", "killed while it streamed")

    def shell(self, columns: int, rows: int) -> None:
        """Started from a shell, to which it returns."""
        self.stub.clear()
        script = HOME / "bin" / self.tool
        script.parent.mkdir(exist_ok=True)
        env = {
            "PATH": f"{script.parent}:{PATH}",
            "PS1": "dev@devbox:~/project$ ",
            "HOME": str(HOME),
        }
        argv = ["bash", "--noprofile", "--norc", "-i"]
        self.stage.open(argv, env, self.room.project, columns, rows)
        prompt = self.stage.stable(1.0, 5)
        self.keep(prompt, "exited", "a shell's prompt, before the tool was started")
        self._by_hand(script, columns, rows)
        if not self.greet(self._settled_start()):
            return
        if self.send("show a picture", f"SAY:{MISLEADING[1]}"):
            self.idle("misleading answer, started from a shell")
        if self.send("tell me slowly", "SLOW:9"):
            time.sleep(1.5)
            self.busy("streams, started from a shell")
            self.stage.kill()
            time.sleep(1.0)
            seen = self.stage.stable(1.0, 5)
            self.keep(seen, "exited", "killed while it streamed, back at the shell")
        self.stage.keys("C-c")
        self.stage.type("stty sane; clear; printf '\\033[?1049l\\033[?25h\\033[?2004l'")
        self.stage.keys("Enter")
        self._by_hand(script, columns, rows)
        if not self.greet(self._settled_start()):
            return
        self.stage.keys("C-u")
        self.stage.type(self.ways.leave)
        time.sleep(0.8)
        self.stage.keys("Enter")
        if self.wait(self.stage.canonical, 6) or self._returned():
            self.keep(self.stage.stable(1.0, 5), "exited", "left, back at the shell")

    def _by_hand(self, script: Path, columns: int, rows: int) -> None:
        made = self.launch(columns, rows)
        words = [f"{name}={value}" for name, value in made.env.items()]
        words = ["env", *words, str(made.program), *made.argv[1:]]
        script.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
        script.chmod(0o755)
        self.stage.type(self.tool)
        self.stage.keys("Enter")

    def _returned(self) -> bool:
        # readline has the terminal raw too: the shell answers, or nothing does
        mark = HOME / "returned"
        mark.unlink(missing_ok=True)
        self.stage.type(f"touch {mark}; clear")
        self.stage.keys("Enter")
        return self.wait(mark.exists, 3)

    def unseeded(self, columns: int, rows: int) -> None:
        """A first start in a home that the adapter did not prepare."""
        self.stub.clear()
        home = HOME / f"fresh-{columns}"
        home.mkdir()
        env = {"PATH": PATH, **self.wiring.settle(home)}
        if self.tool == "claude":
            # with nothing it asks a service on the network first, and ends without that
            (home / ".claude.json").write_text('{"hasCompletedOnboarding": true}')
        self.stage.open([str(self.program)], env, self.room.project, columns, rows)
        self._early()
        self._drawn()
        for number in range(1, 4):
            time.sleep(self.ways.start)
            seen = self.stage.stable(2.5, 25)
            if seen.dead:
                self.keep(seen, "exited", "ended by its own start dialog")
                return
            if "say hi" in plain(seen.text):
                return  # typed before it read keys: nobody knows what that means
            self.stage.paste("say hi")
            time.sleep(0.4)
            self.stage.keys("Enter")
            if self.wait(lambda: bool(self.stub.timeline()), _ARRIVES):
                self.keep(seen, "idle", "first prompt after the dialogs")
                self.idle("after an answer, home not prepared")
                return
            self.keep(seen, "dialog", f"screen {number} of a first start: a prompt did not arrive")


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


#: By name: the method and the size.
TAKES: dict[str, tuple[str, int, int]] = {
    "full": ("full", 120, 40),
    "full-80": ("full", 80, 24),
    "brief": ("brief", 120, 40),
    "brief-80": ("brief", 80, 24),
    "brief-60": ("brief", 60, 20),
    "brief-200": ("brief", 200, 50),
    "short-60": ("short", 60, 20),
    "short-200": ("short", 200, 50),
    "shell": ("shell", 80, 24),
    "shell-120": ("shell", 120, 40),
    "unseeded": ("unseeded", 80, 24),
    "unseeded-120": ("unseeded", 120, 40),
}


def main(words: list[str]) -> None:
    """Record the takes of a version; without a name, all."""
    tool, version, *takes = words
    program = agent_install.install(tool, version)
    inside = os.environ.get("CODERS_RECORDING_INSIDE")
    if inside is None:
        apart = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
        argv = [*apart, "--mount-proc", sys.executable, __file__, *words]
        environ = {**os.environ, "CODERS_RECORDING_INSIDE": "1"}
        os.execvpe(argv[0], argv, environ)
    installed = program.parents[2]
    agents = Path("/home/agents", tool)
    for argv in (
        ["ip", "link", "set", "lo", "up"],
        ["hostname", "devbox"],
        ["mount", "-t", "tmpfs", "tmpfs", "/home"],
        ["mkdir", "-p", str(agents)],
        ["mount", "--bind", str(installed), str(agents)],
    ):
        subprocess.run(argv, check=True, timeout=20)
    with ModelStub() as stub:
        recorder = Recorder(tool, version, agents / program.relative_to(installed), stub)
        for name in takes or TAKES:
            method, columns, rows = TAKES[name]
            before, began = recorder._written, time.monotonic()
            try:
                getattr(recorder, method)(columns, rows)
            finally:
                recorder.stage.close()
            seconds = time.monotonic() - began
            print(f"{name}: {recorder._written - before} screens, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
