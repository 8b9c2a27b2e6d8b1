"""Records the corpus of screens: ``python tests/support/record_screens.py TOOL VERSION [TAKE...]``.

Runs the real program, started as its adapter plans it, against the model stub, in namespaces of
its own: loopback is the only network, ``/home/dev`` is an empty home, and nothing outlives the run.
Writes ``tests/golden/screens/TOOL/VERSION/NNN.txt`` and ``index.jsonl``. Needs root and npm.

A label is what the stub was asked and did, and what the process did, when the screen was taken; no
screen is read for it. What cannot be told that way is not kept.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from coders_queue.agents.screen import plain
from coders_workers.model_stub.running import ModelStub
from support import agent_install
from support.screen_acts import Acts
from support.screen_recorder import ARRIVES, HOME, PATH
from support.screen_words import LONG, MISLEADING


class Takes(Acts):
    """Sequences of acts, each on a fresh terminal."""

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
        if not self.greet(self.settled_start()):
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
        if not self.greet(self.settled_start()):
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
        self.early()
        self.drawn()
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
            if self.wait(lambda: bool(self.stub.timeline()), ARRIVES):
                self.keep(seen, "idle", "first prompt after the dialogs")
                self.idle("after an answer, home not prepared")
                return
            self.keep(seen, "dialog", f"screen {number} of a first start: a prompt did not arrive")


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
        recorder = Takes(tool, version, agents / program.relative_to(installed), stub)
        for name in takes or TAKES:
            method, columns, rows = TAKES[name]
            before, began = recorder.written, time.monotonic()
            try:
                getattr(recorder, method)(columns, rows)
            finally:
                recorder.stage.close()
            seconds = time.monotonic() - began
            print(f"{name}: {recorder.written - before} screens, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
