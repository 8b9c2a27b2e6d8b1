"""Where this machine keeps its state: directories, sockets, logs.

Owns the layout of the state directory and the checks before it is used; what is in the files
belongs to others. Standard library only: the command line's fast path imports it.

The state directory is set by environment alone (``CODERS_STATE_DIR``, else
``$XDG_STATE_HOME/coders``, else ``~/.local/state/coders``), never by a configuration file: the
host's socket lies in it, and the command line finds that socket before it reads any file. Two ways
to set it would be two workers.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from coders_queue import errors

#: Bytes a Unix socket's path may have, its closing NUL included (macOS; Linux has four more).
SOCKET_PATH_LIMIT = 104

#: Where the sockets go when the state directory's own path is too long for them.
SHORT_ROOT = Path("/tmp")  # noqa: S108 - ownership and mode are verified before use


@dataclass(frozen=True)
class Paths:
    """The layout of one state directory. Nothing is created before :meth:`ensure`."""

    state: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Paths:
        """The state directory that the environment names.

        Raises ConfigError for one that cannot be used, and SetupError when the short run directory
        is somebody else's: a client must not talk to a socket in there.
        """
        if chosen := environ.get("CODERS_STATE_DIR"):
            if not Path(chosen).is_absolute():
                raise errors.ConfigError(
                    f"CODERS_STATE_DIR: {chosen!r} is not an absolute path",
                    "every command must find the same directory, wherever it is run",
                )
            paths = cls(Path(os.path.normpath(chosen)))
        else:
            # the XDG specification says to ignore a relative path
            xdg = Path(environ.get("XDG_STATE_HOME", ""))
            parent = xdg if xdg.is_absolute() else home(environ) / ".local" / "state"
            paths = cls(parent / "coders")
        paths._check_characters()
        if paths.run.parent != paths.state and os.path.lexists(paths.run.parent):
            _check_private(paths.run.parent)
            if os.path.lexists(paths.run):
                _check_private(paths.run)
        return paths

    @classmethod
    def current(cls) -> Paths:
        """:meth:`find` with this process's environment."""
        return cls.find(os.environ)

    @property
    def run(self) -> Path:
        """Sockets and pid files; a short path under ``/tmp`` when the state's own is too long."""
        inside = self.state / "run"
        longest = os.fsencode(_session_socket(inside, "x" * 12))
        if len(longest) + 1 <= SOCKET_PATH_LIMIT:
            return inside
        digest = hashlib.sha256(os.fsencode(self.state)).hexdigest()[:12]
        return SHORT_ROOT / f"coders-{os.geteuid()}" / digest

    @property
    def host_socket(self) -> Path:
        """Where the host worker listens."""
        return self.run / "host.sock"

    @property
    def broker_socket(self) -> Path:
        """Where the embedded broker listens."""
        return self.run / "broker.sock"

    @property
    def broker_url(self) -> str:
        """The embedded broker's address, as Celery and the store read it."""
        return f"redis+socket://{quote(os.fsencode(self.broker_socket))}?virtual_host=0"

    @property
    def tmux_socket(self) -> Path:
        """The private tmux server's socket."""
        return self.run / "tmux.sock"

    @property
    def session_sockets(self) -> Path:
        """The directories of the sessions' own sockets."""
        return self.run / "s"

    def session_socket(self, name: str) -> Path:
        """A session's own socket; ``name`` has at most 12 characters."""
        return _session_socket(self.run, name)

    @property
    def sessions(self) -> Path:
        """A private directory for each attempt."""
        return self.state / "sessions"

    @property
    def archive(self) -> Path:
        """What is kept of ended attempts."""
        return self.state / "archive"

    @property
    def worktrees(self) -> Path:
        """Git worktrees made for sessions."""
        return self.state / "worktrees"

    @property
    def logs(self) -> Path:
        """Log files, one for each process."""
        return self.state / "logs"

    @property
    def broker_data(self) -> Path:
        """The embedded broker's append-only file."""
        return self.state / "broker"

    def ensure(self) -> Paths:
        """Make the directories, 0700; self. Raises ConfigError or SetupError, with the way out."""
        self._check_characters()
        _make(self.state)
        found = self.state.stat()
        if found.st_uid != os.geteuid():
            raise errors.SetupError(
                f"the state directory {self.state} belongs to {_user(found.st_uid)}",
                "set CODERS_STATE_DIR to a directory of your own",
            )
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise errors.SetupError(
                f"the state directory {self.state} may be written by other users",
                f"chmod go-w {self.state}",
            )
        if self.run.parent != self.state:
            for short in (self.run.parent, self.run):
                _make(short)
                _check_private(short)
        parts = {
            self.run,
            self.session_sockets,
            self.sessions,
            self.archive,
            self.worktrees,
            self.logs,
            self.broker_data,
        }
        for part in sorted(parts):
            _make(part)
            try:
                part.chmod(0o700)
            except OSError as error:
                raise errors.SetupError(f"cannot make {part} private: {error.strerror}") from None
        if not os.access(self.state, os.W_OK | os.X_OK):
            raise errors.SetupError(
                f"the state directory {self.state} is not writable",
                f"chmod u+rwx {self.state}, or set CODERS_STATE_DIR to another one",
            )
        return self

    def _check_characters(self) -> None:
        # tmux, URLs and log lines all carry this path; none of them survives a line break in it
        if any(unicodedata.category(character) == "Cc" for character in str(self.state)):
            raise errors.ConfigError(
                f"the state directory {str(self.state)!r} has a control character in its path",
                "set CODERS_STATE_DIR to a plain path",
            )


def home(environ: Mapping[str, str]) -> Path:
    """The user's home directory: ``HOME``, else as the system's user database says."""
    chosen = Path(environ.get("HOME", ""))
    if chosen.is_absolute():
        return chosen
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise errors.SetupError(
            f"user {os.geteuid()} has no home directory", "set HOME to an absolute path"
        ) from None


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise errors.SetupError(
            f"{directory} is not a directory", "move it out of the way"
        ) from None
    except OSError as error:
        raise errors.SetupError(
            f"cannot make the directory {directory}: {error.strerror}",
            "set CODERS_STATE_DIR to a directory that you may write",
        ) from None


def _session_socket(run: Path, name: str) -> Path:
    return run / "s" / name / "s"


def _check_private(directory: Path) -> None:
    """Anyone may write in ``/tmp``: what we find there must be ours alone."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        problem = "is not a directory"
    elif found.st_uid != os.geteuid():
        problem = f"belongs to {_user(found.st_uid)}"
    elif found.st_mode & 0o077:
        problem = f"has mode {stat.S_IMODE(found.st_mode):04o}, not 0700"
    else:
        return
    raise errors.SetupError(
        f"{directory}, which is to hold the sockets, {problem}",
        "remove it, or set CODERS_STATE_DIR to a shorter path",
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
