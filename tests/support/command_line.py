"""The `coders` program as a user runs it: a subprocess, with a state directory of its own.

The first command that needs it starts the whole stack; afterwards all of it is gone, and what a
session must not leave behind is looked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coders_queue.client.client import Coders
from coders_queue.settings.paths import Paths
from support.local_stack import eventually

#: Marks every process of a test: agents are given variables of this kind.
_MARK = "LC_CODERS_TEST"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()


def closed(path: Path) -> bool:
    """Whether only its owner can look into the directory."""
    return not path.stat().st_mode & 0o077


class CommandLine:
    """`coders` for one state directory."""

    def __init__(
        self, state: Path, environ: dict[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> None:
        """``prefix`` goes before each command, and what a command starts inherits it."""
        self.paths = Paths(state)
        self.prefix = prefix
        self.program = Path(sys.executable).with_name("coders")
        self.mark = uuid.uuid4().hex
        inherited = {key: value for key, value in os.environ.items() if key[:7] != "CODERS_"}
        self.environ = {
            **inherited,
            "CODERS_STATE_DIR": str(state),
            "CODERS_SESSION_GRACE": "1",
            _MARK: self.mark,
            **(environ or {}),
        }

    def start(
        self, *words: str | bytes, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command, its output in pipes, in a process group of its own."""
        return subprocess.Popen(
            [*self.prefix, str(self.program), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or "/",
            env={**self.environ, **(env or {})},
            start_new_session=True,
        )

    def __call__(
        self,
        *words: str | bytes,
        stdin: bytes = b"",
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Done:
        """Run a command to its end."""
        with self.start(*words, cwd=cwd, env=env) as process:
            try:
                out, err = process.communicate(stdin, timeout)
            except BaseException:
                process.kill()
                raise
        return Done(process.returncode, out, err.decode())

    def ok(self, *words: str | bytes, **options: Any) -> Done:
        """Run a command that has to succeed."""
        done = self(*words, **options)
        assert done.code == 0, (words, done)
        return done

    def run_shell(
        self, *argv: str | bytes, options: tuple[str, ...] = (), **others: Any
    ) -> dict[str, Any]:
        """`coders run shell --json -- ARGV`, and the one object that it printed."""
        done = self("run", "shell", "--json", *options, "--", *argv, **others)
        assert done.out.count(b"\n") == 1, done
        shown: dict[str, Any] = done.json
        assert "error" not in shown, done
        assert done.code == {"succeeded": 0, "failed": 1, "cancelled": 9}[shown["state"]]
        return shown

    def spawn_shell(self, *argv: str, options: tuple[str, ...] = (), **others: Any) -> str:
        """`coders spawn shell -- ARGV`, and the id that it printed."""
        return self.ok("spawn", "shell", *options, "--", *argv, **others).text.strip()

    def client(self) -> Coders:
        """The Python API on the same state."""
        return Coders(state_dir=self.paths.state, start=False)

    def show(self, ref: str) -> dict[str, Any]:
        """A session object."""
        shown: dict[str, Any] = self.ok("show", "--json", ref).json
        return shown

    def worker_pid(self) -> int:
        """The worker's process id."""
        return int(self.ok("status", "--json").json["worker"]["pid"])

    def processes(self) -> dict[int, str]:
        """What lives of this test: agents, CLIs, worker, broker, tmux."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                environ = (entry / "environ").read_bytes()
                if self.mark.encode() in environ or os.fsencode(self.paths.state) in words:
                    found[int(entry.name)] = words.replace(b"\0", b" ").decode("utf-8", "replace")
        found.pop(os.getpid(), None)
        return found

    def agents(self) -> dict[int, str]:
        """What lives of the sessions: launchers and agents."""
        ours = ("-m coders_workers", "valkey-server", "tmux -S")
        return {
            pid: words
            for pid, words in self.processes().items()
            if not any(word in words for word in ours)
        }

    def at_rest(self) -> None:
        """Wait until every attempt is archived and its directory gone."""
        if self.paths.sessions.exists():
            eventually(lambda: not any(self.paths.sessions.iterdir()), 20)

    def exposed(self) -> list[str]:
        """Files and directories of the state that others could read.

        Not looked at: links, and what an agent makes itself in its own closed directory.
        """
        modes: dict[Path, int] = {}
        # what goes while it is looked at is nobody's to read
        for root, directories, files in os.walk(self.paths.state):
            here = Path(root)
            directories[:] = [name for name in directories if not self._of_an_agent(here / name)]
            for path in (here, *(here / name for name in (*directories, *files))):
                with contextlib.suppress(FileNotFoundError):
                    if not path.is_symlink():
                        modes[path] = path.lstat().st_mode & 0o777
        return [f"{mode:o} {path}" for path, mode in modes.items() if mode & 0o077]

    def _of_an_agent(self, path: Path) -> bool:
        """Whether it is an agent's own directory, closed to others."""
        if path.parent.name != "home" or path.parents[3] != self.paths.sessions:
            return False
        try:
            return closed(path)
        except FileNotFoundError:
            return True

    def holding(self, needle: bytes) -> list[str]:
        """Files of the state that hold these bytes."""
        found = []
        for root, _, files in os.walk(self.paths.state):
            for path in (Path(root, name) for name in files):
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file() and needle in path.read_bytes():
                        found.append(str(path.relative_to(self.paths.state)))
        return found

    def close(self) -> None:
        """End everything, by process id what is left."""
        self("down", timeout=120)
        if self.paths.tmux_socket.exists():
            subprocess.run(
                ["tmux", "-S", str(self.paths.tmux_socket), "kill-server"],
                capture_output=True,
                timeout=20,
                check=False,
            )
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def command_line(
    environ: dict[str, str] | None = None, prefix: tuple[str, ...] = ()
) -> Iterator[CommandLine]:
    """A command line whose stack, sessions and directory are gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="coders-"))
    one = CommandLine(directory / "state", environ, prefix)
    try:
        yield one
    finally:
        one.close()
        shutil.rmtree(directory, ignore_errors=True)
