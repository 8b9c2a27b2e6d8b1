"""The one door to tmux: everything this host asks of it passes here.

Owns the private socket, the server's environment and options, and the three ways in: the control
connection for what is hot, the tmux command for what needs standard input, libtmux's objects for
the rest. Knows nothing of attempts.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path

import libtmux

from coders_queue.errors import SetupError, TimedOut, Unavailable
from coders_workers.runtimes.tmux import version
from coders_workers.runtimes.tmux.control import ControlConnection, Lost, Refused
from coders_workers.runtimes.tmux.idle import KEEPER

#: What the server, and so each pane before the launcher sets the agent's own, knows of the world.
PASSED_ENV = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ")

#: How often connecting is tried.
_TRIES = 10
#: The longest path of a Unix socket on Linux.
_LONGEST_SOCKET = 107
_TERMINFO = ("/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo")


class Door:
    """tmux on one socket. Thread-safe; connects when first used and again when it was lost."""

    def __init__(
        self,
        socket: Path,
        *,
        tmux: str | None = None,
        history_limit: int = 50_000,
        timeout: float = 5.0,
    ) -> None:
        if len(os.fsencode(socket)) > _LONGEST_SOCKET:
            raise SetupError(
                f"the path of tmux's socket is longer than {_LONGEST_SOCKET} bytes: {socket}",
                "set a shorter state directory",
            )
        self.socket = socket
        self.tmux = tmux or version.find()
        self.version = version.check(self.tmux)
        self.timeout = timeout
        self.terminal = default_terminal()
        # As whoever attached last has it; but 3.2a would give each session the size of our own
        # connection then. (With "manual" here 3.3a and 3.5a crash.)
        self.initial_size = "manual" if self.version == (3, 2) else "latest"
        self._history_limit = history_limit
        self._connection: ControlConnection | None = None
        self._connecting = threading.Lock()
        self._closed = False

    def argv(self, *words: str) -> list[str]:
        """A tmux command for this socket."""
        return [self.tmux, "-S", str(self.socket), *words]

    def connect(self) -> None:
        """Make sure that the server runs and answers. Raises Unavailable, TimedOut."""
        self._connected()

    def ask(self, *words: str) -> list[bytes]:
        """Run a command that may safely run twice; the lines it prints. Raises Refused."""
        try:
            return self._connected().ask(words, self.timeout)
        except Lost:
            return self._connected().ask(words, self.timeout)

    def once(self, *words: str) -> list[bytes]:
        """As :meth:`ask`, for what must not run twice. Raises Lost when that is in question."""
        return self._connected().ask(words, self.timeout)

    def feed(self, data: bytes, *words: str) -> None:
        """Run a command with ``data`` on its standard input. Raises Refused."""
        try:
            done = subprocess.run(
                self.argv(*words), input=data, capture_output=True, env=clean_environment(),
                timeout=self.timeout, cwd="/", start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TimedOut(
                f"tmux did not answer {' '.join(words[:3])!r} in {self.timeout:g} s", "try again"
            ) from None
        if done.returncode != 0:
            raise Refused(done.stderr.decode("utf-8", "replace").strip())

    def server(self) -> libtmux.Server:
        """The server as libtmux sees it. A dead one looks like one without sessions."""
        return libtmux.Server(socket_path=str(self.socket), tmux_bin=self.tmux)

    def end_idle_server(self) -> None:
        """End the server if nothing but our keeper is left in it; a new one starts when needed."""
        connection = self._connection
        if connection is None or not connection.alive:
            return
        # the server's going away may be all the answer there is
        with contextlib.suppress(Lost, Refused, TimedOut):
            if connection.ask(["list-sessions", "-F", "#{session_name}"], self.timeout) == [
                KEEPER.encode()
            ]:
                connection.ask(["kill-server"], self.timeout)

    def close(self) -> None:
        """Let go of the control connection, for good: who comes late starts no server again."""
        with self._connecting:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connected(self) -> ControlConnection:
        connection = self._connection
        if connection is not None and connection.alive:
            return connection
        with self._connecting:
            if self._closed:
                raise Unavailable("tmux has been let go of: the worker ends", "try again")
            if self._connection is None or not self._connection.alive:
                if self._connection is not None:
                    self._connection.close()
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> ControlConnection:
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in reversed(range(_TRIES)):
            try:
                connection = self._attach()
                break
            except Unavailable:  # a server that is just going away answers like this
                if not left:
                    raise
                time.sleep(0.05)
        try:
            for option in self._options():
                connection.ask(option, self.timeout)
        except Refused as error:
            connection.close()
            raise Unavailable(f"tmux refuses an option: {error}", "update tmux") from None
        return connection

    def _attach(self) -> ControlConnection:
        # Two steps: a server of tmux 3.3a crashes when two control clients create it at once.
        # `cat` waits on its terminal for ever.
        create = ("new-session", "-d", "-s", KEEPER, "-x", "80", "-y", "24", "cat")
        try:
            self.feed(b"", "-f", "/dev/null", *create)
        except Refused as error:
            if not str(error).startswith("duplicate session"):
                raise Unavailable(f"tmux does not start: {error}", "coders doctor") from None
        # -u: the client's text is UTF-8 whatever the locale.
        attach = ("-u", "-C", "attach-session", "-t", f"={KEEPER}")
        return ControlConnection(self.argv(*attach), clean_environment(), self.timeout)

    def _options(self) -> list[list[str]]:
        return [
            ["set-option", "-s", "exit-empty", "off"],
            ["set-option", "-s", "default-terminal", self.terminal],
            ["set-option", "-s", "escape-time", "10"],  # Esc is a key of agents' interfaces
            ["set-option", "-s", "focus-events", "on"],
            ["set-option", "-g", "history-limit", str(self._history_limit)],
            ["set-option", "-g", "update-environment", ""],  # nothing of those who attach
            ["set-option", "-g", "destroy-unattached", "off"],
            ["set-option", "-g", "status", "off"],  # every row is the agent's
            ["set-option", "-gw", "remain-on-exit", "off"],
            ["set-option", "-gw", "window-size", self.initial_size],
            ["set-option", "-gw", "allow-rename", "off"],
            ["set-option", "-gw", "automatic-rename", "off"],
        ]


def clean_environment() -> dict[str, str]:
    """The little of this process's environment that tmux and its server get."""
    return {name: os.environ[name] for name in PASSED_ENV if name in os.environ}


def default_terminal() -> str:
    """The terminal that agents see: tmux's own where this host describes it."""
    for directory in _TERMINFO:
        for letter in ("t", "74"):
            if Path(directory, letter, "tmux-256color").exists():
                return "tmux-256color"
    return "screen-256color"
