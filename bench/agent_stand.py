"""A stack whose agents are the real CLIs, in a network with nothing but the project's model stub.

Owns the namespace, the stub, the home of somebody who uses the tools, and the hand of a person at
their terminals.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.stand import Stand
from coders_workers.conformance.wiring import wiring
from coders_workers.model_stub.control import Stub
from coders_workers.model_stub.running import stub_process
from support import agent_install
from support.netns import namespace

TOOLS = ("claude", "codex", "gemini", "opencode", "qwen")


@dataclass(frozen=True)
class AgentStand:
    """A running stack, its stub, and what somebody at a terminal can do."""

    place: Stand
    stub: Stub
    version: str

    def spawn(self, spec: dict[str, Any], cwd: Path) -> str:
        """Somebody spawns a session; its id, once the agent lives."""
        environ = self.place.environ
        made = self.place.ask("spawn", spec=spec, cwd=str(cwd), environ=environ, wait=True)
        return str(made["id"])

    def keys(self, session_id: str, *keys: str) -> None:
        """A person presses keys in a session's terminal."""
        self.tmux("send-keys", "-t", f"={session_id}_1:", *keys)

    def types(self, session_id: str, text: str) -> None:
        """A person types a text there."""
        self.tmux("send-keys", "-t", f"={session_id}_1:", "-l", text)

    def scrolls(self, session_id: str) -> None:
        """A person scrolls back there."""
        self.tmux("copy-mode", "-t", f"={session_id}_1:")

    def screen(self, session_id: str) -> str:
        """What they see."""
        return str(self.place.ask("screen", ref=session_id)["text"])

    def tmux(self, *words: str) -> str:
        """A tmux command by hand."""
        return self.place.tmux(*words)


@contextlib.contextmanager
def agent_stand(tool: str) -> Iterator[AgentStand]:
    """A stack with one tool on its PATH, gone afterwards with all its files."""
    program = agent_install.install(tool)
    directory = Path(tempfile.mkdtemp(prefix="coders-bench-"))
    home = directory / "home"
    home.mkdir(mode=0o700)
    try:
        with namespace() as inside, stub_process(directory, inside.argv) as stub:
            environ = {
                "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
                **wiring(tool, stub.url).settle(home),
            }
            place = Stand(directory, environ, inside.argv([]))
            try:
                place.up()
                yield AgentStand(place, stub, agent_install.DEFAULTS[tool])
            finally:
                place.down()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
