"""A stack of the benchmark's own: private state, started as a user's is, gone afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.result import ROOT
from coders_queue import errors, wire
from coders_queue.client.client import Coders
from coders_queue.settings.paths import Paths
from coders_workers import stack

#: The command line as it is installed beside this Python.
CODERS = str(Path(sys.executable).with_name("coders"))
#: What the machine's own configuration could change, kept out.
_OUT = ("CODERS_", "TMUX", "PYTHON", "XDG_CONFIG_")


def until(condition: Callable[[], Any], timeout: float, what: str, step: float = 0.02) -> Any:
    """The first true answer; raises TimedOut when there is none in time."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise errors.TimedOut(f"{what}: not within {timeout:g} s")
        time.sleep(step)
    return answer


class Stand:
    """One private stack, and the commands that reach it."""

    def __init__(
        self,
        directory: Path,
        environ: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """``environ`` is what differs for all of it; ``prefix`` goes before each command."""
        self.directory = directory
        self._prefix = tuple(prefix)
        self.work = directory / "work"
        self.work.mkdir(mode=0o700)
        self.paths = Paths(directory / "state")
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(_OUT)},
            # what is measured is the checkout that this file is in, whatever else is installed
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'workers'}",
            "CODERS_STATE_DIR": str(self.paths.state),
            "CODERS_SESSION_GRACE": "1",
            "XDG_CONFIG_HOME": str(directory / "config"),
            **(environ or {}),
        }

    def up(self) -> dict[str, Any]:
        """Start what does not run, as ``coders up`` does; the worker's status."""
        done = self._host_side("up", "--json")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def command(
        self,
        *words: str | bytes,
        environ: dict[bytes, bytes] | None = None,
        input: bytes | None = None,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``coders WORDS...`` as a process of its own."""
        given: dict[bytes, bytes] = {
            os.fsencode(k): os.fsencode(v) for k, v in self.environ.items()
        }
        source: dict[str, Any] = (
            {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        )
        return subprocess.run(
            [*self._prefix, CODERS, *words],
            capture_output=True,
            env={**given, **(environ or {})},
            cwd=self.work,
            timeout=timeout,
            check=False,
            **source,
        )

    def client(self) -> Coders:
        """A client in this process, which starts nothing."""
        return Coders(state_dir=self.paths.state, start=False)

    def ask(self, verb: str, **params: Any) -> dict[str, Any]:
        """A request to the worker."""
        return wire.ask(str(self.paths.host_socket), verb, params, timeout=120.0)

    def end(self, session_id: str) -> None:
        """End a session and wait until it has."""
        # one that has just ended is as good
        with contextlib.suppress(errors.Conflict):
            self.ask("kill", ref=session_id)

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until nothing lives and all that follows an end (result, archive) is done."""
        with self.client() as client:
            store = client.store
            until(
                lambda: (
                    not store.list(live=True) and not store.unsettled() and not self._attempts()
                ),
                timeout,
                "the sessions' ends",
            )

    def _attempts(self) -> list[Path]:
        """The directories of attempts that are not archived yet."""
        found: list[Path] = []
        for session in self.paths.sessions.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # archived just now
                found += session.glob("[0-9]*")
        return found

    def kill_worker(self) -> int | None:
        """``kill -9`` for the worker of this stack; its process id, None when none ran."""
        pid = stack.worker_lock(self.paths).holder()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid

    def down(self) -> None:
        """End everything that belongs to this stack."""
        if self.paths.run.exists():
            self._host_side("down")
        if self.paths.tmux_socket.exists():
            self._end_tmux()

    def _end_tmux(self) -> None:
        pid = self.tmux("display-message", "-p", "#{pid}").strip()
        self.tmux("kill-server")
        # the client of a killed worker can keep a server that was told to end
        for _ in range(100):
            if not pid or not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)

    def tmux(self, *words: str) -> str:
        """A tmux command by hand; what it prints."""
        argv = ["tmux", "-S", str(self.paths.tmux_socket), *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def _host_side(self, *words: str) -> subprocess.CompletedProcess[str]:
        # a file: what stays behind may hold a pipe open for ever
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [*self._prefix, sys.executable, "-P", "-m", "coders_workers", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environ,
                cwd=self.work,
                timeout=120,
                check=False,
            )
            output.seek(0)
            said = output.read()
        if done.returncode != 0:
            raise errors.Unavailable(f"the benchmark's stack: {words[0]} failed: {said.strip()}")
        return subprocess.CompletedProcess(done.args, done.returncode, said, "")


@contextlib.contextmanager
def stand(environ: dict[str, str] | None = None) -> Iterator[Stand]:
    """A running stack, gone afterwards with all its files; ``environ`` is what differs for it."""
    directory = Path(tempfile.mkdtemp(prefix="coders-bench-"))
    one = Stand(directory, environ)
    try:
        one.up()
        yield one
    finally:
        one.down()
        shutil.rmtree(directory, ignore_errors=True)
