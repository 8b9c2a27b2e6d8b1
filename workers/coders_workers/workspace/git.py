"""The one door to git: how it is run, and what its refusals mean.

Every command is an argv, has a time limit, asks nobody anything, runs no hook and no file-system
monitor of the repository, and takes no lock just to look. The environment is made anew: of the
worker's own only what git needs to find its configuration, its programs and (for clones that fetch
what they miss) its remotes. Filters that a repository declares, Git LFS among them, do run: without
them its files would not be its files.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from coders_queue import errors

#: The longest a look at a repository may take, seconds.
LOOK = 60.0
#: The longest a checkout may take, seconds.
CHECKOUT = 600.0

_PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SUDO_UID",  # lets root work in the repository of the user that called sudo
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "SSH_AUTH_SOCK",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
)
_SET = {
    "LC_ALL": "C",  # its messages are read below
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_OPTIONAL_LOCKS": "0",
}
_OPTIONS = (
    "--no-pager",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "submodule.recurse=false",
    "-c", "advice.detachedHead=false",
)  # fmt: skip


class GitFailed(Exception):
    """A git command said no; ``reason`` is its own last word, one line."""

    def __init__(self, reason: str, output: str, printed: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output
        self.printed = printed
        """What it printed on its standard output all the same."""

    @property
    def is_lock(self) -> bool:
        """Whether another git was at work on the same thing: it may go better a moment later."""
        return "File exists" in self.output

    @property
    def is_taken(self) -> bool:
        """Whether the branch to be made had come into being meanwhile."""
        return "a branch named" in self.output and "already exists" in self.output

    @property
    def is_not_a_repository(self) -> bool:
        """Whether there is no repository at all."""
        return "not a git repository" in self.output

    def explain(self, directory: Path) -> errors.WorkspaceError:
        """As an error for a person who asked for ``directory``."""
        if "dubious ownership" in self.output:
            owned = f"git config --global --add safe.directory {shlex.quote(str(directory))}"
            return errors.WorkspaceError(
                f"the repository {shown(directory)} belongs to another user than the worker's",
                f"let git trust it, as that user: {shown(owned)}",
            )
        if self.is_not_a_repository:
            return errors.WorkspaceError(
                f"{shown(directory)} is not a git repository",
                "name a directory inside one, or run without a worktree",
            )
        return errors.WorkspaceError(
            f"git cannot work in {shown(directory)}: {self.reason}",
            "see what git itself says there: git status",
        )


def run(
    directory: Path,
    *words: str,
    timeout: float = LOOK,
    stdin: bytes = b"",
    environ: Mapping[str, str] | None = None,
) -> bytes:
    """Run ``git WORDS`` in a directory and return what it printed; ``environ`` is added.

    Raises GitFailed when it exits with a status other than 0, WorkspaceError when git is missing or
    does not end in time.
    """
    argv = ["git", *_OPTIONS, "-C", str(directory), *words]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_environment(), **(environ or {})},
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise errors.WorkspaceError(
            "git is not on this host's PATH", "install it: apt-get install git"
        ) from None
    with process:
        try:
            printed, said = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise errors.WorkspaceError(
                f"git {words[0]} in {shown(directory)} did not end in {timeout:g} s",
                "see whether its disk or remote hangs: git status there",
            ) from None
        finally:
            if process.returncode is None:
                # its filters and remote helpers go with it
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        output = said.decode("utf-8", "replace")
        raise GitFailed(_last_word(output, process.returncode), output, printed)
    return printed


def line(directory: Path, *words: str, timeout: float = LOOK) -> str:
    """The one line that a command prints, without its end."""
    return os.fsdecode(run(directory, *words, timeout=timeout).removesuffix(b"\n"))


def records(directory: Path, *words: str) -> list[str]:
    """The NUL-terminated records that a command prints."""
    return [os.fsdecode(record) for record in run(directory, *words).split(b"\0") if record]


def shown(path: Path | str) -> str:
    """A path as it can stand in a one-line message."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED if name in os.environ} | _SET


def _last_word(output: str, status: int) -> str:
    lines = [text.strip() for text in output.splitlines() if text.strip()]
    telling = [text for text in lines if text.startswith(("fatal: ", "error: "))] or lines
    if not telling:
        return f"it ended with status {status} and said nothing"
    words = telling[-1].removeprefix("fatal: ").removeprefix("error: ")
    return shown(words[:300])
