"""A whole local stack of a test's own: broker, worker, beat, in a state directory of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from coders_queue import wire
from coders_queue.client.client import Coders
from coders_queue.settings.paths import Paths
from coders_workers import broker, stack

_HERE = Path(__file__).parent
#: Recovery has a patience of 5 s and a beat of 5 s; a slow machine may need several turns.
RECOVERY = 60.0


def eventually(condition: Callable[[], Any], timeout: float = RECOVERY) -> Any:
    """The first true answer; an AssertionError when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"nothing came of {condition} in {timeout:g} s"
        time.sleep(0.02)


class LocalStack:
    """Processes of this project, started as a user's are, ended by their own process ids."""

    def __init__(self, state: Path, environ: dict[str, str] | None = None) -> None:
        self.paths = Paths(state).ensure()
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CODERS_")},
            "CODERS_STATE_DIR": str(state),
            "CODERS_SESSION_GRACE": "1",
            **(environ or {}),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._brokers: list[subprocess.Popen[bytes]] = []
        #: How often a test found somebody of it dead.
        self.deaths = 0

    def start(self, *, rig: str = "") -> LocalStack:
        """Start everything; ``rig`` is what ``rigged_worker`` is to do."""
        self.start_broker()
        self.start_worker(rig)
        self.start_process("beat", [sys.executable, "-P", "-m", "coders_workers", "beat"])
        return self

    def start_broker(self) -> None:
        """Start the embedded broker."""
        process = broker.start(self.paths)
        if process is not None:
            self._brokers.append(process)

    def start_worker(self, rig: str = "") -> None:
        """Start the worker and wait until it listens."""
        self.launch_worker(rig)
        self.await_worker()

    def launch_worker(self, rig: str = "") -> None:
        """Start the worker."""
        self.start_process(
            "worker", [sys.executable, "-P", str(_HERE / "rigged_worker.py"), rig, "worker"]
        )

    def start_user(self) -> None:
        """Start a worker with tasks that are not ours, and wait until it listens."""
        self.start_process("user", [sys.executable, "-P", str(_HERE / "user_worker.py")])
        eventually((self.paths.state / "user-ready").exists)

    def start_process(self, name: str, argv: list[str]) -> None:
        """Start a process that belongs to this stack."""
        with (self.paths.logs / f"{name}.out").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.paths.state,
                env=self.environ,
                start_new_session=True,
            )

    def await_worker(self, timeout: float = RECOVERY) -> dict[str, Any]:
        """The worker's status, once it answers."""

        def status() -> dict[str, Any] | None:
            with contextlib.suppress(wire.NotListening, wire.errors.Unavailable):
                return self.ask("status")
            return None

        answer: dict[str, Any] = eventually(status, timeout)
        return answer

    def ask(self, verb: str, **params: Any) -> dict[str, Any]:
        """A request to the worker."""
        return wire.ask(str(self.paths.host_socket), verb, params, timeout=60.0)

    def alive(self, name: str) -> bool:
        """Whether a process of ours lives."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def kill(self, name: str) -> None:
        """End a process of ours without a word."""
        process = self._processes[name]
        process.kill()
        process.wait(20)

    def restart_broker(self, away: float = 0.0) -> None:
        """End the broker without a word, and start it again from its file, seconds later."""
        with broker.client(self.paths) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not broker.answers(self.paths))
        time.sleep(away)
        self.paths.broker_socket.unlink(missing_ok=True)
        self.start_broker()

    def client(self) -> Coders:
        """A client of this stack."""
        return Coders(state_dir=self.paths.state, start=False)

    def log(self, name: str = "worker") -> str:
        """What a process wrote."""
        texts = [self.paths.logs / f"{name}.log", self.paths.logs / f"{name}.out"]
        return "\n".join(path.read_text(errors="replace") for path in texts if path.exists())

    def close(self) -> None:
        """End everything that belongs to this stack, its sessions too."""
        for name, process in self._processes.items():
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(15)
            del name
        for lock in (stack.worker_lock(self.paths), stack.beat_lock(self.paths)):
            if (pid := lock.holder()) is not None:
                os.kill(pid, signal.SIGTERM)
        if self.paths.tmux_socket.exists():
            subprocess.run(
                ["tmux", "-S", str(self.paths.tmux_socket), "kill-server"],
                capture_output=True,
                timeout=20,
                check=False,
            )
        broker.stop(self.paths)
        for process in self._brokers:
            process.wait(15)


@contextlib.contextmanager
def local_stack(environ: dict[str, str] | None = None) -> Iterator[LocalStack]:
    """A stack that is gone afterwards, with its directory."""
    directory = Path(tempfile.mkdtemp(prefix="coders-"))
    one = LocalStack(directory / "state", environ)
    try:
        yield one
    finally:
        one.close()
        shutil.rmtree(directory, ignore_errors=True)
